from __future__ import annotations

import pytest

from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.forecast import forecast, undecided
from pytest_swebench.statistics.gate import inconclusive_chance
from pytest_swebench.statistics.planning import DIFFERENT
from tests.support.samples import sample, single

ASKED = GateAsked(baseline="main")


def test_forecast_of_500_instances_is_what_simulation_found() -> None:
    """Unchanged rates passed in 37 % of simulated gates over 500 x 1, and in 64 % over 500 x 3."""
    assert undecided(DIFFERENT.variance(1, 1), 500, 1, ASKED) == pytest.approx(0.63, abs=0.01)
    assert undecided(DIFFERENT.variance(1, 3), 500, 3, ASKED) == pytest.approx(0.36, abs=0.01)


def test_forecast_agrees_with_the_plan_for_many_instances() -> None:
    mine = undecided(DIFFERENT.variance(1, 1), 5_000, 1, ASKED)
    assert mine == pytest.approx(inconclusive_chance(DIFFERENT, 5_000, 1), abs=0.01)


def test_a_drop_that_nothing_reaches_is_never_left_open() -> None:
    assert f"{undecided(0.1, 13, 1, GateAsked(baseline='main', max_drop=0.99)):.0%}" == "0%"


def test_few_instances_never_decide() -> None:
    assert undecided(DIFFERENT.variance(1, 1), 13, 1, ASKED) > 0.9


def test_forecast_is_a_sentence_with_the_way_out() -> None:
    told = forecast(single("a", [1, 0] * 250), 500, 1, ASKED)
    assert told == (
        "gate: 500 instances x 1 against a (x 1), a drop of 3 points tolerated: without any drop it ends inconclusive "
        "in up to 63% of runs; with 3 repetitions on both sides in 35%"
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Sequential.PLANNED, "; planned looks leave a little more open"),
        (Sequential.ANYTIME, "; a look after each instance leaves clearly more open, the more the fewer instances"),
    ],
)
def test_forecast_with_looks_says_that_it_is_of_one_at_the_end(rule: Sequential, words: str) -> None:
    told = forecast(single("a", [1, 0] * 250), 500, 1, GateAsked(baseline="main", sequential=rule))
    assert "without any drop it would end, judged once at its end, inconclusive in up to 63% of runs" in told
    assert words in told


def test_repetitions_of_the_baseline_tell_the_luck_of_a_cell() -> None:
    steady = sample("a", {f"x__x-{number}": (5 * (number % 2), 5) for number in range(500)})
    lucky = sample("a", {f"x__x-{number}": (2 + number % 2, 5) for number in range(500)})
    told = [forecast(one, 500, 5, ASKED).partition(" in up to ")[2] for one in (steady, lucky)]
    assert all("with 3 repetitions" not in one for one in told)
    chances = [int(one.partition("%")[0]) for one in told]
    assert chances[0] < chances[1]


def test_a_baseline_that_resolves_all_has_a_forecast_too() -> None:
    assert "x 1 against a" in forecast(single("a", [1] * 20), 20, 1, ASKED)
