"""The story of a cell, top to bottom: prepare, solve, grade, record.

Nothing here knows pytest. Whoever calls `run_cell` gets the record back in any case but an interrupt; what went
wrong is in the record and, as the exception itself, beside it.
"""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Arm, Solution, SolveContext
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InfraError, LimitReached, RefusedError
from pytest_swebench.events import CellFinished, CellStarted, Event, PhaseStarted, ProviderCalled
from pytest_swebench.grading.protocol import Grade, Grader
from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Provider, Request
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json, write_whole
from pytest_swebench.records.schema import Record, RunInfo, cell_key
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """All that running cells needs, made once a process."""

    info: RunInfo
    layout: RunLayout
    arms: Mapping[str, Arm]
    variants: Mapping[str, Variant]
    instance: Callable[[str], Instance]
    provider: Callable[[], Provider]
    backend: SandboxBackend
    grader: Grader
    journal: Journal
    redactor: Redactor
    emit: Callable[[Event], None]
    solve_timeout_s: float = 300.0


@dataclass(frozen=True, slots=True)
class CellResult:
    """The stored record, and the exception behind an `infra` or `error` outcome."""

    record: dict[str, Any]
    error: Exception | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.record["outcome"])


def run_cell(context: RunContext, cell: Cell, attempt: int = 1) -> CellResult:
    """Run one attempt at `cell` and store its record. Raises RecordError if it cannot be stored."""
    instance, variant = context.instance(cell.instance_id), context.variants[cell.variant]
    arm = context.arms[variant.arm]
    record = _opened(context, cell, instance, variant, arm, attempt)
    folder = context.layout.cell_folder(cell)
    # if this process dies, whoever finds the entry can still write the record
    context.journal.append("started", cell=str(cell), record=record.as_json())
    inputs = {
        "run_id": record.run_id,
        "variant": variant.name,
        "rep": cell.rep,
        "arm": arm.name,
        "model": variant.model,
    }
    context.emit(CellStarted(cell, attempt, {**inputs, "instance_id": cell.instance_id}))
    error: Exception | None = None
    with _timed(record, "total"):
        try:
            solution = _solve(context, instance, arm, folder, record)
            grade = _grade(context, instance, folder, record) if _gradable(instance, solution) else None
            record.outcome = judge(instance, solution, grade)
        except (InfraError, RefusedError) as caught:
            record.outcome, error = Outcome.INFRA, caught
        except Exception as caught:  # a fault of the arm or of ours: recorded as such, the run goes on
            record.outcome, error = Outcome.ERROR, caught
            trace = context.redactor.text("".join(traceback.format_exception(caught)))
            write_whole(folder / f"error.attempt{attempt}.txt", trace)
    if error is not None:
        record.error = {"type": type(error).__name__, "message": str(error)}
    return CellResult(_stored(context, record, folder), error)


def judge(instance: Instance, solution: Solution, grade: Grade | None) -> Outcome:
    """Return how a cell ended from what the arm left and what grading said."""
    if grade is not None:
        return Outcome.RESOLVED if grade.verdict.resolved else Outcome.UNRESOLVED
    if instance.kind is Kind.SCENARIO and (solution.response_text or solution.tool_calls):
        return Outcome.CAPTURED
    return Outcome.LIMIT if solution.stop.limit else Outcome.NO_PATCH


def _opened(context: RunContext, cell: Cell, instance: Instance, variant: Variant, arm: Arm, attempt: int) -> Record:
    return Record(
        run_id=context.info.run_id,
        key=cell_key(context.info.dataset, instance, variant, arm.version, cell.rep),
        cell=cell,
        variant=variant,
        kind=instance.kind,
        attempt=attempt,
        oracle=arm.oracle,
        provider=context.info.provider if arm.paid else "",
        started_at=_now(),
        host=socket.gethostname(),
        image=instance.image,
    )


def _solve(context: RunContext, instance: Instance, arm: Arm, folder: Path, record: Record) -> Solution:
    """Let the arm work and keep what it leaves, whatever stopped it."""
    with ExitStack() as stack, _timed(record, "solve"):
        workplace = _Workplace(context, instance, record, stack)
        meter = _meter(context, arm, folder, record)
        context.emit(PhaseStarted(record.cell, "solve"))
        solve = SolveContext(
            problem=instance.problem,
            variant=record.variant,
            rep=record.cell.rep,
            provider=meter,
            sandbox=lambda: workplace(),  # the workplace itself holds the hidden tests, and its repr shows them
            folder=folder,
            timeout_s=context.solve_timeout_s,
            hidden=instance.hidden if arm.oracle else None,
            evaluate=(lambda patch: context.grader.grade(instance, patch, folder)) if arm.oracle else None,
        )
        try:
            solution = arm.solve(solve)
        except LimitReached as limit:
            solution = Solution(patch=workplace.diff(), stop=limit.stop, notes=str(limit))
        finally:
            stack.callback(meter.close)
            record.usage, record.calls, record.cost_usd = meter.usage, meter.calls, meter.cost_usd
    record.stop, record.patch, record.notes = solution.stop, solution.patch, solution.notes
    record.response_text, record.tool_calls = solution.response_text, solution.tool_calls
    record.per_step_tokens, record.retry_count = solution.per_step_tokens, solution.retry_count
    record.failed_step, record.failed_guard = solution.failed_step, solution.failed_guard
    if solution.patch:
        write_whole(folder / "patch.diff", solution.patch)
    context.journal.append("solved", cell=str(record.cell), attempt=record.attempt)
    return solution


def _grade(context: RunContext, instance: Instance, folder: Path, record: Record) -> Grade:
    """Grade the patch in a fresh environment and put the verdict on the record."""
    context.emit(PhaseStarted(record.cell, "grade"))
    with _timed(record, "grade"):
        grade = context.grader.grade(instance, record.patch, folder)
    record.verdict, record.integrity = grade.verdict.as_json(), grade.integrity.as_json()
    record.notes = record.notes or ("" if grade.verdict.resolved else grade.verdict.summary())
    return grade


def _stored(context: RunContext, record: Record, folder: Path) -> dict[str, Any]:
    context.emit(PhaseStarted(record.cell, "record"))
    record.finished_at = _now()
    line: dict[str, Any] = context.redactor.data(record.as_json())
    write_json(folder / f"record.attempt{record.attempt}.json", line)
    context.journal.append("record", cell=str(record.cell), record=line)
    context.emit(CellFinished(record.cell, line))
    return line


def _gradable(instance: Instance, solution: Solution) -> bool:
    return instance.kind is not Kind.SCENARIO and bool(solution.patch.strip())


@dataclass(slots=True)
class _Workplace:
    """The sandbox of a cell, opened when the arm first asks for it and removed when `stack` unwinds."""

    context: RunContext
    instance: Instance
    record: Record
    stack: ExitStack
    opened: Sandbox | None = field(default=None)

    def __call__(self) -> Sandbox:
        if self.opened is None:
            self.context.emit(PhaseStarted(self.record.cell, "sandbox"))
            self.opened = self.context.backend.open(self.instance)
            self.stack.callback(self.opened.close)
            self.record.image, self.record.image_digest = self.opened.image, self.opened.image_digest
        return self.opened

    def diff(self) -> str:
        return "" if self.opened is None else self.opened.diff()


def _meter(context: RunContext, arm: Arm, folder: Path, record: Record) -> Meter:
    """Return a provider that counts; an arm that is not paid gets one that refuses to call."""

    def called(request: Request, answer: Answer, cost_usd: float | None) -> None:
        usage = answer.usage
        context.emit(ProviderCalled(record.cell, answer.model, usage.input, usage.output, cost_usd))

    def about_to_pay() -> None:
        context.journal.append("calling", cell=str(record.cell), attempt=record.attempt)

    provider = context.provider() if arm.paid else NoProvider(arm.name)
    return Meter(
        provider,
        on_call=called,
        before_first_call=about_to_pay if arm.paid else None,
        transcript_path=folder / "transcript.jsonl",
        redactor=context.redactor,
    )


class NoProvider:
    """What an arm that declares itself unpaid gets: a call is a fault of the arm, not a bill."""

    name = "none"

    def __init__(self, arm: str) -> None:
        self._arm = arm

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Raise TypeError: the arm must declare `paid = True` before it may call."""
        raise TypeError(f"arm {self._arm!r} called a provider but declares paid = False; set paid = True")

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def _timed(record: Record, name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        record.seconds[name] = round(time.monotonic() - start, 3)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
