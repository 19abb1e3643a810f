"""The story of a cell, top to bottom: prepare, solve, grade, record.

Nothing here knows pytest. Whoever calls `run_cell` gets the record back in any case but an interrupt; what went
wrong is in the record and, as the exception itself, beside it.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Arm, Solution
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import (
    BudgetExhausted,
    InfraError,
    ProviderRefused,
    RecordError,
    RefusedError,
    SwebenchError,
)
from pytest_swebench.events import CellFinished, CellStarted, Event, PhaseStarted
from pytest_swebench.faults import told
from pytest_swebench.grading.integrity.audit import audit
from pytest_swebench.grading.protocol import Grade, Grader
from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.replay import Recording
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import (
    RunLayout,
    stop_if_full,
    write_json,
    write_whole,
)
from pytest_swebench.records.schema import Record, RunInfo, cell_key
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.protocol import SandboxBackend
from pytest_swebench.solving import solve, solved_before
from pytest_swebench.workplace import Outside, timed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """All that running cells needs, made once a process.

    `outside` is given what earlier attempts at the cell have paid for, to serve it again. Without `solve_timeout_s`
    each arm has its own.
    """

    info: RunInfo
    layout: RunLayout
    arms: Mapping[str, Arm]
    variants: Mapping[str, Variant]
    instance: Callable[[str], Instance]
    outside: Callable[[Cell, Sequence[Sequence[Recording]]], Outside]
    backend: SandboxBackend
    grader: Grader
    journal: Journal
    redactor: Redactor
    emit: Callable[[Event], None]
    solve_timeout_s: float | None = None
    grades: bool = True


@dataclass(frozen=True, slots=True)
class CellResult:
    """The stored record, and the exception behind an `infra` or `error` outcome."""

    record: dict[str, Any]
    error: Exception | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.record["outcome"])

    @property
    def stops_run(self) -> str:
        """Say why no other cell of the run can be answered or paid for, "" if that is not so."""
        if isinstance(self.error, BudgetExhausted) and self.error.scope == "run":
            return str(self.error)
        if isinstance(self.error, ProviderRefused) and self.error.run_wide:
            return str(self.record["error"]["message"])
        return str(self.record["notes"]) if self.record["cap"] == "run" else ""


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
    context.emit(CellStarted(cell, attempt, {**inputs, "instance_id": cell.instance_id}, record.started_at))
    error: Exception | None = None
    with timed(record, "total"):
        try:
            evaluate = _evaluation(context, instance, folder, record) if arm.oracle else None
            solution = solved_before(context, folder, record) or solve(context, instance, arm, folder, record, evaluate)
            gradable = context.grades and _gradable(record)
            grade = _grade(context, instance, folder, record, solution) if gradable else None
            record.outcome = judge(record, solution, grade, grades=context.grades)
        except (InfraError, RefusedError, BudgetExhausted) as caught:
            record.outcome, error = Outcome.INFRA, caught
        except RecordError:  # the next record would be lost as well
            raise
        except Exception as caught:  # a fault of the arm or of ours: recorded as such, the run goes on
            stop_if_full(caught)
            record.outcome, error = Outcome.ERROR, caught
            record.error = _kept_fault(context, caught, folder / f"error.attempt{attempt}.txt")
    if error is not None and record.error is None:
        record.error = {"type": type(error).__name__, "message": str(error)}
    return CellResult(_stored(context, record, folder), error)


def judge(record: Record, solution: Solution, grade: Grade | None, *, grades: bool = True) -> Outcome:
    """Return how a cell ended from what the arm left and what grading, if there is any, said."""
    if grade is not None:
        return Outcome.RESOLVED if grade.verdict.resolved else Outcome.UNRESOLVED
    if record.kind is Kind.SCENARIO and (solution.response_text or solution.tool_calls):
        return Outcome.CAPTURED
    if _gradable(record) and not grades:
        return Outcome.CAPTURED
    return Outcome.LIMIT if solution.stop.limit else Outcome.NO_PATCH


def _opened(context: RunContext, cell: Cell, instance: Instance, variant: Variant, arm: Arm, attempt: int) -> Record:
    return Record(
        run_id=context.info.run_id,
        key=cell_key(context.info, instance, variant, arm, cell.rep),
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


def _grade(context: RunContext, instance: Instance, folder: Path, record: Record, solution: Solution) -> Grade:
    """Grade the patch in a fresh environment and put the verdict on the record, and beside it what we think of it."""
    context.emit(PhaseStarted(record.cell, "grade"))
    with timed(record, "grade"):
        grade = _graded(context, instance, record.patch, folder)
    integrity = grade.integrity.doubted(audit(solution.commands, instance.problem))
    record.verdict, record.integrity = grade.verdict.as_json(), integrity.as_json()
    record.grading = grade.conditions
    if grade.control_s is not None:
        record.seconds["control"] = grade.control_s
    if not grade.verdict.resolved:
        record.add_note(grade.verdict.summary())
    return grade


def _graded(context: RunContext, instance: Instance, patch: str, folder: Path) -> Grade:
    """Grade `patch`; the verdict has read the files as they were when secrets are taken out of them."""
    try:
        return context.grader.grade(instance, patch, folder)
    finally:
        for path in filter(Path.is_file, folder.glob("*")):
            content = path.read_bytes()
            clean = context.redactor.raw(content)
            if clean is not content:
                write_whole(path, clean)


def _evaluation(context: RunContext, instance: Instance, folder: Path, record: Record) -> Callable[[str], Grade]:
    """Return what lets an oracle grade while it works; its files lie apart from those of the final grading."""
    return lambda patch: _graded(context, instance, patch, folder / f"evaluate.attempt{record.attempt}")


def _kept_fault(context: RunContext, error: Exception, path: Path) -> dict[str, str]:
    """Store the traceback of a fault, and return what the record says of it."""
    write_whole(path, context.redactor.text("".join(traceback.format_exception(error))))
    message = str(error) if isinstance(error, SwebenchError) else told(error)
    shown = path.relative_to(context.layout.root.parent).as_posix()
    return {"type": type(error).__name__, "message": message, "traceback": shown}


def _stored(context: RunContext, record: Record, folder: Path) -> dict[str, Any]:
    """Store the record: first in the journal, which is the truth, then where a person looks for it."""
    context.emit(PhaseStarted(record.cell, "record"))
    record.finished_at = _now()
    line: dict[str, Any] = context.redactor.data(record.as_json())
    context.journal.append("record", cell=str(record.cell), record=line)
    try:
        write_json(folder / f"record.attempt{record.attempt}.json", line)
    except OSError as error:
        stop_if_full(error)
        raise
    context.emit(CellFinished(record.cell, line))
    return line


def _gradable(record: Record) -> bool:
    return record.kind is not Kind.SCENARIO and bool(record.patch.strip())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
