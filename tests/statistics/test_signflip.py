from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_swebench.statistics.signflip import sign_flip


def by_big_integers(differences: list[int]) -> tuple[float, float]:
    """The same by the generating function, in exact integers: one slot of bits for each value of the sum."""
    weights = [abs(one) for one in differences if one]
    observed, total, slot = abs(sum(differences)), sum(weights), len(weights) + 1
    ways = 1
    for weight in weights:
        ways += ways << (weight * slot)
    counts = [(ways >> (value * slot)) & ((1 << slot) - 1) for value in range(total + 1)]
    extreme = sum(count for value, count in enumerate(counts) if abs(2 * value - total) >= observed)
    at = sum(count for value, count in enumerate(counts) if abs(2 * value - total) == observed)
    return extreme / 2 ** len(weights), (extreme - at / 2) / 2 ** len(weights)


@pytest.mark.parametrize(("wins", "losses"), [(3, 11), (28, 54), (0, 5), (40, 41), (1, 1), (79, 25), (250, 190)])
def test_one_repetition_is_the_exact_binomial_test(wins: int, losses: int) -> None:
    found = sign_flip([1] * wins + [-1] * losses + [0] * 7)
    assert found is not None
    assert found.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(86, 150, 3.716e-05), (28, 54, 0.00543592), (79, 25, 1.05400e-7), (40, 41, 1.0), (0, 0, 1.0)],
)
def test_known_p_values_of_mcnemar(wins: int, losses: int, p: float) -> None:
    found = sign_flip([1] * wins + [-1] * losses)
    assert found is not None
    assert found.p == pytest.approx(p, rel=2e-4 if p == 3.716e-05 else 2e-6)


def test_known_mid_p() -> None:
    found = sign_flip([1] * 28 + [-1] * 54)
    assert found is not None
    assert found.mid_p == pytest.approx(0.00403921, abs=5e-9)


@given(st.lists(st.integers(-6, 6), max_size=10))
def test_few_differences_agree_with_all_sign_patterns(differences: list[int]) -> None:
    observed = abs(sum(differences))
    sums = [
        abs(sum(sign * one for sign, one in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    found = sign_flip(differences)
    assert found is not None
    assert found.p == pytest.approx(sum(one >= observed for one in sums) / len(sums), abs=1e-12)


@given(st.lists(st.integers(-60, 60), min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(1, 9))
def test_order_scale_and_sides_do_not_matter(differences: list[int], chance: random.Random, scale: int) -> None:
    found = sign_flip(differences)
    assert found is not None
    assert sign_flip([-scale * one for one in chance.sample(differences, len(differences))] + [0, 0]) == found


def test_big_integers_agree_on_500_instances_of_5_repetitions() -> None:
    chance = random.Random(500)
    differences = [chance.choice([0, 0, 0, *range(-5, 6)]) for _ in range(500)]
    found = sign_flip(differences)
    assert found is not None
    assert (found.p, found.mid_p) == pytest.approx(by_big_integers(differences), abs=1e-14)


def test_big_integers_agree_on_weights_of_uneven_repetitions() -> None:
    chance = random.Random(60)
    differences = [chance.choice([0, 0, 12, -12, 15, 20, -20, 30, -45, 60, -60]) for _ in range(120)]
    found = sign_flip(differences)
    assert found is not None
    assert (found.p, found.mid_p) == pytest.approx(by_big_integers(differences), abs=1e-14)


def test_a_p_too_small_for_floats_is_still_one_that_could_be() -> None:
    found = sign_flip([1] * 200)
    assert found is not None
    assert found.p == pytest.approx(2.0**-199, rel=1e-9)


def test_what_would_take_seconds_is_refused() -> None:
    assert sign_flip([997 * number + 1 for number in range(1, 400)]) is None
