"""How a cell ended: outcome, stop, verdict and integrity, each a closed set of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Outcome(StrEnum):
    """How a cell ended; `INFRA` and `ERROR` are never an answer of the model."""

    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    NO_PATCH = "no_patch"
    LIMIT = "limit"
    CAPTURED = "captured"
    INFRA = "infra"
    ERROR = "error"

    @property
    def final(self) -> bool:
        """Whether a resumed run leaves the cell alone."""
        return self not in {Outcome.INFRA, Outcome.ERROR}

    @property
    def passes(self) -> bool:
        """Whether a test passes by it, if not every valid record does."""
        return self in {Outcome.RESOLVED, Outcome.CAPTURED}

    @property
    def graded(self) -> bool:
        """Whether the official harness gave a verdict on a patch."""
        return self in {Outcome.RESOLVED, Outcome.UNRESOLVED}


class Stop(StrEnum):
    """Why solving ended."""

    SUBMITTED = "submitted"
    COST = "cost"
    STEPS = "steps"
    TIME = "time"
    CONTEXT = "context"
    ANSWER_CUT = "answer_cut"

    @property
    def limit(self) -> bool:
        """Whether a limit, and not the arm itself, ended solving."""
        return self is not Stop.SUBMITTED


class IntegrityState(StrEnum):
    """Our second opinion on a graded cell, never mixed into the verdict."""

    CLEAN = "clean"
    SUSPECT = "suspect"
    TAMPERED = "tampered"
    NOT_CONTROLLED = "not_controlled"


@dataclass(frozen=True, slots=True)
class Integrity:
    """State and the reasons that led to it."""

    state: IntegrityState = IntegrityState.NOT_CONTROLLED
    reasons: tuple[str, ...] = ()

    def doubted(self, suspicions: tuple[str, ...]) -> Integrity:
        """Return this with further suspicions, which make it suspect at least; without any, as it is."""
        new = tuple(suspicion for suspicion in suspicions if suspicion not in self.reasons)
        if not new:
            return self
        state = self.state if self.state is IntegrityState.TAMPERED else IntegrityState.SUSPECT
        return Integrity(state, (*self.reasons, *new))

    def as_json(self) -> dict[str, Any]:
        """Return the shape stored in a record."""
        return {"state": str(self.state), "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What grading says, exactly as the official harness would.

    `tests` maps FAIL_TO_PASS and PASS_TO_PASS to `{"success": [names], "failure": [names]}`; it is empty where
    the log could not be graded. `reason` explains a verdict that came without test results: `patch_apply_failed`,
    `tests_timed_out`, or the official classification of the log.
    """

    resolved: bool
    applied: bool
    tests: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    reason: str = ""
    applied_with: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the shape stored in a record."""
        return {
            "resolved": self.resolved,
            "applied": self.applied,
            "applied_with": self.applied_with,
            "reason": self.reason,
            "tests": self.tests,
            **({"warning": self.warning} if self.warning else {}),
        }

    @property
    def warning(self) -> str:
        """Say what makes the verdict look like that of a broken environment; "" for most. It changes no verdict."""
        before = self.tests.get(PASS_TO_PASS, {"success": [], "failure": []})
        return NOTHING_PASSES if before["failure"] and not before["success"] else ""

    def summary(self) -> str:
        """Say in one line why the cell is resolved or not."""
        if self.reason:
            return self.reason
        counts = []
        for name in (FAIL_TO_PASS, PASS_TO_PASS):
            group = self.tests.get(name, {"success": [], "failure": []})
            total = len(group["success"]) + len(group["failure"])
            counts.append(f"{name} {len(group['success'])}/{total}")
        return "; ".join(filter(None, [", ".join(counts), self.warning]))


FAIL_TO_PASS: Final = "FAIL_TO_PASS"
PASS_TO_PASS: Final = "PASS_TO_PASS"
NOTHING_PASSES: Final = "no PASS_TO_PASS test passes any more: is the environment broken, or is it the patch?"
