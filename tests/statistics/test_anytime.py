from __future__ import annotations

import math
import random

import pytest

from pytest_swebench.statistics.anytime import Line, anytime_bounds
from pytest_swebench.statistics.paired import Differences
from tests.statistics.test_sequential import random_differences


def money(values: list[float], mean: float, alpha: float) -> float:
    """What betting on more than `mean` made of one unit, as the rule is written down, one instance after the other."""
    null, made = (mean + 1) / 2, 1.0
    seen: list[float] = []
    for value in values:
        centres = [(0.5 + sum(seen[: count + 1])) / (count + 2) for count in range(len(seen))]
        variance = (0.25 + sum((x - m) ** 2 for x, m in zip(seen, centres, strict=True))) / (len(seen) + 1)
        stake = min(math.sqrt(2 * math.log(1 / alpha) / (variance * 300)), 0.75 / null)
        share = (value + 1) / 2
        made *= 1 + stake * (share - null)
        seen.append(share)
    return made


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_bound_is_the_mean_at_which_the_money_is_1_by_alpha(alpha: float) -> None:
    values = random_differences(random.Random(3), -0.2, 200)
    bounds = anytime_bounds(values, alpha)
    assert money(values, bounds.low, alpha) == pytest.approx(1 / alpha)
    assert money([-value for value in values], -bounds.high, alpha) == pytest.approx(1 / alpha)
    assert -1 < bounds.low < sum(values) / 200 < bounds.high < 1


def test_no_stake_is_more_than_three_quarters_of_the_money() -> None:
    values = [1.0] * 60  # which never vary, so that stakes would be without end
    low = anytime_bounds(values, 0.05).low
    assert money(values, low, 0.05) == pytest.approx(20)
    assert money([*values, -1.0], low, 0.05) == pytest.approx(20 * 0.25)


def test_both_sides_are_each_other_s_mirror() -> None:
    values = random_differences(random.Random(4), 0.1, 100)
    here, there = anytime_bounds(values, 0.05), anytime_bounds([-value for value in values], 0.05)
    assert [here.low, here.high] == pytest.approx([-there.high, -there.low])


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1.0, -1.0]])
def test_next_to_nothing_refutes_nothing(values: list[float]) -> None:
    assert anytime_bounds(values, 0.05).as_json() == [-1.0, 1.0]


@pytest.mark.parametrize("sets", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_looking_often_is_wrong_no_more_often_than_it_may_and_peeking_is(sets: int) -> None:
    chance, passed, peeked = random.Random(7), 0, 0
    for _ in range(sets):
        values = random_differences(chance, 0.03, 300)  # right on the line: a pass is an error
        looks = [values[:size] for size in range(20, 301, 20)]
        passed += any(anytime_bounds(seen, 0.05).low > -0.03 for seen in looks)
        peeked += any(Differences(values=tuple(seen), reps=1).bounds(0.05).low > -0.03 for seen in looks)
    assert passed / sets <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / sets)
    assert peeked / sets > 0.10


def decided(values: list[float], max_drop: float) -> tuple[str, int]:
    for count in range(1, len(values) + 1):
        bounds = anytime_bounds(values[:count], 0.05)
        if bounds.low > -max_drop:
            return "pass", count
        if bounds.high < -max_drop:
            return "fail", count
    return "open", len(values)


def test_a_clear_truth_is_seen_early() -> None:
    chance = random.Random(1)
    good, after = decided(random_differences(chance, -0.15, 500), 0.10)
    assert (good, after < 250) == ("pass", True)
    bad, after = decided(random_differences(chance, 0.2, 500), 0.02)
    assert (bad, after < 250) == ("fail", True)


@pytest.mark.parametrize("drift", [-0.2, 0.0, 0.03, 0.2])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_a_line_misses_no_bound_beyond_it_and_asks_for_few_others(drift: float, alpha: float) -> None:
    values = random_differences(random.Random(8), drift, 150)
    line, asked = Line(-0.1, alpha), 0
    for size, value in enumerate(values, start=1):
        line.take(value)
        bounds = anytime_bounds(values[:size], alpha)
        assert line.low_may_be_above or bounds.low <= -0.1
        assert line.high_may_be_below or bounds.high >= -0.1
        asked += line.low_may_be_above and bounds.low <= -0.1
        asked += line.high_may_be_below and bounds.high >= -0.1
    assert asked <= 1


def test_a_line_on_the_bound_itself_asks_for_it() -> None:
    values = random_differences(random.Random(9), -0.2, 200)
    bounds = anytime_bounds(values, 0.05)
    for mean in (bounds.low, bounds.high):
        line = Line(mean, 0.05)
        for value in values:
            line.take(value)
        assert (line.low_may_be_above, line.high_may_be_below) == (mean == bounds.low, mean == bounds.high)
