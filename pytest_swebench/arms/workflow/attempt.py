"""One attempt at a step: the model is asked, its answer read, and the guards judge it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_swebench.arms.agent.clock import Clock, complete_within
from pytest_swebench.arms.context.material import Material
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.workflow.base_tree import BaseTree, OverLarge
from pytest_swebench.arms.workflow.board import Board
from pytest_swebench.arms.workflow.check import VALIDATION
from pytest_swebench.arms.workflow.declaration import Step
from pytest_swebench.arms.workflow.generate import (
    WrongShape,
    constraints_text,
    conversation,
    read_answer,
    schema_of,
    system_text,
)
from pytest_swebench.arms.workflow.guard import Given, Guard
from pytest_swebench.arms.workflow.prompt import as_text, filled
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.arms.workflow.specification import shown_files
from pytest_swebench.arms.workflow.story import Story
from pytest_swebench.errors import ContextOverflow, ReplayMiss
from pytest_swebench.patch import EditError, meant_path
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.records.trace import Artifact, EventType, GuardReport

PATCH: Final = "patch"
"""The name under which a patch is turned down that cannot be made, guard or not."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of asking once. `answer` is None where it could not be read, `diff` that of a patch that is right."""

    artifact: Artifact
    report: GuardReport
    answer: Shape | None = None
    diff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempter:
    """Makes attempts in one cell.

    `material` retrieves what the repository has to show before any answer names a file; `leave` tells what stands.
    """

    context: SolveContext
    board: Board
    story: Story
    tree: BaseTree
    specification: str
    clock: Clock
    material: Callable[[], Material]
    leave: Callable[[Step], None]

    def values(self, step: Step) -> dict[str, str]:
        """Return what fills the placeholders of a step's prompt, the same for all attempts since it was begun."""
        accepted = self.board.accepted(step)
        shown = {shape.key: self._shown(answer) for shape, answer in accepted.items()}
        if "files" in step.prompt.placeholders:
            shown["files"] = shown_files(
                self.context.problem, self.context.sandbox(), accepted, step.files, self.material
            )
        return {**shown, "specification": self.specification}

    def make(self, step: Step, values: dict[str, str]) -> Attempt:
        """Ask once and judge the answer. Raises LimitReached, InfraError and RefusedError."""
        state = self.board[step]
        state.attempts += 1
        constraints = constraints_text(step.prompt, values, warned=state.warned)
        try:
            answer = self._ask(step, self._request(step, values))
        except ContextOverflow as error:
            artifact = self.story.pending(step, None, constraints)
            return Attempt(artifact, self._invalid(step, f"the request is too long for the model: {error}", fatal=True))
        state.tokens += answer.usage.total
        self.leave(step)  # what it took counts, whatever ends solving while the guards judge
        artifact = self.story.pending(step, answer, constraints)
        self.story.event(EventType.ATTEMPT, step, summary=f"{answer.usage.total} tokens, {answer.stop_reason}")
        try:
            read = read_answer(answer, step.shape)
        except WrongShape as error:
            return Attempt(artifact, self._invalid(step, str(error)))
        try:
            self._check_sizes(read)
        except OverLarge as error:
            return Attempt(artifact, self._invalid(step, str(error), fatal=True), read)
        report = self._judged(step, read)
        if not report.passed or not isinstance(read, Patch):
            return Attempt(artifact, report, read)
        return self._with_diff(step, artifact, report, read)

    def _request(self, step: Step, values: dict[str, str]) -> Request:
        variant, state = self.context.variant, self.board[step]
        return Request(
            model=variant.model,
            system=system_text(step.prompt, values, warned=state.warned),
            messages=conversation(filled(step.prompt.task, values), state.turns),
            max_tokens=step.max_tokens,
            temperature=step.temperature if variant.temperature is None else variant.temperature,
            sample=self.context.rep,
            schema=schema_of(step.shape),
            binding=False,
            agent=step.name,
        )

    def _ask(self, step: Step, request: Request) -> Answer:
        self.leave(step)
        try:
            return complete_within(self.context.provider, request, self.clock)
        except ReplayMiss as miss:  # so that whoever changed a prompt sees which
            raise ReplayMiss(f"{step.name!r}, answer {self.board[step].attempts}: {miss}") from miss

    def _shown(self, answer: Shape) -> str:
        return (
            f"{answer.reasoning}\n\n{self.tree.change(answer).diff}" if isinstance(answer, Patch) else as_text(answer)
        )

    def _judged(self, step: Step, answer: Shape) -> GuardReport:
        """Ask the guards in order until one says no."""
        given = Given(
            problem=self.context.problem,
            sandbox=self.context.sandbox(),
            accepted=MappingProxyType(self.board.accepted(step)),
            change=self.tree.change,
            complaint=self.tree.complaint,
            left_s=self.clock.left_s,
            evaluate=self.context.evaluate,
        )
        reports: list[GuardReport] = []
        for guard in step.guards:
            self.clock.left_s()  # raises where none is left
            reports.append(_asked(step, guard, answer, given))
            self.story.judged(step, reports[-1])
            if not reports[-1].passed:
                break
        return _whole(reports)

    def _invalid(self, step: Step, feedback: str, *, fatal: bool = False) -> GuardReport:
        """Return the rejection of an answer that no guard gets to see."""
        report = GuardReport(passed=False, feedback=feedback, fatal=fatal, guard=VALIDATION)
        self.story.judged(step, report)
        return _whole([report])

    def _check_sizes(self, answer: Shape) -> None:
        """Raise OverLarge for a patch of such a file; whatever else is wrong with it is for guards to say."""
        for edit in answer.edits if isinstance(answer, Patch) else ():
            try:
                self.tree.read(meant_path(edit.file.strip(), self.tree.read))
            except OverLarge:
                raise
            except (FileNotFoundError, EditError):
                continue

    def _with_diff(self, step: Step, artifact: Artifact, report: GuardReport, patch: Patch) -> Attempt:
        """Return an attempt whose patch can be made; one without a guard that tried is tried here."""
        try:
            return Attempt(artifact, report, patch, self.tree.change(patch).diff)
        except EditError as error:
            refused = dataclasses.replace(_unfit(error), guard=PATCH)
            self.story.judged(step, refused)
            return Attempt(artifact, _whole([*report.sub_results, refused]), patch)


def _asked(step: Step, guard: Guard, answer: Shape, given: Given) -> GuardReport:
    """Return what one guard says and how long it took; an edit that does not fit is a no, whoever finds it.

    An exception bears the names of guard and step. Raises TypeError for what is no report.
    """
    start = time.monotonic()
    try:
        report = guard.check(answer, given)
        if not isinstance(report, GuardReport):
            raise TypeError(f"returned {report!r:.60}; return GuardReport(passed=..., feedback=...)")
    except EditError as error:
        report = _unfit(error)
    except Exception as error:
        error.add_note(f"in the guard {guard.name!r} of the step {step.name!r}")
        raise
    return dataclasses.replace(report, guard=guard.name, duration_s=round(time.monotonic() - start, 3))


def _unfit(error: EditError) -> GuardReport:
    return GuardReport(passed=False, feedback=f"edit: {error}")


def _whole(reports: list[GuardReport]) -> GuardReport:
    """Return the verdict of all guards that were asked: that of the last one."""
    last = reports[-1] if reports else GuardReport(passed=True)
    return GuardReport(
        passed=last.passed,
        feedback=last.feedback,
        fatal=last.fatal and not last.passed,
        guard="" if last.passed else last.guard,
        duration_s=round(sum(report.duration_s for report in reports), 3),
        sub_results=tuple(reports),
    )
