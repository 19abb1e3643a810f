"""A bet that may be looked at any time: bounds on the mean difference that hold after each instance at once.

Money is bet on the next instance against a mean, the stake fixed before it is seen. If the mean is true nobody is to
multiply the money by 1 / alpha with a chance above alpha, however often one looks: a mean at which it has come to that
is refuted (Waudby-Smith and Ramdas 2024). Nothing but the independence of instances is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_swebench.statistics.data import Interval

_HORIZON: Final = 300  # instances for which the bets are sized
_MOST: Final = 0.75  # share of the money that one instance may cost
_ROUNDS: Final = 30


def anytime_bounds(values: Sequence[float], alpha: float) -> Interval:
    """Return the lower and the upper one-sided bound, each at `alpha`, however often one has looked before.

    `values` are differences in [-1, 1], one an instance, in the analysis order: none may be put in before another
    later on.
    """
    shares = [(value + 1) / 2 for value in values]
    needed = math.log(1 / alpha)
    stakes = _stakes(shares, needed)
    low = _refuted_up_to(shares, stakes, needed)
    high = 1 - _refuted_up_to([1 - share for share in shares], stakes, needed)
    return Interval(2 * low - 1, 2 * high - 1)


def _stakes(shares: Sequence[float], needed: float) -> list[float]:
    """Return what to bet on each, which its forerunners alone decide: the more they vary, the less."""
    found, total, squares = [], 0.5, 0.25
    for before, share in enumerate(shares):
        found.append(math.sqrt(2 * needed * (before + 1) / (squares * _HORIZON)))
        total += share
        squares += (share - total / (before + 2)) ** 2
    return found


def _refuted_up_to(shares: Sequence[float], stakes: Sequence[float], needed: float) -> float:
    """Return the largest mean share that is too small to be true, 0 if none is; found by halving."""
    low, high = 0.0, 1.0
    if _won(shares, stakes, low) < needed:
        return low
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if _won(shares, stakes, middle) >= needed else (low, middle)
    return low


def _won(shares: Sequence[float], stakes: Sequence[float], mean: float) -> float:
    """Return the logarithm of what betting on more than `mean` has made of one unit; it falls as `mean` rises."""
    most = _MOST / mean if mean else math.inf
    return math.fsum(math.log1p(min(stake, most) * (share - mean)) for share, stake in zip(shares, stakes, strict=True))
