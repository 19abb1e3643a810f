"""Solving: the arm works, what it leaves is checked and stored, so that only grading is left to do."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.arms.protocol import Arm, Draft, Solution, SolveContext, solve_timeout_s
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import BudgetExhausted, InfraError, LimitReached
from pytest_swebench.events import PhaseStarted, ProviderCalled
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.grading.validation import PatchKind, inspect, validate
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.earlier import read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.records.conversation import Conversation
from pytest_swebench.records.layout import (
    CONVERSATION_FILE,
    INVALID_FILE,
    PATCH_FILE,
    TRANSCRIPT_FILE,
    earlier_transcripts,
    keep_solved,
    set_aside,
    take_solved,
    write_whole,
)
from pytest_swebench.records.schema import Record
from pytest_swebench.records.trace import Trace
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.workplace import Direct, NoProvider, Outside, Workplace, closing, timed

if TYPE_CHECKING:
    from pytest_swebench.run import RunContext


def solve(
    context: RunContext,
    instance: Instance,
    arm: Arm,
    folder: Path,
    record: Record,
    evaluate: Callable[[str], Grade] | None,
) -> Solution:
    """Let the arm work and keep what it leaves, whatever stopped it and however its workplace is left.

    `evaluate` lets an oracle grade while it works. Raises what the arm raises, but for LimitReached.
    """
    paid_before = [read_exchanges(path) for path in earlier_transcripts(folder, record.key)]
    outside = context.outside(record.cell, paid_before) if arm.paid else Direct(NoProvider(arm.name))
    workplace = Workplace(lambda: _opened_sandbox(context, instance, record), outside, record)
    meter = _meter(context, arm, outside, folder, record)
    drafts: deque[Draft] = deque(maxlen=1)
    closers = {
        "model client not closed": lambda: outside.close(finished=record.stop is not None),
        "sandbox not removed": workplace.close,
    }
    with timed(record, "solve"), closing(record, closers):
        context.emit(PhaseStarted(record.cell, "solve"))
        with _solve_folder(context, record) as own, _counted(record, meter, outside):
            given = SolveContext(
                problem=instance.problem,
                variant=record.variant,
                rep=record.cell.rep,
                provider=meter,
                sandbox=lambda: workplace(),  # the workplace itself holds the hidden tests, and its repr shows them
                folder=own,
                timeout_s=solve_timeout_s(arm, context.solve_timeout_s),
                hidden=instance.hidden if arm.oracle else None,
                evaluate=evaluate,
                trace=lambda workflow: _trace(context, instance, record, workflow),
                leave=drafts.append,
                redact=context.redactor.data,
            )
            try:
                solution = arm.solve(given)
            except LimitReached as limit:
                record.cap = _cap(limit, meter)
                solution = _cut_short(limit, drafts[-1] if drafts else Draft(), workplace)
            _check_type(arm, solution)
        _keep(context, record, arm, solution, folder)
        if arm.paid and record.patch.strip():
            _validate(context, record, workplace, folder)
    if not record.patch_redacted:
        keep_solved(folder, context.redactor.data(record.as_json()), solution.commands)
    context.journal.append("solved", cell=str(record.cell), attempt=record.attempt)
    return solution


def solved_before(context: RunContext, folder: Path, record: Record) -> Solution | None:
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


def _cap(limit: LimitReached, meter: Meter) -> str:
    """Return whose cap ended solving, "" for a limit of the cell's own.

    A cell that the run's or its variant's cap did not let begin was never attempted: the limit is raised again.
    """
    if not isinstance(limit, BudgetExhausted) or limit.scope == "cell":
        return ""
    if not meter.calls:
        raise limit
    return limit.scope


def _trace(context: RunContext, instance: Instance, record: Record, workflow: str) -> Trace:
    """Return what keeps the trace of a workflow in this attempt."""
    stated = digest(instance.problem.statement)
    return TraceWriter(context.layout, record.cell, record.attempt, workflow, context.redactor, specification=stated)


def _check_type(arm: Arm, solution: Any) -> None:
    """Raise TypeError for what is no solution, however somebody's own arm came to leave it."""
    if not isinstance(solution, Solution):
        kind = type(solution).__name__
        raise TypeError(f"arm {arm.name!r}: solve() returned a {kind}, {solution!r:.60}; return a Solution(...)")
    if not isinstance(solution.stop, Stop):
        raise TypeError(f"arm {arm.name!r}: its solution has stop={solution.stop!r:.60}; give a Stop, or leave it out")


def _cut_short(limit: LimitReached, draft: Draft, workplace: Workplace) -> Solution:
    """Return what stands where a limit ended solving."""
    left = {field.name: getattr(draft, field.name) for field in dataclasses.fields(draft)}
    left["patch"], lack = workplace.diff() if draft.patch is None else (draft.patch, "")
    return Solution(**left, stop=limit.stop, notes="; ".join(filter(None, (str(limit), lack))))


def _opened_sandbox(context: RunContext, instance: Instance, record: Record) -> Sandbox:
    context.emit(PhaseStarted(record.cell, "sandbox"))
    opened = context.backend.open(instance)
    context.emit(PhaseStarted(record.cell, "solve"))
    return opened


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
    seen = inspect(record.patch)
    if seen.kind is PatchKind.NOT_A_DIFF and not arm.paid:  # which is validated, and not graded
        record.add_note(f"the patch is no diff at all: {seen.reason}")
    if record.patch:
        clean = context.redactor.text(record.patch)
        write_whole(folder / PATCH_FILE, clean)
        if clean != record.patch:
            record.patch_redacted = True
            record.add_note("the patch holds a secret: what is stored of it is redacted, and no use to grade again")
    if unfit:
        raise TypeError(f"arm {arm.name!r} left what no record can hold: {'; '.join(unfit)}; leave plain JSON data")


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
        conversation=Conversation(
            folder / CONVERSATION_FILE,
            {"run_id": record.run_id, "task_id": record.cell.instance_id, "cell": str(record.cell)},
            context.redactor,
        ),
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
        record.provider_retries, record.requests = outside.retries, outside.requests
