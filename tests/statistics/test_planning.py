from __future__ import annotations

import math
import random

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.paired import differences_of
from pytest_swebench.statistics.planning import DIFFERENT, SIMILAR, Components, never_differing, pilot_of
from tests.support.samples import difficulty, drawn, pairs

MILLER = Components(1 / 9, 2 / 6)


def test_known_sample_sizes() -> None:
    assert Components(1 / 9, 0.0).instances(0.03, 1) == 969
    assert MILLER.instances(0.03, 1) == 3876


def test_known_minimal_effects() -> None:
    assert round(100 * MILLER.minimal_effect(198, 1), 2) == 13.27
    assert round(100 * MILLER.minimal_effect(198, 10), 2) == 7.57


@pytest.mark.parametrize(
    ("instances", "different", "similar"),
    [
        (50, (20.1, 13.1, 11.2, 9.5), (19.0, 11.3, 9.0, 6.8)),
        (100, (14.2, 9.3, 7.9, 6.7), (13.4, 8.0, 6.4, 4.8)),
        (300, (8.2, 5.4, 4.6, 3.9), (7.8, 4.6, 3.7, 2.8)),
        (500, (6.4, 4.2, 3.5, 3.0), (6.0, 3.6, 2.9, 2.2)),
    ],
)
def test_known_table_of_minimal_effects(
    instances: int, different: tuple[float, ...], similar: tuple[float, ...]
) -> None:
    for components, expected in ((DIFFERENT, different), (SIMILAR, similar)):
        found = [100 * components.minimal_effect(instances, reps) for reps in (1, 3, 5, 10)]
        assert found == pytest.approx(expected, abs=0.1)


def test_power_at_the_minimal_effect_is_the_power_asked_for() -> None:
    effect = DIFFERENT.minimal_effect(300, 3, power=0.9)
    assert DIFFERENT.power(effect, 300, 3) == pytest.approx(0.9)


def test_instances_reach_the_effect_and_one_less_does_not() -> None:
    instances = DIFFERENT.instances(0.05, 3)
    assert DIFFERENT.minimal_effect(instances, 3) <= 0.05 < DIFFERENT.minimal_effect(instances - 1, 3)


def test_a_pilot_without_repetitions_shows_the_sum_alone() -> None:
    found = pilot_of(pairs([(0, 1, 1, 1)] * 4 + [(1, 1, 0, 1)] * 4 + [(1, 1, 1, 1)] * 22))
    whole = 8 / 29
    assert found.components == Components(0.0, pytest.approx(whole), split=False)
    assert [one.omega2 for one in found.alternatives()] == [0.0, pytest.approx(whole / 2)]
    # 30 instances leave the sd off by a fifth either way
    assert found.factors == pytest.approx((0.79, 1.21), abs=0.02)


def test_a_pilot_with_repetitions_splits_luck_from_difference() -> None:
    chance = random.Random(5)
    table = [(sum(a), 4, sum(b), 4) for a, b in drawn(chance, difficulty(0.5), 3000, 4, likeness=0.9)]
    found = pilot_of(pairs(table))
    # what the model has: E p(1-p) = .25 * .8 / 1.8
    assert found.components.luck == pytest.approx(2 * 0.1111, rel=0.05)
    assert found.components.omega2 == pytest.approx(0.036, rel=0.25)
    assert found.alternatives() == [found.components]


def test_a_pilot_that_tells_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="answers of both variants for 1 of its instances"):
        pilot_of(pairs([(0, 1, 1, 1)]))
    with pytest.raises(InputError, match="on all 3 instances of the pilot both variants do the same"):
        pilot_of(pairs([(1, 1, 1, 1)] * 3))


def test_instances_that_are_always_or_never_resolved_are_named() -> None:
    first = pairs([(0, 2, 0, 2), (2, 2, 2, 2), (0, 2, 1, 2), (0, 2, 0, 2)])
    second = pairs([(0, 2, 0, 2), (2, 2, 2, 2), (0, 2, 0, 2), (2, 2, 0, 2)])
    assert never_differing([first, second]) == ["one__one-00000", "one__one-00001"]


@pytest.mark.parametrize(("instances", "reps"), [(300, 1), pytest.param(500, 3, marks=pytest.mark.soak)])
def test_closed_form_tells_the_power_of_a_simulation(instances: int, reps: int) -> None:
    chance = random.Random(instances + reps)
    low, high = difficulty(0.40), difficulty(0.48)
    sets, found = 400, 0
    for _ in range(sets):
        table = []
        for _ in range(instances):
            place = chance.random()
            counts = [sum(chance.random() < side(place) for _ in range(reps)) for side in (low, high)]
            table.append((counts[0], reps, counts[1], reps))
        found += differences_of(pairs(table)).interval().excludes(0.0)
    places = [(number + 0.5) / 4000 for number in range(4000)]
    ps = [(low(place), high(place)) for place in places]
    effect = math.fsum(b - a for a, b in ps) / len(ps)
    omega2 = math.fsum((b - a - effect) ** 2 for a, b in ps) / len(ps)
    components = Components(omega2, math.fsum(a * (1 - a) + b * (1 - b) for a, b in ps) / len(ps))
    # two points, and twice the simulation's own error
    assert found / sets == pytest.approx(components.power(effect, instances, reps), abs=0.02 + 2 * 0.025)
