"""Reads traces: the events of a workflow, and the steps back of all cells of a run."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_swebench.cell import Cell
from pytest_swebench.records.journal import unseal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import Escalation, EventType
from pytest_swebench.records.traceline import TracedEvent, event_from_json

_LATER: Final = re.compile(r"(?P<workflow>.+)@attempt(?P<attempt>\d+)")


@dataclass(frozen=True, slots=True)
class WorkflowTrace:
    """The events of one workflow in one attempt at a cell, in order."""

    workflow: str
    attempt: int
    events: tuple[TracedEvent, ...]


@dataclass(frozen=True, slots=True)
class EscalationInfo:
    """One step back: in which cell, at which step it was stuck, and where it led."""

    cell: Cell
    workflow_id: str
    step: str
    created_at: str
    escalation: Escalation


def read_trace(path: Path) -> list[TracedEvent]:
    """Return the events of a file, in order; a torn or damaged line is left out, and no file has none."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        entry = unseal(line)
        if entry is not None:
            with suppress(KeyError, TypeError, ValueError):  # of another version
                events.append(event_from_json(entry))
    return events


def read_traces(layout: RunLayout, cell: Cell) -> list[WorkflowTrace]:
    """Return the traces of a cell by attempt, those of one attempt in the order in which they began."""
    traces = []
    for path in layout.trace_folder(cell).glob("*.jsonl"):
        later = _LATER.fullmatch(path.stem)
        workflow, attempt = (later["workflow"], int(later["attempt"])) if later else (path.stem, 1)
        traces.append(WorkflowTrace(workflow, attempt, tuple(read_trace(path))))
    return sorted(traces, key=lambda trace: (trace.attempt, [event.created_at for event in trace.events[:1]]))


def load_trace_escalations(run_folder: Path) -> list[EscalationInfo]:
    """Return every step back that the traces of a run tell of, by cell and in order."""
    layout = RunLayout(run_folder.parent, run_folder.name, "")
    found = []
    for path in sorted(layout.traces.glob("*/*/rep*/*.jsonl")):
        cell = Cell(path.parts[-4], path.parts[-3], int(path.parts[-2].removeprefix("rep")))
        for traced in read_trace(path):
            event = traced.event
            if event.type is EventType.ESCALATE and event.escalation is not None:
                found.append(EscalationInfo(cell, traced.workflow_id, event.step, traced.created_at, event.escalation))
    return found
