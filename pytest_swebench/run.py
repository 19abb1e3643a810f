"""The story of a cell, top to bottom: prepare, solve, grade, record.

Nothing here knows pytest. Whoever calls `run_cell` gets the record back in any case but an interrupt; what went
wrong is in the record and, as the exception itself, beside it.
"""

from __future__ import annotations

import json
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.arms.protocol import Arm, Solution, SolveContext
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import BudgetExhausted, InfraError, LimitReached, RecordError, RefusedError
from pytest_swebench.events import CellFinished, CellStarted, Event, PhaseStarted, ProviderCalled
from pytest_swebench.grading.integrity.audit import audit
from pytest_swebench.grading.protocol import Grade, Grader
from pytest_swebench.grading.validation import validate
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.providers.earlier import read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.providers.replay import Recording
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import (
    INVALID_FILE,
    PATCH_FILE,
    TRANSCRIPT_FILE,
    RunLayout,
    earlier_transcripts,
    keep_solved,
    set_aside,
    stop_if_full,
    take_solved,
    write_json,
    write_whole,
)
from pytest_swebench.records.schema import Record, RunInfo, cell_key
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend
from pytest_swebench.workplace import Direct, NoProvider, Outside, Workplace, closing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """All that running cells needs, made once a process.

    `outside` is given what earlier attempts at the cell have paid for, to serve it again.
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
    solve_timeout_s: float = 300.0
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
        """Say why no other cell of the run can be paid for, "" if that is not so."""
        if isinstance(self.error, BudgetExhausted) and self.error.scope == "run":
            return str(self.error)
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
    context.emit(CellStarted(cell, attempt, {**inputs, "instance_id": cell.instance_id}))
    error: Exception | None = None
    with _timed(record, "total"):
        try:
            solution = _solved_before(context, folder, record) or _solve(context, instance, arm, folder, record)
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
            trace = context.redactor.text("".join(traceback.format_exception(caught)))
            write_whole(folder / f"error.attempt{attempt}.txt", trace)
    if error is not None:
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


def _solve(context: RunContext, instance: Instance, arm: Arm, folder: Path, record: Record) -> Solution:
    """Let the arm work and keep what it leaves, whatever stopped it and however its workplace is left."""
    paid_before = [read_exchanges(path) for path in earlier_transcripts(folder, record.key)]
    outside = context.outside(record.cell, paid_before) if arm.paid else Direct(NoProvider(arm.name))
    workplace = Workplace(lambda: _opened_sandbox(context, instance, record), outside, record)
    meter = _meter(context, arm, outside, folder, record)
    closers = {
        "model client not closed": lambda: outside.close(finished=record.stop is not None),
        "sandbox not removed": workplace.close,
    }
    with _timed(record, "solve"), closing(record, closers):
        context.emit(PhaseStarted(record.cell, "solve"))
        with _solve_folder(context, record) as own, _counted(record, meter, outside):
            solve = SolveContext(
                problem=instance.problem,
                variant=record.variant,
                rep=record.cell.rep,
                provider=meter,
                sandbox=lambda: workplace(),  # the workplace itself holds the hidden tests, and its repr shows them
                folder=own,
                timeout_s=context.solve_timeout_s,
                hidden=instance.hidden if arm.oracle else None,
                evaluate=_evaluation(context, instance, folder, record) if arm.oracle else None,
            )
            try:
                solution = arm.solve(solve)
            except LimitReached as limit:
                record.cap = _cap(limit, meter)
                solution = Solution(patch=workplace.diff(), stop=limit.stop, notes=str(limit))
        _keep(context, record, arm, solution, folder)
        if arm.paid and record.patch.strip():
            _validate(context, record, workplace, folder)
    keep_solved(folder, context.redactor.data(record.as_json()), solution.commands)
    context.journal.append("solved", cell=str(record.cell), attempt=record.attempt)
    return solution


def _cap(limit: LimitReached, meter: Meter) -> str:
    """Return whose cap ended solving, "" for a limit of the cell's own.

    A cell that the run's or its variant's cap did not let begin was never attempted: the limit is raised again.
    """
    if not isinstance(limit, BudgetExhausted) or limit.scope == "cell":
        return ""
    if not meter.calls:
        raise limit
    return limit.scope


def _opened_sandbox(context: RunContext, instance: Instance, record: Record) -> Sandbox:
    context.emit(PhaseStarted(record.cell, "sandbox"))
    opened = context.backend.open(instance)
    context.emit(PhaseStarted(record.cell, "solve"))
    return opened


def _solved_before(context: RunContext, folder: Path, record: Record) -> Solution | None:
    """Return what an earlier attempt at this very cell left, if it lacks nothing but a verdict: it is paid for."""
    if record.attempt == 1:
        return None
    set_aside(folder, record.attempt - 1)
    line = take_solved(folder, record.key)
    if line is None:
        return None
    record.take_solved(line)
    context.journal.append("solved", cell=str(record.cell), attempt=record.attempt)
    return Solution(
        patch=record.patch,
        stop=record.stop or Stop.SUBMITTED,
        response_text=record.response_text,
        tool_calls=record.tool_calls,
        commands=tuple(line["commands"]),
    )


def _keep(context: RunContext, record: Record, arm: Arm, solution: Solution, folder: Path) -> None:
    """Copy to the record what the arm left. Raises TypeError for what no record can hold, the rest being kept."""
    record.stop = solution.stop
    unfit = []
    for name, kinds in _FROM_ARM.items():
        value = getattr(solution, name)
        if value is None:
            continue
        try:
            if not isinstance(value, kinds):
                raise TypeError(f"a {type(value).__name__}")
            json.dumps(context.redactor.data(value))
        except (TypeError, ValueError, RecursionError) as error:
            unfit.append(f"{name} ({error})")
        else:
            setattr(record, name, value)
    record.notes = record.notes or _lack(record)
    if record.patch:
        write_whole(folder / PATCH_FILE, context.redactor.text(record.patch))
    if unfit:
        raise TypeError(f"arm {arm.name!r} left what no record can hold: {'; '.join(unfit)}; leave plain JSON data")


def _validate(context: RunContext, record: Record, workplace: Workplace, folder: Path) -> None:
    """Put aside a patch that no step of the official chain would take: there is nothing to grade."""
    try:
        validation = validate(record.patch, workplace.bare)
    except InfraError as error:  # grading will tell
        record.add_note(f"patch not validated: {error}")
        return
    record.validation = validation.as_json()
    if not validation.valid:
        (folder / PATCH_FILE).replace(folder / INVALID_FILE)
        record.patch = ""
        record.add_note(f"invalid patch, {validation.kind}: {validation.reason}")


_FROM_ARM: Final[dict[str, tuple[type, ...]]] = {
    "patch": (str,),
    "notes": (str,),
    "response_text": (str,),
    "tool_calls": (tuple, list),
    "per_step_tokens": (dict,),
    "retry_count": (int,),
    "failed_step": (str,),
    "failed_guard": (str,),
}


def _lack(record: Record) -> str:
    """Say what is missing where an arm left nothing and gave no reason."""
    if record.kind is Kind.SCENARIO:
        return "" if record.response_text or record.tool_calls else "the arm left no answer"
    return "" if record.patch.strip() else "the arm left no patch"


def _grade(context: RunContext, instance: Instance, folder: Path, record: Record, solution: Solution) -> Grade:
    """Grade the patch in a fresh environment and put the verdict on the record, and beside it what we think of it."""
    context.emit(PhaseStarted(record.cell, "grade"))
    with _timed(record, "grade"):
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


def _meter(context: RunContext, arm: Arm, outside: Outside, folder: Path, record: Record) -> Meter:
    """Return a provider that counts, and serves what earlier attempts at this cell have paid for already."""

    def called(request: Request, answer: Answer, cost_usd: float | None) -> None:
        usage = answer.usage
        context.emit(ProviderCalled(record.cell, answer.model, usage.input, usage.output, cost_usd))

    def about_to_pay() -> None:
        context.journal.append("calling", cell=str(record.cell), attempt=record.attempt)

    return Meter(
        outside.provider,
        price=outside.price,
        on_call=called,
        before_first_call=about_to_pay if arm.paid else None,
        transcript_path=folder / TRANSCRIPT_FILE,
        label={"key": record.key},
        redactor=context.redactor,
    )


@contextmanager
def _solve_folder(context: RunContext, record: Record) -> Iterator[Path]:
    """Make the arm's own folder, and remove it again if nothing was left there."""
    folder = context.layout.solve_folder(record.cell, record.attempt)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _counted(record: Record, meter: Meter, outside: Outside) -> Iterator[None]:
    """Put on the record what was paid for, however solving ends."""
    try:
        yield
    finally:
        record.usage, record.calls, record.cost_usd = meter.usage, meter.calls, meter.cost_usd
        record.served, record.dropped = dict(meter.served), tuple(sorted(meter.dropped))
        record.provider_retries = outside.retries


@contextmanager
def _timed(record: Record, name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        record.seconds[name] = round(time.monotonic() - start, 3)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
