"""A run's failures put together: overview, guards, retries of every failed cell, ways back, kinds with evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from pytest_swebench.cell import parse_cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.dag import read_dag
from pytest_swebench.records.decision import left_by_variant
from pytest_swebench.records.flakes import GOLD, NULL
from pytest_swebench.records.layout import LOG_FILE, RunLayout
from pytest_swebench.records.schema import cell_of, sent_by
from pytest_swebench.records.trace import EventType, GuardVerdict
from pytest_swebench.records.tracereader import EscalationInfo, load_trace_escalations, read_traces
from pytest_swebench.reporting.errors.cells import Escalations, FailedCell, Retry
from pytest_swebench.reporting.errors.evidence import in_one_line, of_log
from pytest_swebench.reporting.errors.taxonomy import Failure, Family, failure_of
from pytest_swebench.reporting.html.contents import tail
from pytest_swebench.reporting.reading import RunView, slim

FORMAT_VERSION: Final = 1
EXAMPLES: Final = 5  # cells of a kind that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnalysis:
    """All of it; `traced` is False where nobody looked at traces, and then retries and ways back are unknown."""

    run_id: str
    overview: Mapping[str, Any]
    failed: Sequence[FailedCell]
    escalations: Escalations
    traced: bool
    guards: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[tuple[Family, str], list[FailedCell]]:
        """The failed cells by family and kind, families in their order, the commonest kinds first.

        Those of gold and null, which others are held against, come last.
        """
        groups: dict[tuple[Family, str], list[FailedCell]] = {}
        for one in sorted(self.failed, key=lambda one: one.arm in {GOLD, NULL}):
            groups.setdefault((one.failure.family, one.failure.kind), []).append(one)
        order = list(Family)
        return dict(sorted(groups.items(), key=lambda item: (order.index(item[0][0]), -len(item[1]), item[0][1])))

    def as_json(self) -> dict[str, Any]:
        """Return everything; `errors` has the fields that earlier analyses had."""
        return {
            "format_version": FORMAT_VERSION,
            "run_id": self.run_id,
            "overview": dict(self.overview),
            "message": "" if self.failed else nothing(self),
            "failures_by_guard": {variant: dict(guards) for variant, guards in self.guards.items()},
            "taxonomy": [
                {
                    "family": str(family),
                    "kind": kind,
                    "cells": len(cells),
                    "examples": [_example(one) for one in cells[:EXAMPLES]],
                }
                for (family, kind), cells in self.kinds.items()
            ],
            "escalations": self.escalations.as_json() if self.traced else None,
            "errors": [one.as_json() for one in self.failed],
        }


def nothing(analysis: ErrorAnalysis) -> str:
    """Say that nothing failed, and how much there was to fail."""
    cells = analysis.overview["cells"]
    if not cells:
        return "No cell of this run has a record yet, so there is nothing to analyse."
    return f"No failures: all {cells} recorded cells are resolved or captured."


def analyse_errors(view: RunView, *, traces: bool = True) -> ErrorAnalysis:
    """Return what went wrong in a run; without `traces` only its records are read."""
    failed: list[FailedCell] = []
    lines: list[dict[str, Any]] = []
    for record in view.records():
        lines.append(slim(record))
        failure = failure_of(record)
        if failure is None:
            continue
        failed.append(_failed(view.layout, record, failure, traces=traces))
    guards: dict[str, Counter[str]] = {}
    for one in failed:
        if one.failed_guard:
            guards.setdefault(one.variant, Counter())[one.failed_guard] += 1
    found = ErrorAnalysis(
        run_id=view.layout.run_id,
        overview=_overview(view, lines, len(failed)),
        failed=failed,
        escalations=_escalations(load_trace_escalations(view.layout.folder) if traces else ()),
        traced=traces,
        guards={variant: dict(sorted(counts.items())) for variant, counts in sorted(guards.items())},
    )
    return _with_logs(found, view.layout)


def _with_logs(analysis: ErrorAnalysis, layout: RunLayout) -> ErrorAnalysis:
    """Add what the logs of graded examples say; of all cells they would be too much to read."""
    shown = {
        one.cell
        for (family, _), cells in analysis.kinds.items()
        if family is Family.GRADING
        for one in cells[:EXAMPLES]
    }
    failed = [
        replace(one, log=tuple(of_log(tail(_folder(layout, one) / LOG_FILE)))) if one.cell in shown else one
        for one in analysis.failed
    ]
    return replace(analysis, failed=failed)


def _folder(layout: RunLayout, one: FailedCell) -> Path:
    cell = parse_cell(one.cell)
    assert cell is not None
    return layout.cell_folder(cell)


def _failed(layout: RunLayout, record: Mapping[str, Any], failure: Failure, *, traces: bool) -> FailedCell:
    cell = cell_of(record)
    return FailedCell(
        cell=str(cell),
        instance_id=cell.instance_id,
        variant=cell.variant,
        arm=record["arm"],
        outcome=record["outcome"],
        failed_step=record["failed_step"] or "",
        failed_guard=record["failed_guard"] or "",
        retry_count=record["retry_count"],
        failure=failure,
        retries=tuple(_retries(layout, record)) if traces else (),
    )


def _retries(layout: RunLayout, record: Mapping[str, Any]) -> list[Retry]:
    """Return the answers that guards rejected in the cell's last attempt, in order.

    What a guard said stands whole with the artifact; the trace has its beginning.
    """
    cell = cell_of(record)
    own = [trace for trace in read_traces(layout, cell) if trace.attempt == record["attempt"]]
    rejected = [
        told
        for trace in own
        for told in trace.events
        if told.event.type is EventType.GUARD and told.event.verdict in {GuardVerdict.FAIL, GuardVerdict.FATAL}
    ]
    if not rejected:
        return []
    feedback = {
        (stored.workflow_id, stored.artifact.step, stored.artifact.attempt, report.guard): report.feedback
        for stored in read_dag(layout.dag(cell)).artifacts
        if stored.artifact.report is not None
        for report in (stored.artifact.report, *stored.artifact.report.sub_results)
    }
    retries = []
    for told in rejected:
        event = told.event
        said = feedback.get((told.workflow_id, event.step, event.attempt, event.guard)) or event.summary
        retries.append(
            Retry(
                attempt=event.attempt,
                step=event.step,
                guard=event.guard,
                error=in_one_line(event.guard, said),
                final=told is rejected[-1] and event.step == record["failed_step"],
            )
        )
    return retries


def _escalations(found: Iterable[EscalationInfo]) -> Escalations:
    each = tuple(found)
    steps = [info.escalation for info in each]
    return Escalations(
        len(steps),
        _ranked(Counter(step.stagnant_guard for step in steps if step.stagnant_guard)),
        _ranked(Counter(step.trigger for step in steps)),
        _ranked(Counter(name for step in steps for name in step.invalidated)),
        each,
    )


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _overview(view: RunView, lines: Sequence[Mapping[str, Any]], failed: int) -> dict[str, Any]:
    def mean(name: str) -> float | None:
        values = [line["wall_time_seconds"][name] for line in lines if name in line["wall_time_seconds"]]
        return round(fmean(values), 3) if values else None

    counted = [found for line in lines if (found := sent_by(line)) is not None]
    return {
        "models": sorted({str(line["model"]) for line in lines if line["model"]}),
        "arms": sorted({str(line["arm"]) for line in lines}),
        "variants": sorted({str(line["variant"]) for line in lines}),
        "instances": len(view.instance_ids),
        "selected": sum(view.selected.values()),
        "left_by_gate": left_by_variant(view.layout, lines).total(),
        "cells": len(lines),
        "damaged": view.damaged,
        "successful": len(lines) - failed,
        "failed": failed,
        "outcomes": {
            str(outcome): number for outcome in Outcome if (number := sum(line["outcome"] == outcome for line in lines))
        },
        "tokens": sum(sum(line["tokens"].values()) for line in lines),
        "retries": sum(line["retry_count"] for line in lines),
        "provider_retries": sum(line["provider_retries"] for line in lines),
        "requests": sum(sent for sent, _ in counted) if counted else None,
        "rate_limited": sum(limited for _, limited in counted) if counted else None,
        "mean_wall_seconds": mean("total"),
        "mean_solve_seconds": mean("solve"),
        "mean_grade_seconds": mean("grade"),
    }


def _example(one: FailedCell) -> dict[str, Any]:
    return {"cell": one.cell, "evidence": one.failure.evidence, "log": list(one.log)}
