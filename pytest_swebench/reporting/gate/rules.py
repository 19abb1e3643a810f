"""When to look at a run that is at work, and how far a look can see: two rules that keep the chance of an error."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_swebench.reporting.gate.asked import Sequential
from pytest_swebench.statistics.anytime import Line, anytime_bounds
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.paired import Differences
from pytest_swebench.statistics.sequential import boundaries, bounds_at, planned_looks


class LookRule(Protocol):
    """What a sequential gate goes by."""

    def sizes(self, planned: int) -> Sequence[int]:
        """Return after how many of the planned instances to look, two or more."""

    def undecided(self, variant: str, values: Sequence[float], alphas: tuple[float, float], drop: float) -> bool:
        """Say whether it is certain, and cheap to tell, that bounds would not decide; then nobody need ask for them.

        `values` are all differences so far, in the analysis order, `alphas` the levels of passing and of failing.
        """

    def bounds(
        self, variant: str, differences: Differences, fraction: float, alphas: Sequence[float]
    ) -> list[Interval] | None:
        """Return one-sided bounds for each of `alphas` over all looks; None if nothing came in since the last.

        `differences` are in the analysis order, and `fraction` of what was planned is in.
        """


@dataclass(slots=True)
class PlannedLooks:
    """Ten looks; each spends some of alpha, little at first (O'Brien and Fleming's, as Lan and DeMets spend)."""

    _fractions: dict[str, list[float]] = field(default_factory=dict)

    def sizes(self, planned: int) -> Sequence[int]:
        return planned_looks(planned)

    def undecided(self, variant: str, values: Sequence[float], alphas: tuple[float, float], drop: float) -> bool:
        return False

    def bounds(
        self, variant: str, differences: Differences, fraction: float, alphas: Sequence[float]
    ) -> list[Interval] | None:
        done = self._fractions.setdefault(variant, [])
        if done and fraction <= done[-1]:
            return None
        done.append(fraction)
        return [bounds_at(differences, _boundary(alpha, tuple(done))) for alpha in alphas]


@dataclass(slots=True)
class AnyTime:
    """A look after each instance, at a bet that may be looked at any time.

    Bounds take all instances again, so they are left to the looks that may decide, and to whoever asks in the end.
    """

    _lines: dict[str, tuple[Line, Line]] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)

    def sizes(self, planned: int) -> Sequence[int]:
        return range(2, planned + 1)

    def undecided(self, variant: str, values: Sequence[float], alphas: tuple[float, float], drop: float) -> bool:
        if variant not in self._lines:
            self._lines[variant] = (Line(-drop, alphas[0]), Line(-drop, alphas[1]))
        to_pass, to_fail = self._lines[variant]
        for place in range(self._taken.get(variant, 0), len(values)):
            to_pass.take(values[place])
            to_fail.take(values[place])
        self._taken[variant] = len(values)
        return not (to_pass.low_may_be_above or to_fail.high_may_be_below)

    def bounds(
        self, variant: str, differences: Differences, fraction: float, alphas: Sequence[float]
    ) -> list[Interval] | None:
        found = {alpha: anytime_bounds(differences.values, alpha) for alpha in dict.fromkeys(alphas)}
        return [found[alpha] for alpha in alphas]


def rule_of(asked: Sequential) -> LookRule:
    """Return a new rule, which has not looked yet."""
    return AnyTime() if asked is Sequential.ANYTIME else PlannedLooks()


@functools.lru_cache(maxsize=64)
def _boundary(alpha: float, fractions: tuple[float, ...]) -> float:
    """Return the boundary of the last of these looks; variants mostly share them, and each takes milliseconds."""
    return boundaries(alpha, fractions)[-1]
