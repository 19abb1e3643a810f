"""What follows a rejection, and an answer that asks for a step back: again, further back, or the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from pytest_swebench.arms.workflow.shapes import Review, Shape
from pytest_swebench.arms.workflow.stagnation import is_stagnant

if TYPE_CHECKING:
    from pytest_swebench.arms.workflow.declaration import Step


class Ended(StrEnum):
    """How a workflow ended; `ESCALATION` means that only a person could help."""

    COMPLETED = "completed"
    FAILED = "failed"
    ESCALATION = "escalation"


class Trigger(StrEnum):
    """Why a step back was taken; the last two lead back from a whole workflow alone."""

    STAGNATION = "STAGNATION"
    RMAX_EXHAUSTED = "RMAX_EXHAUSTED"
    REVIEW = "REVIEW"
    RULE = "RULE"
    FATAL = "FATAL"
    TOKEN_BUDGET = "TOKEN_BUDGET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An answer that a guard turned down. `approach` says in one line what it tried."""

    guard: str
    feedback: str
    approach: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What came before at a step.

    `rejections` are those since it was last begun, at most `retries` + 1. `before` names the steps it builds on, in
    the order they ran, `patched` the last of them that makes a patch, if one does. `escalations` counts the steps back
    that it led to, `gone_back` by name those to each step.
    """

    rejections: tuple[Rejection, ...]
    retries: int
    before: tuple[str, ...]
    patched: str = ""
    escalations: int = 0
    gone_back: Mapping[str, int] = field(default_factory=dict)

    @property
    def retried(self) -> int:
        """How often the answer was asked for again."""
        return len(self.rejections) - 1

    @property
    def exhausted(self) -> bool:
        """Whether it may not be asked for again."""
        return self.retried >= self.retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Ask again. `warn` tells the model that its answers are stuck."""

    warn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Do `targets` and all that builds on them again, the `e_count`-th time of `e_max`; `guard`, `reason` say why."""

    targets: tuple[str, ...]
    trigger: Trigger
    e_count: int
    e_max: int
    guard: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """End the workflow. `stagnant` tells of a stagnation that no step back was left for."""

    ended: Ended
    reason: str
    stagnant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Go on, and tell in the trace what was not done."""

    text: str


class Policy(Protocol):
    """Decides; keeps no state of its own. `mentions` names the steps it is set up for."""

    @property
    def mentions(self) -> tuple[str, ...]:
        """Names of steps that a workflow with this policy must have."""

    def rejected(self, step: Step, past: Past) -> Retry | Back | GiveUp:
        """Decide after the last of `past.rejections`."""

    def accepted(self, step: Step, answer: Shape, past: Past) -> Back | Noted | None:
        """Decide after an accepted answer; None to go on."""

    def settings(self) -> Mapping[str, Any]:
        """Return what shapes its decisions, as plain JSON data: part of the arm's version."""


@dataclass(frozen=True, slots=True)
class Stagnation:
    """Goes back where answers are stuck or used up, as the step's `r_patience`, `e_max` and routes say.

    Stuck are the last `r_patience` feedbacks, those of the last guard where the step has routes by guard: guards that
    take turns hide nothing. Without a route the model is warned; when all `e_max` steps back are taken, a person has
    to look.
    """

    @property
    def mentions(self) -> tuple[str, ...]:
        """None."""
        return ()

    def rejected(self, step: Step, past: Past) -> Retry | Back | GiveUp:
        """Decide by the feedbacks since the step was begun."""
        guard = past.rejections[-1].guard
        stream = [one for one in past.rejections if one.guard == guard or not step.back_by_guard]
        stagnant = is_stagnant([one.feedback for one in stream], step.r_patience)
        if not stagnant and not past.exhausted:
            return Retry()
        targets = step.back_by_guard.get(guard, step.back_to)
        if targets and past.escalations < step.e_max:
            trigger = Trigger.STAGNATION if stagnant else Trigger.RMAX_EXHAUSTED
            return Back(targets=targets, trigger=trigger, e_count=past.escalations + 1, e_max=step.e_max, guard=guard)
        if stagnant and targets:
            back = "1 step" if past.escalations == 1 else f"{past.escalations} steps"
            return GiveUp(ended=Ended.ESCALATION, reason=f"stuck again after {back} back", stagnant=True)
        if past.exhausted:
            times = "once" if past.retried == 0 else f"{len(past.rejections)} times"
            return GiveUp(ended=Ended.FAILED, reason=f"rejected {times}")
        return Retry(warn=True)

    def accepted(self, step: Step, answer: Shape, past: Past) -> None:
        """Go on."""

    def settings(self) -> Mapping[str, Any]:
        """Return the name alone."""
        return {"policy": "stagnation"}


@dataclass(frozen=True, slots=True)
class ReviewBacktracking:
    """Goes back where an accepted `Review` asks for it, to each step at most as often as `budget` says.

    `revise` means the step that made the patch, `backtrack` the named one, or the nearest before the patch where it
    names none that the review builds on. Rejections are treated as `Stagnation` does.
    """

    budget: Mapping[str, int]

    @property
    def mentions(self) -> tuple[str, ...]:
        """The steps with a budget."""
        return tuple(self.budget)

    def rejected(self, step: Step, past: Past) -> Retry | Back | GiveUp:
        """Decide as `Stagnation` does."""
        return Stagnation().rejected(step, past)

    def accepted(self, step: Step, answer: Shape, past: Past) -> Back | Noted | None:
        """Follow a review as far as the budget goes."""
        if not isinstance(answer, Review) or answer.verdict == "approve":
            return None
        target = self._target(answer, past)
        said = f"the review says {answer.verdict}: {answer.comments}"
        if target is None:
            return Noted(text=f"{said}\n(there is no step to go back to)")
        times, most = past.gone_back.get(target, 0), self.budget.get(target, 0)
        if times >= most:
            return Noted(text=f"not done again: {target}, which may be {most} times. {said}")
        return Back(targets=(target,), trigger=Trigger.REVIEW, e_count=times + 1, e_max=most, reason=said)

    def settings(self) -> Mapping[str, Any]:
        """Return name and budget."""
        return {"policy": "review", "budget": dict(self.budget)}

    @staticmethod
    def _target(review: Review, past: Past) -> str | None:
        if not past.before:
            return None
        patched = past.patched or past.before[-1]
        if review.verdict == "revise":
            return patched
        wanted = review.backtrack_target.strip().removeprefix("ap_")
        named = [name for name in past.before if name.removeprefix("ap_") == wanted]
        return named[0] if named else past.before[max(0, past.before.index(patched) - 1)]


_NUMBER: Final = re.compile(r"\d+")
_IMPORT_ERROR: Final = re.compile(r"\b(?:ModuleNotFoundError|ImportError|No module named|cannot import name)\b")


@dataclass(frozen=True, slots=True)
class RuleBacktracking:
    """Goes back so many steps as the pattern of the feedbacks says, to each at most as often as `budget` says.

    With r retries made: the same feedback twice in a row goes back min(r, 2) steps, an import error 2 from r = 2 on,
    any failure 1 from r = 3 on. A step without budget left is passed over for the next one nearer. Whatever no rule
    moves is treated as `Stagnation` does.
    """

    budget: Mapping[str, int]

    @property
    def mentions(self) -> tuple[str, ...]:
        """The steps with a budget."""
        return tuple(self.budget)

    def rejected(self, step: Step, past: Past) -> Retry | Back | GiveUp:
        """Decide by depth."""
        last = past.rejections[-1]
        for depth in range(min(self.depth(past), len(past.before)), 0, -1):
            target = past.before[-depth]
            times, most = past.gone_back.get(target, 0), self.budget.get(target, 0)
            if times < most:
                return Back(targets=(target,), trigger=Trigger.RULE, e_count=times + 1, e_max=most, guard=last.guard)
        return Stagnation().rejected(step, past)

    @staticmethod
    def depth(past: Past) -> int:
        """Return how many steps to go back: 0, 1 or 2."""
        feedbacks, retried = [one.feedback for one in past.rejections], past.retried
        if retried and _plain(feedbacks[-1]) == _plain(feedbacks[-2]):
            return min(retried, 2)
        if retried >= 2 and _IMPORT_ERROR.search(feedbacks[-1]):
            return 2
        return 1 if retried >= 3 else 0

    def accepted(self, step: Step, answer: Shape, past: Past) -> None:
        """Go on."""

    def settings(self) -> Mapping[str, Any]:
        """Return name and budget."""
        return {"policy": "rule", "budget": dict(self.budget)}


def _plain(feedback: str) -> str:
    # durations, addresses and counts differ from one run of the same test to the next
    return " ".join(_NUMBER.sub("0", feedback).split())
