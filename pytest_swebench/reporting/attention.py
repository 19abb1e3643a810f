"""What a reader must know before the numbers are believed: sentences on odd runs, and what asks for a second look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.summary import VariantSummary, integrity_of
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.analysis import Analysis
from pytest_swebench.statistics.rate import Rate

_NAMED: Final = 3
_DOUBTED: Final = (IntegrityState.TAMPERED, IntegrityState.SUSPECT, IntegrityState.NOT_CONTROLLED)


def sentences(summaries: Sequence[VariantSummary], analysis: Analysis, names: Mapping[str, str]) -> list[str]:
    """Say what cannot be said of a run: where nothing is answered or resolved, of one instance, of one variant."""
    rates = [one.rate for one in analysis.variants if one.rate.attempted]
    if not rates:
        if any(one.count(Outcome.CAPTURED) for one in summaries):
            return []
        broken = sum(one.broken for one in summaries)
        why = f"{broken} broken" if broken else "none has run"
        return [f"no cell has an answer that counts ({why}): no rate, nothing to compare"]
    if all(rate.instances == 1 for rate in rates):
        return ["one instance: its rate says nothing of others; no interval, no comparison"]
    lines = _nothing_resolved(
        [rate for rate in rates if not rate.resolved and rate.variant not in analysis.apart], names
    )
    if len(analysis.held) == 1 and not analysis.comparisons:
        lines.append("one variant: nothing to compare it with; swebench-runner compare takes two runs")
    return lines


def points_to_look_at(
    records: Sequence[Mapping[str, Any]],
    summaries: Sequence[VariantSummary],
    quarantined: Collection[str],
    analysis: Analysis,
    run: str = "RUN",
    *,
    left_out: int = 0,
) -> list[str]:
    """Return what asks for attention, each with what shows more or mends it.

    `left_out` is how many cells nobody misses, since the gate was decided without them.
    """
    points = []
    states = Counter(
        integrity_of(one)
        for one in records
        if one["resolved"] or integrity_of(one) not in {"", str(IntegrityState.NOT_CONTROLLED)}
    )
    if doubted := [f"{states[state]} {state}" for state in _DOUBTED if states[state]]:
        points.append(f"integrity: {', '.join(doubted)}; swebench-runner trace CELL")
    if quarantined:
        points.append(f"{count(len(quarantined), 'instance')} in quarantine; swebench-runner validate-env")
    selected = sum(one.selected for one in summaries)
    missing = selected - left_out - sum(one.attempted + one.count(Outcome.CAPTURED) for one in summaries)
    if missing:
        cells = count(selected, "cell")
        points.append(f"{missing} of {cells} lack an answer; swebench-runner analyze-errors {run}")
    if analysis.many_pairs:
        tested = f"{len(analysis.comparisons)} pairs are tested, {len(analysis.held) - 1} if one is the baseline"
        points.append(f"{tested}; swebench-runner compare {run} --baseline-variant=NAME")
    if analysis.only_once:
        points.append(analysis.one_repetition(left_out))
    return points


def _nothing_resolved(rates: Sequence[Rate], names: Mapping[str, str]) -> list[str]:
    if not rates:
        return []
    who = ", ".join(names[rate.variant] for rate in rates[:_NAMED])
    if len(rates) > 1:
        more = f" and {len(rates) - _NAMED} more" if len(rates) > _NAMED else ""
        return [f"{who}{more} resolved nothing; no cost per resolved"]
    resolved = f"{who} resolved none of {count(rates[0].attempted, 'attempted cell')}"
    if rates[0].interval is None:
        return [f"{resolved}; no cost per resolved"]
    return [f"{resolved}; its rate may be up to {100 * rates[0].interval.high:.1f}%, no cost per resolved"]
