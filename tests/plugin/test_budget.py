"""Caps on what a run may cost, as a person meets them: the run stops, says so, and goes on under a higher cap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_swebench.ending import OVER_BUDGET
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer
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
