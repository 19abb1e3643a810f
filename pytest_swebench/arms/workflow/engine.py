"""Runs a workflow: asks, lets guards judge, asks again with what they said, goes back where that does not help.

Steps run in the order of what they build on. A step has `rmax` retries each time it is begun; a step back begins the
steps gone back to, and all that build on them, anew. What was accepted before is superseded, what was rejected stays
in mind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.context.material import from_repository
from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.arms.workflow.attempt import Attempt, Attempter
from pytest_swebench.arms.workflow.base_tree import BaseTree
from pytest_swebench.arms.workflow.board import Board
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.generate import Turn
from pytest_swebench.arms.workflow.policy import Back, Ended, GiveUp, Noted, Rejection, Retry, Trigger
from pytest_swebench.arms.workflow.prompt import filled
from pytest_swebench.arms.workflow.shapes import Shape
from pytest_swebench.arms.workflow.story import Story
from pytest_swebench.arms.workflow.summary import approach, failure_summary
from pytest_swebench.datasets.hub import default_cache_dir
from pytest_swebench.errors import LimitReached, SwebenchError
from pytest_swebench.faults import told
from pytest_swebench.records.trace import Artifact, Escalation, EventType, Status

TOKEN_BUDGET: Final = "TokenBudget"
"""The name under which a step fails that has used up its tokens, as if by a guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowResult:
    """How a workflow ended and what it leaves. `accepted` holds the answers that stand, by step in the order they ran.

    `artifacts` are theirs. `patch` is the diff of the last accepted `Patch`, made by `patch_step`, in a workflow before
    this one where this one has none. `per_step_tokens` and `retry_count` count every answer and every rejection, those
    that were superseded or belong to a workflow before this one included. `trigger` says what the failure came from.
    """

    ended: Ended
    accepted: Mapping[str, Shape]
    artifacts: tuple[Artifact, ...] = ()
    patch: str = ""
    patch_step: str = ""
    per_step_tokens: Mapping[str, int] = field(default_factory=dict)
    retry_count: int = 0
    failed_step: str = ""
    failed_guard: str = ""
    reason: str = ""
    trigger: Trigger | None = None


def run_workflow(
    workflow: Workflow,
    context: SolveContext,
    *,
    specification: str,
    clock: Clock,
    before: WorkflowResult | None = None,
) -> WorkflowResult:
    """Run a checked `workflow` to its end.

    `clock` is the cell's, `before` is what another workflow did in it already. Raises LimitReached where a limit ends
    it, after `context.leave` was told what stands; InfraError and RefusedError as the provider and the sandbox do.
    """
    run = _Run(workflow, context, specification, clock, before)
    try:
        return run.to_the_end()
    except LimitReached as limit:
        run.note(str(limit))
        raise
    except SwebenchError:
        raise
    except Exception as error:  # a fault, of a guard say
        run.note(f"{type(error).__name__}: {told(error)}")
        raise


@dataclass(frozen=True, slots=True)
class _Failure:
    step: Step
    guard: str
    ended: Ended
    trigger: Trigger
    reason: str


class _Run:
    """One workflow in one cell."""

    def __init__(
        self,
        workflow: Workflow,
        context: SolveContext,
        specification: str,
        clock: Clock,
        before: WorkflowResult | None,
    ) -> None:
        self._workflow = workflow
        self._context = context
        self._board = Board(workflow)
        self._story = Story(workflow.name, context, self._board)
        self._attempter = Attempter(
            context=context,
            board=self._board,
            story=self._story,
            tree=BaseTree(context.sandbox()),
            specification=specification,
            clock=clock,
            material=cache(partial(from_repository, context.problem, context.sandbox(), default_cache_dir())),
            leave=self._leave,
        )
        self._before = before or WorkflowResult(ended=Ended.COMPLETED, accepted={})
        self._retry_count = self._before.retry_count

    def to_the_end(self) -> WorkflowResult:
        """Run the first step of which no answer stands, until there is none or one fails."""
        failure = None
        while failure is None and (step := self._board.first_undone()) is not None:
            failure = self._run_step(step)
        if failure is not None:
            self._story.event(EventType.STEP_FAIL, failure.step, guard=failure.guard, summary=failure.reason)
        patch_step, patch = self._last_patch()
        states = {step.name: self._board[step] for step in self._board.steps}
        return WorkflowResult(
            ended=failure.ended if failure else Ended.COMPLETED,
            accepted={name: state.answer for name, state in states.items() if state.answer},
            artifacts=tuple(state.artifact for state in states.values() if state.artifact),
            patch=patch,
            patch_step=patch_step,
            per_step_tokens=self._tokens(),
            retry_count=self._retry_count,
            failed_step=failure.step.name if failure else "",
            failed_guard=failure.guard if failure else "",
            reason=failure.reason if failure else "",
            trigger=failure.trigger if failure else None,
        )

    def note(self, text: str) -> None:
        """Tell in the trace what ended the workflow from outside."""
        self._story.event(EventType.NOTE, self._board.first_undone(), summary=text)

    def _run_step(self, step: Step) -> _Failure | None:
        """Ask until an answer stands, a step back is taken, or the step fails."""
        state = self._board[step]
        self._story.event(EventType.STEP_START, step)
        values = self._attempter.values(step)
        while True:
            if step.token_budget is not None and state.tokens >= step.token_budget:
                reason = f"its answers took {state.tokens} tokens, and {step.token_budget} were given"
                return _Failure(step, TOKEN_BUDGET, Ended.FAILED, Trigger.TOKEN_BUDGET, reason)
            attempt = self._attempter.make(step, values)
            if attempt.report.passed and attempt.answer is not None:
                self._accept(step, attempt, attempt.answer)
                return None
            self._reject(step, attempt)
            report = attempt.report
            if report.fatal:
                return _Failure(step, report.guard, Ended.ESCALATION, Trigger.FATAL, report.feedback)
            move = self._workflow.policy.rejected(step, self._board.past(step))
            if isinstance(move, GiveUp):
                return self._given_up(step, attempt, move)
            if isinstance(move, Back):
                self._go_back(step, move)
                return None
            self._warn(step, move, report.guard)

    def _accept(self, step: Step, attempt: Attempt, answer: Shape) -> None:
        """Let an answer stand, unless it asks for a step back."""
        state = self._board[step]
        state.artifact = self._story.settled(attempt.artifact, Status.ACCEPTED, attempt.report)
        state.answer, state.diff = answer, attempt.diff
        self._story.event(EventType.STEP_PASS, step)
        move = self._workflow.policy.accepted(step, answer, self._board.past(step))
        if isinstance(move, Noted):
            self._story.event(EventType.NOTE, step, summary=move.text)
        elif move is not None:
            self._go_back(step, move)

    def _reject(self, step: Step, attempt: Attempt) -> None:
        state, report, artifact = self._board[step], attempt.report, attempt.artifact
        self._story.settled(artifact, Status.REJECTED, report)
        self._retry_count += 1
        tried = approach(attempt.answer) if attempt.answer else ""
        state.rejections.append(Rejection(guard=report.guard, feedback=report.feedback, approach=tried))
        state.history.append((artifact.artifact_id, report.feedback))
        state.turns.append(Turn(artifact.content, filled(step.prompt.feedback, {"feedback": report.feedback})))

    def _warn(self, step: Step, move: Retry, guard: str) -> None:
        """Tell a model that is stuck, once, where no way leads back."""
        state = self._board[step]
        if move.warn and not state.warned:
            state.warned = True
            self._story.event(EventType.STAGNATION, step, guard=guard, summary="no way back: the model is warned")

    def _given_up(self, step: Step, attempt: Attempt, move: GiveUp) -> _Failure:
        if move.stagnant:
            self._story.event(EventType.STAGNATION, step, guard=attempt.report.guard, summary=move.reason)
        said = (move.reason, attempt.report.feedback)
        trigger = Trigger.STAGNATION if move.stagnant else Trigger.RMAX_EXHAUSTED
        return _Failure(step, attempt.report.guard, move.ended, trigger, ": ".join(filter(None, said)))

    def _go_back(self, step: Step, move: Back) -> None:
        """Invalidate the steps gone back to and all that build on them, and tell them why."""
        state = self._board[step]
        state.escalations += 1
        falling = self._board.fall_with(move.targets)
        summary = failure_summary(state.rejections, move.reason)
        if move.trigger is Trigger.STAGNATION:
            self._story.event(EventType.STAGNATION, step, guard=move.guard, summary=state.rejections[-1].feedback)
        escalation = Escalation(
            targets=move.targets,
            invalidated=tuple(one.name for one in falling),
            e_count=move.e_count,
            e_max=move.e_max,
            failure_summary=summary,
            trigger=move.trigger,
            stagnant_guard=move.guard,
        )
        self._story.event(EventType.ESCALATE, step, guard=move.guard, summary=summary, escalation=escalation)
        self._tell(step, move.targets, summary)
        for one in falling:
            self._invalidate(one, because=step)

    def _tell(self, stuck: Step, targets: tuple[str, ...], summary: str) -> None:
        """Put the failures into the conversations of the steps gone back to and of the one that is stuck."""
        for step in self._board.steps:
            state = self._board[step]
            if step.name in targets:
                state.gone_back += 1
            elif step is not stuck or state.artifact is not None:  # a review that stood is told nothing
                continue
            state.escalation_feedback.append(summary)
            said = filled(step.prompt.escalation, {"summary": summary})
            if state.artifact is not None:
                state.turns.append(Turn(state.artifact.content, said))
            elif state.turns:
                last = state.turns[-1]
                state.turns[-1] = Turn(last.answer, f"{last.said}\n\n{said}")

    def _invalidate(self, step: Step, *, because: Step) -> None:
        state = self._board[step]
        if state.artifact is not None:
            self._story.settled(state.artifact, Status.SUPERSEDED)
            self._story.event(EventType.CASCADE_INVALIDATE, step, summary=f"gone back from {because.name}")
        state.begin_anew()

    def _leave(self, step: Step) -> None:
        """Tell what stands, in case that a limit ends solving at `step`."""
        rejections = self._board[step].rejections
        self._context.leave(
            Draft(
                patch=self._last_patch()[1],
                per_step_tokens=self._tokens(),
                retry_count=self._retry_count,
                failed_step=step.name,
                failed_guard=rejections[-1].guard if rejections else "",
            )
        )

    def _last_patch(self) -> tuple[str, str]:
        """Return step and diff of the last patch that stands, here or in a workflow before this one."""
        step, patch = self._board.last_patch()
        return (step, patch) if step else (self._before.patch_step, self._before.patch)

    def _tokens(self) -> dict[str, int]:
        """Return tokens by step, those of a workflow before this one included."""
        tokens = dict(self._before.per_step_tokens)
        for name, count in self._board.tokens().items():
            tokens[name] = tokens.get(name, 0) + count
        return tokens
