"""What analysis reads: the cells of a run as outcomes, and each variant's table of instances.

An attempted cell ended as resolved, unresolved, no_patch or limit and is worth 1 or 0. One that ended as infra or
error is missing: it is never worth 0. So is a patch that nobody graded where others of its variant have verdicts; a
variant whose patches have none, and prompt scenarios, are no part of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome

COVERAGE_FLOOR: Final = 0.90
COVERAGE_GAP: Final = 0.05
GO_ON: Final = "; go on with --resume"
"""What mends a lack of coverage, at the end of the sentence that tells of it."""
_COUNTED: Final = frozenset({Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT})


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends, both as likely to lie on the wrong side of the truth unless said otherwise."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Say whether `value` lies outside."""
        return not self.low <= value <= self.high

    def as_json(self) -> list[float]:
        """Return both ends."""
        return [self.low, self.high]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One cell. What it took is None where nobody knows; `seconds` is all of its wall time."""

    instance_id: str
    variant: str
    rep: int
    outcome: Outcome
    cost_usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The cells of one instance under one variant.

    `lost` cells ended as infra or error. What the `attempted` ones took stands as sums, None where one is unknown.
    """

    attempted: int = 0
    resolved: int = 0
    graded: int = 0
    lost: int = 0
    cost_usd: float | None = 0.0
    tokens: float | None = 0.0
    seconds: float | None = 0.0

    @property
    def mean(self) -> float:
        """Share of the attempted cells that are resolved; there must be one."""
        return self.resolved / self.attempted

    def mean_of(self, amount: str) -> float | None:
        """Return what an attempted cell took on average: `amount` is `cost_usd`, `tokens` or `seconds`."""
        total: float | None = getattr(self, amount)
        return None if total is None else total / self.attempted


@dataclass(frozen=True, kw_only=True)  # without slots, for the cached properties
class Sample:
    """One variant's cells: a tally an instance, in the order of ids, and how many cells were asked for.

    `wasted_usd` is what lost cells cost. `amounts` holds what each attempted cell took, None where one is unknown.
    """

    variant: str
    tallies: Mapping[str, Tally]
    planned: int
    oracle: bool = False
    wasted_usd: float = 0.0
    amounts: Mapping[str, tuple[float, ...] | None] = field(default_factory=dict)

    @cached_property
    def answered(self) -> Mapping[str, Tally]:
        """The tallies of instances with an attempted cell."""
        return {name: tally for name, tally in self.tallies.items() if tally.attempted}

    @cached_property
    def means(self) -> Mapping[str, float]:
        """Of each such instance the share that is resolved."""
        return {name: tally.mean for name, tally in self.answered.items()}

    @cached_property
    def attempted(self) -> int:
        return sum(tally.attempted for tally in self.tallies.values())

    @property
    def resolved(self) -> int:
        return sum(tally.resolved for tally in self.tallies.values())

    @property
    def graded(self) -> int:
        return sum(tally.graded for tally in self.tallies.values())

    @property
    def lost(self) -> int:
        return sum(tally.lost for tally in self.tallies.values())

    @property
    def coverage(self) -> float:
        """Share of the planned cells that were attempted."""
        return self.attempted / self.planned if self.planned else 0.0

    @property
    def reps(self) -> int:
        """The most attempted cells that an instance has."""
        return max((tally.attempted for tally in self.tallies.values()), default=0)

    def only(self, instance_ids: Iterable[str]) -> Sample:
        """Return the sample of these instances alone; what they were planned to have is what they have."""
        kept = {name: self.tallies[name] for name in sorted(instance_ids) if name in self.tallies}
        planned = sum(tally.attempted + tally.lost for tally in kept.values())
        return Sample(variant=self.variant, tallies=kept, planned=planned, oracle=self.oracle)


def observation_of(record: Mapping[str, Any]) -> Observation | None:
    """Return what a stored line of a cell says, None for what is no part of the analysis."""
    outcome = Outcome(record["outcome"])
    if outcome is Outcome.CAPTURED or record.get("type", "result") != "result":
        return None
    tokens = record.get("tokens") or {}
    return Observation(
        instance_id=record["instance_id"],
        variant=record["variant"],
        rep=record["rep"],
        outcome=outcome,
        cost_usd=record.get("cost_usd"),
        tokens=sum(tokens.values()) if tokens else None,
        seconds=(record.get("wall_time_seconds") or {}).get("total"),
    )


def awaits_verdict(record: Mapping[str, Any]) -> bool:
    """Say whether a stored line holds a patch that nobody has graded: captured, and of no prompt scenario."""
    return Outcome(record["outcome"]) is Outcome.CAPTURED and record.get("type", "result") == "result"


@dataclass(frozen=True, slots=True)
class Judged:
    """The cells that rates and comparisons are made of, the cells planned by variant, and the variants left out."""

    observations: list[Observation]
    planned: dict[str, int]
    unjudged: frozenset[str]


def judged(
    observations: Iterable[Observation],
    planned: Mapping[str, int],
    *,
    patches: Collection[str],
    scenarios: Mapping[str, int],
) -> Judged:
    """Leave out the variants that no verdict stands for.

    `patches` names those with a patch that awaits its verdict: where no other has one, what the variant has besides,
    cells without a patch, would make a rate of failures alone. `scenarios` is variant -> its lines of prompt scenarios.
    """
    every = list(observations)
    waiting = frozenset(patches) - {one.variant for one in every if one.outcome.graded}
    kept = [one for one in every if one.variant not in waiting]
    unjudged = waiting | (scenarios.keys() - {one.variant for one in kept})
    asked = {name: number - scenarios.get(name, 0) for name, number in planned.items() if name not in unjudged}
    return Judged(kept, asked, unjudged)


def tabulate(
    observations: Iterable[Observation],
    planned: Mapping[str, int] | None = None,
    *,
    oracles: Iterable[str] = (),
) -> dict[str, Sample]:
    """Return variant -> sample, in the order of names; `planned` says how many cells each was asked for.

    Variants that were planned and have no cell are there, empty. Raises InputError for a cell that comes twice.
    """
    asked, marked = dict(planned or {}), frozenset(oracles)
    groups: dict[str, dict[str, dict[int, Observation]]] = {variant: {} for variant in asked}
    for one in observations:
        cells = groups.setdefault(one.variant, {}).setdefault(one.instance_id, {})
        if one.rep in cells:
            raise InputError(
                f"the cell {one.instance_id}/{one.variant}/r{one.rep} comes twice; give one record a cell, as "
                "`swebench-runner merge` writes them into results.jsonl"
            )
        cells[one.rep] = one
    return {
        variant: _sample(variant, groups[variant], asked.get(variant, 0), oracle=variant in marked)
        for variant in sorted(groups)
    }


class Covered(Protocol):
    """What says how much of it is there, such as a `Sample`."""

    @property
    def variant(self) -> str: ...

    @property
    def attempted(self) -> int: ...

    @property
    def planned(self) -> int: ...

    @property
    def coverage(self) -> float: ...


def coverage_problem(a: Covered, b: Covered, *, floor: float = COVERAGE_FLOOR, gap: float = COVERAGE_GAP) -> str:
    """Return why so much is missing that two variants cannot be compared, "" if it is not."""
    for one in (a, b):
        if one.coverage < floor:
            return (
                f"{one.variant}: {one.attempted} of {one.planned} cells have an answer ({one.coverage:.1%}), and "
                f"{floor:.0%} are needed{GO_ON}"
            )
    if round(abs(a.coverage - b.coverage), 9) > gap:
        return (
            f"{a.variant} has an answer in {a.coverage:.1%} of its cells and {b.variant} in {b.coverage:.1%}: more "
            f"than {100 * gap:.0f} points apart, so that what is missing may be the difference{GO_ON}"
        )
    return ""


def _sample(variant: str, cells: Mapping[str, Mapping[int, Observation]], planned: int, *, oracle: bool) -> Sample:
    every = [one for of_instance in cells.values() for one in of_instance.values()]
    counted = [one for one in every if one.outcome in _COUNTED]
    wasted = math.fsum(one.cost_usd or 0.0 for one in every if one.outcome not in _COUNTED)
    return Sample(
        variant=variant,
        tallies={name: _tally(list(cells[name].values())) for name in sorted(cells)},
        planned=max(planned, len(every)),
        oracle=oracle,
        wasted_usd=wasted,
        amounts={amount: _known(counted, amount) for amount in ("cost_usd", "tokens", "seconds")},
    )


def _tally(cells: list[Observation]) -> Tally:
    counted = [one for one in cells if one.outcome in _COUNTED]
    return Tally(
        attempted=len(counted),
        resolved=sum(one.outcome is Outcome.RESOLVED for one in counted),
        graded=sum(one.outcome.graded for one in counted),
        lost=len(cells) - len(counted),
        cost_usd=_total(_known(counted, "cost_usd")),
        tokens=_total(_known(counted, "tokens")),
        seconds=_total(_known(counted, "seconds")),
    )


def _known(cells: list[Observation], amount: str) -> tuple[float, ...] | None:
    """Return the amounts in rising order, so that no order of records shows; None if one is unknown."""
    values = [getattr(one, amount) for one in cells]
    return None if None in values else tuple(sorted(values))


def _total(values: tuple[float, ...] | None) -> float | None:
    return None if values is None else math.fsum(values)
