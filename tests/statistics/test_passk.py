from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.passk import mean_interval, pass_at_k, pass_hat_k, pass_k
from pytest_swebench.statistics.rate import rate_of
from tests.support.samples import sample

TRIES = st.integers(1, 12).flatmap(lambda m: st.tuples(st.just(m), st.integers(0, m), st.integers(1, m)))


def test_known_values() -> None:
    assert pass_at_k(10, 3, 5) == pytest.approx(0.9166667, abs=5e-8)
    assert pass_hat_k(5, 3, 2) == pytest.approx(0.3)


@given(TRIES)
def test_pass_at_k_equals_the_product_form(tries: tuple[int, int, int]) -> None:
    m, c, k = tries
    product = 1.0 if m - c < k else 1 - math.prod(1 - k / i for i in range(m - c + 1, m + 1))
    assert pass_at_k(m, c, k) == pytest.approx(product, abs=1e-12)


@given(TRIES)
def test_the_rate_lies_between_every_time_and_at_least_once(tries: tuple[int, int, int]) -> None:
    m, c, k = tries
    assert pass_hat_k(m, c, k) <= c / m + 1e-12 <= pass_at_k(m, c, k) + 2e-12


def test_one_try_is_the_rate() -> None:
    one = sample("one", {"a__a-1": (1, 3), "a__a-2": (2, 2), "a__a-3": (0, 1)})
    found = pass_k(one, 1)
    assert (found.at_least_once, found.every_time) == pytest.approx((rate_of(one).rate, rate_of(one).rate))
    assert found.dropped == 0


def test_instances_without_enough_repetitions_are_dropped_and_counted() -> None:
    found = pass_k(sample("one", {"a__a-1": (1, 3), "a__a-2": (2, 2), "a__a-3": (3, 3), "a__a-4": (0, 0)}), 3)
    assert (found.at_least_once, found.every_time, found.instances, found.dropped) == (1.0, 0.5, 2, 1)
    assert found.as_json()["pass_hat_k"] == 0.5


@pytest.mark.parametrize("k", [0, 4])
def test_more_tries_than_repetitions_are_refused(k: int) -> None:
    with pytest.raises(InputError, match=rf"k={k} for one, which has 3 repetitions .* give 1 to 3"):
        pass_k(sample("one", {"a__a-1": (1, 3)}), k)


def test_interval_is_that_of_t_and_stays_between_zero_and_one() -> None:
    shares = [0.1, 0.9, 0.5, 0.4, 0.6]
    expected = stats.t.interval(0.95, 4, loc=0.5, scale=stats.sem(shares))
    found = mean_interval(shares)
    assert found is not None
    assert found.as_json() == pytest.approx(expected)
    clipped = mean_interval([0.0, 1.0])
    assert clipped is not None
    assert clipped.as_json() == [0.0, 1.0]
    assert mean_interval([0.3]) is None
    assert mean_interval([1.0] * 9) is None  # nine alike are not certainty


def test_no_answer_at_all_is_no_share() -> None:
    found = pass_k(sample("one", {"a__a-1": (0, 0)}), 1)
    assert (found.at_least_once, found.every_time_interval) == (None, None)
