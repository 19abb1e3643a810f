"""Two variants on the same instances: difference, augmented t interval, exact sign-flip p, instances won and lost.

The interval is Bonett and Price's (2012) for paired proportions, carried over to repetitions: two more instances that
differ by +h and -h, h = 1 / sqrt(repetitions). It is never of width zero, and with one repetition it is theirs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import correlation as pearson
from statistics import stdev
from typing import Final

from pytest_swebench.statistics.data import Interval, Sample, Tally
from pytest_swebench.statistics.distributions import normal_quantile, t_quantile, t_tail
from pytest_swebench.statistics.exactpower import EXACT_BELOW, fewest_instances, smallest_effect
from pytest_swebench.statistics.signflip import sign_flip

POWER: Final = 0.80
_BOUNDS_BELOW: Final = 0.98  # coverage from which on missing cells cannot change much


@dataclass(frozen=True, slots=True)
class Pair:
    """One instance that both variants have an answer for."""

    instance_id: str
    baseline: Tally
    variant: Tally

    @property
    def difference(self) -> float:
        """Share resolved by the variant less that of the baseline."""
        return self.variant.mean - self.baseline.mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Differences per instance, and the repetitions behind them: what intervals and bounds are made of."""

    values: tuple[float, ...]
    reps: float

    @property
    def mean(self) -> float:
        # thirds and fifths that cancel would else leave 1e-17, with a sign
        return round(math.fsum(self.values) / len(self.values), 15) + 0.0

    @property
    def sd(self) -> float:
        """Standard deviation over instances, of which there must be two."""
        return stdev(self.values)

    def centre(self) -> tuple[float, float]:
        """Return mean and standard error of the differences with the two that are added."""
        n = len(self.values) + 2
        mean = math.fsum(self.values) / n
        square = (math.fsum(value * value for value in self.values) + 2 / self.reps) / n
        return mean, math.sqrt((square - mean * mean) / n)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the augmented t interval, as far as differences can be."""
        found = self.bounds((1 - confidence) / 2)
        return Interval(max(-1.0, found.low), min(1.0, found.high))

    def bounds(self, alpha: float) -> Interval:
        """Return the lower and the upper one-sided bound, each at `alpha`."""
        mean, error = self.centre()
        reach = t_quantile(1 - alpha, len(self.values) + 1) * error
        return Interval(mean - reach, mean + reach)

    def t_p(self) -> float:
        """Return the two-sided p that belongs to the interval."""
        mean, error = self.centre()
        return 2 * t_tail(abs(mean) / error, len(self.values) + 1)

    def minimal_effect(self, power: float = POWER) -> float | None:
        """Return the difference that such a comparison finds with `power` at 5 %; None if none was, or can be, seen."""
        size = len(self.values)
        if size < fewest_instances() or not (sd := self.sd):
            return None
        if self.reps == 1 and size < EXACT_BELOW:
            found = smallest_effect(sd * sd, size, power=power)
            return found if found <= 1 else None
        return (normal_quantile(0.975) + normal_quantile(power)) * sd / math.sqrt(size)


def pairs_of(baseline: Sample, variant: Sample) -> list[Pair]:
    """Return the instances that both have an answer for, in the order of ids."""
    ours, theirs = variant.answered, baseline.answered
    return [Pair(name, theirs[name], ours[name]) for name in sorted(ours.keys() & theirs.keys())]


def differences_of(pairs: Sequence[Pair]) -> Differences:
    """Return the differences of one pair or more; the repetitions are the harmonic mean over all tallies."""
    cells = Counter(tally.attempted for pair in pairs for tally in (pair.baseline, pair.variant))
    whole = math.lcm(*cells)
    reps = 2 * len(pairs) * whole / sum(whole // one * times for one, times in cells.items())
    return Differences(values=tuple(pair.difference for pair in pairs), reps=reps)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two-sided p values; `method` is `sign-flip`, or `t` where the exact one would take seconds."""

    p: float
    mid_p: float
    method: str


def paired_test(pairs: Sequence[Pair]) -> PairedTest:
    """Test whether there is any difference, on one pair or more."""
    unit = math.lcm(*(tally.attempted for pair in pairs for tally in (pair.baseline, pair.variant)))
    flips = sign_flip([_whole(pair.variant, unit) - _whole(pair.baseline, unit) for pair in pairs])
    if flips is None:
        p = differences_of(pairs).t_p()
        return PairedTest(p, p, "t")
    return PairedTest(flips.p, flips.mid_p, "sign-flip")


def _whole(tally: Tally, unit: int) -> int:
    return tally.resolved * (unit // tally.attempted)


def correlation(pairs: Sequence[Pair]) -> float | None:
    """Return the correlation of the outcomes over instances; None where one variant never varies."""
    sides = [pair.baseline.mean for pair in pairs], [pair.variant.mean for pair in pairs]
    if any(len(set(means)) < 2 for means in sides):  # asked first, since rounding would lend a constant some variance
        return None
    return pearson(*sides)


def discordance(pairs: Sequence[Pair]) -> float:
    """Return how often one cell of each would disagree on an instance."""
    both = [(pair.baseline.mean, pair.variant.mean) for pair in pairs]
    return math.fsum(a * (1 - b) + b * (1 - a) for a, b in both) / len(both)


def cohens_h(baseline: float, variant: float) -> float:
    """Return Cohen's effect size of two rates."""
    return 2 * (math.asin(math.sqrt(variant)) - math.asin(math.sqrt(baseline)))


def extremes(baseline: Sample, variant: Sample) -> Interval | None:
    """Return the mean difference if every missing cell had spoken against the variant, and if for it.

    None where nearly all cells of both have an answer. Instances that neither has a record of are missing as well.
    """
    if min(baseline.coverage, variant.coverage) >= _BOUNDS_BELOW:
        return None
    names = sorted(baseline.tallies.keys() | variant.tallies.keys())
    if not names:
        return None
    reps = max(tally.attempted + tally.lost for one in (baseline, variant) for tally in one.tallies.values())
    instances = max(len(names), baseline.planned // reps, variant.planned // reps)
    spans = [[_span(one, name, instances) for one in (baseline, variant)] for name in names]
    unseen = instances - len(names)
    low = math.fsum(ours[0] - theirs[1] for theirs, ours in spans) - unseen
    high = math.fsum(ours[1] - theirs[0] for theirs, ours in spans) + unseen
    return Interval(low / instances, high / instances)


def _span(sample: Sample, name: str, instances: int) -> tuple[float, float]:
    """Return the share resolved if all that is missing had failed, and had resolved; what has no record is missing."""
    tally = sample.tallies.get(name, Tally())
    missing = max(tally.lost, sample.planned // instances - tally.attempted, not tally.attempted)
    cells = tally.attempted + missing
    return tally.resolved / cells, (tally.resolved + missing) / cells


def dropped(baseline: Sample, variant: Sample) -> dict[str, str]:
    """Return instance -> which of the two has no answer for it."""
    reasons: dict[str, str] = {}
    for name in sorted(baseline.tallies.keys() | variant.tallies.keys()):
        lacking = [one.variant for one in (baseline, variant) if not _attempted(one.tallies, name)]
        if lacking:
            reasons[name] = f"no answer of {' and '.join(lacking)}"
    return reasons


def _attempted(tallies: Mapping[str, Tally], name: str) -> int:
    return tallies[name].attempted if name in tallies else 0
