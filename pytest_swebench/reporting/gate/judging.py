"""The gate over a whole run: what can be compared is judged, and what cannot has its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Final

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.comparison.across import check_sources, samples_across
from pytest_swebench.reporting.comparison.drift import changed_between, drift_between
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.comparison.runs import is_run
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.baselines import age_note, models_of
from pytest_swebench.reporting.gate.forecast import repetitions_may_decide
from pytest_swebench.reporting.gate.looks import Looked, LookTaken
from pytest_swebench.reporting.gate.pairing import pairing_of
from pytest_swebench.reporting.gate.report import Gated, GateReport
from pytest_swebench.statistics.data import Sample, Tally
from pytest_swebench.statistics.gate import Judged, Verdict, fatal_failures, judge, worst
from pytest_swebench.statistics.paired import pairs_of

_NAMED: Final = 5


def gate_run(
    asked: GateAsked,
    run: Path,
    baseline: Path,
    *,
    looked: Looked | None = None,
    budget_ended: bool = False,
    today: date | None = None,
) -> GateReport:
    """Judge the run in `run` against `baseline`. Raises InputError for what is no run of ours and holds no results.

    With `looked` the verdicts are those of the looks. What keeps the two from being compared is a verdict too.
    """
    try:
        source = read_source(run)
    except InputError as error:
        if not is_run(run):
            raise
        return not_comparable(asked, run, baseline, str(error))
    try:
        before = read_source(baseline)
        report = _judged(asked, source, before, looked, budget_ended=budget_ended)
        notes = [age_note(before, today or date.today()), *_other_models(report)]
    except InputError as error:
        return not_comparable(asked, run, baseline, str(error))
    return replace(report, cautions=(*report.cautions, *filter(None, notes)))


def not_comparable(asked: GateAsked, run: Path, baseline: Path, reason: str) -> GateReport:
    """Return the report of a gate that nothing could be compared for."""
    return GateReport(asked=asked, verdict=Verdict.NOT_COMPARABLE, run=run, baseline=baseline, reason=reason)


def drift_problem(drift: Sequence[str], changed: Sequence[str]) -> str:
    """Say why two sets of results were not made under the same conditions, "" if they were."""
    told = list(drift)
    if changed:
        some = ", ".join(changed[:_NAMED]) + (" ..." if len(changed) > _NAMED else "")
        told.append(f"{len(changed)} instances are not the same in both: {some}")
    if not told:
        return ""
    return f"made under other conditions: {'; '.join(told)}; run the baseline again, or judge with --allow-drift"


def _judged(asked: GateAsked, run: Source, before: Source, looked: Looked | None, *, budget_ended: bool) -> GateReport:
    check_sources([before, run])
    drift, changed = drift_between([before, run]), changed_between([before, run])
    problem = drift_problem(drift, changed)
    pairing = pairing_of(before.samples(), run.samples(), asked.against)
    gated = []
    all_before, all_now = _samples(before, run, changed)
    for name_before, name in pairing.pairs:
        one = _gated(
            asked,
            all_before[name_before],
            all_now[name],
            looked,
            whole=before.samples()[name_before] if looked else all_before[name_before],
            count=len(pairing.pairs),
            budget_ended=budget_ended,
        )
        gated.append(_refused(one, problem) if problem and not asked.allow_drift else one)
    cautions = [f"{source.name}: {note}" for source in (before, run) for note in source.notes]
    cautions += [f"differs: {one}" for one in drift] * asked.allow_drift
    cautions += [f"not gated, the baseline does not have it: {name}" for name in pairing.ungated]
    cautions += _on_samples(before, all_before, all_now, pairing.pairs)
    if asked.fatal_from is not None and not any(one.judged.stable for one in gated):
        cautions.append(
            "--fail-on-new-failures: nothing in the baseline is stable, which takes three repetitions or more that all "
            "resolve, so it could find nothing; run the baseline with --count 3"
        )
    vanished = before.instance_ids - run.instance_ids - run.digests.keys()
    if vanished:
        some = ", ".join(sorted(vanished)[:_NAMED]) + (" ..." if len(vanished) > _NAMED else "")
        cautions.append(
            f"{len(vanished)} of the baseline's {len(before.instance_ids)} instances are not in this run: {some}"
        )
    cost, left = _cost(run), looked.cells_left if looked else 0
    return GateReport(
        asked=asked,
        verdict=worst([one.judged for one in gated]),
        run=run.path,
        baseline=before.path,
        gated=tuple(gated),
        vanished=tuple(sorted(vanished)),
        cautions=tuple(cautions),
        digests={"run": run.content, "baseline": before.content},
        looked=looked,
        cost_usd=cost,
        saved_usd=cost * left / len(run.cells) if cost and left else None,
        repetitions_may_decide=_repetitions_may_decide(asked, gated, all_before, pairing.pairs),
    )


def _repetitions_may_decide(
    asked: GateAsked, gated: Sequence[Gated], before: Mapping[str, Sample], pairs: Sequence[tuple[str, str]]
) -> bool:
    """Say whether repetitions may decide every variant that is open; of the bet on each instance nobody knows."""
    is_open = [
        (before[name], one.judged.instances)
        for one, (name, _) in zip(gated, pairs, strict=True)
        if one.judged.verdict is Verdict.INCONCLUSIVE
    ]
    if not is_open or asked.sequential is Sequential.ANYTIME:
        return False
    return all(count > 1 and repetitions_may_decide(sample, count, asked) for sample, count in is_open)


def _samples(before: Source, run: Source, changed: Sequence[str]) -> tuple[dict[str, Sample], dict[str, Sample]]:
    """Return the samples of both on the instances they share; those of the baseline bear its name."""
    across = samples_across([before, run], changed)
    names = [(0, name) for name in before.samples()] + [(1, name) for name in run.samples()]
    found: tuple[dict[str, Sample], dict[str, Sample]] = ({}, {})
    for (place, name), sample in zip(names, across.values(), strict=True):
        found[place][name] = sample if place == 0 else replace(sample, variant=name)
    return found


def _gated(
    asked: GateAsked,
    before: Sample,
    now: Sample,
    looked: Looked | None,
    *,
    whole: Sample,
    count: int,
    budget_ended: bool,
) -> Gated:
    look = looked.taken.get(now.variant) if looked else None
    if looked is not None:
        ids = looked.instance_ids[: look.first] if look else looked.instance_ids
        before, now = before.only(ids), now.only(ids)
    judged = judge(
        before, now, max_drop=asked.max_drop, confidence=asked.confidence, gated=count, budget_ended=budget_ended
    )
    pairs = pairs_of(before, now)
    if not judged.reason and (reason := too_little(whole, len(pairs))):
        judged = _without_numbers(judged, reason)
    elif not judged.reason and looked is not None:
        judged = _at_look(judged, look, budget_ended=budget_ended)
    if asked.fatal_from is not None:
        judged = fatal_failures(judged, asked.fatal_from)
    if not pairs:
        return Gated(judged=judged, coverage=(before.coverage, now.coverage))
    changed = sorted(pairs, key=lambda pair: (-abs(pair.difference), pair.instance_id))
    return Gated(
        judged=judged,
        rates=(_mean(pair.baseline for pair in pairs), _mean(pair.variant for pair in pairs)),
        coverage=(before.coverage, now.coverage),
        lost=tuple(pair.instance_id for pair in changed if pair.difference < 0),
        won=tuple(pair.instance_id for pair in changed if pair.difference > 0),
        stopped_early=looked is not None and looked.stopped,
    )


def _at_look(judged: Judged, look: LookTaken | None, *, budget_ended: bool) -> Judged:
    """Return the verdict of the last look, with its bounds: those of all at once would be too narrow."""
    open_end = Verdict.BUDGET_ENDED if budget_ended else Verdict.INCONCLUSIVE
    if look is None:
        return replace(judged, verdict=open_end, bounds=None, fails_below=None, reason="no look could be taken at it")
    verdict = open_end if look.verdict is Verdict.INCONCLUSIVE else look.verdict
    return replace(judged, verdict=verdict, bounds=look.bounds, fails_below=look.fails_below)


def too_little(before: Sample, pairs: int) -> str:
    """Say why numbers could be made up but would mean nothing, "" where they mean something.

    `before` is the baseline on what both have, or where looks stopped the run on what both would have had.
    """
    if pairs < 2:
        return "one instance has an answer of both, and one tells nothing of others; give two or more"
    if not before.resolved:
        return f"{before.variant} resolves nothing, so there is nothing to drop from; give another baseline"
    return ""


def _refused(one: Gated, reason: str) -> Gated:
    return replace(one, judged=_without_numbers(one.judged, reason))


def _without_numbers(judged: Judged, reason: str) -> Judged:
    return Judged(
        variant=judged.variant, baseline=judged.baseline, verdict=Verdict.NOT_COMPARABLE, reason=judged.reason or reason
    )


def _other_models(report: GateReport) -> list[str]:
    """Say which variants ran on another model than the baseline's, as far as both tell."""
    before, now, told = models_of(report.baseline), models_of(report.run), []
    for one in report.gated:
        was, is_now = before.get(one.judged.baseline.rpartition("@")[0]), now.get(one.judged.variant)
        if was and is_now and was != is_now:
            told.append(f"{one.judged.variant} ran on {is_now}, and the baseline on {was}")
    return told


def _on_samples(
    source: Source, before: Mapping[str, Sample], now: Mapping[str, Sample], pairs: Sequence[tuple[str, str]]
) -> list[str]:
    """Say what of the samples bears on the verdict; `source` is what those of the baseline, `before`, are of."""
    told = []
    for name_before, name in pairs:
        sample = before[name_before]
        if sample.reps < 2 or name_before in source.imported:
            has, more = "has one repetition", "; run the baseline with --count 3"
            if name_before in source.given:
                has, more = "is one set of answers", ""
            elif sample.planned > sample.attempted + sample.lost:  # others are to come
                has, more = "has one repetition so far", ""
            told.append(f"{sample.variant} {has}, and its luck stays in every gate against it{more}")
        if now[name].attempted and not now[name].resolved:
            told.append(f"{name} resolves nothing at all")
    return list(dict.fromkeys(told))


def _mean(tallies: Iterable[Tally]) -> float:
    return fmean(tally.mean for tally in tallies)


def _cost(run: Source) -> float | None:
    costs = [one.cost_usd for one in run.cells]
    return None if None in costs else sum(filter(None, costs))
