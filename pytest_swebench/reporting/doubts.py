"""What stands beside the verdicts: cells that are in doubt, and the rates without instances that judge nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.summary import integrity_of, summarise
from pytest_swebench.reporting.tree import count

_DOUBT: Final = {
    IntegrityState.TAMPERED: "the verdict was forged, or the negative control proves that it could have been",
    IntegrityState.SUSPECT: "something in the patch or the log asks for a look",
    IntegrityState.NOT_CONTROLLED: "resolved, and no control says whether by honest means",
}
_EXAMPLES: Final = 5


def doubted_cells(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return what stands beside the verdicts: flagged cells, and resolved ones that nothing controlled."""
    from rich.markup import escape

    lines = []
    for state, meaning in _DOUBT.items():
        cells = [record for record in records if integrity_of(record) == state and _shown(record, state)]
        if not cells:
            continue
        lines.append(f"[bold]{state}[/bold] {len(cells)}: {meaning}")
        for record in cells[:_EXAMPLES]:
            reason = "; ".join(record["integrity"]["reasons"]) or "no reason given"
            lines.append(escape(f"    {cell_of(record)}: {reason}"))
        if len(cells) > _EXAMPLES:
            lines.append(f"    ... and {len(cells) - _EXAMPLES} more")
    return lines


def without_quarantined(records: Sequence[dict[str, Any]], quarantined: Mapping[str, str]) -> list[str]:
    """Return the rates without the instances that were found unfit to judge a patch, and why they were."""
    from rich.markup import escape

    if not quarantined:
        return []
    kept = [record for record in records if record.get("instance_id") not in quarantined]
    lines = [f"[bold]without {count(len(quarantined), 'quarantined instance')}[/bold] (validate-env tells more):"]
    for one in summarise(kept, {}):
        rates = f"{_percent(one.rate_of_attempted)} % of attempted, {_percent(one.rate_of_graded)} % of graded"
        lines.append(f"    {one.variant}: {one.count(Outcome.RESOLVED)} of {one.attempted} resolved, {rates}")
    shown = list(quarantined.items())[:_EXAMPLES]
    lines += [escape(f"    left out: {instance_id}: {reason}") for instance_id, reason in shown]
    if more := len(quarantined) - len(shown):
        lines.append(f"    ... and {more} more")
    return lines


def _shown(record: Mapping[str, Any], state: IntegrityState) -> bool:
    return bool(record["resolved"]) or state is not IntegrityState.NOT_CONTROLLED


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"
