"""The exact sign-flip test of paired differences, as a discrete Fourier sum in plain floats.

Under the hypothesis every difference has either sign alike. With one repetition that is the exact McNemar test.
The number of plus signs, weighted, takes the values 0..T; its probabilities are a sum over T + 1 frequencies of the
characteristic function, a product of cosines, which costs milliseconds where big integers take seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MOST_WORK: Final = 20_000_000  # cosines; some seconds
_NOTHING: Final = 1e-18


@dataclass(frozen=True, slots=True)
class FlipTest:
    """Two-sided p of the test, and mid-p, which counts the observed sum by half."""

    p: float
    mid_p: float


def sign_flip(differences: Sequence[int]) -> FlipTest | None:
    """Return the test of whole differences, in any common unit; None where it would take seconds."""
    weights = Counter(abs(one) for one in differences if one)
    if not weights:
        return FlipTest(1.0, 1.0)
    unit = math.gcd(*weights)
    counts = {weight // unit: count for weight, count in sorted(weights.items())}
    total = sum(weight * count for weight, count in counts.items())
    observed = abs(sum(differences)) // unit
    if not observed:
        return FlipTest(1.0, 1.0)
    if (total + 1) * len(counts) > _MOST_WORK:
        return None
    below, at = _lower_tail(counts, total, (total - observed) // 2)
    least = 2.0 ** (1 - sum(counts.values()))  # both sums with all signs alike are as extreme at least
    return FlipTest(min(1.0, max(2 * below, least)), min(1.0, max(2 * below - at, least / 2)))


def _lower_tail(counts: dict[int, int], total: int, last: int) -> tuple[float, float]:
    """Return P(X <= last) and P(X = last), X being the sum of the weights that have a plus sign."""
    below, at = [float(last + 1)], [1.0]
    values = total + 1
    for step in range(1, values // 2 + 1):
        half = math.pi * step / values
        product = 2.0 if 2 * step < values else 1.0  # frequencies come in pairs, but for one in the middle
        for weight, count in counts.items():
            product *= math.cos(half * weight) ** count
            if abs(product) < _NOTHING:
                break
        else:
            below.append(product * math.cos(half * (total - last)) * math.sin(half * (last + 1)) / math.sin(half))
            at.append(product * math.cos(half * (total - 2 * last)))
    return math.fsum(below) / values, math.fsum(at) / values
