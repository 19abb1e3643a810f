from __future__ import annotations

import pytest

from pytest_swebench.errors import InputError, SelectionError
from pytest_swebench.reporting.plan import assumed, piloted, plan, plan_lines, seen_by
from pytest_swebench.statistics.data import Sample, Tally
from pytest_swebench.statistics.planning import DIFFERENT, SIMILAR
from tests.support.samples import sample, single


def pilot(reps: int = 2) -> dict[str, Sample]:
    ids = [f"x__x-{number:02}" for number in range(24)]
    a = sample("a", {name: (min(reps, number % 3), reps) for number, name in enumerate(ids)})
    b = sample("b", {name: (min(reps, number % 5 // 2), reps) for number, name in enumerate(ids)})
    return {"a": a, "b": b}


def priced(variant: str, cost: float, seconds: float) -> Sample:
    tallies = {f"x__x-{n:02}": Tally(attempted=1, resolved=(n + len(variant)) % 2) for n in range(10)}
    amounts = {"cost_usd": (cost,) * 10, "seconds": (seconds,) * 10}
    return Sample(variant=variant, tallies=tallies, planned=10, amounts=amounts)


def test_without_a_pilot_the_plan_goes_from_similar_to_different_variants() -> None:
    found = plan(assumed(), instances=(300,), reps=(3,))
    (row,) = found.rows
    assert row.minimal_effect == (SIMILAR.minimal_effect(300, 3), DIFFERENT.minimal_effect(300, 3))
    assert (row.cells, row.power, row.cost_usd, row.hours) == (1800, None, None, None)
    assert row.undecided == pytest.approx(0.53, abs=0.01)


def test_an_effect_asked_for_has_a_power_and_a_size() -> None:
    found = plan(assumed(), effect=0.05, reps=(1, 3))
    least, most = found.needed[3]
    assert (least, most) == (SIMILAR.instances(0.05, 3), DIFFERENT.instances(0.05, 3))
    at_500 = next(row for row in found.rows if (row.instances, row.reps) == (500, 3))
    assert at_500.power == pytest.approx(DIFFERENT.power(0.05, 500, 3))
    assert "to see 5.0 points: 256 to 346 instances, each 3 times" in plan_lines(found)


def test_rates_near_the_ends_vary_less() -> None:
    half, tenth = assumed().alternatives[0], assumed(0.1).alternatives[0]
    assert tenth.luck == pytest.approx(half.luck * 0.36)
    for rate in (0.0, 1.0):
        with pytest.raises(InputError, match=r"--rate .* between 0 and 1"):
            assumed(rate)


def test_a_pilot_tells_variance_cost_and_time() -> None:
    samples = {"a": priced("a", 0.5, 1800.0), "bb": priced("bb", 1.5, 1800.0)}
    assumption, pair = piloted(samples)
    (row,) = plan(assumption, pilot=pair, instances=(100,), reps=(2,)).rows
    assert (row.cost_usd, row.hours) == (pytest.approx(400.0), pytest.approx(200.0))
    assert row.minimal_effect[0] < row.minimal_effect[1]


def test_an_unpriced_pilot_leaves_the_cost_open() -> None:
    samples = pilot()
    assumption, pair = piloted(samples)
    found = plan(assumption, pilot=pair, instances=(100,), reps=(1,))
    assert (found.rows[0].cost_usd, found.rows[0].hours) == (None, None)
    assert "cost" not in "\n".join(plan_lines(found))


def test_a_pilot_of_one_repetition_says_what_it_cannot_tell() -> None:
    assumption, pair = piloted({"a": single("a", [1, 0, 0, 1, 0, 1]), "b": single("b", [0, 1, 0, 1, 1, 1])})
    (note,) = plan(assumption, pilot=pair).notes
    assert note.startswith("a pilot of one repetition cannot tell luck from difference")


def test_instances_that_never_differ_are_counted() -> None:
    assumption, pair = piloted(pilot())
    (note,) = plan(assumption, pilot=pair).notes
    assert note.startswith("5 instances are resolved always, or never, by both")


def test_it_must_be_clear_which_two_variants_are_meant() -> None:
    three = pilot() | {"c": single("c", [1, 0])}
    with pytest.raises(SelectionError, match="the pilot has the variants a, b, c; name the two"):
        piloted(three)
    with pytest.raises(SelectionError, match="plan: unknown variant 'd'"):
        piloted(three, "d")
    _, pair = piloted(three, "b", "a")
    assert [one.variant for one in pair] == ["b", "a"]
    _, pair = piloted(pilot(), "b")
    assert [one.variant for one in pair] == ["b", "a"]


@pytest.mark.parametrize(("changes", "said"), [({"effect": 0.0}, "--effect"), ({"power": 1.0}, "--power")])
def test_what_no_plan_can_be_made_for_is_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan(assumed(), **changes)  # type: ignore[arg-type]


def test_the_table_fits_80_columns() -> None:
    samples = {"a": priced("a", 123.456, 99999.0), "bb": priced("bb", 234.5, 99999.0)}
    assumption, pair = piloted(samples)
    lines = plan_lines(plan(assumption, pilot=pair, effect=0.05))
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == [
        "instances",
        "x",
        "cells",
        "seen",
        "at",
        "80%",
        "gate",
        "open",
        "power",
        "cost",
        "hours",
    ]


def test_a_plan_as_json() -> None:
    told = plan(assumed(), effect=0.05, instances=(50,), reps=(1,)).as_json()
    assert told["needed_instances"] == {"1": [721, 811]}
    assert told["rows"][0]["cells"] == 100


def test_what_a_comparison_can_see_in_one_line() -> None:
    assert seen_by(500, 1) == (
        "two variants on 500 instances x 1 can be told apart from about 6.0 (arms of one model) or 6.4 points (two "
        "models), with a chance of 80%"
    )


def test_no_difference_of_more_than_100_points_is_promised() -> None:
    assert seen_by(1, 1) == "1 instance x 1: fewer than 6 instances cannot show any difference"
    assert seen_by(5, 3) == "5 instances x 3: fewer than 6 instances cannot show any difference"
    assert seen_by(6, 1).startswith("two variants on 6 instances x 1 can be told apart from about 92.7")
    lines = plan_lines(plan(assumed(), instances=(4, 5, 6), reps=(1,)))
    for line, seen in zip(lines[2:], ("nothing", "nothing", "92.7 pp", "fewer than 6 instances cannot"), strict=True):
        assert seen in line


def test_four_instances_have_no_power_and_six_are_the_least_that_is_asked_for() -> None:
    found = plan(assumed(), effect=0.5, instances=(4, 10), reps=(1, 3))
    assert [row.power for row in found.rows[:2]] == [0, 0]
    assert found.as_json()["rows"][0]["minimal_effect"] == [None, None]
    assert found.needed == {1: (15, 15), 3: (6, 6)}
    assert found.notes == (
        "fewer than 6 instances cannot show any difference",
        "with repetitions approximate below 30 instances",
    )


def test_a_plan_for_very_little_is_told_as_it_is() -> None:
    lines = plan_lines(plan(assumed(0.001), effect=0.999, instances=(50,), reps=(1,)))
    assert lines[0] == "assumed: two variants at a rate of 0.1%, of one model or of two"
    assert lines[-1] == "to see 99.9 points: 6 instances, each once"
