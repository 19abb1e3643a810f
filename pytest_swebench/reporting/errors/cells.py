"""What is known of a cell that failed: its kind, the answers that guards rejected, and the ways back of all cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_swebench.records.tracereader import EscalationInfo
from pytest_swebench.reporting.errors.taxonomy import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """One rejected answer; `final` is the one at which the workflow gave up."""

    attempt: int
    step: str
    guard: str
    error: str
    final: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "attempt": self.attempt,
            "action_pair_id": self.step,
            "guard": self.guard,
            "error_summary": self.error,
            "final": self.final,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCell:
    """A cell that is neither resolved nor captured."""

    cell: str
    instance_id: str
    variant: str
    arm: str
    outcome: str
    failed_step: str
    failed_guard: str
    retry_count: int
    failure: Failure
    retries: tuple[Retry, ...]
    log: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "cell": self.cell,
            "instance_id": self.instance_id,
            "arm": self.arm,
            "variant": self.variant,
            "outcome": self.outcome,
            "family": str(self.failure.family),
            "kind": self.failure.kind,
            "failed_step": self.failed_step or None,
            "failed_guard": self.failed_guard or None,
            "retry_count": self.retry_count,
            "error_summary": self.failure.evidence,
            "log": list(self.log),
            "retries": [retry.as_json() for retry in self.retries],
        }


@dataclass(frozen=True, slots=True)
class Escalations:
    """Ways back: by stagnant guard and by trigger, how often each step was to be done again, and each of them."""

    total: int
    guards: Mapping[str, int]
    triggers: Mapping[str, int]
    invalidated: Mapping[str, int]
    each: tuple[EscalationInfo, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "stagnant_guards": dict(self.guards),
            "triggers": dict(self.triggers),
            "invalidated": dict(self.invalidated),
            "each": [
                {
                    "cell": str(info.cell),
                    "step": info.step,
                    "targets": list(info.escalation.targets),
                    "stagnant_guard": info.escalation.stagnant_guard,
                    "trigger": info.escalation.trigger,
                }
                for info in self.each
            ],
        }
