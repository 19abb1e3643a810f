"""The defaults against data whose truth is known, and a wrong method that the same harness must catch."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from scipy.stats import binomtest

from pytest_swebench.statistics.paired import differences_of, paired_test
from tests.support.samples import difficulty, drawn, pairs

CORNERS = [(n, reps) for n in (50, 300, 500) for reps in (1, 3, 5)]
ALPHA = 0.05


@dataclass(frozen=True)
class Found:
    """How often each says that there is a difference where there is none, and the interval holds the truth."""

    claimed: float
    paired_by_repetition: float
    coverage: float


def trial(n: int, reps: int, sets: int) -> Found:
    chance, quantile = random.Random(1000 * n + reps), difficulty(0.40)
    claimed = wrong = held = 0
    for _ in range(sets):
        cells = drawn(chance, quantile, n, reps)
        table = pairs([(sum(a), reps, sum(b), reps) for a, b in cells])
        interval = differences_of(table).interval()
        held += not interval.excludes(0.0)
        claimed += paired_test(table).p < ALPHA and interval.excludes(0.0)
        won = sum(y > x for a, b in cells for x, y in zip(a, b, strict=True))
        lost = sum(x > y for a, b in cells for x, y in zip(a, b, strict=True))
        wrong += won + lost > 0 and binomtest(won, won + lost).pvalue < ALPHA
    return Found(claimed / sets, wrong / sets, held / sets)


def test_the_default_keeps_its_size_and_pairing_by_repetition_is_caught() -> None:
    found = trial(50, 5, 500)
    assert found.claimed <= 0.065
    assert found.coverage >= 0.935
    assert found.paired_by_repetition > 0.08


@pytest.mark.soak
@pytest.mark.parametrize(("n", "reps"), CORNERS)
def test_size_and_coverage_on_the_corners(n: int, reps: int) -> None:
    found = trial(n, reps, 6000 if n == 50 else 2000)  # the size is nearest to the bound where instances are few
    assert 0.02 <= found.claimed <= 0.065
    assert found.coverage >= 0.935
    if reps == 5:
        assert found.paired_by_repetition > 0.08


@pytest.mark.parametrize(
    "sets",
    [60, pytest.param(600, marks=pytest.mark.soak)],
)
@pytest.mark.parametrize("pattern", ["at random", "hard ones", "whole hard instances", "one side"])
def test_what_is_missing_does_not_bend_a_paired_difference(pattern: str, sets: int) -> None:
    chance, quantile, n, reps = random.Random(pattern), difficulty(0.40), 300, 3
    total = as_zero = 0.0
    for _ in range(sets):
        table, zeroed = [], []
        for _ in range(n):
            p = quantile(chance.random())
            a, b = ([chance.random() < p for _ in range(reps)] for _ in range(2))
            kept_b = [one for one in b if chance.random() >= lost_share(pattern, p)]
            if pattern == "whole hard instances":
                kept_b = [] if chance.random() < 0.18 - 0.16 * p else b
            kept_a = [one for one in a if pattern != "at random" or chance.random() >= 0.05]
            zeroed.append(sum(kept_b) / reps - sum(a) / reps)
            if kept_a and kept_b:
                table.append((sum(kept_a), len(kept_a), sum(kept_b), len(kept_b)))
        total += differences_of(pairs(table)).mean
        as_zero += sum(zeroed) / n
    # .3 points, and with few sets twice the simulation's own error
    assert abs(total / sets) < (0.003 if sets >= 600 else 0.009)
    assert as_zero / sets < -0.015  # what counting broken cells as failures would have made of it


def lost_share(pattern: str, p: float) -> float:
    return {"at random": 0.05, "hard ones": 0.25 - 0.23 * p, "one side": 0.10}.get(pattern, 0.0)
