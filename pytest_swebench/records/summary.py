"""Rates of a run with honest denominators.

*Attempted* cells ended with an answer that counts (resolved, unresolved, no patch, limit); *graded* ones have a
verdict. `infra` and `error` are in neither: they are missing, and coverage says how much is. So are patches that nobody
graded where others of their variant have verdicts; a variant whose patches have none has no rate at all.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.statistics.data import awaits_verdict

_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)")
_COUNTED: Final = (Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSummary:
    """One variant's counts over all instances and repetitions.

    `ungraded` of its captured cells hold a patch, the others what was said to a prompt. `integrity` counts the states
    of its resolved cells; `cost_usd` is None where a price is unknown. `left_by_gate` cells were not run, since the
    gate was decided without them.
    """

    variant: str
    oracle: bool
    selected: int
    outcomes: dict[str, int]
    ungraded: int
    integrity: dict[str, int]
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    seconds: float
    left_by_gate: int = 0

    def count(self, outcome: Outcome) -> int:
        return self.outcomes.get(str(outcome), 0)

    @property
    def doubted(self) -> int:
        """How many resolved cells are not clean."""
        return self.count(Outcome.RESOLVED) - self.integrity.get(str(IntegrityState.CLEAN), 0)

    @property
    def recorded(self) -> int:
        return sum(self.outcomes.values())

    @property
    def not_run(self) -> int:
        """How many cells are missing without a record; those that a decided gate left out are not missed."""
        return self.selected - self.recorded - self.left_by_gate

    @property
    def attempted(self) -> int:
        return sum(self.count(outcome) for outcome in _COUNTED)

    @property
    def graded(self) -> int:
        return self.count(Outcome.RESOLVED) + self.count(Outcome.UNRESOLVED)

    @property
    def broken(self) -> int:
        return self.count(Outcome.INFRA) + self.count(Outcome.ERROR)

    @property
    def unjudged(self) -> bool:
        """Whether it has no rate: patches are there, and nobody has graded one of them."""
        return self.ungraded > 0 and not self.graded

    @property
    def waiting(self) -> int:
        """How many patches lack the verdict that others of this variant have."""
        return 0 if self.unjudged else self.ungraded

    @property
    def done(self) -> int:
        """How many cells ended with something that counts; captured ones do, unless they are waiting."""
        return self.attempted + self.count(Outcome.CAPTURED) - self.waiting

    @property
    def rate_of_attempted(self) -> float | None:
        return self.count(Outcome.RESOLVED) / self.attempted if self.attempted and not self.unjudged else None

    @property
    def rate_of_graded(self) -> float | None:
        return self.count(Outcome.RESOLVED) / self.graded if self.graded else None

    @property
    def coverage(self) -> float | None:
        """Share of the selected cells that ended with something that counts."""
        return self.done / self.selected if self.selected else None

    def as_json(self) -> dict[str, Any]:
        """Return the counts as `summary.json` has them, rates spelt out."""
        return {
            "variant": self.variant,
            "oracle": self.oracle,
            "selected": self.selected,
            "attempted": self.attempted,
            "graded": self.graded,
            **{str(outcome): self.count(outcome) for outcome in Outcome},
            **{f"resolved_{state}": self.integrity.get(str(state), 0) for state in IntegrityState},
            "resolved_of_attempted": self.rate_of_attempted,
            "resolved_of_graded": self.rate_of_graded,
            "coverage": self.coverage,
            "left_by_gate": self.left_by_gate,
            "cost_usd": self.cost_usd,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "mean_seconds": self.seconds / self.recorded if self.recorded else None,
        }


def summarise(
    records: Iterable[Mapping[str, Any]],
    selected: Mapping[str, int],
    left_by_gate: Mapping[str, int] = MappingProxyType({}),
) -> list[VariantSummary]:
    """Return one summary a variant, sorted by name and the numbers in it. `records` holds one line a cell.

    `selected` and `left_by_gate` count cells by variant.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {variant: [] for variant in selected}
    for record in records:
        groups.setdefault(str(record["variant"]), []).append(record)
    return [
        _summary(variant, group, selected, left_by_gate.get(variant, 0))
        for variant, group in sorted(groups.items(), key=_by_numbers)
    ]


def _by_numbers(group: tuple[str, Any]) -> tuple[list[str | float], str]:
    """Return what puts `turns5` before `turns10`: text and numbers of a variant's name in turn, then the name."""
    parts = _NUMBER.split(group[0])
    return [float(part) if place % 2 else part for place, part in enumerate(parts)], group[0]


def integrity_of(record: Mapping[str, Any]) -> str:
    """Return the integrity state of a record, "" where nothing was graded."""
    return str(record["integrity"]["state"]) if record["integrity"] else ""


def _summary(
    variant: str, records: list[Mapping[str, Any]], selected: Mapping[str, int], left_by_gate: int
) -> VariantSummary:
    costs = [record["cost_usd"] for record in records]
    tokens = [record["tokens"] for record in records]
    return VariantSummary(
        variant=variant,
        oracle=any(record["oracle"] for record in records),
        selected=max(selected.get(variant, 0), len(records)),
        outcomes=dict(Counter(str(record["outcome"]) for record in records)),
        ungraded=sum(awaits_verdict(record) for record in records),
        integrity=dict(Counter(integrity_of(record) for record in records if record["resolved"])),
        cost_usd=None if None in costs else sum(costs),
        input_tokens=sum(used["input"] + used["cache_read"] + used["cache_write"] for used in tokens),
        output_tokens=sum(used["output"] for used in tokens),
        seconds=math.fsum(record["wall_time_seconds"].get("total", 0.0) for record in records),
        left_by_gate=left_by_gate,
    )
