"""Four models on all 500 instances of SWE-bench Verified, as the leaderboard publishes them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pytest_swebench.outcome import Outcome
from pytest_swebench.statistics.comparison import Comparison, compare, compare_all
from pytest_swebench.statistics.cost import cost_per_resolved
from pytest_swebench.statistics.data import Observation, Sample, tabulate
from pytest_swebench.statistics.distributions import normal_cdf, t_quantile
from pytest_swebench.statistics.rate import rate_of


@pytest.fixture(scope="module")
def models(shared_data: Path) -> dict[str, Sample]:
    table = json.loads((shared_data / "leaderboard" / "mini_verified_four_models.json").read_text(encoding="utf-8"))
    return tabulate(
        Observation(
            instance_id=name,
            variant=model,
            rep=1,
            outcome=Outcome.RESOLVED if one["resolved"] else Outcome.UNRESOLVED,
            cost_usd=one["cost"],
        )
        for model, instances in table.items()
        for name, one in instances.items()
    )


@pytest.mark.parametrize(
    ("model", "resolved", "rate", "interval", "total", "per_resolved"),
    [
        ("sonnet-4-5", 353, "70.6", "66.5-74.4", "279.17", ".791"),
        ("gpt-5", 325, "65.0", "60.7-69.1", "140.19", ".431"),
        ("sonnet-4", 324, "64.8", "60.5-68.9", "185.73", ".573"),
        ("gpt-5-mini", 299, "59.8", "55.4-64.0", "17.74", ".059"),
    ],
)
def test_rates_and_costs_to_the_printed_digits(
    models: dict[str, Sample], model: str, resolved: int, rate: str, interval: str, total: str, per_resolved: str
) -> None:
    sample = models[model]
    found, cost = rate_of(sample), cost_per_resolved(sample)
    assert found.rate is not None
    assert found.interval is not None
    assert cost.usd is not None
    spent = sample.amounts["cost_usd"]
    assert spent is not None
    assert (sample.resolved, f"{100 * found.rate:.1f}") == (resolved, rate)
    assert f"{100 * found.interval.low:.1f}-{100 * found.interval.high:.1f}" == interval
    assert (f"{math.fsum(spent):.2f}", f"{cost.usd:.3f}".lstrip("0")) == (total, per_resolved)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5", (".387", ".479")),
        ("sonnet-4-5", (".734", ".853")),
        ("sonnet-4", (".524", ".627")),
        ("gpt-5-mini", (".053", ".066")),
    ],
)
def test_fiellers_interval_is_the_known_one_and_ours_is_close(
    models: dict[str, Sample], model: str, expected: tuple[str, str]
) -> None:
    tallies = list(models[model].answered.values())
    n, costs, worth = len(tallies), [tally.cost_usd or 0.0 for tally in tallies], [tally.mean for tally in tallies]
    c, y, t = math.fsum(costs) / n, math.fsum(worth) / n, t_quantile(0.975, n - 1)
    cc = math.fsum((one - c) ** 2 for one in costs) / (n - 1) / n
    yy = math.fsum((one - y) ** 2 for one in worth) / (n - 1) / n
    cy = math.fsum((one - c) * (its - y) for one, its in zip(costs, worth, strict=True)) / (n - 1) / n
    a, b, d = y * y - t * t * yy, y * c - t * t * cy, c * c - t * t * cc
    root = math.sqrt(b * b - a * d)
    fieller = ((b - root) / a, (b + root) / a)
    assert tuple(f"{end:.3f}".lstrip("0") for end in fieller) == expected
    interval = cost_per_resolved(models[model]).interval
    assert interval is not None
    assert interval.as_json() == pytest.approx(fieller, rel=0.01)


def test_intervals_of_costs_agree_with_a_bootstrap(models: dict[str, Sample]) -> None:
    draws = np.random.default_rng(1).multinomial(500, [1 / 500] * 500, size=20_000)
    for sample in models.values():
        tallies = list(sample.answered.values())
        costs = draws @ np.array([tally.cost_usd for tally in tallies])
        ratios = costs / (draws @ np.array([tally.resolved for tally in tallies]))
        interval = cost_per_resolved(sample).interval
        assert interval is not None
        assert interval.as_json() == pytest.approx(np.quantile(ratios, [0.025, 0.975]), rel=0.03)


PAIRS = [
    ("gpt-5", "sonnet-4-5", 53, 25, "+5.6 [2.1, 9.0]", ".0020", ".0081", ".058"),
    ("sonnet-4", "sonnet-4-5", 54, 25, "+5.8 [2.3, 9.3]", ".0015", ".0073", ".049"),
    ("gpt-5-mini", "sonnet-4", 59, 34, "+5.0 [1.2, 8.8]", ".0124", ".0248", ".102"),
    ("gpt-5", "gpt-5-mini", 28, 54, "-5.2 [-8.7, -1.6]", ".0054", ".0163", ".089"),
    ("gpt-5-mini", "sonnet-4-5", 79, 25, "+10.8 [6.8, 14.7]", "1.05e-07", "6.3e-07", ".0003"),
    ("gpt-5", "sonnet-4", 40, 41, "-0.2 [-3.8, 3.4]", "1", "1", ".95"),
]


def family(models: dict[str, Sample]) -> dict[frozenset[str], Comparison]:
    return {frozenset((one.baseline, one.variant)): one for one in compare_all(models)}


def digits(value: float, like: str) -> str:
    """Return `value` to as many digits as `like` has."""
    if "e" in like:
        return f"{value:.{len(like.partition('e')[0]) - 2}e}"
    return f"{value:.{len(like.partition('.')[2])}f}".lstrip("0") if "." in like else f"{value:.0f}"


@pytest.mark.parametrize(("before", "after", "won", "lost", "interval", "p", "holm", "unpaired"), PAIRS)
def test_comparisons_to_the_printed_digits(
    models: dict[str, Sample],
    before: str,
    after: str,
    won: int,
    lost: int,
    interval: str,
    p: str,
    holm: str,
    unpaired: str,
) -> None:
    a, b = models[before], models[after]
    found = compare(a, b)
    assert found.numbers is not None
    assert found.numbers.interval is not None
    assert (len(found.won), len(found.lost)) == (won, lost)
    ends = [f"{100 * end:.1f}" for end in found.numbers.interval.as_json()]
    assert f"{100 * found.numbers.difference:+.1f} [{ends[0]}, {ends[1]}]" == interval
    assert digits(found.numbers.test.p, p) == p
    in_family = family(models)[frozenset((a.variant, b.variant))].numbers
    assert in_family is not None
    assert digits(in_family.adjusted_p, holm) == holm
    # what comparing the two rates as if they were of different instances would have said
    rates = [one.resolved / 500 for one in (a, b)]
    z = abs(rates[1] - rates[0]) / math.sqrt(math.fsum(rate * (1 - rate) for rate in rates) / 500)
    assert digits(2 * normal_cdf(-z), unpaired) == unpaired


def test_outcomes_of_different_models_go_together(models: dict[str, Sample]) -> None:
    numbers = [one.numbers for one in compare_all(models) if one.numbers is not None]
    assert len(numbers) == 6
    assert all(0.555 <= (one.correlation or 0.0) <= 0.665 for one in numbers)
    assert all(0.155 <= one.discordance <= 0.215 for one in numbers)


def test_five_of_six_pairs_are_told_apart(models: dict[str, Sample]) -> None:
    assert sorted(str(one.word) for one in compare_all(models)) == ["better"] * 5 + ["no difference shown"]
