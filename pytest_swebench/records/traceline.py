"""The line of an event in a trace, both ways: what `tracewriter` writes and `tracereader` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.records.trace import Escalation, EventType, GuardVerdict, TraceEvent

SUMMARY_LENGTH: Final = 500  # characters; atomicguard's bound


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEvent:
    """An event as it was written: `created_at` is ISO 8601 in UTC, `workflow_id` names workflow and attempt."""

    event: TraceEvent
    event_id: str
    workflow_id: str
    created_at: str


def event_as_json(traced: TracedEvent) -> dict[str, Any]:
    """Return the line of an event."""
    event = traced.event
    line: dict[str, Any] = {
        "event_id": traced.event_id,
        "event_type": str(event.type),
        "action_pair_id": event.step,
        "workflow_id": traced.workflow_id,
        "guard_name": event.guard or None,
        "verdict": None if event.verdict is None else str(event.verdict),
        "attempt": event.attempt,
        "e_count": event.e_count,
        "summary": event.summary,
        "created_at": traced.created_at,
    }
    if event.agent:
        line["agent_id"] = event.agent
    if event.escalation is not None:
        line["escalation"] = _escalation_as_json(event.escalation)
    return line


def event_from_json(line: dict[str, Any]) -> TracedEvent:
    """Return what a line says. Raises KeyError, TypeError or ValueError for a line of another shape."""
    escalation = line.get("escalation")
    event = TraceEvent(
        type=EventType(line["event_type"]),
        step=line["action_pair_id"],
        guard=line["guard_name"] or "",
        verdict=None if line["verdict"] is None else GuardVerdict(line["verdict"]),
        attempt=line["attempt"],
        e_count=line["e_count"],
        summary=line["summary"],
        agent=line.get("agent_id", ""),
        escalation=None if escalation is None else _escalation(escalation),
    )
    return TracedEvent(
        event=event, event_id=line["event_id"], workflow_id=line["workflow_id"], created_at=line["created_at"]
    )


def shortened(text: str, length: int) -> str:
    """Return `text`, its end left out where it has more than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _escalation_as_json(escalation: Escalation) -> dict[str, Any]:
    return {
        "targets": list(escalation.targets),
        "invalidated": list(escalation.invalidated),
        "e_count": escalation.e_count,
        "e_max": escalation.e_max,
        "failure_summary": escalation.failure_summary,
        "trigger": escalation.trigger,
        "stagnant_guard": escalation.stagnant_guard,
    }


def _escalation(data: dict[str, Any]) -> Escalation:
    return Escalation(
        targets=tuple(data["targets"]),
        invalidated=tuple(data["invalidated"]),
        e_count=data["e_count"],
        e_max=data["e_max"],
        failure_summary=data["failure_summary"],
        trigger=data["trigger"],
        stagnant_guard=data["stagnant_guard"],
    )
