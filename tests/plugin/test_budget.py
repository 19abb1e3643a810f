"""Caps on what a run may cost, as a person meets them: the run stops, says so, and goes on under a higher cap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_swebench.ending import OVER_BUDGET
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.recorded import RecordedAnswers


def options(url: str, *more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "--run-id=capped"),
        *("--provider=openai", f"--provider-url={url}", "--model=demo-model", "--max-instances=6", *more),
    )


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")


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
    first.stdout.fnmatch_lines(["swebench: estimated cost $* to $* for 6 cells (by sizes of prompts)", "paid: $*"])
    second.stdout.fnmatch_lines(["swebench: estimated cost $* for 6 cells (by earlier runs)"])
    low, high = bounds(first.outlines)
    assert low <= actual(pytester.path) <= high


def bounds(lines: list[str]) -> tuple[float, float]:
    (line,) = (line for line in lines if "estimated cost" in line)
    low, high = (float(word.lstrip("$")) for word in line.split() if word.startswith("$"))
    return low, high


def actual(folder: Path) -> float:
    (path,) = (folder / "results").glob("capped/results.jsonl")
    return sum(record["cost_usd"] for record in lines_of(path))


def lines_of(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
