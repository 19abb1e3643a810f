"""What the exact test of few instances can show: its smallest p, and for one repetition its power by direct summation.

The normal approximation promises a difference where every possible outcome has a p above 5 %.
"""

from __future__ import annotations

import math
from itertools import count
from typing import Final

ALPHA: Final = 0.05
EXACT_BELOW: Final = 50  # instances; from there on the normal approximation is near enough
_STEPS: Final = 30


def smallest_p(instances: int) -> float:
    """Return the smallest two-sided p of a sign-flip test: that of all differences with one sign."""
    return min(1.0, 2.0 ** (1 - instances))


def fewest_instances(comparisons: int = 1, alpha: float = ALPHA) -> int:
    """Return with how many instances a difference can be shown at all, p being adjusted for so many comparisons."""
    return next(size for size in count(1) if comparisons * smallest_p(size) < alpha)


def mcnemar_power(effect: float, spread: float, instances: int, *, alpha: float = ALPHA) -> float:
    """Return the chance that McNemar's exact test shows `effect` with its sign, each variant run once.

    `spread` is the variance of one instance's difference; with the effect it tells how often the two disagree.
    """
    disagree = min(1.0, max(effect, spread + effect * effect))
    won = (disagree + effect) / 2
    chance = []
    for discordant in range(instances + 1):
        most = _most_lost(discordant, alpha)
        among = math.fsum(_binomial(discordant, lost, (disagree - won) / disagree) for lost in range(most + 1))
        chance.append(_binomial(instances, discordant, disagree) * among)
    return min(1.0, math.fsum(chance))


def smallest_effect(spread: float, instances: int, *, power: float, alpha: float = ALPHA) -> float:
    """Return the effect that McNemar's exact test shows with `power`; infinite where there is none."""
    low, high = 0.0, 1.0
    if mcnemar_power(high, spread, instances, alpha=alpha) < power:
        return math.inf
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if mcnemar_power(middle, spread, instances, alpha=alpha) < power:
            low = middle
        else:
            high = middle
    return high


def _most_lost(discordant: int, alpha: float) -> int:
    """Return the most instances lost, of so many discordant ones, that still have a p below alpha; -1 for none."""
    below, most = 0, -1
    for lost in range(discordant // 2):
        below += math.comb(discordant, lost)
        if 2 * below / 2**discordant >= alpha:
            break
        most = lost
    return most


def _binomial(trials: int, times: int, p: float) -> float:
    return math.comb(trials, times) * p**times * (1 - p) ** (trials - times)
