"""Samples for tests of the statistics: made from counts, and drawn from a model of how hard instances are."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist

from pytest_swebench.statistics.data import Sample, Tally
from pytest_swebench.statistics.paired import Pair

CONCENTRATION = 0.8  # of the beta that difficulties follow; a rerun of 500 instances then has an sd of 1.5 points


def sample(variant: str, counts: Mapping[str, tuple[int, int]], planned: int | None = None) -> Sample:
    """Return a sample from instance -> (resolved, attempted)."""
    tallies = {name: Tally(resolved=c, attempted=m, graded=m) for name, (c, m) in sorted(counts.items())}
    return Sample(variant=variant, tallies=tallies, planned=planned or sum(m for _, m in counts.values()))


def single(variant: str, resolved: Sequence[bool | int]) -> Sample:
    """Return a sample of one repetition."""
    return sample(variant, {f"one__one-{number:05}": (int(one), 1) for number, one in enumerate(resolved)})


def wins_and_losses(wins: int, losses: int, ties: int = 0) -> tuple[Sample, Sample]:
    """Return baseline and variant of one repetition, of which the variant wins and loses so often."""
    after = [1] * wins + [0] * losses + [0] * ties
    before = [0] * wins + [1] * losses + [0] * ties
    return single("before", before), single("after", after)


def pairs(counts: Sequence[tuple[int, int, int, int]]) -> list[Pair]:
    """Return pairs from (resolved, attempted) of the baseline and of the variant."""
    return [
        Pair(
            f"one__one-{number:05}",
            Tally(resolved=a, attempted=m, graded=m),
            Tally(resolved=b, attempted=k, graded=k),
        )
        for number, (a, m, b, k) in enumerate(counts)
    ]


def difficulty(rate: float, steps: int = 2_000) -> Callable[[float], float]:
    """Return the quantile function of a beta of this mean, by table: the chance to resolve instances."""
    a, b = rate * CONCENTRATION, (1 - rate) * CONCENTRATION
    chance = random.Random(1)
    table = sorted(chance.betavariate(a, b) for _ in range(steps * 20))[10::20]
    shift = rate - math.fsum(table) / len(table)  # the table's own luck would pass for a difference
    table = [min(1.0, max(0.0, value + shift)) for value in table]
    return lambda share: table[min(steps - 1, int(share * steps))]


def drawn(
    chance: random.Random, quantile: Callable[[float], float], n: int, reps: int, *, likeness: float = 0.85
) -> list[tuple[list[int], list[int]]]:
    """Return the cells of two variants with equal rates that find different instances hard (a Gaussian copula)."""
    normal, rest = NormalDist(), math.sqrt(1 - likeness**2)
    found = []
    for _ in range(n):
        z = chance.gauss(0, 1)
        both = [quantile(normal.cdf(z)), quantile(normal.cdf(likeness * z + rest * chance.gauss(0, 1)))]
        a, b = ([int(chance.random() < p) for _ in range(reps)] for p in both)
        found.append((a, b))
    return found
