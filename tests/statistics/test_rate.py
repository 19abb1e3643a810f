from __future__ import annotations

import math
from statistics import variance

import pytest
from statsmodels.stats.proportion import proportion_confint

from pytest_swebench.statistics.data import Tally
from pytest_swebench.statistics.distributions import normal_quantile, t_quantile
from pytest_swebench.statistics.rate import effective_size, interval_of, rate_of, rerun_sd, wilson
from tests.support.samples import sample, single


@pytest.mark.parametrize(
    ("resolved", "of", "low", "high"),
    [  # Newcombe 1998, but for the last two
        (81, 263, 0.25529, 0.36621),
        (15, 148, 0.06239, 0.16049),
        (0, 20, 0.0, 0.16113),
        (1, 29, 0.00611, 0.17176),
        (0, 10, 0.0, 0.27753),
        (10, 20, 0.29930, 0.70070),
    ],
)
def test_one_repetition_gives_wilsons_interval(resolved: int, of: int, low: float, high: float) -> None:
    found = rate_of(single("one", [1] * resolved + [0] * (of - resolved))).interval
    assert found is not None
    assert (round(found.low, 5), round(found.high, 5)) == (low, high)
    assert found.as_json() == pytest.approx(proportion_confint(resolved, of, method="wilson"), abs=1e-12)


def test_interval_of_a_share_does_not_leave_zero_and_one() -> None:
    assert wilson(1.0, 3, 1.96).high == 1.0
    assert wilson(0.0, 3, 1.96).low == 0.0


def test_a_single_instance_has_a_rate_and_no_interval() -> None:
    found = rate_of(single("one", [1]))
    assert (found.rate, found.interval) == (1.0, None)


def test_without_any_answer_there_is_no_rate() -> None:
    found = rate_of(sample("one", {"a__a-1": (0, 0)}, planned=3))
    assert (found.rate, found.interval, found.instances, found.coverage) == (None, None, 0, 0.0)


def test_repetitions_use_the_effective_size_and_t() -> None:
    tallies = [Tally(resolved=c, attempted=3) for c in (0, 0, 1, 2, 3, 3, 0, 1)]
    means = [tally.mean for tally in tallies]
    p = math.fsum(means) / 8
    size = p * (1 - p) / (variance(means) / 8)
    assert 8 < size < 24
    assert effective_size(tallies) == pytest.approx(size)
    assert interval_of(tallies) == wilson(p, effective_size(tallies), t_quantile(0.975, 7))


def test_effective_size_stays_between_instances_and_cells() -> None:
    alike = [Tally(resolved=1, attempted=2), Tally(resolved=1, attempted=2)]
    assert effective_size(alike) == 2  # no spread over instances is no knowledge of it
    nearly = [Tally(resolved=c, attempted=100) for c in (50, 51, 50, 49)]
    assert effective_size(nearly) == 400
    all_or_nothing = [Tally(resolved=c, attempted=3) for c in (0, 3, 0, 3)]
    assert effective_size(all_or_nothing) == 4


def test_copies_of_cells_do_not_narrow_the_interval_below_that_of_the_instances() -> None:
    once = interval_of([Tally(resolved=c, attempted=1) for c in [1] * 40 + [0] * 60])
    copied = interval_of([Tally(resolved=5 * c, attempted=5) for c in [1] * 40 + [0] * 60])
    assert once is not None
    assert copied is not None
    assert copied.high - copied.low >= once.high - once.low
    assert once == wilson(0.4, 100, normal_quantile(0.975))


def test_instances_weigh_alike_whatever_their_repetitions() -> None:
    found = rate_of(sample("one", {"a__a-1": (1, 1), "a__a-2": (0, 3)}))
    assert found.rate == 0.5
    assert (found.resolved, found.attempted) == (1, 4)


def test_rerun_sd_is_the_luck_of_the_same_instances_again() -> None:
    tallies = [Tally(resolved=c, attempted=2) for c in (1, 1, 0, 2)]
    assert rerun_sd(tallies) == pytest.approx(math.sqrt(0.25 + 0.25) / 4)
    assert rerun_sd(tallies, reps=1) == pytest.approx(math.sqrt(0.5 + 0.5) / 4)
    assert rerun_sd([Tally(resolved=1, attempted=1)]) is None


def test_an_instance_that_lost_its_repetitions_borrows_the_luck_of_the_others() -> None:
    tallies = [Tally(resolved=1, attempted=2), Tally(resolved=1, attempted=1)]
    assert rerun_sd(tallies) == pytest.approx(math.sqrt(0.25 / 2))


def test_consistency_is_the_share_of_flaky_instances() -> None:
    assert rate_of(sample("one", {"a__a-1": (1, 2), "a__a-2": (2, 2), "a__a-3": (1, 1)})).consistency == 0.5
    assert rate_of(single("one", [1, 0])).consistency is None


@pytest.mark.parametrize("cells", range(2, 60))
def test_no_rounding_puts_a_rate_outside_its_interval(cells: int) -> None:
    for resolved in (0, 1, cells):
        found = rate_of(single("one", [1] * resolved + [0] * (cells - resolved)))
        assert found.rate is not None
        assert found.interval is not None
        assert not found.interval.excludes(found.rate)
