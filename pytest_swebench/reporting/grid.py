"""Instances against variants: who resolved what, for runs that are small enough to be read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.outcome import Outcome

if TYPE_CHECKING:
    from rich.table import Table

_MOST_INSTANCES: Final = 20
_MOST_VARIANTS: Final = 8
_COUNTED: Final = frozenset({Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT})


def grid(records: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return one row an instance and one column a variant, each place `resolved/attempted` over the repetitions.

    What broke is in no rate and stands beside it, as `1/2 +1 infra`. None where there is nothing to compare, as with
    one cell an instance, where no cell can resolve anything, and where the run is too large.
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
        return None
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("resolved of attempted", no_wrap=True)
    for variant in variants:
        table.add_column(escape(variant) + "*" * (variant in oracles), justify="right", no_wrap=True)
    for instance_id, row in sorted(cells.items()):
        table.add_row(escape(instance_id), *(_counts(row.get(variant, ())) for variant in variants))
    return table


def _counts(outcomes: Sequence[Outcome]) -> str:
    attempted = [outcome for outcome in outcomes if outcome in _COUNTED]
    parts = [f"{attempted.count(Outcome.RESOLVED)}/{len(attempted)}"] if attempted else []
    for kind in (Outcome.CAPTURED, Outcome.INFRA, Outcome.ERROR):
        if count := outcomes.count(kind):
            parts.append(f"+{count} {kind}" if parts else f"{count} {kind}")
    return " ".join(parts) or "-"
