"""What happens while a cell is solved, step by step: events, and the artifacts that steps leave.

One definition for writer and reader. Shapes and names follow atomicguard's traces and artifact DAGs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class EventType(StrEnum):
    """What a trace tells."""

    STEP_START = "STEP_START"
    ATTEMPT = "ATTEMPT"  # one answer of the model, before any guard
    GUARD = "GUARD"  # one guard's verdict on it
    STEP_PASS = "STEP_PASS"
    STEP_FAIL = "STEP_FAIL"
    STAGNATION = "STAGNATION"
    ESCALATE = "ESCALATE"
    CASCADE_INVALIDATE = "CASCADE_INVALIDATE"
    NOTE = "NOTE"  # whatever else a person should see: a limit, a decision of a team


class GuardVerdict(StrEnum):
    """What a guard says."""

    PASS = "PASS"
    FAIL = "FAIL"
    FATAL = "FATAL"


class Status(StrEnum):
    """What became of an artifact."""

    PENDING = "pending"
    REJECTED = "rejected"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"  # accepted, then invalidated by backtracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A step back: the steps gone back to, all that was invalidated with them, and why."""

    targets: tuple[str, ...]
    invalidated: tuple[str, ...]
    e_count: int
    e_max: int
    failure_summary: str
    trigger: str  # STAGNATION, RMAX_EXHAUSTED, REVIEW, RULE, FATAL or TOKEN_BUDGET
    stagnant_guard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent:
    """One event of a workflow. `attempt` counts the step's answers from 1, over all escalations."""

    type: EventType
    step: str
    guard: str = ""
    verdict: GuardVerdict | None = None
    attempt: int = 0
    e_count: int = 0
    summary: str = ""
    agent: str = ""
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardReport:
    """What guards said of an artifact; `sub_results` holds each one that was asked, in order."""

    passed: bool
    feedback: str = ""
    fatal: bool = False
    guard: str = ""
    duration_s: float = 0.0
    sub_results: tuple[GuardReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One answer of a step, with all that led to it.

    `constraints` is what was told beyond the prompt, `feedback_history` the rejections before it as (artifact id,
    feedback), `dependencies` the accepted artifacts it is built on by step.
    """

    artifact_id: str
    step: str
    attempt: int
    content: str
    status: Status
    report: GuardReport | None = None
    previous: str = ""
    constraints: str = ""
    feedback_history: tuple[tuple[str, str], ...] = ()
    dependencies: Mapping[str, str] = field(default_factory=dict)
    escalation_feedback: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)  # prompt_tokens, completion_tokens, total_tokens


class Trace(Protocol):
    """The trace of one workflow in one attempt at a cell."""

    def event(self, event: TraceEvent) -> None:
        """Append `event`. Raises RecordError if it cannot be written."""

    def artifact(self, artifact: Artifact) -> None:
        """Keep `artifact`, or what became of it: a second one with its id takes its place."""


class Untraced:
    """Keeps nothing."""

    def event(self, event: TraceEvent) -> None:
        """Do nothing."""

    def artifact(self, artifact: Artifact) -> None:
        """Do nothing."""


def untraced(workflow: str) -> Trace:
    """Return a trace that keeps nothing."""
    return Untraced()
