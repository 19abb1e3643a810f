"""What a reader must know before the numbers are believed: sentences on odd runs, and what asks for a second look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.summary import VariantSummary, integrity_of
from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.unjudged import captured, grading_of, ungraded
from pytest_swebench.statistics.analysis import Analysis
from pytest_swebench.statistics.rate import Rate

_NAMED: Final = 3
_DOUBTED: Final = (IntegrityState.TAMPERED, IntegrityState.SUSPECT, IntegrityState.NOT_CONTROLLED)


def sentences(
    summaries: Sequence[VariantSummary], analysis: Analysis, names: Mapping[str, str], run: str = "RUN"
) -> list[str]:
    """Say what cannot be said of a run: without verdicts, where nothing is answered or resolved, of one instance."""
    rates = [one.rate for one in analysis.variants if one.rate.attempted]
    without = _without_verdicts(summaries, analysis, names, run)
    if without and not rates:
        return without
    if not rates:
        broken = sum(one.broken for one in summaries)
        why = f"{broken} broken" if broken else "none has run"
        return [f"no cell has an answer that counts ({why}): no rate, nothing to compare"]
    if all(rate.instances == 1 for rate in rates):
        return [*without, "one instance: its rate says nothing of others; no interval, no comparison"]
    lines = without + _nothing_resolved(
        [rate for rate in rates if not rate.resolved and rate.variant not in analysis.apart], names
    )
    if len(analysis.held) == 1 and not analysis.comparisons and not without:
        lines.append("one variant: nothing to compare it with; swebench-runner compare takes two runs")
    return lines


def points_to_look_at(
    records: Sequence[Mapping[str, Any]],
    summaries: Sequence[VariantSummary],
    quarantined: Collection[str],
    analysis: Analysis,
    run: str = "RUN",
) -> list[str]:
    """Return what asks for attention, each with what shows more or mends it."""
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
    waiting = sum(one.waiting for one in summaries)
    if waiting:
        points.append(f"{count(waiting, 'patch', 'patches')} not graded yet; {grading_of(run)}")
    left_out = sum(one.left_by_gate for one in summaries)
    missing = selected - left_out - waiting - sum(one.done for one in summaries)
    not_run = sum(one.not_run for one in summaries)
    cells = count(selected, "cell")
    if missing > not_run:
        points.append(f"{missing - not_run} of {cells} lack an answer; swebench-runner analyze-errors {run}")
    if not_run > 0:
        points.append(f"{not_run} of {cells} not run; the same command with --resume={run} runs them")
    if analysis.many_pairs:
        tested = f"{len(analysis.comparisons)} pairs are tested, {len(analysis.held) - 1} if one is the baseline"
        points.append(f"{tested}; swebench-runner compare {run} --baseline-variant=NAME")
    if analysis.only_once:
        points.append(analysis.one_repetition(left_out))
    return points


def _without_verdicts(
    summaries: Sequence[VariantSummary], analysis: Analysis, names: Mapping[str, str], run: str
) -> list[str]:
    found = [one for one in summaries if one.variant in analysis.unjudged]
    told = []
    for sentence, of_kind in (
        (ungraded, {one.variant: one.ungraded for one in found if one.unjudged}),
        (captured, {one.variant: one.count(Outcome.CAPTURED) for one in found if not one.unjudged}),
    ):
        who = [names[variant] for variant in of_kind] if len(of_kind) < len(summaries) else []
        if total := sum(of_kind.values()):
            told.append(sentence(total, run, who))
    return told


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
