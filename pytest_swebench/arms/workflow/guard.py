"""The contract of guards: deterministic judges of one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pytest_swebench.arms.change import Change
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.records.trace import GuardReport
from pytest_swebench.sandbox.protocol import Sandbox

S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a guard may look at beside the answer.

    `accepted` holds by shape the accepted answers of the steps that the guard's step requires, directly or not.
    `change` makes the edits of a Patch on the base commit and raises EditError for one that does not fit; `complaint`
    is what `git apply --check` has against a diff, "" for nothing. The sandbox stands at the base commit before a guard
    and after it. `evaluate` is there for oracles only. `left_s` says how many seconds the cell has left and raises
    LimitReached where there are none.
    """

    problem: Problem
    sandbox: Sandbox
    accepted: Mapping[type[Shape], Shape]
    change: Callable[[Patch], Change]
    complaint: Callable[[str], str]
    left_s: Callable[[], float]
    evaluate: Callable[[str], Grade] | None = None

    def diff(self, patch: Patch) -> str:
        """Return `patch` as a unified diff against the base commit, "" if it changes nothing. Raises EditError."""
        return self.change(patch).diff

    def take(self, shape: type[S]) -> S:
        """Return the latest accepted answer of `shape`; a workflow that could lack it was refused when it was made."""
        return next(answer for answer in reversed(list(self.accepted.values())) if isinstance(answer, shape))


class Guard(Protocol):
    """A judge of answers of the shape `judges`, which takes accepted answers of the shapes `takes` into account.

    The first four can be plain attributes of a class.
    """

    @property
    def name(self) -> str:
        """Under which workflows and traces know it."""

    @property
    def judges(self) -> type[Shape]:
        """The shape of the answers it can judge; it can judge what derives from it too."""

    @property
    def takes(self) -> tuple[type[Shape], ...]:
        """The shapes it looks at beside the answer; some required step must give each of them."""

    @property
    def oracle(self) -> bool:
        """Whether it sees hidden tests, and makes the arm an oracle."""

    def check(self, answer: Any, given: Given) -> GuardReport:
        """Judge `answer`; `feedback` tells the model what to do better.

        Raises InfraError for broken ground, and EditError for an edit that does not fit, which counts as a no.
        """

    def settings(self) -> Mapping[str, Any]:
        """Return what shapes its verdicts, as plain JSON data: part of the arm's version."""
