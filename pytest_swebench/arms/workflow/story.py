"""How a workflow is told: its events, and the artifacts that its answers become."""

from __future__ import annotations

import dataclasses

from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.workflow.board import Board
from pytest_swebench.arms.workflow.declaration import Step
from pytest_swebench.cell import digest
from pytest_swebench.providers.protocol import Answer
from pytest_swebench.records.trace import (
    Artifact,
    Escalation,
    EventType,
    GuardReport,
    GuardVerdict,
    Status,
    TraceEvent,
)


class Story:
    """Writes the trace of one workflow. Ids of artifacts are the same whenever the same cell does the same again."""

    def __init__(self, workflow: str, context: SolveContext, board: Board) -> None:
        self._identity = [context.problem.instance_id, context.variant.name, context.rep, workflow]
        self._trace = context.trace(workflow)
        self._board = board

    def event(
        self,
        type: EventType,
        step: Step | None,
        *,
        guard: str = "",
        verdict: GuardVerdict | None = None,
        summary: str = "",
        escalation: Escalation | None = None,
    ) -> None:
        """Tell what happens at `step`; the trace shortens a long `summary`."""
        state = self._board[step] if step else None
        self._trace.event(
            TraceEvent(
                type=type,
                step=step.name if step else "",
                guard=guard,
                verdict=verdict,
                attempt=state.attempts if state else 0,
                e_count=state.escalations if state else 0,
                summary=summary,
                agent=step.name if step else "",
                escalation=escalation,
            )
        )

    def judged(self, step: Step, report: GuardReport) -> None:
        """Tell the verdict of one guard."""
        verdict = GuardVerdict.PASS if report.passed else GuardVerdict.FATAL if report.fatal else GuardVerdict.FAIL
        self.event(EventType.GUARD, step, guard=report.guard, verdict=verdict, summary=report.feedback)

    def pending(self, step: Step, answer: Answer | None, constraints: str) -> Artifact:
        """Keep an answer that nobody has judged yet; None stands for a request that was not answered."""
        state = self._board[step]
        built_on = {name: self._board[name].artifact for name in self._board.builds_on(step)}
        artifact = Artifact(
            artifact_id=digest([*self._identity, step.name, state.attempts]),
            step=step.name,
            attempt=state.attempts,
            content=answer.text if answer else "",
            status=Status.PENDING,
            previous=state.last_artifact_id,
            constraints=constraints,
            feedback_history=tuple(state.history),
            dependencies={name: artifact.artifact_id for name, artifact in built_on.items() if artifact},
            escalation_feedback=tuple(state.escalation_feedback),
            metadata=_spent(answer),
        )
        state.last_artifact_id = artifact.artifact_id
        self._trace.artifact(artifact)
        return artifact

    def settled(self, artifact: Artifact, status: Status, report: GuardReport | None = None) -> Artifact:
        """Keep what became of `artifact`, and return that."""
        settled = dataclasses.replace(artifact, status=status, report=report or artifact.report)
        self._trace.artifact(settled)
        return settled


def _spent(answer: Answer | None) -> dict[str, int]:
    if answer is None:
        return {}
    usage = answer.usage
    return {
        "prompt_tokens": usage.total - usage.output,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
