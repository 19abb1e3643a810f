from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pytest_swebench.statistics.gate import Verdict, verdict_of
from pytest_swebench.statistics.paired import Differences
from pytest_swebench.statistics.sequential import (
    analysis_order,
    boundaries,
    bounds_at,
    planned_looks,
    spent,
)
from tests.statistics import boundary_tables

TABLES = [
    (0.05, (3.7496, 2.5399, 2.0164, 1.7208)),
    (0.05, (4.2292, 2.8881, 2.2983, 1.9627, 1.7410)),
    (0.05, (6.0879, 4.2292, 3.3963, 2.9066, 2.5788, 2.3413, 2.1591, 2.0147, 1.8955, 1.7947)),
    (0.025, (4.8769, 3.3570, 2.6802, 2.2902, 2.0309)),
]


def evenly(looks: int) -> list[float]:
    return [number / looks for number in range(1, looks + 1)]


@pytest.mark.parametrize(("alpha", "expected"), TABLES)
def test_known_boundaries(alpha: float, expected: tuple[float, ...]) -> None:
    # these tables were integrated on a grid that is cut at its nearest point, and are off by up to .0013 themselves
    assert boundaries(alpha, evenly(len(expected))) == pytest.approx(expected, abs=0.0014)


def test_boundaries_are_those_that_another_integration_finds() -> None:
    tables = json.loads(boundary_tables.FILE.read_text())
    assert [float(alpha) for alpha in tables] == list(boundary_tables.ALPHAS)
    for alpha, rows in tables.items():
        assert [int(looks) for looks in rows] == list(boundary_tables.LOOKS)
        for looks, row in rows.items():
            expected = [math.inf if z > 8 else z for z in row]  # beyond our grid, and as good as never
            assert boundaries(float(alpha), evenly(int(looks))) == pytest.approx(expected, abs=3e-5)


def test_the_tables_are_what_their_script_makes() -> None:
    tables = json.loads(boundary_tables.FILE.read_text())
    assert boundary_tables.table_of(0.025, 2) == pytest.approx(tables["0.025"]["2"], abs=2e-6)


@pytest.mark.parametrize(("alpha", "fractions"), [(0.05, evenly(5)), (0.025, evenly(4)), (0.05 / 3, [0.3, 0.42, 0.9])])
def test_boundaries_spend_what_they_may(alpha: float, fractions: list[float]) -> None:
    shares = np.array(fractions)
    together = np.minimum.outer(shares, shares) / np.sqrt(np.outer(shares, shares))
    stays = multivariate_normal(np.zeros(len(shares)), together, seed=1, maxpts=2_000_000, abseps=1e-7)
    assert 1 - stays.cdf(np.array(boundaries(alpha, fractions))) == pytest.approx(spent(alpha, fractions[-1]), abs=2e-6)


def test_all_of_alpha_is_spent_at_the_end() -> None:
    assert spent(0.05, 1.0) == pytest.approx(0.05)
    assert boundaries(0.05, [1.0]) == pytest.approx([1.6448536], abs=1e-6)


def test_a_look_that_may_spend_nothing_has_no_boundary() -> None:
    first, last = boundaries(0.05, [0.01, 1.0])
    assert math.isinf(first)
    assert last == pytest.approx(1.6448536, abs=1e-5)
    assert bounds_at(Differences(values=(1.0, 1.0), reps=1), first).as_json() == [-math.inf, math.inf]


def test_looks_are_even_and_end_with_the_plan() -> None:
    assert planned_looks(500) == list(range(50, 501, 50))
    assert planned_looks(7, 3) == [2, 4, 7]
    assert planned_looks(5) == [2, 3, 4, 5]


def test_the_order_follows_nothing_but_the_salt() -> None:
    names = [f"django__django-{number}" for number in range(100)]
    order = analysis_order(names, "one")
    assert sorted(order) == sorted(names)
    assert order == analysis_order(reversed(names), "one")
    assert order != analysis_order(names, "two")
    assert order != sorted(names)


def test_a_look_reaches_as_far_as_its_boundary_says() -> None:
    differences = Differences(values=tuple([0.0] * 90 + [1.0] * 10), reps=1)
    mean, error = differences.centre()
    assert bounds_at(differences, 2.0).as_json() == pytest.approx([mean - 2 * error, mean + 2 * error])


def random_differences(chance: random.Random, drop: float, n: int) -> list[float]:
    """Differences of one repetition with a discordance of a fifth and the mean `-drop`."""
    return [float(chance.choices([1, -1, 0], [0.1 - drop / 2, 0.1 + drop / 2, 0.8])[0]) for _ in range(n)]


def decided(values: list[float], looks: list[int], levels: list[float], max_drop: float) -> Verdict:
    for size, level in zip(looks, levels, strict=True):
        bounds = bounds_at(Differences(values=tuple(values[:size]), reps=1), level)
        verdict = verdict_of(bounds.low, bounds.high, max_drop)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict
    return Verdict.INCONCLUSIVE


@pytest.mark.parametrize("sets", [400, pytest.param(2000, marks=pytest.mark.soak)])
def test_planned_looks_keep_their_size_and_peeking_does_not(sets: int) -> None:
    chance, looks = random.Random(2026), planned_looks(500)
    spending, naive = boundaries(0.05, [size / 500 for size in looks]), [1.6449] * len(looks)
    passed = peeked = 0
    for _ in range(sets):
        values = random_differences(chance, 0.03, 500)  # right on the line: a pass is an error
        passed += decided(values, looks, spending, 0.03) is Verdict.PASS
        peeked += decided(values, looks, naive, 0.03) is Verdict.PASS
    assert 0.035 - 0.01 * (sets < 1000) <= passed / sets <= 0.065 + 0.01 * (sets < 1000)
    assert peeked / sets > 0.10
