"""A workflow arm played through on the demo's `tinyconf__tinyconf-5`: real repository, real tests, scripted model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Arm, Draft, Solution, SolveContext
from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.providers.protocol import Request
from pytest_swebench.sandbox.local import LocalBackend
from tests.arms.workflows.answers import GOOD, key_of
from tests.support.kept import Kept
from tests.support.scripted import Scripted

NAME = "tinyconf__tinyconf-5"
INSTANCE: Instance = next(instance for instance in load_demo() if instance.instance_id == NAME)


@dataclass
class Played:
    """What came of it; `stories` by the name of the workflow, in the order they began."""

    arm: Arm
    solution: Solution
    stories: dict[str, Kept]
    provider: Scripted
    drafts: list[Draft]

    @property
    def story(self) -> Kept:
        return self.stories[self.arm.name]


def right(request: Request) -> dict[str, Any]:
    """Answer whatever is asked for rightly."""
    assert request.schema is not None
    return GOOD[key_of(request.schema)]


class ByStep(Scripted):
    """Gives each step its own answers first, and right ones from then on."""

    def __init__(self, first: Mapping[str, Sequence[Any]]) -> None:
        super().__init__([self._next], again=True)
        self._first = {step: list(lines) for step, lines in first.items()}

    def _next(self, request: Request) -> Any:
        lines = self._first.get(request.agent)
        return lines.pop(0) if lines else right(request)


class Table:
    """Where arms are played; official verdicts are asked for once a patch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = LocalBackend()
        self._grader = OfficialGrader(self.backend)
        self._grades: dict[str, Grade] = {}

    def evaluate(self, patch: str) -> Grade:
        if patch not in self._grades:
            self._grades[patch] = self._grader.grade(INSTANCE, patch, self.folder / f"grade{len(self._grades)}")
        return self._grades[patch]

    def play(
        self,
        arm: str | Arm,
        first: Mapping[str, Sequence[Any]] | None = None,
        *,
        instance: Instance = INSTANCE,
        evaluate: Callable[[str], Grade] | None = None,
        **context: Any,
    ) -> Played:
        """Let `arm` work; `first` holds by step what is answered before right answers."""
        made = ArmRegistry().make(arm) if isinstance(arm, str) else arm
        sandbox = self.backend.open(instance)
        stories: dict[str, Kept] = {}
        provider, drafts = ByStep(first or {}), list[Draft]()
        solve = SolveContext(
            problem=instance.problem,
            variant=Variant(made.name, made.name, "m-1"),
            rep=1,
            provider=provider,
            sandbox=lambda: sandbox,
            folder=self.folder,
            timeout_s=600.0,
            hidden=instance.hidden if made.oracle else None,
            evaluate=(evaluate or self.evaluate) if made.oracle else None,
            trace=lambda workflow: stories.setdefault(workflow, Kept()),
            leave=drafts.append,
        )
        try:
            solution = made.solve(dataclasses.replace(solve, **context))
        finally:
            sandbox.close()
        return Played(made, solution, stories, provider, drafts)
