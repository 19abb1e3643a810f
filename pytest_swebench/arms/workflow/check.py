"""Is a workflow fit to run? Told at collection, with the name of what is wrong and the fix."""

from __future__ import annotations

import graphlib
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from string import Template
from typing import Any, Final

from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.policy import ReviewBacktracking
from pytest_swebench.arms.workflow.prompt import ALWAYS
from pytest_swebench.arms.workflow.shapes import Patch, Review, Shape
from pytest_swebench.cell import slug
from pytest_swebench.errors import InputError, unknown

_GUARD: Final = ("name", "judges", "takes", "oracle", "check", "settings")

VALIDATION: Final = "GeneratorValidation"
"""The name under which an answer of the wrong shape is rejected, as if by a guard."""


def check_workflow(workflow: Workflow, *, leaves_patch: bool = True) -> None:
    """Raise InputError for a workflow that could not run to its end, naming the offender and the fix."""
    where = f"workflow {workflow.name!r}"
    _check_types(workflow, where)
    _check_names(workflow, where)
    before = ancestors(workflow)
    for step in workflow.steps:
        _check_numbers(step, workflow.retries(step), f"{where}, step {step.name!r}")
        _check_guards(step, before, workflow, f"{where}, step {step.name!r}")
        _check_routes(step, before[step.name], f"{where}, step {step.name!r}")
        _check_prompt(step, before[step.name], workflow, f"{where}, step {step.name!r}")
    for name in workflow.policy.mentions:
        if name not in before:
            raise InputError(f"{where}: its policy speaks of an {unknown('step', name, before)}")
    if isinstance(workflow.policy, ReviewBacktracking) and not _makes(Review, workflow):
        raise InputError(f"{where}: its policy follows reviews, but no step makes a Review; give one that shape")
    if leaves_patch and not _makes(Patch, workflow):
        made = ", ".join(step.shape.__name__ for step in workflow.steps)
        raise InputError(f"{where}: no step makes a Patch, only {made}; give the last step that shape")


def ordered(workflow: Workflow) -> tuple[Step, ...]:
    """Return the steps in the order they run: the first whose required steps are done, again and again."""
    if found := circle({step.name: step.requires for step in workflow.steps}):
        raise InputError(
            f"workflow {workflow.name!r}: steps that wait for one another: {found}; take one out of `requires`"
        )
    done: set[str] = set()
    left, order = list(workflow.steps), []
    while left:
        ready = next(step for step in left if done.issuperset(step.requires))
        left.remove(ready)
        order.append(ready)
        done.add(ready.name)
    return tuple(order)


def circle(requires: Mapping[str, Iterable[str]]) -> str:
    """Return steps that wait for one another as `a -> b -> a`, each requiring the next, or ""."""
    try:
        graphlib.TopologicalSorter(requires).prepare()
    except graphlib.CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


def ancestors(workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """Return by step the names of all steps it builds on, directly or not, in the order they run."""
    order = ordered(workflow)
    found: dict[str, set[str]] = {}
    for step in order:
        found[step.name] = set(step.requires).union(*(found[name] for name in step.requires))
    return {name: tuple(step.name for step in order if step.name in before) for name, before in found.items()}


def _check_types(workflow: Workflow, where: str) -> None:
    """Raise InputError for a part of a wrong type: a text for a tuple of texts, a name for a guard."""
    for step in workflow.steps:
        for what, names in (("requires", step.requires), ("back_to", step.back_to), *step.back_by_guard.items()):
            if isinstance(names, str):
                raise InputError(f"{where}, step {step.name!r}: {what}={names!r}; give a tuple, ({names!r},)")
        if not (isinstance(step.shape, type) and issubclass(step.shape, Shape)):
            raise InputError(f"{where}, step {step.name!r}: shape={step.shape!r}; give a subclass of Shape")
        if not isinstance(step.guards, (tuple, list)):
            raise InputError(f"{where}, step {step.name!r}: guards={step.guards!r}; give a tuple, (guard(...),)")
        for guard in step.guards:
            if wrong := _no_guard(guard):
                raise InputError(f"{where}, step {step.name!r}: the guard {guard!r} {wrong}")


def _no_guard(guard: Any) -> str:
    """Say what keeps `guard` from being one, with the fix; "" if it is one."""
    if isinstance(guard, str):
        return f"is a text; give guard({guard!r})"
    if isinstance(guard, type):
        return f"is a class; give one made of it, {guard.__name__}()"
    lacking = ", ".join(name for name in _GUARD if not hasattr(guard, name))
    return f"lacks {lacking}; see docs/workflows.md" if lacking else ""


def _check_names(workflow: Workflow, where: str) -> None:
    if not workflow.name or slug(workflow.name) != workflow.name:
        raise InputError(f"{where}: ids and files bear its name; give it letters, digits and any of `._+-` alone")
    if not workflow.steps:
        raise InputError(f"{where}: it has no steps; give it at least one that makes a Patch")
    names = Counter(step.name for step in workflow.steps)
    for name, times in names.items():
        if times > 1:
            raise InputError(f"{where}: {times} steps are called {name!r}; names must be unique")
        if not name.strip():
            raise InputError(f"{where}: a step is called {name!r}; give it a name")
    shapes: dict[str, type[Shape]] = {}
    for step in workflow.steps:
        key = getattr(step.shape, "key", "")
        if not key.isidentifier() or key in ALWAYS:
            raise InputError(
                f"{where}, step {step.name!r}: {step.shape.__name__} has the key {key!r}; prompts name answers by it, "
                f"so give a name other than {', '.join(sorted(ALWAYS))}"
            )
        if shapes.setdefault(key, step.shape) is not step.shape:
            raise InputError(
                f"{where}, step {step.name!r}: {step.shape.__name__} and {shapes[key].__name__} both have the key "
                f"{key!r}; prompts name answers by it, so give each its own"
            )
        for what, named in _named_steps(step):
            if named not in names:
                raise InputError(f"{where}, step {step.name!r}: {what}: {unknown('step', named, names)}")
        for guard, times in Counter(guard.name for guard in step.guards).items():
            if times > 1:
                raise InputError(
                    f"{where}, step {step.name!r}: the guard {guard!r} is there {times} times; once is enough"
                )


def _named_steps(step: Step) -> Iterable[tuple[str, str]]:
    yield from (("requires", name) for name in step.requires)
    yield from (("back_to", name) for name in step.back_to)
    yield from ((f"back_by_guard[{guard!r}]", name) for guard, names in step.back_by_guard.items() for name in names)


def _check_numbers(step: Step, rmax: int, where: str) -> None:
    for name, value, least in (("rmax", rmax, 0), ("e_max", step.e_max, 0), ("files", step.files, 0)):
        if value < least:
            raise InputError(f"{where}: {name}={value!r}; give {least} or more")
    for name, limit in (("max_tokens", step.max_tokens), ("token_budget", step.token_budget)):
        if limit is not None and limit < 1:
            raise InputError(f"{where}: {name}={limit!r}; give 1 or more")
    if step.r_patience is not None and not 2 <= step.r_patience < rmax:
        fit = "2, or a larger rmax" if rmax == 3 else f"2 to {rmax - 1}" if rmax > 3 else "an rmax of 3 or more"
        raise InputError(
            f"{where}: r_patience={step.r_patience!r} with rmax={rmax}: stagnation takes at least 2 rejections and "
            f"must show before the retries are used up; give {fit}"
        )


def _check_guards(step: Step, before: Mapping[str, Collection[str]], workflow: Workflow, where: str) -> None:
    made = [other for other in workflow.steps if other.name in before[step.name]]
    for guard in step.guards:
        if not issubclass(step.shape, guard.judges):
            raise InputError(
                f"{where}: the guard {guard.name!r} judges {guard.judges.__name__}, but the step makes "
                f"{step.shape.__name__}"
            )
        for shape in guard.takes:
            if not any(issubclass(other.shape, shape) for other in made):
                raise InputError(
                    f"{where}: the guard {guard.name!r} takes a {shape.__name__}, which no required step makes; "
                    f"require a step that does, {_that_make(shape, workflow)}"
                )
    _check_ambiguity(made, before, where)


def _check_ambiguity(made: Collection[Step], before: Mapping[str, Collection[str]], where: str) -> None:
    """Of two steps of one shape the later one counts, if it builds on the earlier; else nobody could tell which."""
    for one, other in itertools.combinations(made, 2):
        related = one.name in before[other.name] or other.name in before[one.name]
        shape = next((shape for shape in (one.shape, other.shape) if _are(shape, one, other)), None)
        if shape and not related:
            raise InputError(
                f"{where}: both {one.name!r} and {other.name!r} make the {shape.__name__} that it builds on, and "
                f"neither builds on the other; require one of them only"
            )


def _check_routes(step: Step, before: Collection[str], where: str) -> None:
    known = {guard.name for guard in step.guards} | {VALIDATION}
    for guard in step.back_by_guard:
        if guard not in known:
            raise InputError(f"{where}: back_by_guard: {unknown('guard', guard, known)}")
    routes = {name for what, name in _named_steps(step) if what != "requires"}
    for name in sorted(routes):
        if name not in before:
            raise InputError(
                f"{where}: a way back leads to {name!r}, on which it does not build; it builds on "
                f"{', '.join(before) or 'nothing'}"
            )
    if step.e_max and not routes:
        raise InputError(f"{where}: e_max={step.e_max!r}, but no way back; give back_to or back_by_guard, or e_max=0")
    if routes and not step.e_max:
        raise InputError(f"{where}: ways back to {', '.join(sorted(routes))}, but e_max=0; give e_max of 1 or more")


def _check_prompt(step: Step, before: Collection[str], workflow: Workflow, where: str) -> None:
    for part in ("role", "constraints", "task", "feedback", "escalation"):
        template = Template(getattr(step.prompt, part))
        if not template.is_valid():
            raise InputError(f"{where}: its prompt has a stray '$' in {part!r}; write '$$' for a dollar sign")
    known = ALWAYS | {other.shape.key for other in workflow.steps if other.name in before}
    for name in sorted(step.prompt.placeholders - known):
        raise InputError(
            f"{where}: its prompt has {unknown('placeholder', f'${name}', (f'${one}' for one in known))}; a required "
            f"step gives the answer of its shape"
        )
    for part, wanted in (("feedback", "feedback"), ("escalation", "summary")):
        found = Template(getattr(step.prompt, part)).get_identifiers()
        if found != [wanted]:
            named = ", ".join(f"${name}" for name in found) or "none"
            raise InputError(
                f"{where}: the part {part!r} of its prompt has to hold ${wanted} and no other; it has {named}"
            )


def _that_make(shape: type[Shape], workflow: Workflow) -> str:
    names = [step.name for step in workflow.steps if _are(shape, step)]
    return f"e.g. {names[0]!r}" if names else "there is none yet"


def _makes(shape: type[Shape], workflow: Workflow) -> bool:
    return any(_are(shape, step) for step in workflow.steps)


def _are(shape: type[Shape], *steps: Step) -> bool:
    """Say whether what each of `steps` makes is a `shape`."""
    return all(issubclass(step.shape, shape) for step in steps)
