"""Of which kind a failure is: whose ground broke, which limit ended it, or what the tests say of the patch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Outcome
from pytest_swebench.records.schema import sent_by
from pytest_swebench.reporting.errors.evidence import without_promise


class Family(StrEnum):
    """Whose failure it is; the first two and `FAULT` are never an answer of the model."""

    PROVIDER = "provider"
    INFRA = "infrastructure"
    FAULT = "fault"  # of an arm, a plugin or this tool
    WORKFLOW = "workflow"  # its guards let no answer pass
    PATCH = "patch"  # none was left, or one that cannot be applied
    LIMIT = "limit"
    GRADING = "grading"  # graded, and not resolved


@dataclass(frozen=True, slots=True)
class Failure:
    """The kind of a failed cell, and the line of its record that says so."""

    family: Family
    kind: str
    evidence: str


_TOLD_BY_MESSAGE: Final = frozenset({"ProviderError", "ProviderRefused", "ParameterRefused", "Busy"})
_PROVIDER: Final = _TOLD_BY_MESSAGE | {"ContextOverflow", "ReplayMiss", "BudgetExhausted"}
_INFRA: Final = frozenset({
    "DockerUnavailable", "SandboxLost", "NeedsNetwork", "ImageMissing", "ImageRefused", "OutOfResources", "RecordError",
    "InfraError", "RefusedError", "WorkerLost", "RunStopped",
})  # fmt: skip
# what a provider's message says, the first that fits
_SAID: Final = (
    ("rate limit", re.compile(r"\b429\b|rate.?limit|too many requests|next turn comes in", re.IGNORECASE)),
    (
        "no valid answer",
        re.compile(r"malformed|empty answer|ended early|not JSON|answer (stops|holds)|match its schema"),
    ),
    ("key or permission", re.compile(r"\b40[13]\b|unauthori[sz]ed|forbidden|invalid.{0,10}key", re.IGNORECASE)),
    ("unknown model", re.compile(r"\b404\b|model.{0,30}not (found|exist)|does not exist", re.IGNORECASE)),
    ("context too long", re.compile(r"context|too long|maximum.{0,20}tokens", re.IGNORECASE)),
    ("overloaded or server error", re.compile(r"\b5\d\d\b|overloaded|server error", re.IGNORECASE)),
    ("time-out", re.compile(r"time.?d?.?out|no complete answer within", re.IGNORECASE)),
    ("connection", re.compile(r"connect|reset|closed|network|resolve", re.IGNORECASE)),
)


def failure_of(record: Mapping[str, Any]) -> Failure | None:
    """Return the kind of a cell's failure, None for one that is resolved or captured.

    Of one that an endpoint or a limit ended the evidence tells as well how many of its requests were rate limited.
    """
    failure = _failure_of(record)
    sent, limited = sent_by(record) or (0, 0)
    if failure is None or not limited or failure.family not in {Family.PROVIDER, Family.LIMIT}:
        return failure
    return replace(failure, evidence=f"{failure.evidence} ({limited} of {sent} requests got a 429)")


def _failure_of(record: Mapping[str, Any]) -> Failure | None:
    outcome = Outcome(record["outcome"])
    if outcome.passes:
        return None
    if outcome in {Outcome.INFRA, Outcome.ERROR}:
        return _broken(record["error"] or {}, outcome)
    if outcome is Outcome.UNRESOLVED:
        return _graded(record)
    if outcome is Outcome.LIMIT:
        return Failure(Family.LIMIT, str(record["stop"] or "limit"), _line(record["notes"]))
    validation = record["validation"] or {}
    if validation.get("kind") not in {None, "ok", "empty"}:
        return Failure(Family.PATCH, str(validation["kind"]), _line(validation.get("reason") or record["notes"]))
    if record["failed_step"]:
        step, notes = record["failed_step"], record["notes"]
        told = notes if notes.startswith(f"{step}: ") else f"step {step}: {notes}".removesuffix(": ")
        return Failure(Family.WORKFLOW, record["failed_guard"] or f"{record['failed_step']} (no guard)", _line(told))
    return Failure(Family.PATCH, "none", _line(record["notes"] or record["response_text"]))


def _broken(error: Mapping[str, Any], outcome: Outcome) -> Failure:
    kind, message = str(error.get("type") or f"{outcome} without a reason"), str(error.get("message") or "")
    evidence = _line(f"{kind}: {message}" if message else kind)
    if kind in _PROVIDER:
        if kind in _TOLD_BY_MESSAGE:
            kind = next((name for name, pattern in _SAID if pattern.search(message)), kind)
        return Failure(Family.PROVIDER, kind, evidence)
    family = Family.INFRA if kind in _INFRA or outcome is Outcome.INFRA else Family.FAULT
    return Failure(family, kind, evidence)


def _graded(record: Mapping[str, Any]) -> Failure:
    """Tell tests that still fail from those that the patch broke, and both from a log that could not be graded."""
    verdict = record["verdict"] or {}
    tests = verdict.get("tests") or {}
    open_tests, broken_tests = (
        list((tests.get(name) or {}).get("failure", ())) for name in (FAIL_TO_PASS, PASS_TO_PASS)
    )
    if not verdict.get("applied", True):
        return Failure(Family.GRADING, "does not apply", _line(record["notes"] or verdict.get("reason")))
    if verdict.get("reason"):
        return Failure(Family.GRADING, str(verdict["reason"]), _line(record["notes"] or verdict["reason"]))
    named = [f"still fails: {name}" for name in open_tests[:1]] + [f"broken: {name}" for name in broken_tests[:1]]
    counts = f" ({len(open_tests)} still fail, {len(broken_tests)} broken)" if named else ""
    if open_tests and broken_tests:
        kind = "still fails, and breaks others"
    elif broken_tests:
        kind = "breaks others"
    else:
        kind = "still fails"
    return Failure(Family.GRADING, kind, _line("; ".join(named) + counts or record["notes"]))


def _line(text: str | None) -> str:
    line = next((line.strip() for line in str(text or "").splitlines() if line.strip()), "no reason given")
    return without_promise(line)
