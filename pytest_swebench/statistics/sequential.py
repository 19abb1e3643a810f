"""Looking before all is done: planned looks with O'Brien-Fleming spending.

The unit is an instance with all its cells on both sides, taken in an order that does not follow anything: by hash.
Spending is Lan and DeMets' (1983) function of O'Brien-Fleming type; the boundaries come from the recursion of
Armitage, McPherson and Rowe (1969), integrated by Simpson's rule, so any looks that were really taken will do.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.distributions import normal_cdf, normal_quantile
from pytest_swebench.statistics.paired import Differences

LOOKS: Final = 10
_SPAN: Final = 8.0  # standard deviations beyond which nothing is left to integrate
_PANELS: Final = 100
_ROUNDS: Final = 100
_NEVER: Final = 1e-14  # a chance below which a boundary cannot be told from infinity


def spent(alpha: float, fraction: float) -> float:
    """Return how much of the one-sided `alpha` may be used up when a `fraction` of the plan is in."""
    return min(alpha, 2 * normal_cdf(-normal_quantile(1 - alpha / 2) / math.sqrt(fraction)))


def boundaries(alpha: float, fractions: Sequence[float]) -> list[float]:
    """Return the z that each look must exceed; `fractions` of the plan rise, 0 < f <= 1.

    A boundary is infinite where a look may spend next to nothing.
    """
    found: list[float] = []
    going, used, before = _START, 0.0, 0.0
    for fraction in fractions:
        step, most = math.sqrt(fraction - before), _SPAN * math.sqrt(fraction)
        level = going.level(spent(alpha, fraction) - used, step, most)
        found.append(level / math.sqrt(fraction))
        going = going.moved(step, -most, min(level, most))
        used, before = spent(alpha, fraction), fraction
    return found


@dataclass(frozen=True, slots=True)
class _Going:
    """Where the process that has crossed no boundary yet stands: places and the probability of each."""

    places: tuple[float, ...]
    weights: tuple[float, ...]

    def level(self, chance: float, step: float, most: float) -> float:
        """Return what the next place, `step` sd further, exceeds with `chance`; found by halving."""
        if chance < _NEVER:
            return math.inf
        low, high = -most, most
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            beyond = sum(w * normal_cdf((x - middle) / step) for x, w in zip(self.places, self.weights, strict=True))
            low, high = (middle, high) if beyond > chance else (low, middle)
        return high

    def moved(self, step: float, lower: float, upper: float) -> _Going:
        """Return what goes on between `lower` and `upper` after the next step, on a grid of Simpson's rule."""
        width = (upper - lower) / _PANELS
        places = tuple(lower + width * number for number in range(_PANELS + 1))
        rule = (1, *(4 if number % 2 else 2 for number in range(1, _PANELS)), 1)
        scale = width / 3 / (step * math.sqrt(2 * math.pi))
        return _Going(
            places, tuple(scale * part * self._density(x, step) for x, part in zip(places, rule, strict=True))
        )

    def _density(self, x: float, step: float) -> float:
        return sum(w * math.exp(-0.5 * ((x - y) / step) ** 2) for y, w in zip(self.places, self.weights, strict=True))


_START: Final = _Going((0.0,), (1.0,))


def planned_looks(instances: int, looks: int = LOOKS) -> list[int]:
    """Return after how many of the planned instances to look, evenly and at least two at the first."""
    sizes = {max(2, instances * number // looks) for number in range(1, looks + 1)}
    return sorted(size for size in sizes if size <= instances)


def analysis_order(instance_ids: Iterable[str], salt: str = "") -> list[str]:
    """Return the instances in an order that follows nothing but a hash; the same for the same salt."""
    return sorted(instance_ids, key=lambda name: hashlib.sha256(f"{salt}:{name}".encode()).digest())


def bounds_at(differences: Differences, boundary: float) -> Interval:
    """Return the bounds at a look with this boundary, which may be infinite."""
    mean, error = differences.centre()
    reach = boundary * error if math.isfinite(boundary) else math.inf
    return Interval(mean - reach, mean + reach)
