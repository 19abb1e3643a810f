"""What is known while cells run, and how it is put into words."""

from __future__ import annotations

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, CellStarted, PhaseStarted, ProviderCalled
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.progress.words import (
    at_work_line,
    ending_of,
    eta,
    finished_line,
    money,
    plain,
    span,
    total,
    waiting_lines,
)

ONE, TWO, THREE = (Cell(f"acme__acme-{number}", "tdd", 1) for number in (1, 2, 3))
GOLD = Cell("acme__acme-1", "gold", 1)


@pytest.fixture
def state() -> ProgressState:
    state = ProgressState()
    state.select([ONE, TWO, THREE, GOLD])
    return state


def test_cells_are_counted_by_variant_and_outcome(state: ProgressState) -> None:
    for cell, outcome in ((ONE, "resolved"), (TWO, "infra"), (GOLD, "resolved")):
        state.start(cell, 10.0)
        assert state.finish(cell, outcome, 14.0) == 4.0
    assert (state.done, state.selected) == (3, 4)
    assert state.outcomes == {"resolved": 2, "infra": 1}
    assert (state.variants["tdd"].done, state.variants["tdd"].selected) == (2, 3)
    assert state.variants["gold"].outcomes == {"resolved": 1}


def test_latest_selection_stands(state: ProgressState) -> None:
    state.select([GOLD])
    assert (state.selected, state.variants["tdd"].selected) == (1, 0)


def test_cell_at_work_shows_its_phase_since_it_began(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    assert state.working[ONE].phase == "start"
    assert state.note(PhaseStarted(ONE, "sandbox"), 11.0)
    assert (state.working[ONE].phase, state.working[ONE].phase_s) == ("sandbox", 11.0)
    assert state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.5), 15.0)
    assert (state.working[ONE].phase, state.working[ONE].phase_s) == ("solve", 15.0)
    assert state.note(PhaseStarted(ONE, "grade"), 20.0)
    assert state.note(CellStarted(ONE, 1), 21.0)
    assert (state.working[ONE].phase, state.working[ONE].phase_s) == ("grade", 20.0)


def test_wait_ends_with_the_next_thing_that_happens(state: ProgressState) -> None:
    for event in (PhaseStarted(ONE, "grade"), ProviderCalled(ONE, "some-model", 1, 1, 0.5)):
        state.start(ONE, 10.0)
        state.note(BackedOff(ONE, 12.0, "HTTP 429"), 11.0)
        assert (state.working[ONE].waits_until_s, state.working[ONE].waits_for) == (23.0, "HTTP 429")
        state.note(event, 12.0)
        assert state.working[ONE].waits_until_s == 0.0
    assert state.variants["tdd"].backoffs == 2


def test_event_of_a_cell_that_is_not_at_work_is_not_taken(state: ProgressState) -> None:
    assert not state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.5), 11.0)
    assert state.cost_usd == 0.0


def test_cost_counts_calls_at_once_and_the_record_in_their_place(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.5), 11.0)
    state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.25), 12.0)
    assert state.cost_usd == 0.75
    state.record(ONE, {"cost_usd": 0.76})
    assert state.cost_usd == 0.76
    state.finish(ONE, "resolved", 13.0)
    assert state.cost_usd == 0.76


def test_lost_cell_has_cost_what_its_calls_cost(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.5), 11.0)
    state.finish(ONE, "infra", 12.0)
    assert state.cost_usd == 0.5


def test_second_attempt_that_is_served_what_the_first_one_paid_costs_it_once(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    state.record(ONE, {"cost_usd": 0.5})
    assert state.again(ONE, 12.0) == 2.0
    assert (state.done, state.variants["tdd"].reruns) == (0, 1)
    state.start(ONE, 12.0)
    state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.5), 13.0)  # served from the first attempt
    assert state.cost_usd == 0.5
    state.note(ProviderCalled(ONE, "some-model", 1, 1, 0.25), 14.0)
    assert state.cost_usd == 0.75
    state.record(ONE, {"cost_usd": 0.75})
    state.finish(ONE, "resolved", 15.0)
    assert (state.cost_usd, state.done) == (0.75, 1)


def test_unknown_price_is_said(state: ProgressState) -> None:
    assert total(state) == ""
    state.start(ONE, 10.0)
    state.note(ProviderCalled(ONE, "some-model", 1, 1, None), 11.0)
    assert total(state) == "unknown cost"
    state.record(ONE, {"cost_usd": None})
    state.record(TWO, {"cost_usd": 0.25})
    assert total(state) == "$0.250 + unknown cost"


def test_rest_takes_what_cells_of_the_same_variant_took_shared_by_the_workers(state: ProgressState) -> None:
    assert state.eta_s(10.0) is None
    for cell, seconds in ((ONE, 100.0), (GOLD, 4.0)):
        state.start(cell, 0.0)
        state.finish(cell, "resolved", seconds)
    assert state.eta_s(100.0) == 200.0
    state.workers = 2
    assert state.eta_s(100.0) == 100.0
    state.workers = 8
    assert state.eta_s(100.0) == 100.0
    state.start(TWO, 100.0)
    state.start(THREE, 100.0)
    assert state.eta_s(130.0) == 70.0
    assert state.eta_s(500.0) == 0.0


def test_variant_of_which_nothing_is_done_takes_as_long_as_the_others(state: ProgressState) -> None:
    state.start(GOLD, 0.0)
    state.finish(GOLD, "resolved", 10.0)
    assert state.eta_s(10.0) == 30.0


def test_nobody_knows_how_long_an_outage_takes(state: ProgressState) -> None:
    state.start(GOLD, 0.0)
    state.finish(GOLD, "resolved", 4.0)
    for cell in (ONE, TWO):
        state.start(cell, 4.0)
    state.note(BackedOff(ONE, 60.0, "503"), 5.0)
    assert eta(state, 6.0)
    state.note(BackedOff(TWO, 30.0, "503"), 5.0)
    assert eta(state, 6.0) == ""
    assert eta(state, 40.0)


def test_run_that_is_done_has_no_eta(state: ProgressState) -> None:
    state.select([ONE])
    assert eta(state, 5.0) == ""
    state.start(ONE, 0.0)
    state.finish(ONE, "resolved", 5.0)
    assert eta(state, 5.0) == ""


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0.00"),
        (0.00001, "<$0.0001"),
        (0.00123, "$0.0012"),
        (0.0123, "$0.012"),
        (0.43, "$0.430"),
        (12.3, "$12.30"),
    ],
)
def test_money_has_the_digits_that_matter(usd: float, text: str) -> None:
    assert money(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (150.0, "2 min"),
        (3600.0, "1 h 00 min"),
        (7500.0, "2 h 05 min"),
    ],
)
def test_spans_of_time_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_foreign_text_becomes_one_short_harmless_line() -> None:
    assert plain("a\x1b[31m\n\tb\u202e") == "a [31m b"
    assert plain("x" * 500, 10) == "xxxxxxx..."


def test_line_of_a_cell_tells_how_it_ended_and_how_far_the_run_is(state: ProgressState) -> None:
    state.start(ONE, 0.0)
    record = {"cost_usd": 0.012, "outcome": "resolved"}
    state.record(ONE, record)
    seconds = state.finish(ONE, "resolved", 34.0)
    line = finished_line(state, ONE, "resolved", seconds, record, 34.0)
    assert line == "[1/4] acme__acme-1/tdd/r1 resolved $0.012 34 s (total $0.012, ETA 2 min)"


def test_line_of_the_last_cell_of_a_free_run_tells_no_more_than_there_is() -> None:
    state = ProgressState()
    state.select([ONE])
    state.start(ONE, 0.0)
    seconds = state.finish(ONE, "passed", 1.0)
    assert finished_line(state, ONE, "passed", seconds, {}, 1.0) == "[1/1] acme__acme-1/tdd/r1 passed 1.0 s"


@pytest.mark.parametrize(
    ("outcome", "record", "ending"),
    [
        ("resolved", {"integrity": {"state": "clean"}}, "resolved"),
        ("resolved", {"integrity": {"state": "tampered"}}, "resolved (tampered)"),
        ("unresolved", {"integrity": None}, "unresolved"),
        (
            "unresolved",
            {"stop": None, "error": None, "notes": "no diff at all", "verdict": {"reason": "patch_apply_failed"}},
            "unresolved (no diff at all)",
        ),
        ("no_patch", {"stop": None, "error": None, "notes": "it holds no edit"}, "no patch (it holds no edit)"),
        ("limit", {"stop": "cost", "error": None, "notes": ""}, "limit (stopped by cost)"),
        ("infra", {"stop": None, "error": {"message": "no Docker\nat all"}, "notes": ""}, "infra (no Docker)"),
        ("infra", {}, "infra"),
        ("error", {"stop": None, "error": None, "notes": None}, "error"),
    ],
)  # fmt: skip
def test_ending_gives_the_reason_where_the_outcome_does_not(
    outcome: str, record: dict[str, object], ending: str
) -> None:
    assert ending_of(outcome, record) == ending


def test_waits_for_one_reason_are_told_together() -> None:
    waits = [BackedOff(ONE, 3.0, "HTTP 429"), BackedOff(TWO, 12.0, "HTTP 429"), BackedOff(ONE, 1.0, "HTTP 500")]
    assert waiting_lines(waits, "!") == [
        "! backing off 12 s: HTTP 429 (acme__acme-1/tdd/r1 and 1 more)",
        "! backing off 1.0 s: HTTP 500 (acme__acme-1/tdd/r1)",
    ]


def test_silence_is_broken_by_who_is_at_work_longest_first(state: ProgressState) -> None:
    for number, cell in enumerate((TWO, ONE, GOLD)):
        state.start(cell, float(number))
    state.note(PhaseStarted(TWO, "solve"), 10.0)
    assert at_work_line(state, 20.0) == (
        "[0/4] at work: acme__acme-2/tdd/r1 solve 10 s, acme__acme-1/tdd/r1 start 19 s, acme__acme-1/gold/r1 start 18 s"
    )
    for rep in range(2, 8):
        state.start(Cell("acme__acme-1", "tdd", rep), 3.0 + rep)
    assert at_work_line(state, 20.0).endswith("acme__acme-1/tdd/r6 start 11 s, 1 more")


PATCH = {
    "cost_usd": 0.5,
    "patch": "diff",
    "verdict": {},
    "outcome": "resolved",
    "provider_retries": 2,
    "retry_count": 1,
}


def test_variant_tells_wrong_answers_from_broken_cells(state: ProgressState) -> None:
    for number, outcome in enumerate(
        ["resolved", "unresolved", "no_patch", "limit", "failed", "infra", "error", "captured", "passed"]
    ):
        cell = Cell(f"acme__acme-{number}", "tdd", 2)
        state.start(cell, 10.0)
        state.finish(cell, outcome, 12.0)
    tally = state.variants["tdd"]
    assert (tally.resolved, tally.failed, tally.errors, tally.captured) == (1, 4, 2, 2)
    assert tally.mean_s == 2.0
    assert state.variants["gold"].mean_s is None


def test_patch_is_pending_while_it_is_graded_and_for_good_if_nobody_grades_it(state: ProgressState) -> None:
    for cell, record in (
        (ONE, PATCH),
        (TWO, PATCH | {"verdict": None, "outcome": "captured"}),
        (THREE, PATCH | {"patch": "\n", "verdict": None, "outcome": "captured"}),
    ):
        state.start(cell, 10.0)
        state.note(PhaseStarted(cell, "grade"), 11.0)
        assert state.grading("tdd") == 1
        state.record(cell, record)
        state.finish(cell, record["outcome"], 12.0)
    tally = state.variants["tdd"]
    assert (tally.patched, tally.ungraded, state.grading("tdd")) == (2, 1, 0)


def test_cost_and_retries_are_told_by_variant(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    state.record(ONE, PATCH)
    state.again(ONE, 11.0)
    state.start(GOLD, 11.0)
    state.note(ProviderCalled(GOLD, "some-model", 1, 1, 0.125), 12.0)
    assert (state.usd_of("tdd"), state.usd_of("gold"), state.cost_usd) == (0.5, 0.125, 0.625)
    assert (state.variants["tdd"].retries, state.variants["gold"].retries) == (4, 0)
    assert not state.unpriced


def test_cell_that_goes_on_is_counted_once(state: ProgressState) -> None:
    state.start(ONE, 10.0)
    state.record(ONE, PATCH)
    state.reopen(ONE, "resolved", state.finish(ONE, "resolved", 14.0), PATCH)
    tally = state.variants["tdd"]
    assert (state.done, tally.resolved, tally.seconds, tally.patched) == (0, 0, 0.0, 0)
    state.start(ONE, 20.0)
    state.record(ONE, PATCH | {"cost_usd": 0.75})
    state.finish(ONE, "unresolved", 22.0)
    assert (state.done, tally.resolved, tally.failed, tally.seconds, tally.patched) == (1, 0, 1, 2.0, 1)
    assert state.cost_usd == 0.75
