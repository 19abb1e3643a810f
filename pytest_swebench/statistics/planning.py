"""How many instances and repetitions a comparison needs, and what one that is about to start can see.

The variance of a difference is (omega2 + (s2_A + s2_B) / repetitions) / instances (Miller 2024, arXiv 2411.00640):
omega2 is how much the true rates differ over instances, s2 is the luck of one cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance
from typing import Final

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.distributions import normal_cdf, normal_quantile
from pytest_swebench.statistics.exactpower import (
    ALPHA,
    EXACT_BELOW,
    fewest_instances,
    mcnemar_power,
    smallest_effect,
)
from pytest_swebench.statistics.paired import POWER, Pair, differences_of

_OUTER: Final = 0.9  # of the range that is quoted: 10 to 90 in 100


@dataclass(frozen=True, slots=True)
class Components:
    """Parts of the variance of one instance's difference; `luck` is s2 of both variants together.

    `split` is False where a pilot without repetitions shows only their sum: then `luck` is the most it may be.
    """

    omega2: float
    luck: float
    split: bool = True

    def variance(self, instances: float, reps: float) -> float:
        """Return the variance of the mean difference."""
        return (self.omega2 + self.luck / reps) / instances

    def minimal_effect(self, instances: float, reps: float, *, power: float = POWER, alpha: float = ALPHA) -> float:
        """Return the difference that is found with `power`; infinite where so few instances can show none."""
        if instances < fewest_instances(alpha=alpha):
            return math.inf
        if reps == 1 and instances < EXACT_BELOW:
            return smallest_effect(self.omega2 + self.luck, math.floor(instances), power=power, alpha=alpha)
        return _reach(power, alpha) * math.sqrt(self.variance(instances, reps))

    def power(self, effect: float, instances: float, reps: float, *, alpha: float = ALPHA) -> float:
        """Return the chance to find `effect`: 0 with too few instances; exact for one repetition of fewer than 50."""
        if instances < fewest_instances(alpha=alpha):
            return 0.0
        if reps == 1 and instances < EXACT_BELOW:
            return mcnemar_power(effect, self.omega2 + self.luck, math.floor(instances), alpha=alpha)
        return normal_cdf(effect / math.sqrt(self.variance(instances, reps)) - normal_quantile(1 - alpha / 2))

    def instances(self, effect: float, reps: float, *, power: float = POWER, alpha: float = ALPHA) -> int:
        """Return how many instances find `effect` with `power`."""
        needed = _reach(power, alpha) ** 2 * (self.omega2 + self.luck / reps) / effect**2
        size = max(math.ceil(round(needed, 9)), fewest_instances(alpha=alpha))
        if reps > 1 or size >= EXACT_BELOW:
            return size
        spread = self.omega2 + self.luck
        while mcnemar_power(effect, spread, size, alpha=alpha) < power:
            size += 1
        return size


SIMILAR: Final = Components(0.0075, 0.222)
DIFFERENT: Final = Components(0.036, 0.222)
"""Two arms of one model, and two models, at a rate of 50 % and a sd of 1.5 points between runs of 500 instances."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot tells: the components, and how far off its sd may be (10 to 90 in 100), as factors."""

    components: Components
    pairs: int
    factors: tuple[float, float]

    def alternatives(self) -> list[Components]:
        """Return what the components may be: of a sum that cannot be split, no and half of it as omega2."""
        if self.components.split:
            return [self.components]
        whole = self.components.luck
        return [self.components, Components(whole / 2, whole / 2, split=False)]


def pilot_of(pairs: Sequence[Pair]) -> Pilot:
    """Return what a pilot of two instances or more tells. Raises InputError for one that shows no difference at all."""
    if len(pairs) < 2:
        raise InputError(
            f"the pilot has answers of both variants for {len(pairs)} of its instances, which tells no variance; 2 or "
            "more are needed"
        )
    values = differences_of(pairs).values
    spread = variance(values)
    if not spread:
        raise InputError(
            f"on all {len(pairs)} instances of the pilot both variants do the same, so it tells no variance; give a "
            "larger pilot, or plan from assumptions"
        )
    return Pilot(_components(pairs, spread), len(pairs), _factors(values))


def _components(pairs: Sequence[Pair], spread: float) -> Components:
    repeated = [pair for pair in pairs if min(pair.baseline.attempted, pair.variant.attempted) > 1]
    if not repeated:
        return Components(0.0, spread, split=False)
    tallies = [tally for pair in repeated for tally in (pair.baseline, pair.variant)]
    each = [tally.mean * (1 - tally.mean) / (tally.attempted - 1) for tally in tallies]  # of a mean of its cells
    luck = 2 * math.fsum(tally.attempted * one for tally, one in zip(tallies, each, strict=True)) / len(each)
    return Components(max(0.0, spread - 2 * math.fsum(each) / len(each)), luck)


def _factors(values: Sequence[float]) -> tuple[float, float]:
    """Return how far the sd may be off, by the usual large-sample variance of a variance."""
    n, mean = len(values), math.fsum(values) / len(values)
    second = math.fsum((value - mean) ** 2 for value in values) / n
    kurtosis = math.fsum((value - mean) ** 4 for value in values) / n / second**2
    off = normal_quantile(_OUTER) * math.sqrt(max(0.0, kurtosis - 1) / n) / 2
    return max(0.0, 1 - off), 1 + off


def never_differing(tables: Sequence[Sequence[Pair]]) -> list[str]:
    """Return the instances that every variant of every table resolves always, or never: to a comparison they add zeros.

    Leaving them out changes what is estimated: the difference on instances that are neither trivial nor hopeless.
    """
    values: dict[str, set[float]] = {}
    for pairs in tables:
        for pair in pairs:
            values.setdefault(pair.instance_id, set()).update((pair.baseline.mean, pair.variant.mean))
    return sorted(name for name, seen in values.items() if seen in ({0.0}, {1.0}))


def _reach(power: float, alpha: float) -> float:
    return normal_quantile(1 - alpha / 2) + normal_quantile(power)
