"""The table itself: what it shows, and what it leaves out where room is short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, PhaseStarted
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.watch.table import TITLE, draw_table, shortened, to_rich_table, whole_table

LONG = "s1_tdd_review_backtrack+gpt-5@0.2"


def made(names: tuple[str, ...] = ("gold", LONG, "singleshot"), **fields: object) -> ProgressState:
    """Return twenty instances of each variant: ten are done, two cells are at work, one of them waits."""
    state = ProgressState(workers=2)
    state.select([Cell(f"django__django-{number}", name, 1) for number in range(20) for name in names])
    for number, outcome in enumerate(["resolved"] * 5 + ["unresolved"] * 2 + ["no_patch", "infra", "limit"]):
        for name in names:
            cell = Cell(f"django__django-{number}", name, 1)
            patched = outcome in {"resolved", "unresolved"}
            record = {"cost_usd": 0.02, "patch": "x" * patched, "verdict": {}, "outcome": outcome, "retry_count": 1}
            state.start(cell, 1000.0)
            state.record(cell, record | fields)
            state.finish(cell, str(fields.get("outcome", outcome)), 1030.0)
    for name, phase in ((names[0], "grade"), (names[-1], "solve")):
        cell = Cell("django__django-10", name, 1)
        state.start(cell, 1030.0)
        state.note(PhaseStarted(cell, phase), 1050.0)
    state.note(BackedOff(cell, 12.0, "HTTP 429: too many requests"), 1055.0)
    return state


def drawn(state: ProgressState, width: int = 79, height: int = 24, *, unicode: bool = True) -> list[str]:
    lines = draw_table(state, 1060.0, width=width, height=height, colour=False, unicode=unicode)
    return [line.rstrip() for line in lines]


def test_terminal_of_80_columns_shows_every_figure() -> None:
    assert drawn(made()) == [
        "Experiment Progress ━━━━━━━━━━━━━━━━━━━━────────────────────  50%",
        "                        Patched/                                   Avg",
        "Variant        Progress  pending Resolved Failed Errors Retries   time     Cost",
        "─" * 79,
        "gold              10/20      8/1        5      4      1      10   30 s   $0.200",
        "s1_tdd_…-5@0.2    10/20      7/0        5      4      1      10   30 s   $0.200",
        "singleshot        10/20      7/0        5      4      1      10   30 s   $0.200",
        "─" * 79,
        "TOTAL (60 s)      30/60     22/1       15     12      3      30   30 s   $0.600",
        "ETA: 7 min",
        "  grade       10 s  django__django-10/gold/r1",
        "  wait       7.0 s  django__django-10/singleshot/r1",
        "⏱ backing off 7.0 s: HTTP 429: too many requests",
    ]


def test_wide_terminal_shows_whole_names_and_a_bar_for_each() -> None:
    row = next(line for line in drawn(made(), width=119) if line.startswith(LONG))
    assert row.split()[:3] == [LONG, "10/20", "━━━━━━━━━━──────────"]


@pytest.mark.parametrize(
    ("width", "missing"),
    [(79, set[str]()), (74, {"Retries"}), (66, {"Retries", "time"}), (45, {"Retries", "time", "pending", "Cost"})],
)
def test_narrow_terminal_leaves_out_what_matters_least(width: int, missing: set[str]) -> None:
    lines = drawn(made(), width=width)
    header = next(line for line in lines if line.startswith("Variant")).split()
    every = ["Variant", "Progress", "pending", "Resolved", "Failed", "Errors", "Retries", "time", "Cost"]
    assert set(every) - set(header) == missing | ({"Errors"} if width == 45 else set())
    assert max(map(len, lines)) <= width


def test_terminal_too_small_for_a_table_gets_the_status_lines() -> None:
    assert drawn(made(), width=39)[0].startswith("30/60  50%")
    assert drawn(made(), height=13)[0].startswith("30/60 ━")


@given(st.integers(1, 130), st.integers(1, 60), st.integers(1, 40), st.floats(0, 99_999))
def test_table_never_outgrows_its_terminal(width: int, height: int, variants: int, cost_usd: float) -> None:
    state = made(tuple(f"arm{number}+some-model-{number}" for number in range(variants)), cost_usd=cost_usd)
    lines = drawn(state, width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height - 4, 6)


def test_variants_with_work_left_are_shown_first_and_the_rest_counted() -> None:
    state = made(tuple(f"arm{number:02}" for number in range(20)))
    for number in range(10, 20):
        cell = Cell(f"django__django-{number}", "arm00", 1)
        state.start(cell, 1030.0)
        state.finish(cell, "resolved", 1040.0)
    lines = drawn(state, height=20)
    assert [line.split()[0] for line in lines if line.startswith("arm")] == [
        f"arm{number:02}" for number in range(1, 8)
    ]
    assert "and 13 more" in lines
    assert (
        len([line for line in whole_table(state, 1060.0, width=79, colour=False, unicode=True) if "arm" in line]) == 20
    )


def test_terminal_without_unicode_gets_none() -> None:
    lines = drawn(made(), unicode=False)
    assert all(line.isascii() for line in lines)
    assert any("s1_tdd_~-5@0.2" in line for line in lines)
    assert all(line.isascii() for line in whole_table(made(), 1060.0, width=79, colour=False, unicode=False))


def test_colours_are_only_where_something_is_counted() -> None:
    lines = draw_table(made(), 1060.0, width=79, height=24, colour=True, unicode=True)
    gold = next(line for line in lines if line.startswith("gold"))
    assert "\x1b[32m       5\x1b[0m" in gold
    assert "\x1b[31m     1\x1b[0m" in gold
    fresh = ProgressState()
    fresh.expect({"gold": 2})
    row = next(
        line for line in draw_table(fresh, 5.0, width=79, height=24, colour=True, unicode=True) if "gold" in line
    )
    assert "\x1b[31m" not in row
    assert "\x1b[2m" in row


def test_answers_that_nobody_grades_have_a_column_of_their_own() -> None:
    state = made(outcome="captured", patch="", verdict=None)
    header = next(line for line in drawn(state) if line.startswith("Variant")).split()
    assert "Captured" in header
    assert "Resolved" not in header
    cell = Cell("django__django-11", "gold", 1)
    state.start(cell, 1050.0)
    state.finish(cell, "resolved", 1055.0)
    header = next(line for line in drawn(state) if line.startswith("Variant")).split()
    assert {"Captured", "Resolved"} <= set(header)


@pytest.mark.parametrize(("known", "told"), [(0.02, "$0.200+?"), (None, "?")])
def test_unknown_prices_are_not_hidden_in_a_sum(known: float | None, told: str) -> None:
    state = made(cost_usd=known)
    state.variants["gold"].unpriced = True
    row = next(line for line in drawn(state) if line.startswith("gold"))
    assert row.split()[-1].removeprefix("+") == told


def test_large_sums_are_told_without_cents() -> None:
    row = next(line for line in drawn(made(cost_usd=4321.25)) if line.startswith("gold"))
    assert row.split()[-1] == "$43212"


def test_hours_are_told_in_a_word() -> None:
    state = made()
    lines = [line.rstrip() for line in draw_table(state, 9000.0, width=79, height=24, colour=False, unicode=True)]
    assert any(line.startswith("TOTAL (2h13m) ") for line in lines)


def test_time_left_is_told_only_while_there_is_some_and_somebody_knows() -> None:
    state = ProgressState()
    state.expect({"gold": 1})
    assert "ETA: -" in drawn(state)
    assert any(line.startswith("TOTAL (-)") for line in drawn(state))
    over = whole_table(made(), 1060.0, width=79, colour=False, unicode=True, over=True)
    assert not [line for line in over if "ETA" in line]
    assert [line for line in whole_table(made(), 1060.0, width=79, colour=False, unicode=True) if "ETA" in line]
    cell = Cell("acme__acme-1", "gold", 1)
    state.start(cell, 1000.0)
    state.finish(cell, "resolved", 1001.0)
    assert not [line for line in drawn(state) if "ETA" in line]


def test_run_of_nothing_has_a_table_too() -> None:
    assert drawn(ProgressState())[0].startswith(TITLE)
    assert to_rich_table(ProgressState(), 0.0, width=79, room=5).row_count == 0


def test_names_are_shortened_in_the_middle() -> None:
    assert shortened("gold", 4) == "gold"
    assert shortened("agent+gpt-5-mini", 9) == "agen…mini"
    assert shortened("agent+gpt-5-mini", 10) == "agent…mini"
