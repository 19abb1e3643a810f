"""Where a workflow stands: what every step has been through, what stands, and what falls with a step gone back to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pytest_swebench.arms.workflow.check import ancestors, ordered
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.generate import Turn
from pytest_swebench.arms.workflow.policy import Past, Rejection
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.records.trace import Artifact


@dataclass(slots=True)
class StepState:
    """What happened to a step: `rejections` and `warned` since it was last begun, the rest over all.

    `answer` is None unless one stands. `diff` is that of an answer that is a patch. `history` holds the rejections as
    artifacts keep them, `turns` as requests repeat them.
    """

    attempts: int = 0
    escalations: int = 0
    gone_back: int = 0
    tokens: int = 0
    answer: Shape | None = None
    diff: str = ""
    artifact: Artifact | None = None
    last_artifact_id: str = ""
    rejections: list[Rejection] = field(default_factory=list)
    warned: bool = False
    turns: list[Turn] = field(default_factory=list)
    history: list[tuple[str, str]] = field(default_factory=list)
    escalation_feedback: list[str] = field(default_factory=list)

    @property
    def is_patch(self) -> bool:
        """Whether a patch stands."""
        return isinstance(self.answer, Patch)

    def begin_anew(self) -> None:
        """Forget what stands, and count from the start; what was said stays in mind."""
        self.answer, self.artifact, self.diff = None, None, ""
        self.rejections.clear()
        self.warned = False


class Board:
    """The states of all steps of a workflow."""

    def __init__(self, workflow: Workflow) -> None:
        self.steps = ordered(workflow)
        self._workflow = workflow
        self._before = ancestors(workflow)
        self._states = {step.name: StepState() for step in self.steps}

    def __getitem__(self, step: Step | str) -> StepState:
        return self._states[step if isinstance(step, str) else step.name]

    def first_undone(self) -> Step | None:
        """Return the first step, in the order they run, of which no answer stands."""
        return next((step for step in self.steps if self[step].answer is None), None)

    def builds_on(self, step: Step) -> tuple[str, ...]:
        """Return the names of all steps that `step` builds on, directly or not, in the order they run."""
        return self._before[step.name]

    def accepted(self, step: Step) -> dict[type[Shape], Shape]:
        """Return the answers that `step` builds on by shape, in the order they were made; the latest of one counts."""
        found: dict[type[Shape], Shape] = {}
        for name in self.builds_on(step):
            if (answer := self[name].answer) is not None:
                found.pop(type(answer), None)  # so that the later one comes later
                found[type(answer)] = answer
        return found

    def past(self, step: Step) -> Past:
        """Return what a policy decides by."""
        before = self.builds_on(step)
        return Past(
            rejections=tuple(self[step].rejections),
            retries=self._workflow.retries(step),
            before=before,
            patched=next((name for name in reversed(before) if self[name].is_patch), ""),
            escalations=self[step].escalations,
            gone_back={name: state.gone_back for name, state in self._states.items()},
        )

    def fall_with(self, targets: Collection[str]) -> tuple[Step, ...]:
        """Return `targets` and all steps that build on them, in the order they run."""
        wanted = set(targets)
        return tuple(step for step in self.steps if step.name in wanted or wanted.intersection(self.builds_on(step)))

    def tokens(self) -> dict[str, int]:
        """Return by step what its answers took, all of them."""
        return {name: state.tokens for name, state in self._states.items() if state.attempts}

    def last_patch(self) -> tuple[str, str]:
        """Return name and diff of the last step whose patch stands, empty texts for none."""
        return next(((step.name, self[step].diff) for step in reversed(self.steps) if self[step].is_patch), ("", ""))
