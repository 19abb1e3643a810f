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
_NEARLY: Final = 1e-6  # of the logarithm of money: far more than a sum over instances may lose, and next to nothing


def anytime_bounds(values: Sequence[float], alpha: float) -> Interval:
    """Return the lower and the upper one-sided bound, each at `alpha`, however often one has looked before.

    `values` are differences in [-1, 1], one an instance, in the analysis order: none may be put in before another
    later on.
    """
    shares = [(value + 1) / 2 for value in values]
    needed = math.log(1 / alpha)
    bets = _Stakes(needed)
    stakes = [bets.next(share) for share in shares]
    low = _refuted_up_to(shares, stakes, needed)
    high = 1 - _refuted_up_to([1 - share for share in shares], stakes, needed)
    return Interval(2 * low - 1, 2 * high - 1)


class Line:
    """The two bets at one mean alone, from instance to instance: a step each, where bounds take all of them again.

    It says whether a bound at `alpha` may lie beyond `mean`. Where it says no, none does; a yes asks for the bounds.
    """

    def __init__(self, mean: float, alpha: float) -> None:
        self._share = (mean + 1) / 2
        self._needed = math.log(1 / alpha)
        self._stakes = _Stakes(self._needed)
        self._more = self._less = 0.0

    def take(self, value: float) -> None:
        """Take the difference of the next instance."""
        share = (value + 1) / 2
        stake = self._stakes.next(share)
        self._more += _win(stake, share, self._share)
        self._less += _win(stake, 1 - share, 1 - self._share)

    @property
    def low_may_be_above(self) -> bool:
        return self._more > self._needed - _NEARLY

    @property
    def high_may_be_below(self) -> bool:
        return self._less > self._needed - _NEARLY


class _Stakes:
    """What to bet on each instance, which its forerunners alone decide: the more they vary, the less."""

    def __init__(self, needed: float) -> None:
        self._needed = needed
        self._seen, self._total, self._squares = 0, 0.5, 0.25

    def next(self, share: float) -> float:
        """Return what to bet on the next one, and learn that it is `share`."""
        stake = math.sqrt(2 * self._needed * (self._seen + 1) / (self._squares * _HORIZON))
        self._seen += 1
        self._total += share
        self._squares += (share - self._total / (self._seen + 1)) ** 2
        return stake


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
    return math.fsum(_win(stake, share, mean) for share, stake in zip(shares, stakes, strict=True))


def _win(stake: float, share: float, mean: float) -> float:
    most = _MOST / mean if mean else math.inf
    return math.log1p(min(stake, most) * (share - mean))
