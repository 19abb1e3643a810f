"""Caps on what a run may cost, as a person meets them: the run stops, says so, and goes on under a higher cap."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from pytest_swebench.ending import OVER_BUDGET
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.recorded import RecordedAnswers
from tests.support.screen import Film, film

pytestmark = pytest.mark.usefixtures("key")


def options(url: str, *more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "--run-id=capped"),
        *("--provider=openai", f"--provider-url={url}", "--model=demo-model", "--max-instances=6", *more),
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_tripped_cap_stops_the_run_and_a_higher_one_goes_on(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        # a call costs about a tenth of a cent at these prices, and may cost about twenty times that
        stopped = run(*options(server.openai_url, "--price=1,1", "--max-cost=0.034", *workers))
        assert stopped.ret == OVER_BUDGET
        paid = answers.asked.total()
        assert 0 < paid < 6
        done = {cell: outcome for cell, outcome in outcomes(pytester.path).items() if outcome != "infra"}
        assert len(done) == paid
        again = run(*options(server.openai_url, "--price=1,1", "--max-cost=1", *workers))
        assert again.ret == 0
        assert answers.asked.total() == 6
    ended = outcomes(pytester.path)
    assert len(ended) == 6
    assert "infra" not in ended.values()
    assert {cell: ended[cell] for cell in done} == done


TALKING = """
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.providers.protocol import Message, Request

class Talking:
    name, version, paid, oracle = "talking", "1", True, False
    def check(self, instances): pass
    def solve(self, context):
        sandbox = context.sandbox()
        for number in range(4):
            words = (Message("user", f"question {number}"),)
            context.provider.complete(Request(model=context.variant.model, messages=words, max_tokens=100), timeout_s=9)
            sandbox.write({f"note{number}.txt": b"asked\\n"})
        return Solution(patch=sandbox.diff())

def pytest_swebench_arms():
    return [Talking()]
"""


def test_cell_cut_short_by_the_runs_cap_is_graded_and_goes_on_from_its_answers(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(TALKING)
    with LLMServer([ScriptedAnswer(text="yes", usage={"input": 100, "output": 100})]) as server:
        talk = [option for option in options(server.openai_url, "--price=0,1000", "--max-instances=1")]
        talk[talk.index("--arms=singleshot")] = "--arms=talking"
        # an answer costs ten cents
        stopped = run(*talk, "--max-cost=0.25")
        assert stopped.ret == OVER_BUDGET
        (cut,) = records(pytester.path)
        assert (cut["outcome"], cut["stop"], cut["cap"], cut["calls"]) == ("unresolved", "cost", "run", 2)
        assert "note1.txt" in cut["patch"]
        assert "note2.txt" not in cut["patch"]
        assert run(*talk, "--max-cost=1").ret == 0
        assert len(server.requests) == 4
    (whole,) = records(pytester.path)
    assert (whole["stop"], whole["cap"], whole["calls"], whole["served"]) == ("submitted", None, 4, {"earlier": 2})
    assert "note3.txt" in whole["patch"]
    assert whole["cost_usd"] == pytest.approx(0.4)


def test_cap_of_a_cell_is_the_end_of_that_cell_alone(run: Run, pytester: pytest.Pytester) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        result = run(*options(server.openai_url, "--price=1,1", "--max-cost-per-cell=0.000001"))
    assert result.ret == 0
    assert answers.asked.total() == 0
    assert set(outcomes(pytester.path).values()) == {"limit"}
    assert {record["stop"] for record in records(pytester.path)} == {"cost"}


def test_unknown_price_is_refused_before_the_first_call(run: Run, pytester: pytest.Pytester) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        refused = run(*options(server.openai_url))
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines(["*price of model 'demo-model'*--price=demo-model=IN,OUT*--max-tokens=N*"])
        assert answers.asked.total() == 0
        assert not (pytester.path / "results" / "capped").exists()
        assert run(*options(server.openai_url, "--max-tokens=1000000")).ret == 0
    (paid,) = {record["cost_usd"] for record in records(pytester.path)}
    assert paid is None


def test_cost_is_estimated_before_and_told_after(run: Run, pytester: pytest.Pytester) -> None:
    with LLMServer(RecordedAnswers()) as server:
        first = run(*options(server.openai_url, "--price=1,1"))
        second = run(*options(server.openai_url, "--price=1,1", "--run-id=second"))
    first.stdout.fnmatch_lines(
        ["swebench: estimated cost $* to $* for 6 cells (by sizes of prompts); no cap: *", "paid: $*"]
    )
    second.stdout.fnmatch_lines(["swebench: estimated cost $* for 6 cells (by earlier runs); *"])
    low, high = bounds(first.outlines)
    assert low <= actual(pytester.path) <= high


@pytest.mark.parametrize("temperatures", ["0.2", "0.2,0.7"])
def test_what_a_paid_comparison_can_see_is_told_before_it_starts(
    run: Run, pytester: pytest.Pytester, temperatures: str
) -> None:
    pytester.makeconftest(TALKING)
    with LLMServer([ScriptedAnswer(text="yes", usage={"input": 100, "output": 100})] * 20) as server:
        talk = list(options(server.openai_url, "--price=0,1", "--max-instances=3", f"--temperatures={temperatures}"))
        talk[talk.index("--arms=singleshot")] = "--arms=gold,talking"
        lines = run(*talk).outlines
    told = [line for line in lines if line.startswith("swebench: 3 instances x 1")]
    few = "swebench: 3 instances x 1: fewer than 6 instances cannot show any difference"
    assert told == ([few] if "," in temperatures else [])
    costs = [number for number, line in enumerate(lines) if "estimate" in line and "cost" in line]
    assert all(lines.index(line) > costs[0] for line in told)


def on_terminal(pytester: pytest.Pytester, answer: str, *args: str) -> Film:
    """Run on a terminal whose person answers the question."""
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}} | {"TERM": "xterm"}
    return film(
        [sys.executable, "-m", "pytest", *args],
        pytester.path,
        env,
        columns=160,
        rows=50,
        act=lambda lines: f"{answer}\n" if any("[y/N]" in line for line in lines) else None,
    )


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
@pytest.mark.parametrize("answer", ["n", "y"])
def test_person_at_a_terminal_is_asked_before_much_is_paid(
    pytester: pytest.Pytester, answer: str, workers: tuple[str, ...]
) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        seen = on_terminal(pytester, answer, *options(server.openai_url, "--price=1000,1000", *workers))
    lines = seen.screen.text.splitlines()
    assert [line for line in lines if re.match(r"swebench: estimated cost .*; no cap: --max-cost sets one$", line)]
    assert [
        line for line in lines if re.match(r"swebench: WARNING: may cost \$\d+\.\d\d and no --max-cost is set$", line)
    ]
    assert f"Go on? [y/N] {answer}" in lines
    assert (seen.returncode, answers.asked.total()) == ((0, 6) if answer == "y" else (1, 0))
    assert ("stopped before anything was paid" in seen.screen.text) is (answer == "n")


@pytest.mark.usefixtures("run")
def test_nobody_is_asked_about_less_than_ten_dollars(pytester: pytest.Pytester) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        seen = on_terminal(pytester, "n", *options(server.openai_url, "--price=1000,1000", "--max-cost=9.5"))
    assert "[y/N]" not in seen.screen.text
    assert "WARNING" not in seen.screen.text
    assert answers.asked.total() == 0
    assert re.search(
        r"; cap: \$9\.5; one call reserves up to \$[\d.]+: with this cap nothing can run", seen.screen.text
    )


def test_warning_is_read_without_a_terminal_and_the_run_goes_on(run: Run) -> None:
    with LLMServer(RecordedAnswers()) as server:
        result = run(*options(server.openai_url, "--price=1000,1000"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["swebench: WARNING: may cost $* and no --max-cost is set"])
    result.stdout.no_fnmatch_line("*y/N*")


@pytest.mark.parametrize("cap", ["--max-cost=0", "--max-tokens=0"])
def test_cap_of_nothing_is_refused_for_arms_that_call_models(run: Run, cap: str) -> None:
    with LLMServer(RecordedAnswers()) as server:
        refused = run(*options(server.openai_url, "--price=1,1", cap))
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines([f"*{cap.replace('=', ' ')}: leaves no room*arm 'singleshot' calls a model*"])
        assert not server.requests
        assert run(*options(server.openai_url, "--price=0", "--max-cost=0")).ret == 0


def test_stopped_run_tells_its_cap_in_full_once_at_its_end(run: Run) -> None:
    with LLMServer(RecordedAnswers()) as server:
        stopped = run(*options(server.openai_url, "--price=1,1", "--max-cost=0.021", "--tb=no", "-rN"))
    assert stopped.ret == OVER_BUDGET
    assert "spent or reserved" in "".join(line for line in stopped.outlines if line.startswith("stopped by run's cap"))
    # once in the summary, and where pytest says what has interrupted it
    assert sum("spent or reserved" in line for line in stopped.outlines) == 2
    stopped.stdout.fnmatch_lines(["*stopped by --max-cost $0.02*"])


def test_cached_answers_are_told_where_nothing_is_paid(run: Run) -> None:
    with LLMServer(RecordedAnswers()) as server:
        first = run(*options(server.openai_url, "--price=1,1", "--cache"))
        second = run(*options(server.openai_url, "--price=1,1", "--cache", "--run-id=second"))
    first.stdout.fnmatch_lines(["paid: $0.0* for 6 calls, * tokens"])
    second.stdout.fnmatch_lines(["paid: $0.00; 6 answers from the cache"])


def test_earlier_runs_are_taken_at_the_present_price(run: Run) -> None:
    with LLMServer(RecordedAnswers()) as server:
        run(*options(server.openai_url, "--price=1,1", "--max-cost=1"))
        again = run(*options(server.openai_url, "--price=100,100", "--max-cost=9", "--run-id=second"))
        cheap = run(*options(server.openai_url, "--price=1,1", "--max-cost=9", "--run-id=third"))
    assert bounds(again.outlines) == pytest.approx([100 * usd for usd in bounds(cheap.outlines)], rel=0.1)


@pytest.mark.parametrize("name", ["environment", "option"])
def test_demo_costs_nothing_whatever_is_set_for_real_runs(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytester.path.joinpath(".env").write_text("PROVIDER=openai\nMODEL=m\nBASE_URL=http://localhost:1/v1\n")
    monkeypatch.setenv("SWEBENCH_PRICE", "3,15")
    if name == "environment":
        monkeypatch.setenv("SWEBENCH_DATASET", "demo")
    chosen = ["--dataset=demo"] if name == "option" else []
    result = run("-m", "experiment", *chosen, "--arms=singleshot", "--max-instances=2", "--outcome=capture")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["swebench: the embedded demo: recorded answers, no network, no money"])
    result.stdout.no_fnmatch_line("*estimated cost*")
    result.stdout.no_fnmatch_line("paid:*")
    assert {record["cost_usd"] for record in records(pytester.path)} == {0.0}


def bounds(lines: list[str]) -> tuple[float, float]:
    (line,) = (line for line in lines if "estimated cost" in line)
    sums = [float(amount) for amount in re.findall(r"\$([\d.]+\d)", line.partition(" for ")[0])]
    return sums[0], sums[-1]


def actual(folder: Path) -> float:
    (path,) = (folder / "results").glob("capped/results.jsonl")
    return sum(record["cost_usd"] for record in lines_of(path))


def lines_of(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
