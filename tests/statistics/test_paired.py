from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from pytest_swebench.statistics.data import Interval, Sample, Tally
from pytest_swebench.statistics.distributions import t_quantile
from pytest_swebench.statistics.paired import (
    Differences,
    cohens_h,
    correlation,
    differences_of,
    discordance,
    dropped,
    extremes,
    paired_test,
    pairs_of,
)
from tests.support.samples import pairs, sample, single, wins_and_losses

COUNTS = st.integers(1, 5).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m)))
TABLES = st.lists(st.tuples(COUNTS, COUNTS).map(lambda both: (*both[0], *both[1])), min_size=2, max_size=30)


def test_one_repetition_gives_the_interval_of_bonett_and_price() -> None:
    interval = differences_of(pairs_of(*wins_and_losses(28, 54, 418))).interval()
    assert (round(interval.low, 6), round(interval.high, 6)) == (-0.087374, -0.016211)


def test_one_repetition_gives_the_exact_test_of_mcnemar() -> None:
    found = paired_test(pairs_of(*wins_and_losses(86, 150, 1364)))
    assert found.p == pytest.approx(mcnemar([[0, 86], [150, 1364]], exact=True).pvalue, rel=1e-6)
    assert found.method == "sign-flip"
    differences = differences_of(pairs_of(*wins_and_losses(86, 150, 1364)))
    assert differences.mean == pytest.approx(-0.04)
    assert differences.sd / 40 == pytest.approx(0.00955, abs=5e-6)


def test_uneven_repetitions_are_tested_in_their_common_unit() -> None:
    table = [(0, 3, 1, 2), (1, 3, 1, 1), (2, 3, 1, 4), (1, 1, 0, 2), (0, 5, 2, 3)]
    units = [round(60 * (b / k - a / m)) for a, m, b, k in table]
    sums = [
        abs(sum(sign * unit for sign, unit in zip(signs, units, strict=True))) for signs in product((-1, 1), repeat=5)
    ]
    assert paired_test(pairs(table)).p == pytest.approx(sum(one >= abs(sum(units)) for one in sums) / 32)


def test_agreement_everywhere_leaves_an_interval_of_some_width() -> None:
    interval = differences_of(pairs_of(*wins_and_losses(0, 0, 50))).interval()
    assert (round(interval.low, 3), round(interval.high, 3)) == (-0.055, 0.055)


def test_copies_of_all_cells_do_not_make_p_smaller() -> None:
    once = paired_test(pairs([(0, 1, 1, 1)] * 12 + [(1, 1, 0, 1)] * 3 + [(1, 1, 1, 1)] * 9))
    copied = paired_test(pairs([(0, 4, 4, 4)] * 12 + [(4, 4, 0, 4)] * 3 + [(4, 4, 4, 4)] * 9))
    assert copied == once


@given(TABLES)
def test_swapped_sides_change_the_sign_and_nothing_else(table: list[tuple[int, int, int, int]]) -> None:
    there, back = pairs(table), pairs([(b, k, a, m) for a, m, b, k in table])
    assert paired_test(there) == paired_test(back)
    interval, mirrored = differences_of(there).interval(), differences_of(back).interval()
    assert (interval.low, interval.high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-12)


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_instances_does_not_show(table: list[tuple[int, int, int, int]], chance: object) -> None:
    found = pairs(table)
    chance.shuffle(found)  # type: ignore[attr-defined]
    assert differences_of(found).interval() == differences_of(pairs(table)).interval()
    assert paired_test(found) == paired_test(pairs(table))


@given(TABLES)
def test_bounds_are_nested(table: list[tuple[int, int, int, int]]) -> None:
    found = differences_of(pairs(table))
    wide, narrow = found.bounds(0.01), found.bounds(0.1)
    assert wide.low < narrow.low <= narrow.high < wide.high


def test_repetitions_are_the_harmonic_mean_and_narrow_what_is_added() -> None:
    found = differences_of(pairs([(0, 1, 1, 4), (1, 1, 3, 4)]))
    assert found.reps == pytest.approx(1.6)
    n, total = 4, 0.25 - 0.25
    square = (2 * 0.25**2 + 2 / 1.6) / n
    reach = t_quantile(0.975, 3) * math.sqrt(square / n)
    assert found.interval().as_json() == pytest.approx([total - reach, total + reach])


def test_what_the_exact_test_cannot_do_in_time_is_answered_by_t_and_said() -> None:
    table = [(0, 1, number % 97, 97) for number in range(60)] + [(0, 1, number % 89, 89) for number in range(60)]
    found = paired_test(pairs(table + [(0, 1, number % 83, 83) for number in range(60)]))
    assert found.method == "t"
    assert found.p == pytest.approx(differences_of(pairs(table + [(0, 1, n % 83, 83) for n in range(60)])).t_p())


def test_minimal_effect() -> None:
    found = Differences(values=tuple([1.0] * 10 + [-1.0] * 10 + [0.0] * 80), reps=1)
    sd = math.sqrt(20 / 99)
    assert found.minimal_effect() == pytest.approx((1.959964 + 0.841621) * sd / 10, rel=1e-6)
    assert Differences(values=(0.0, 0.0), reps=1).minimal_effect() is None
    assert Differences(values=(1.0,), reps=1).minimal_effect() is None


def test_few_instances_promise_what_the_exact_test_can_show_and_less_than_six_nothing() -> None:
    assert Differences(values=(1.0, 0.0, 0.0, 0.0, 0.0), reps=1).minimal_effect() is None
    assert Differences(values=(0.3, 0.0, 0.0, 0.0, 0.0), reps=3).minimal_effect() is None
    six = Differences(values=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0), reps=1).minimal_effect()
    assert six == pytest.approx(2 * 0.8 ** (1 / 6) - 1, abs=1e-6)  # all six are won in 80 of 100


def test_pairs_are_the_instances_that_both_answered() -> None:
    a = sample("a", {"x__x-1": (1, 1), "x__x-2": (0, 0), "x__x-3": (0, 1)})
    b = sample("b", {"x__x-1": (0, 2), "x__x-2": (1, 1)})
    assert [pair.instance_id for pair in pairs_of(a, b)] == ["x__x-1"]
    assert dropped(a, b) == {"x__x-2": "no answer of a", "x__x-3": "no answer of b"}


def test_correlation_discordance_and_effect_size() -> None:
    both = pairs([(1, 1, 1, 1), (0, 1, 0, 1), (1, 1, 0, 1), (0, 1, 0, 1)])
    assert discordance(both) == 0.25
    assert correlation(both) == pytest.approx(1 / math.sqrt(3))
    assert correlation(pairs([(1, 1, 1, 1), (1, 1, 0, 1)])) is None
    assert cohens_h(0.5, 0.5) == 0
    assert cohens_h(0.2, 0.6) == pytest.approx(2 * (math.asin(math.sqrt(0.6)) - math.asin(math.sqrt(0.2))))


def test_extremes_count_what_is_missing_against_and_for_the_variant() -> None:
    whole = single("a", [1, 0, 1, 0])
    lossy = Sample(
        variant="b", tallies={name: Tally(attempted=1, resolved=1) for name in list(whole.tallies)[:3]}, planned=4
    )
    # b misses the fourth: 3/4 - 2/4 if it had failed, 4/4 - 2/4 if it had not
    assert extremes(whole, lossy) == Interval(0.25, 0.5)
    assert extremes(whole, single("c", [1, 1, 1, 1])) is None


def test_extremes_know_of_instances_that_neither_has_a_record_of() -> None:
    won, lost = single("b", [1] * 18), single("a", [0] * 18)
    assert extremes(replace(lost, planned=20), replace(won, planned=20)) == Interval(0.8, 1.0)


def test_extremes_know_of_cells_that_have_no_record() -> None:
    a = Sample(variant="a", tallies={"x__x-1": Tally(attempted=1, resolved=1)}, planned=2)
    b = Sample(variant="b", tallies={"x__x-1": Tally(attempted=1, resolved=0, lost=1)}, planned=2)
    assert extremes(a, b) == Interval(-1.0, 0.0)


@pytest.mark.parametrize("n", [3, 19, 21, 43])
def test_a_variant_that_never_varies_correlates_with_nothing(n: int) -> None:
    # means of thirds and fifths that a rounded mean would let vary
    for cells in (3, 5, 9):
        assert correlation(pairs([(1, cells, number % 2, 1) for number in range(n)])) is None


def test_differences_that_cancel_are_zero_without_a_sign() -> None:
    found = differences_of(pairs([(1, 3, 2, 3), (2, 3, 1, 3), (0, 5, 1, 5), (3, 5, 2, 5), (5, 6, 1, 6), (1, 6, 5, 6)]))
    assert str(found.mean) == "0.0"
