"""What a person reads when a run is over."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.handle import RunHandle
from pytest_swebench.inbox import Inbox
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.records.layout import LOG_FILE
from pytest_swebench.records.results import Merged
from pytest_swebench.records.resume import LeftOut, keep_left_out
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting import junit
from pytest_swebench.reporting.reasons import reason_of
from pytest_swebench.reporting.summary import encodable, render, render_results
from tests.support.made import made_record

OUTCOMES = st.sampled_from(list(Outcome))
COSTS = st.sampled_from([None, 0.0, 0.0001, 12345.678])


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
    assert max(map(len, text.splitlines())) <= width
    assert text == snapshot


@pytest.mark.parametrize("variants", [1, 2, 8, 30])
def test_no_line_is_wider_than_the_terminal_however_long_the_names_of_variants(inbox: Inbox, variants: int) -> None:
    names = [
        f"agent_onepatch+a-model-of-a-long-name-{number:02}+t0.{number:02}+turns100+more" for number in range(variants)
    ]
    records = [
        line(f"acme__acme-{number}", name, chosen, notes="FAIL_TO_PASS 0/1, PASS_TO_PASS 7/7 and so on")
        for place, name in enumerate(names)
        for number in range(21)
        for chosen in [
            Outcome.RESOLVED if (number * 7 + place * 3) % 5 else Outcome.INFRA if number == 5 else Outcome.LIMIT
        ]
    ]
    inbox.merged = Merged(records, summarise(records, dict.fromkeys(names, 22)), damaged=0)
    inbox.files = []
    lines = render(inbox, width=79, colour=False).splitlines()
    assert max(map(len, lines)) <= 79
    shown = [line.split()[0] for line in lines if re.match(r"\S+ +\d+/\d+ ", line)]
    assert len(set(shown)) == min(variants, 10)
    assert ("... 20 more" in lines) is (variants == 30)


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


@pytest.mark.parametrize(
    ("selected", "running", "said"),
    [
        (11, 0, "missing: tdd 7 infra, 1 not run of 11 cells; coverage 27.3%"),
        (10, 0, "missing: tdd 7 infra of 10 cells; coverage 30.0%"),
        (12, 1, "missing: tdd 7 infra, 2 not run yet of 12 cells; coverage 25.0%"),
    ],
)
def test_what_is_missing_is_told_by_variant(inbox: Inbox, selected: int, running: int, said: str) -> None:
    assert inbox.merged is not None
    records = inbox.merged.records
    counts = {"gold": 2, "tdd": selected, "single": 2}
    inbox.merged = Merged(records, summarise(records, counts), damaged=0, running=running)
    lines = render(inbox, width=120, colour=False).splitlines()
    assert [line for line in lines if line.startswith("missing: ")] == [said]


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
    assert (row[:3], row[6]) == (["tdd", "3/4", "75.0%"], "1")
    assert "integrity: 1 tampered, 1 not_controlled; swebench-runner trace CELL" in text.splitlines()
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
        ({"notes": "\x1b[2Jgone \u202eesrever :x: [bold]"}, "\\x1b[2Jgone \\u202eesrever :x: [bold]"),
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


def test_short_summary_is_a_line_a_variant_and_where_the_rest_lies(inbox: Inbox) -> None:
    lines = render(inbox, width=79, colour=False, short=True).splitlines()
    assert lines[:3] == [
        "tdd: 1/3 25.0% [0.1 - 99.0], 8 missing, $2.50",
        "single: 0/2 0.0% [0.0 - 65.8], cost unknown",
        "gold*: 2/2 100.0% [34.2 - 100.0]",
    ]
    assert lines[3].startswith("tests: 3 passed")
    assert lines[-1].startswith("all of it:   results/run-1/")


def test_what_an_encoding_cannot_show_stands_as_escapes_on_its_own_line() -> None:
    assert encodable("r\u00e9sum\u00e9\nok", "ascii") == "r\\xe9sum\\xe9\nok"
    assert encodable("r\u00e9sum\u00e9", "utf-8") == "r\u00e9sum\u00e9"
    assert encodable("half \udce9", "utf-8") == "half \\udce9"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b" * 40, "gold", "null"]), st.integers(0, 3), st.integers(1, 2), OUTCOMES, COSTS
        ),
        unique_by=lambda cell: cell[:3],
        max_size=40,
    ),
    st.integers(60, 130),
    st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_any_run_has_a_summary_within_its_width(
    cells: list[tuple[str, int, int, Outcome, float | None]], width: int, planned: int
) -> None:
    records = [
        line(f"a__a-{number}", variant, outcome, rep, cost_usd=cost, oracle=variant == "gold")
        for variant, number, rep, outcome, cost in cells
    ]
    found = Merged(records, summarise(records, {"a": planned}), damaged=0)
    lines = render_results(found, {"a__a-1": "its gold fails"}, width=width, colour=False).splitlines()
    assert [line for line in lines if len(line) > width] == []
    assert not re.search(r"\b(nan|inf|None)\b", "\n".join(lines))
    lacking = {cell[0][:2] for cell in cells if cell[3] in {Outcome.INFRA, Outcome.ERROR}}
    assert lacking <= {line.split()[1][:2] for line in lines if line.startswith("missing: ")}


def test_a_path_that_fits_on_no_line_stays_beside_its_word_and_whole(inbox: Inbox) -> None:
    path = f"/tmp/{'x' * 90}"
    message = f"see {path} for what it said before it was stopped by somebody else, who knows"
    records = [line("a", "tdd", Outcome.INFRA, error={"type": "E", "message": message})]
    inbox.merged = Merged(records, summarise(records, {}), damaged=0)
    lines = render(inbox, width=79, colour=False).splitlines()
    at = lines.index(f"    a/tdd/r1: see {path}")
    assert lines[at + 1] == "      for what it said before it was stopped by somebody else, who knows"


def test_short_summary_of_no_variant_counts_its_tests(inbox: Inbox) -> None:
    inbox.merged = Merged([], [], damaged=0)
    assert render(inbox, width=79, colour=False, short=True).startswith("tests: 3 passed")


def test_no_line_of_a_log_or_of_a_reason_moves_the_cursor(inbox: Inbox) -> None:
    layout = inbox.handle.layout
    broken = line("a", "tdd", Outcome.INFRA)
    folder = layout.cell_folder(cell_of(broken))
    folder.mkdir(parents=True)
    (folder / LOG_FILE).write_text("\x1b[2Jgone [bold]\n", encoding="utf-8")
    suspect = {"state": "suspect", "reasons": ["a file called \x1b[1A\u202etxt"]}
    records = [broken, line("b", "tdd", Outcome.RESOLVED, integrity=suspect)]
    inbox.merged = Merged(records, summarise(records, {}), damaged=0)
    text = render(inbox, width=79, colour=False)
    assert not {"\x1b", "\u202e"} & set(text)
    assert "  | \\x1b[2Jgone [bold]" in text
    assert "a file called \\x1b[1A\\u202etxt" in text
