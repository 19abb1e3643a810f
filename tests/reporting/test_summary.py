"""What a person reads when a run is over."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.handle import RunHandle
from pytest_swebench.inbox import Inbox
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.records.results import Merged
from pytest_swebench.records.resume import LeftOut, keep_left_out
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting import junit
from pytest_swebench.reporting.summary import reason_of, render
from tests.support.made import made_record


def line(instance_id: str, variant: str, outcome: Outcome, rep: int = 1, **fields: Any) -> dict[str, Any]:
    if outcome in {Outcome.INFRA, Outcome.ERROR}:
        fields.setdefault("error", {"type": "ProviderError", "message": "429 for 600 s\nRetry-After: 60"})
    return made_record(Cell(instance_id, variant, rep), outcome, **fields)


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return [
        *(line(f"acme__acme-{number}", "gold", Outcome.RESOLVED, oracle=True, cost_usd=0.0) for number in (1, 2)),
        line("acme__acme-1", "tdd", Outcome.RESOLVED),
        line("acme__acme-2", "tdd", Outcome.UNRESOLVED, notes="FAIL_TO_PASS 0/1, PASS_TO_PASS 7/7"),
        line("acme__acme-1", "tdd", Outcome.UNRESOLVED, 2, notes="patch_apply_failed [bold]", stop=Stop.COST),
        *(line(f"acme__acme-{number}", "tdd", Outcome.INFRA, 3) for number in range(7)),
        line("acme__acme-1", "single", Outcome.NO_PATCH, notes="the answer holds no edit", cost_usd=None, patch=""),
        line("acme__acme-2", "single", Outcome.LIMIT, stop=Stop.ANSWER_CUT, patch=""),
    ]


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]]) -> Inbox:
    monkeypatch.chdir(tmp_path)
    counts = Counter(passed=3, failed=4, error=7)
    made = Inbox(RunHandle("run-1", "20260101_120000", str(tmp_path / "results")), collected=16, counts=counts)
    made.merged = Merged(records, summarise(records, {"gold": 2, "tdd": 11, "single": 2}), damaged=0)
    made.files = [tmp_path / "results" / f"{name}_run1_20260101_120000.jsonl" for name in ("gold", "single", "tdd")]
    return made


@pytest.mark.parametrize("width", [80, 120])
def test_summary_of_a_run_with_every_trouble(inbox: Inbox, snapshot: SnapshotAssertion, width: int) -> None:
    text = render(inbox, width=width, colour=False)
    assert "…" not in text  # a number that is cut off misleads
    assert text == snapshot


def test_numbers_are_whole_beside_long_names_of_variants(inbox: Inbox) -> None:
    variants = ("agent_onepatch+t0.5+turns10", "agent_onepatch+t0.25+turns100")
    records = [line("a__a-1", variant, Outcome.RESOLVED, seconds={"total": 1234.5}) for variant in variants]
    inbox.merged = Merged(records, summarise(records, {}), damaged=0)
    rows = [line.split() for line in render(inbox, width=80, colour=False).splitlines() if line.startswith("agent")]
    assert sorted((row[0], *row[-3:]) for row in rows) == sorted(
        (name, "$0.25", "1.2k", "1234.5s") for name in variants
    )


def test_summary_of_captured_answers(inbox: Inbox, snapshot: SnapshotAssertion) -> None:
    records = [line(f"s-{number}", "base", Outcome.CAPTURED, kind=Kind.SCENARIO) for number in range(3)]
    inbox.merged = Merged(records, summarise(records, {"base": 4}), damaged=2)
    inbox.files, inbox.counts, inbox.collected = inbox.files[:1], Counter(passed=3), 4
    assert render(inbox, width=100, colour=False) == snapshot


def test_summary_of_a_run_without_cells_counts_its_tests(inbox: Inbox) -> None:
    inbox.merged, inbox.files = None, []
    assert render(inbox, width=80, colour=False) == "tests: 3 passed, 4 failed, 7 error, 0 rerun, 16 collected"


@pytest.mark.parametrize(("outcome", "said"), [(Outcome.ERROR, False), (Outcome.INFRA, True)])
def test_going_on_is_offered_where_it_may_help(inbox: Inbox, outcome: Outcome, said: bool) -> None:
    records = [line("a", "tdd", outcome)]
    inbox.merged = Merged(records, summarise(records, {"tdd": 1}), damaged=0)
    assert ("--resume=run-1" in render(inbox, width=120, colour=False)) is said


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"error": {"type": "BudgetExhausted", "message": "--max-cost $3.00: $2.90 spent or reserved, and more"}},
            "stopped by --max-cost $3.00",
        ),
        (
            {"stop": Stop.COST, "notes": "--max-cost-per-cell $0.010 of a/tdd/r1: $0.00 spent or reserved"},
            "stopped by --max-cost-per-cell $0.010",
        ),
        (
            {"stop": Stop.COST, "notes": "--max-tokens 5,000 tokens: 10 tokens spent or reserved"},
            "stopped by --max-tokens 5,000 tokens",
        ),
        (
            {"stop": Stop.COST, "notes": "the arm's own limit $3.00 of a/agent/r1: $2.90 spent or reserved, and more"},
            "stopped by the arm's own limit $3.00",
        ),
        ({"stop": Stop.COST, "notes": "FAIL_TO_PASS 0/1"}, "stopped by cost; FAIL_TO_PASS 0/1"),
        (
            {"notes": "a.py: the SEARCH text is not in the file; the nearest lines are:\nx = 1"},
            "a.py: the SEARCH text is not in the file",
        ),
        ({"notes": "two things; the last of them:"}, "two things; the last of them:"),
    ],
)
def test_reason_is_one_short_whole_sentence(fields: dict[str, Any], reason: str) -> None:
    assert reason_of(line("a", "tdd", Outcome.LIMIT, **fields)) == reason


def test_expected_failures_are_counted_where_there_are_any(inbox: Inbox) -> None:
    inbox.counts = Counter(passed=1, xfailed=2, xpassed=1)
    text = render(inbox, width=120, colour=False)
    assert "tests: 1 passed, 0 failed, 0 rerun, 2 xfailed, 1 xpassed, 16 collected" in text.splitlines()


def test_arms_under_test_are_shown_before_the_frame_and_equal_reasons_once(inbox: Inbox) -> None:
    records = [
        *(line(f"a__a-{number}", arm, Outcome.UNRESOLVED, notes=arm) for arm in ("gold", "null") for number in (1, 2)),
        *(line(f"a__a-{number}", "tdd", Outcome.UNRESOLVED, notes=f"tdd {number}") for number in range(4)),
        line("a__a-1", "zeal", Outcome.UNRESOLVED, notes="null"),
    ]
    inbox.merged = Merged(records, summarise(records, {}), damaged=0)
    text = render(inbox, width=120, colour=False)
    assert [line.strip() for line in text.splitlines() if line.startswith("    ")] == [
        "a__a-0/tdd/r1: tdd 0",
        "null (3 cells), e.g. a__a-1/zeal/r1",
        "a__a-1/tdd/r1: tdd 1",
        "a__a-2/tdd/r1: tdd 2",
        "a__a-3/tdd/r1: tdd 3",
        "... and 2 more",
    ]


@pytest.mark.parametrize(("selected", "missing"), [(15, True), (14, False)])
def test_cells_that_never_ran_are_counted(inbox: Inbox, selected: int, missing: bool) -> None:
    assert inbox.merged is not None
    records = inbox.merged.records
    counts = {"gold": 2, "tdd": selected - 4, "single": 2}
    inbox.merged = Merged(records, summarise(records, counts), damaged=0)
    text = render(inbox, width=120, colour=False)
    assert ("not run: 1 of 15 selected cells" in text.splitlines()) is missing
    assert ("not run" in text) is missing


def test_cells_at_work_are_not_counted_as_not_run(inbox: Inbox) -> None:
    assert inbox.merged is not None
    records = inbox.merged.records
    counts = {"gold": 2, "tdd": 12, "single": 2}
    inbox.merged = Merged(records, summarise(records, counts), damaged=0, running=1)
    assert "not run: 1 of 16 selected cells" in render(inbox, width=120, colour=False).splitlines()


def test_doubts_stand_beside_the_verdicts_with_their_cells(inbox: Inbox) -> None:
    forged = {"state": "tampered", "reasons": ["test_add passes although it must fail"]}
    alone = {"state": "not_controlled", "reasons": ["no control for go yet"]}
    records = [
        line("a", "tdd", Outcome.RESOLVED, integrity=forged),
        line("b", "tdd", Outcome.RESOLVED, integrity=alone),
        line("c", "tdd", Outcome.RESOLVED),
        line("d", "tdd", Outcome.UNRESOLVED, integrity=alone),
    ]
    inbox.merged = Merged(records, summarise(records, {"tdd": 4}), 0)
    text = render(inbox, width=100, colour=False)
    (row,) = [shown.split() for shown in text.splitlines() if shown.startswith("tdd")]
    assert row[:5] == ["tdd", "4/4", "4", "3", "1"]
    assert "a/tdd/r1: test_add passes although it must fail" in text
    assert "not_controlled 1: resolved" in text
    assert "d/tdd/r1: no control" not in text


def test_resumed_run_says_what_it_left_out(inbox: Inbox) -> None:
    inbox.handle = dataclasses.replace(inbox.handle, resumed=True)
    keep_left_out(inbox.handle.layout, LeftOut(frozenset({"a/tdd/r1"})))
    inbox.note_collection(["test_x.py::test_it[b/tdd/r1]", "test_x.py::test_it[c/tdd/r1]"])
    assert (inbox.left_out, dict(inbox.selected)) == ({"a/tdd/r1"}, {"tdd": 3})
    assert "resumed: 1 of 3 selected cells were done before" in render(inbox, width=100, colour=False)


def test_variants_below_the_threshold_or_broken_are_named(inbox: Inbox) -> None:
    assert inbox.below(None) == []
    assert inbox.below(0.5) == ["single", "tdd"]
    text = render(inbox, width=120, colour=False, fail_under=0.5)
    named = [line for line in text.splitlines() if line.startswith("--fail-under 0.5:")]
    assert len(named) == 2
    assert "gold" not in "".join(named)


def test_colour_is_used_only_where_it_is_shown(inbox: Inbox) -> None:
    assert "\x1b[" in render(inbox, width=100, colour=True)
    assert "\x1b[" not in render(inbox, width=100, colour=False)


def test_folders_with_brackets_are_shown_as_they_are(inbox: Inbox, tmp_path: Path) -> None:
    inbox.handle = RunHandle("run-1", "t", str(tmp_path / "[red]mine"))
    inbox.files = [tmp_path / "[red]mine" / "x.jsonl"]
    text = render(inbox, width=200, colour=False)
    assert "[red]mine/x.jsonl" in text
    assert "[red]mine/run-1/ (results.jsonl" in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, ""),
        ({"notes": "  first line\nsecond"}, "first line"),
        ({"stop": Stop.SUBMITTED, "notes": "x"}, "x"),
        ({"stop": Stop.TIME}, "stopped by time"),
        ({"stop": Stop.TIME, "notes": "300 s"}, "stopped by time; 300 s"),
        ({"error": {"type": "E", "message": "broke"}, "notes": "less telling"}, "broke"),
    ],
)
def test_reason_is_one_line_with_the_most_telling_first(fields: dict[str, Any], reason: str) -> None:
    assert reason_of(line("a", "b", Outcome.UNRESOLVED, **fields)) == reason


def test_junit_properties_are_scalars_in_a_fixed_order() -> None:
    resolved = junit.properties(line("a", "tdd", Outcome.RESOLVED, 2))
    assert resolved == [
        ("outcome", "resolved"),
        ("resolved", True),
        ("reason", ""),
        ("integrity", "clean"),
        ("variant", "tdd"),
        ("rep", 2),
        ("cost_usd", 0.25),
        ("input_tokens", 1050),
        ("output_tokens", 200),
        ("seconds", 2.0),
    ]
    broken = dict(junit.properties(line("a", "tdd", Outcome.INFRA, cost_usd=None, seconds={})))
    assert (broken["resolved"], broken["cost_usd"], broken["seconds"]) == ("", "", 0.0)
    assert tuple(broken) == junit.NAMES
