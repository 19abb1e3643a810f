"""`workflow_schema`: a planned workflow that can be executed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.workflow.check import circle
from pytest_swebench.arms.workflow.guard import Given, Guard
from pytest_swebench.arms.workflow.guards.reports import few, judged
from pytest_swebench.arms.workflow.shapes import MOST_RETRIES, SHAPES, PlannedStep, Shape, WorkflowPlan
from pytest_swebench.errors import InputError
from pytest_swebench.records.trace import GuardReport

MOST_STEPS: Final = 12
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class WorkflowSchema:
    """Refuses a plan with unknown names, a cycle, guards that do not fit, or no guarded patch.

    `known` makes a guard by its name and raises InputError for an unknown one.
    """

    known: Callable[[str], Guard]
    name: str = "workflow_schema"
    judges: type[Shape] = WorkflowPlan
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: WorkflowPlan, given: Given) -> GuardReport:
        """Say all that is wrong; what depends on an order only once there is one."""
        objections = [*_names(answer.steps), *_order(answer.steps)]
        checks = (self._guards, _rivals, _patches)
        return judged(self.name, objections or itertools.chain.from_iterable(check(answer.steps) for check in checks))

    def settings(self) -> Mapping[str, Any]:
        """Return the bounds of a plan."""
        return {"most_steps": MOST_STEPS, "most_retries": MOST_RETRIES}

    def _guards(self, steps: list[PlannedStep]) -> Iterator[str]:
        shapes = {shape.key: shape for shape in SHAPES}
        by_name = {step.name: step for step in steps}
        for step in steps:
            there = {shapes[by_name[name].kind] for name in _before(step, by_name)}
            for name in step.guards:
                yield from (f"step {step.name!r}: {what}" for what in self._guard(name, shapes[step.kind], there))

    def _guard(self, name: str, shape: type[Shape], there: set[type[Shape]]) -> Iterator[str]:
        try:
            guard = self.known(name)
        except InputError as error:
            yield str(error)
            return
        if guard.oracle:
            yield f"guard {name!r} sees hidden tests and cannot be planned"
        if not issubclass(shape, guard.judges):
            yield f"guard {name!r} judges {guard.judges.key!r}, not {shape.key!r}"
        lacking = [taken.key for taken in guard.takes if taken not in there]
        if lacking:
            yield f"guard {name!r} takes what no required step gives: {few(lacking)}"


def _names(steps: list[PlannedStep]) -> Iterator[str]:
    if not 0 < len(steps) <= MOST_STEPS:
        yield f"steps: there are {len(steps)}; give 1 to {MOST_STEPS}"
    names = [step.name for step in steps]
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd:
        yield f"steps: {few(odd)}: names have lower-case letters, digits and underscores, a letter first"
    yield from _twice("steps", names)
    for step in steps:
        yield from _twice(f"step {step.name!r}, guards", step.guards)
        unknown = [name for name in step.requires if name not in names]
        if unknown:
            yield f"step {step.name!r} requires {few(unknown)}, which is no step; there are: {few(names, MOST_STEPS)}"
        if not 0 <= step.rmax <= MOST_RETRIES:
            yield f"step {step.name!r}: rmax is {step.rmax}; give 0 to {MOST_RETRIES}"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"{what}: {few(twice)} stand there more than once"


def _order(steps: list[PlannedStep]) -> Iterator[str]:
    if found := circle({step.name: step.requires for step in steps}):
        yield f"steps require each other in a circle: {found}"


def _patches(steps: list[PlannedStep]) -> Iterator[str]:
    patches = [step for step in steps if step.kind == "patch"]
    if not patches:
        yield "steps: none makes a patch; the last has to"
    bare = [step.name for step in patches if "patch" not in step.guards]
    if bare:
        yield f"steps: {few(bare)} must have the guard 'patch'"


def _rivals(steps: list[PlannedStep]) -> Iterator[str]:
    """Yield steps that build on two answers of one kind, neither of which builds on the other."""
    by_name = {step.name: step for step in steps}
    before = {step.name: _before(step, by_name) for step in steps}
    for step in steps:
        for one, other in itertools.combinations(sorted(before[step.name]), 2):
            alike = by_name[one].kind == by_name[other].kind
            if alike and one not in before[other] and other not in before[one]:
                yield f"step {step.name!r} builds on {one!r} and {other!r}, two of one kind; require one of them only"


def _before(step: PlannedStep, by_name: Mapping[str, PlannedStep]) -> set[str]:
    """Return the names of all steps that `step` requires, directly or not."""
    found: set[str] = set()
    ahead = list(step.requires)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += by_name[name].requires
    return found
