"""How far a difference rests on single repositories: each one's part, and an interval over repositories.

By default the repositories are the ones that are meant, and instances are what varies. To speak of other repositories
the sandwich estimate over clusters (CR1) is used with as many degrees of freedom as the effective number of clusters
leaves: Verified has 12 repositories and tells as much as 3.9 of equal size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.distributions import t_quantile
from pytest_swebench.statistics.paired import Pair, differences_of

_FEWEST: Final = 2.0
_ROUNDING: Final = 1e-12  # a standard error below is 0
_DIGITS: Final = 12  # beyond them a difference of 0 would have the sign of its rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLine:
    """One repository's part: its instances, their mean difference, and the whole's difference without it."""

    repository: str
    instances: int
    difference: float
    interval: Interval | None
    without: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "repository": self.repository,
            "instances": self.instances,
            "difference": self.difference,
            "interval": self.interval and self.interval.as_json(),
            "without": self.without,
        }


@dataclass(frozen=True, slots=True)
class Repositories:
    """The lines, largest repository first, and what leaving out one of them does to the difference."""

    lines: tuple[RepositoryLine, ...]
    effective: float
    left_out: Interval | None

    @property
    def sign_changes(self) -> bool:
        """Whether the difference has another sign without some repository."""
        return self.left_out is not None and self.left_out.low < 0 < self.left_out.high

    def as_json(self) -> dict[str, Any]:
        """Return the table and its sums."""
        return {
            "repositories": [line.as_json() for line in self.lines],
            "effective_number": self.effective,
            "leave_one_out": self.left_out and self.left_out.as_json(),
            "sign_changes": self.sign_changes,
        }


def repository_of(instance_id: str) -> str:
    """Return the repository that an id names (`django__django-11099` -> `django__django`)."""
    return instance_id.rpartition("-")[0] or instance_id


def repositories_of(pairs: Sequence[Pair]) -> Repositories:
    """Return the table of one pair or more."""
    groups = _grouped(pairs)
    total, n = math.fsum(pair.difference for pair in pairs), len(pairs)
    lines = []
    for name, group in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0])):
        own = differences_of(group)
        rest = n - len(group)
        lines.append(
            RepositoryLine(
                repository=name,
                instances=len(group),
                difference=own.mean,
                interval=own.interval() if len(group) > 1 else None,
                without=round((total - math.fsum(own.values)) / rest, _DIGITS) + 0.0 if rest else None,
            )
        )
    without = [line.without for line in lines if line.without is not None]
    return Repositories(
        tuple(lines),
        effective_number([len(group) for group in groups.values()]),
        Interval(min(without), max(without)) if without else None,
    )


def effective_number(sizes: Sequence[int]) -> float:
    """Return how many clusters of equal size tell as much as these (Kish)."""
    return sum(sizes) ** 2 / sum(size * size for size in sizes)


def cluster_interval(pairs: Sequence[Pair], confidence: float = 0.95) -> Interval:
    """Return the interval of the difference for other repositories like these.

    Repositories that all agree tell nothing of how others differ, so theirs is that for instances, not one of no width.
    Raises InputError where the instances are of too few for that.
    """
    groups = _grouped(pairs)
    sizes = {name: len(group) for name, group in groups.items()}
    effective = effective_number(list(sizes.values()))
    if effective < _FEWEST:
        largest = max(sizes, key=lambda name: (sizes[name], name))
        raise InputError(
            f"--cluster repo: {largest!r} carries {sizes[largest] / len(pairs):.0%} of the instances, so they tell as "
            f"much as {effective:.1f} repositories of equal size, and {_FEWEST:.0f} are needed; leave --cluster out, "
            "or choose instances of more repositories"
        )
    mean = math.fsum(pair.difference for pair in pairs) / len(pairs)
    squares = math.fsum(math.fsum(pair.difference - mean for pair in group) ** 2 for group in groups.values())
    error = math.sqrt(len(groups) / (len(groups) - 1) * squares) / len(pairs)
    if error < _ROUNDING:
        return differences_of(pairs).interval(confidence)
    return clustered(mean, error, effective, confidence)


def clustered(estimate: float, error: float, effective: float, confidence: float = 0.95) -> Interval:
    """Return the t interval of an estimate over `effective` clusters, which need not be a whole number."""
    reach = t_quantile((1 + confidence) / 2, effective - 1) * error
    return Interval(estimate - reach, estimate + reach)


def _grouped(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(repository_of(pair.instance_id), []).append(pair)
    return groups
