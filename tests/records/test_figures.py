"""The numbers that files of a run carry."""

from __future__ import annotations

import csv
import json

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.figures import DEFINITIONS, FORMAT_VERSION, summary_csv, summary_json
from pytest_swebench.records.results import Merged
from pytest_swebench.records.summary import summarise
from tests.support.made import made_record

R, U = Outcome.RESOLVED, Outcome.UNRESOLVED


def run(*outcomes: Outcome, variants: tuple[str, ...] = ("a", "b")) -> Merged:
    records = [
        made_record(
            Cell(f"acme__acme-{number}", name, 1), outcome, cost_usd=0.1 * number, seconds={"total": 1.0 * number}
        )
        for name in variants
        for number, outcome in enumerate(outcomes)
    ]
    return Merged(records, summarise(records, {}), damaged=0)


def rows(merged: Merged) -> list[dict[str, str]]:
    return list(csv.DictReader(summary_csv(merged.summaries, merged.analysis).splitlines()))


def test_one_object_feeds_both_files() -> None:
    merged = run(R, R, R, R, R, U, U, U, U, U, U)
    told = json.loads(json.dumps(summary_json(merged.summaries, merged.analysis)))
    assert told["format_version"] == FORMAT_VERSION
    assert [one["variant"] for one in told["variants"]] == ["a", "b"]
    assert told["variants"][0]["resolved_of_attempted"] == pytest.approx(5 / 11)
    analysis = told["analysis"]
    assert analysis["confidence"] == 0.95
    assert [one["verdict"] for one in analysis["comparisons"]] == ["no difference shown"]
    row = rows(merged)[0]
    of_a = analysis["variants"][0]
    assert [float(row[name]) for name in ("pass_rate", "pass_rate_low", "pass_rate_high")] == [
        of_a["rate"],
        *of_a["interval"],
    ]
    assert told["definitions"] == DEFINITIONS


def test_definitions_are_of_words_that_the_file_has() -> None:
    merged = run(R, U)
    records = [*merged.records, *(one | {"rep": 2} for one in merged.records)]
    twice = Merged(records, summarise(records, {}), damaged=0)
    text = json.dumps(twice.analysis.as_json()) + json.dumps([one.as_json() for one in twice.summaries])
    assert [word for word in DEFINITIONS if f'"{word}"' not in text] == []


def test_mean_time_is_one_number_wherever_it_stands() -> None:
    took = [0.1] * 10  # whose sum from left to right is not 1
    records = [
        made_record(Cell(f"acme__acme-{number}", "a", 1), R, seconds={"total": seconds})
        for number, seconds in enumerate(took)
    ]
    merged = Merged(records, summarise(records, {}), damaged=0)
    told = summary_json(merged.summaries, merged.analysis)
    assert told["variants"][0]["mean_seconds"] == told["analysis"]["variants"][0]["seconds"]["mean"] == 0.1


def test_p95_lies_between_neighbours_by_straight_line() -> None:
    (row, _) = rows(run(R, R, R, R, R, U, U, U, U, U, U))
    assert float(row["p50_seconds"]) == 5.0
    assert float(row["p95_seconds"]) == pytest.approx(9.5)
    assert float(row["p50_cost_usd"]) == pytest.approx(0.5)
    assert float(row["p95_cost_usd"]) == pytest.approx(0.95)
    assert float(row["p95_tokens"]) == 1250
    assert float(row["cost_per_resolved_usd"]) == pytest.approx(5.5 / 5)


@pytest.mark.parametrize(
    ("outcomes", "rate", "per_resolved"),
    [((U, U), "0.0", ""), ((R,), "1.0", ""), ((Outcome.INFRA, Outcome.ERROR), "", ""), ((Outcome.CAPTURED,), "", "")],
)
def test_what_is_not_known_is_empty(outcomes: tuple[Outcome, ...], rate: str, per_resolved: str) -> None:
    (row,) = rows(run(*outcomes, variants=("a",)))
    assert (row["pass_rate"], row["cost_per_resolved_usd"]) == (rate, per_resolved)
    assert (row["p95_seconds"] == "") is (rate == "")


def test_a_run_without_variants_has_an_empty_table() -> None:
    empty = Merged([], [], damaged=0)
    assert summary_csv(empty.summaries, empty.analysis) == ""
    assert summary_json(empty.summaries, empty.analysis)["variants"] == []
