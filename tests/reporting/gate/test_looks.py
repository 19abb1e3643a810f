from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.looks import Watch
from pytest_swebench.statistics.anytime import anytime_bounds
from pytest_swebench.statistics.data import Observation
from pytest_swebench.statistics.gate import Verdict, verdict_of
from tests.support.samples import sample, single

ORDER = [f"one__one-{number:05}" for number in range(100)]


def seen(cell: Cell, outcome: Outcome) -> Observation:
    return Observation(instance_id=cell.instance_id, variant=cell.variant, rep=cell.rep, outcome=outcome)


BOTH = pytest.mark.parametrize("rule", Sequential)


def watch(
    before: Sequence[int],
    *,
    variants: Sequence[str] = ("a",),
    max_drop: float = 0.1,
    rule: Sequential = Sequential.PLANNED,
) -> Watch:
    """Return a watch over cells of one repetition."""
    order = ORDER[: len(before)]
    cells = [Cell(name, variant, 1) for name in order for variant in variants]
    held = {variant: single("before", before) for variant in variants}
    asked = GateAsked(baseline="b", max_drop=max_drop, sequential=rule)
    return Watch(asked=asked, before=held, order=order, expected=cells)


def let_end(looking: Watch, outcomes: Sequence[int], variant: str = "a", places: Sequence[int] | None = None) -> None:
    for place in range(len(outcomes)) if places is None else places:
        cell = Cell(looking.order[place], variant, 1)
        looking.take(cell, seen(cell, Outcome.RESOLVED if outcomes[place] else Outcome.UNRESOLVED))


def test_a_clear_loss_is_decided_early_and_what_is_left_is_counted() -> None:
    looking = watch([1] * 100)
    let_end(looking, [0] * 19)
    assert looking.decided == ""
    let_end(looking, [0] * 100, places=[19])
    assert looking.decided == "gate decided: a regressed, after 20 of 100 instances"
    found = looking.looked()
    assert found is not None
    assert (len(found.instance_ids), found.planned, found.stopped, found.cells_left) == (20, 100, True, 80)
    assert found.taken["a"].verdict is Verdict.REGRESSED
    assert found.taken["a"].difference == -1.0


def test_no_change_is_decided_as_pass_before_all_is_done() -> None:
    looking = watch([1, 0] * 50)
    let_end(looking, [1, 0] * 50, places=range(99))
    assert looking.decided.startswith("gate decided: pass, after ")
    found = looking.looked()
    assert found is not None
    assert found.taken["a"].bounds.low > -0.1


def test_a_look_takes_only_the_first_instances_of_the_order() -> None:
    looking = watch([1] * 100)
    let_end(looking, [0] * 100, places=range(1, 100))
    assert (looking.decided, looking.looked()) == ("", None)
    let_end(looking, [0] * 100, places=[0])
    assert looking.decided.endswith("after 20 of 100 instances")  # as if they had ended one by one
    found = looking.looked()
    assert found is not None
    assert not found.stopped


def test_a_lost_cell_does_not_hold_the_looks_up() -> None:
    looking = watch([1] * 100)
    looking.take(Cell(ORDER[0], "a", 1), None)
    let_end(looking, [0] * 100, places=range(1, 20))
    found = looking.looked()
    assert found is not None
    assert found.taken["a"].instances == 19


def test_nothing_is_decided_while_too_much_is_lost() -> None:
    looking = watch([1] * 100)
    for place in range(20):
        cell = Cell(ORDER[place], "a", 1)
        looking.take(cell, seen(cell, Outcome.INFRA if place % 2 else Outcome.UNRESOLVED))
    assert (looking.decided, looking.looked()) == ("", None)


def test_all_variants_must_pass_and_one_that_fails_is_enough() -> None:
    looking = watch([1, 0] * 50, variants=("a", "b"))
    let_end(looking, [1, 0] * 50, "a")
    assert looking.decided == ""
    let_end(looking, [0, 0] * 50, "b", places=range(80))
    assert looking.decided.startswith("gate decided: b regressed")
    found = looking.looked()
    assert found is not None
    assert found.taken["b"].verdict is Verdict.REGRESSED


def test_cells_left_out_after_the_decision_are_not_counted_as_done() -> None:
    looking = watch([1] * 100)
    let_end(looking, [0] * 20)
    looking.take(Cell(ORDER[50], "a", 1), None)
    found = looking.looked()
    assert found is not None
    assert found.cells_left == 80


def test_cells_that_are_not_gated_only_count_as_left() -> None:
    looking = watch([1] * 10)
    looking.take(Cell("other__other-1", "a", 1), None)
    looking.take(Cell(ORDER[0], "gold", 1), None)
    assert looking.looked() is None


def test_all_repetitions_of_an_instance_are_waited_for() -> None:
    held = {"a": sample("before", dict.fromkeys(ORDER, (3, 3)))}
    cells = [Cell(name, "a", rep) for name in ORDER for rep in (1, 2, 3)]
    looking = Watch(asked=GateAsked(baseline="b"), before=held, order=ORDER, expected=cells)
    for cell in cells[:59]:
        looking.take(cell, seen(cell, Outcome.RESOLVED))
    first = looking.looked()
    assert first is not None
    assert len(first.instance_ids) == 10
    looking.take(cells[59], seen(cells[59], Outcome.RESOLVED))
    second = looking.looked()
    assert second is not None
    assert len(second.instance_ids) == 20


def test_looking_ten_times_passes_a_drop_at_the_line_no_more_often_than_it_may() -> None:
    chance, passed, runs = random.Random(11), 0, 400
    for _ in range(runs):
        before = [int(chance.random() < 0.55) for _ in ORDER]
        looking = watch(before, max_drop=0.1)
        let_end(looking, [int(chance.random() < 0.45) for _ in ORDER])
        found = looking.looked()
        passed += found is not None and found.taken["a"].verdict is Verdict.PASS
    assert passed / runs == pytest.approx(0.05, abs=0.033)  # three standard errors


@BOTH
def test_the_order_in_which_cells_end_changes_no_verdict(rule: Sequential) -> None:
    chance = random.Random(5)
    before, now = [int(chance.random() < 0.8) for _ in ORDER], [int(chance.random() < 0.3) for _ in ORDER]
    straight, shuffled = watch(before, rule=rule), watch(before, rule=rule)
    let_end(straight, now)
    let_end(shuffled, now, places=chance.sample(range(100), 100))
    assert straight.decided.startswith("gate decided: a regressed")
    assert shuffled.looked() == straight.looked()


def test_a_bet_is_looked_at_after_each_instance_in_the_order_of_the_hash() -> None:
    order = list(reversed(ORDER))  # ids would sort the other way
    held = {"a": single("before", [1] * 100)}
    now = [1] * 10 + [0] * 90
    asked = GateAsked(baseline="b", max_drop=0.1, sequential=Sequential.ANYTIME)
    looking = Watch(asked=asked, before=held, order=order, expected=[Cell(name, "a", 1) for name in order])
    for place in range(100):
        let_end(looking, now, places=[place])
        if looking.decided:
            break
    found = looking.looked()
    assert found is not None
    assert (found.rule, found.stopped, len(found.instance_ids)) == (Sequential.ANYTIME, True, place + 1)
    assert (place + 1) % 10  # no planned look
    taken = found.taken["a"]
    assert taken.verdict is Verdict.REGRESSED
    values = [float(one - 1) for one in now]
    assert taken.bounds == anytime_bounds(values[: place + 1], 0.05)
    assert taken.fails_below < -0.1 <= anytime_bounds(values[:place], 0.05).high


def test_a_bet_needs_more_to_fail_one_of_two_than_one_alone() -> None:
    alone, beside = (watch([1] * 100, variants=names, rule=Sequential.ANYTIME) for names in (("a",), ("a", "b")))
    for looking in (alone, beside):
        for name in looking.before:
            let_end(looking, [0] * 100 if name == "a" else [1] * 100, name)
    assert alone.decided.startswith("gate decided: a regressed, after")
    assert beside.decided.startswith("gate decided: a regressed, after")
    first, second = alone.looked(), beside.looked()
    assert first is not None
    assert second is not None
    assert len(first.instance_ids) < len(second.instance_ids)
    assert second.taken["a"].bounds.high < second.taken["a"].fails_below < -0.1


@pytest.mark.parametrize(("rate", "drop", "decides"), [(0.8, 0.25, "pass"), (0.6, 0.25, ""), (0.2, 0.1, "a regressed")])
def test_bounds_of_every_bet_say_what_the_quick_look_at_it_said(rate: float, drop: float, decides: str) -> None:
    chance = random.Random(13)
    before, now = [1, 1, 1, 0] * 25, [int(chance.random() < rate) for _ in ORDER]
    looking = watch(before, max_drop=drop, rule=Sequential.ANYTIME)
    values = [float(after - was) for after, was in zip(now, before, strict=True)]
    for place in range(100):
        let_end(looking, now, places=[place])
        if place < 1 or (place % 9 and not looking.decided):  # between these nobody asks for numbers
            continue
        found = looking.looked()
        assert found is not None
        bounds = anytime_bounds(values[: place + 1], 0.05)
        taken = found.taken["a"]
        assert (taken.bounds, taken.fails_below, taken.instances) == (bounds, bounds.high, place + 1)
        assert taken.verdict is verdict_of(bounds.low, bounds.high, drop)
        assert bool(looking.decided) is (taken.verdict is not Verdict.INCONCLUSIVE)
        if looking.decided:
            break
    assert looking.decided.removeprefix("gate decided: ").startswith(decides)
    assert bool(looking.decided) is bool(decides)


def test_a_bet_keeps_its_last_look_where_too_much_is_lost_later() -> None:
    looking = watch([1] * 40, rule=Sequential.ANYTIME, max_drop=0.5)
    let_end(looking, [1] * 9)
    seen_last = looking.looked()
    assert seen_last is not None
    for place in range(9, 12):  # more and more is lost
        cell = Cell(ORDER[place], "a", 1)
        looking.take(cell, seen(cell, Outcome.INFRA))
    found = looking.looked()
    assert found is not None
    assert (found.taken["a"].first, found.taken["a"].instances, len(found.instance_ids)) == (9, 9, 12)
    assert found.taken["a"].bounds == seen_last.taken["a"].bounds


def log1p_calls(work: Callable[[], None]) -> int:
    """Return how often `work` takes a logarithm, of which a bet is made."""
    count = 0

    def note(frame: FrameType, event: str, called: Any) -> None:
        nonlocal count
        count += event == "c_call" and called.__name__ == "log1p"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_a_bet_over_many_instances_takes_a_step_an_instance_and_no_more() -> None:
    chance = random.Random(2)
    before = [int(chance.random() < 0.5) for _ in ORDER]
    now = [was if chance.random() < 0.9 else 1 - was for was in before]
    looking = watch(before, max_drop=0.0, rule=Sequential.ANYTIME)
    assert log1p_calls(lambda: let_end(looking, now)) == 4 * len(ORDER)  # up and down, to pass and to fail
    assert looking.decided == ""
    assert looking.looked() is not None
