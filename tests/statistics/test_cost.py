from __future__ import annotations

import math
import random

import numpy as np
import pytest

from pytest_swebench.statistics.cost import (
    cost_per_resolved,
    quantile,
    ratio_of,
    ratio_of_costs_per_resolved,
    spread,
)
from pytest_swebench.statistics.data import Sample, Tally
from pytest_swebench.statistics.paired import Pair


def priced(cells: list[tuple[int, float | None]]) -> Sample:
    tallies = {
        f"a__a-{number:04}": Tally(attempted=1, resolved=resolved, cost_usd=cost)
        for number, (resolved, cost) in enumerate(cells)
    }
    return Sample(variant="one", tallies=tallies, planned=len(cells))


def test_cost_per_resolved_counts_what_was_spent_in_vain() -> None:
    found = cost_per_resolved(priced([(1, 1.0)] * 5 + [(0, 3.0)] * 5))
    assert found.usd == pytest.approx(4.0)


def test_interval_of_costs_is_that_of_the_delta_method_on_the_log() -> None:
    chance = random.Random(3)
    cells = [(int(chance.random() < 0.4), chance.lognormvariate(0, 0.8)) for _ in range(200)]
    y, c = np.array([one for one, _ in cells]), np.array([cost for _, cost in cells])
    theta = c.mean() / y.mean()
    covariance = np.cov(c, y)
    variance = (covariance[0, 0] - 2 * theta * covariance[0, 1] + theta**2 * covariance[1, 1]) / 200 / y.mean() ** 2
    reach = 1.971956544 * math.sqrt(variance) / theta
    found = cost_per_resolved(priced(cells))
    assert found.interval is not None
    assert found.interval.as_json() == pytest.approx([theta * math.exp(-reach), theta * math.exp(reach)], rel=1e-8)


def test_too_few_resolved_are_not_estimable() -> None:
    found = cost_per_resolved(priced([(1, 1.0)] * 4 + [(0, 1.0)] * 40))
    assert (found.usd, found.unknown) == (None, "4 instances are resolved, and 5 are needed")
    assert cost_per_resolved(priced([])).as_json()["unknown"] == "0 instances are resolved, and 5 are needed"


def test_an_unknown_price_is_no_number() -> None:
    found = cost_per_resolved(priced([(1, 1.0)] * 9 + [(1, None)]))
    assert (found.usd, found.unknown) == (None, "the price of some cells is not known")


def test_what_costs_nothing_costs_nothing_per_resolved() -> None:
    assert cost_per_resolved(priced([(1, 0.0)] * 9)).as_json() == {"usd": 0.0, "interval": None, "unknown": None}


def test_costs_per_resolved_are_compared_as_a_ratio_on_the_same_instances() -> None:
    before = [Tally(attempted=1, resolved=n % 2, cost_usd=1.0 + n % 3) for n in range(40)]
    after = [Tally(attempted=1, resolved=n % 2, cost_usd=2.0 * (1 + n % 3)) for n in range(40)]
    found = ratio_of_costs_per_resolved(
        [Pair(str(n), a, b) for n, (a, b) in enumerate(zip(before, after, strict=True))]
    )
    assert found is not None
    assert found.ratio == pytest.approx(2.0)
    assert found.interval.as_json() == pytest.approx([2.0, 2.0])  # nothing varies but by the factor


def test_costs_per_resolved_without_a_number_have_no_ratio() -> None:
    good, bad = Tally(attempted=1, resolved=1, cost_usd=1.0), Tally(attempted=1, resolved=0, cost_usd=1.0)
    unpriced, free = Tally(attempted=1, resolved=1, cost_usd=None), Tally(attempted=1, resolved=1, cost_usd=0.0)
    for before, after in ((good, bad), (bad, good), (unpriced, good), (good, free)):
        assert ratio_of_costs_per_resolved([Pair(str(n), before, after) for n in range(9)]) is None


def test_amounts_are_compared_by_the_geometric_mean_of_ratios() -> None:
    ratios = [1.0, 2.0, 4.0]
    pairs = [Pair(str(r), Tally(attempted=2, seconds=20.0), Tally(attempted=1, seconds=10 * r)) for r in ratios]
    silent = Pair("x", Tally(attempted=1, seconds=0.0), Tally(attempted=1, seconds=None))
    found = ratio_of([*pairs, silent], "seconds")
    assert found is not None
    assert (found.ratio, found.pairs) == (pytest.approx(2.0), 3)
    reach = 4.302652729 * math.log(2) / math.sqrt(3)
    assert found.interval.as_json() == pytest.approx([2 * math.exp(-reach), 2 * math.exp(reach)], rel=1e-8)
    assert ratio_of(pairs[:1], "seconds") is None


@pytest.mark.parametrize("p", [0.0, 0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("size", [1, 2, 5, 20, 101])
def test_quantiles_are_interpolated_as_numpy_does(p: float, size: int) -> None:
    values = sorted(random.Random(size).random() for _ in range(size))
    assert quantile(values, p) == pytest.approx(np.quantile(values, p))


def test_spread_of_a_skewed_amount() -> None:
    found = spread((1.0, 1.0, 1.0, 97.0))
    assert found is not None
    assert found.as_json() == pytest.approx({"total": 100.0, "mean": 25.0, "p50": 1.0, "p95": 82.6})
    assert spread(()) is None
    assert spread(None) is None
