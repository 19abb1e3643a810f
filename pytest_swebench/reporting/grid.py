"""Instances against variants: who resolved what, for runs that are small enough to be read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.rates import NAME, short_names

_MOST_INSTANCES: Final = 20
_MOST_VARIANTS: Final = 8
_SHORTEST: Final = 8
_COUNTED: Final = frozenset({Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT})


def grid(records: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Return one line an instance and one column a variant, each place `resolved/attempted` over the repetitions.

    What broke is in no rate and stands beside it, as `1/2 +1 infra`. [] where there is nothing to compare, as with
    one cell an instance, where no cell can resolve anything, and where the run is too large for `width` columns.
    """
    cells: dict[str, dict[str, list[Outcome]]] = {}
    oracles = {str(record["variant"]) for record in records if record["oracle"]}
    for record in records:
        if "instance_id" in record:
            row = cells.setdefault(str(record["instance_id"]), {})
            row.setdefault(str(record["variant"]), []).append(Outcome(record["outcome"]))
    outcomes = [outcome for row in cells.values() for ended in row.values() for outcome in ended]
    variants = sorted({variant for row in cells.values() for variant in row})
    too_large = len(cells) > _MOST_INSTANCES or len(variants) > _MOST_VARIANTS
    if too_large or len(outcomes) == len(cells) or not _COUNTED & set(outcomes):
        return []
    for most in (width, NAME, _SHORTEST):
        names = short_names(variants, most)
        head = ["resolved of attempted", *(names[name] + "*" * (name in oracles) for name in variants)]
        rows = [
            [instance_id, *(_counts(row.get(variant, ())) for variant in variants)]
            for instance_id, row in sorted(cells.items())
        ]
        lines = _laid_out([head, *rows])
        if max(map(len, lines)) <= width:
            return lines
    return []


def _laid_out(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _counts(outcomes: Sequence[Outcome]) -> str:
    attempted = [outcome for outcome in outcomes if outcome in _COUNTED]
    parts = [f"{attempted.count(Outcome.RESOLVED)}/{len(attempted)}"] if attempted else []
    for kind in (Outcome.CAPTURED, Outcome.INFRA, Outcome.ERROR):
        if count := outcomes.count(kind):
            parts.append(f"+{count} {kind}" if parts else f"{count} {kind}")
    return " ".join(parts) or "-"
