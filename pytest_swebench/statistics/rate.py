"""How often a variant resolves: the rate with Wilson's interval, and how much of it a rerun would move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance
from typing import Any, Final

from pytest_swebench.statistics.data import Interval, Sample, Tally
from pytest_swebench.statistics.distributions import normal_quantile, t_quantile

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A variant's rate, between 0 and 1; None without an attempted cell.

    `interval` is for instances like these and None for a single one. `rerun_sd` is the luck of running the same
    instances as often again, `single_run_sd` that of running them once; both need repetitions.
    """

    variant: str
    rate: float | None
    interval: Interval | None
    instances: int
    resolved: int
    graded: int
    attempted: int
    planned: int
    coverage: float
    consistency: float | None
    rerun_sd: float | None
    single_run_sd: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "variant": self.variant,
            "rate": self.rate,
            "interval": self.interval and self.interval.as_json(),
            "instances": self.instances,
            "resolved": self.resolved,
            "graded": self.graded,
            "attempted": self.attempted,
            "planned": self.planned,
            "coverage": self.coverage,
            "consistency": self.consistency,
            "rerun_sd": self.rerun_sd,
            "single_run_sd": self.single_run_sd,
        }


def rate_of(sample: Sample, confidence: float = CONFIDENCE) -> Rate:
    """Return the rate of a variant, every instance with an attempted cell weighing alike."""
    tallies = list(sample.answered.values())
    rate = math.fsum(tally.mean for tally in tallies) / len(tallies) if tallies else None
    return Rate(
        variant=sample.variant,
        rate=rate,
        interval=interval_of(tallies, confidence),
        instances=len(tallies),
        resolved=sample.resolved,
        graded=sample.graded,
        attempted=sample.attempted,
        planned=sample.planned,
        coverage=sample.coverage,
        consistency=flaky_share(tallies),
        rerun_sd=rerun_sd(tallies),
        single_run_sd=rerun_sd(tallies, reps=1),
    )


def wilson(p: float, n: float, z: float) -> Interval:
    """Return Wilson's interval (1927) for a share `p` of `n`, which need not be whole, at the quantile `z`."""
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # rounding must not put the ends of 0 and 1 on the wrong side of the share itself
    return Interval(min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def interval_of(tallies: Sequence[Tally], confidence: float = CONFIDENCE) -> Interval | None:
    """Return Wilson's interval on the effective size, None for fewer than two instances.

    Without repetitions that is plain Wilson; with them, cells of one instance are not taken for independent ones.
    """
    if len(tallies) < 2:
        return None
    means = [tally.mean for tally in tallies]
    rate, level = math.fsum(means) / len(means), (1 + confidence) / 2
    if all(tally.attempted == 1 for tally in tallies):
        return wilson(rate, len(tallies), normal_quantile(level))
    return wilson(rate, effective_size(tallies), t_quantile(level, len(tallies) - 1))


def effective_size(tallies: Sequence[Tally]) -> float:
    """Return how many independent cells tell as much: between the instances (two or more) and their cells."""
    means = [tally.mean for tally in tallies]
    n, rate, spread = len(means), math.fsum(means) / len(means), variance(means)
    cells = sum(tally.attempted for tally in tallies)
    return min(max(rate * (1 - rate) * n / spread, n), cells) if spread else n


def rerun_sd(tallies: Sequence[Tally], reps: int | None = None) -> float | None:
    """Return the sd of the rate over reruns of the same instances, each as often as now or `reps` times.

    Instances with one attempted cell borrow the average of the others; None where no instance has two.
    """
    repeated = [tally for tally in tallies if tally.attempted > 1]
    if not repeated:
        return None
    # the unbiased variance of one cell, by the number of cells that a rerun averages
    each = [_cell_variance(tally) / (reps or tally.attempted) for tally in repeated]
    return math.sqrt(math.fsum(each) / len(each) / len(tallies))


def flaky_share(tallies: Sequence[Tally]) -> float | None:
    """Return the share of repeated instances that are neither always nor never resolved (`consistency`)."""
    repeated = [tally for tally in tallies if tally.attempted > 1]
    return sum(0 < tally.resolved < tally.attempted for tally in repeated) / len(repeated) if repeated else None


def _cell_variance(tally: Tally) -> float:
    return tally.attempted * tally.mean * (1 - tally.mean) / (tally.attempted - 1)
