from __future__ import annotations

import math
import random

import pytest

from pytest_swebench.statistics.exactpower import fewest_instances, mcnemar_power, smallest_effect, smallest_p
from pytest_swebench.statistics.paired import paired_test
from pytest_swebench.statistics.planning import DIFFERENT, SIMILAR, Components
from tests.support.samples import pairs


def test_the_smallest_p_is_that_of_the_test_where_every_instance_is_won() -> None:
    for size in (1, 2, 5, 6, 9):
        assert smallest_p(size) == pytest.approx(paired_test(pairs([(0, 1, 1, 1)] * size)).p)
    assert (fewest_instances(), fewest_instances(2), fewest_instances(28)) == (6, 7, 11)


def test_power_with_six_instances_is_the_chance_to_win_all_six() -> None:
    assert mcnemar_power(0.9, 0.0, 6) == pytest.approx(0.9**6)
    assert mcnemar_power(0.9, 0.0, 5) == 0


def test_direct_summation_tells_the_power_of_a_simulation_of_the_test() -> None:
    chance, effect, spread = random.Random(3), 0.5, 0.258
    disagree = spread + effect**2
    found, sets = 0, 2000
    for _ in range(sets):
        drawn = [chance.random() for _ in range(12)]
        won = sum(one < (disagree + effect) / 2 for one in drawn)
        lost = sum(one > 1 - (disagree - effect) / 2 for one in drawn)
        found += won > lost and paired_test(pairs([(0, 1, 1, 1)] * won + [(1, 1, 0, 1)] * lost)).p < 0.05
    assert found / sets == pytest.approx(mcnemar_power(effect, spread, 12), abs=0.035)


def test_the_smallest_effect_has_the_power_asked_for() -> None:
    effect = smallest_effect(0.258, 20, power=0.8)
    assert mcnemar_power(effect, 0.258, 20) == pytest.approx(0.8, abs=1e-6)
    assert smallest_effect(0.258, 5, power=0.8) == math.inf


@pytest.mark.parametrize("one", [SIMILAR, DIFFERENT])
def test_few_instances_are_promised_what_the_exact_test_gives(one: Components) -> None:
    assert one.power(0.5, 5, 1) == one.power(0.5, 5, 10) == 0
    assert one.minimal_effect(5, 1) == one.minimal_effect(5, 10) == math.inf
    assert 0.14 < one.power(0.5, 9, 1) < 0.27
    assert one.instances(0.5, 1) == 15
    assert one.power(0.5, 14, 1) < 0.8 <= one.power(0.5, 15, 1)
    assert one.instances(0.9, 10) == 6
