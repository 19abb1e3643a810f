"""`s1_direct`: an analysis, then the patch. The two steps serve the other families as well."""

from __future__ import annotations

from typing import Any, Final

from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.declaration import Prompt, Step, Workflow
from pytest_swebench.arms.workflow.guard import Guard
from pytest_swebench.arms.workflow.guards.patch import PatchGuard
from pytest_swebench.arms.workflow.guards.registry import guard
from pytest_swebench.arms.workflow.prompt import load_prompt
from pytest_swebench.arms.workflow.shapes import Analysis, Patch

PATCH_TEMPERATURE: Final = 0.3
"""What atomicguard asks for patches with."""


def s1_direct() -> WorkflowArm:
    """Analyse, then patch."""
    return WorkflowArm(
        Workflow(
            name="s1_direct",
            description="an analysis, then the patch",
            rmax=3,
            steps=(
                analysis(),
                patch("ap_patch", load_prompt("direct", "patch"), loose_patch(), requires=("ap_analysis",)),
            ),
        )
    )


def analysis() -> Step:
    """Return the step that finds out what is wrong, and where."""
    return Step(name="ap_analysis", shape=Analysis, prompt=load_prompt("direct", "analysis"), guards=guards("analysis"))


def patch(name: str, prompt: Prompt, judges: tuple[Guard, ...], **rest: Any) -> Step:
    """Return a step that asks for edits; `rest` are further fields of Step."""
    return Step(name=name, shape=Patch, prompt=prompt, guards=judges, temperature=PATCH_TEMPERATURE, **rest)


def guards(*names: str) -> tuple[Guard, ...]:
    """Return guards by their names, in this order. Raises InputError for an unknown one."""
    return tuple(map(guard, names))


def loose_patch() -> tuple[Guard, ...]:
    """Return the guard of arms that see no test result: edits fit and parse; git is not asked until the end."""
    return (PatchGuard(git_apply=False),)
