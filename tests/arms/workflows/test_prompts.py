from __future__ import annotations

from importlib.resources import files
from typing import cast

import pytest

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.prompt import Prompt, load_prompt
from pytest_swebench.arms.workflow.shapes import Kind, Patch, WorkflowPlan
from pytest_swebench.arms.workflows.adaptive import workflow_of
from tests.arms.workflows.table import TABLE

FAMILIES = ("adaptive", "decomposed", "direct", "review", "tdd")
PROMPTS = [
    (family, path.name.removesuffix(".md"))
    for family in FAMILIES
    for path in files("pytest_swebench.arms.prompts").joinpath(family).iterdir()
]


def used() -> list[Prompt]:
    """Return the prompts of all arms, and those of every kind of step that a plan may have."""
    workflows = [cast(WorkflowArm, ArmRegistry().make(name)).workflow for name in TABLE]
    kinds: list[str] = list(Kind.__args__)  # type: ignore[attr-defined]
    guards = {kind: ["patch"] if kind == "patch" else [] for kind in kinds}
    steps = [{"name": kind, "kind": kind, "requires": [], "guards": guards[kind], "rmax": 1} for kind in kinds]
    planned = workflow_of(WorkflowPlan.model_validate({"steps": steps, "reasoning": ""}), "all")
    return [step.prompt for workflow in (*workflows, planned) for step in workflow.steps]


def begins(prompt: Prompt) -> tuple[str, str, str]:
    """Return what a prompt keeps wherever it is used: a plan shows other answers after the task."""
    return prompt.role, prompt.constraints, prompt.task.split("$specification")[0]


@pytest.mark.parametrize(("family", "name"), sorted(PROMPTS))
def test_template_is_used_and_says_what_it_is_about(family: str, name: str) -> None:
    prompt = load_prompt(family, name)
    assert begins(prompt) in set(map(begins, used()))
    assert prompt.constraints
    assert "specification" in prompt.placeholders


def test_whoever_edits_sees_files() -> None:
    steps = [step for name in TABLE for step in cast(WorkflowArm, ArmRegistry().make(name)).workflow.steps]
    editing = [step for step in steps if step.shape is Patch]
    assert len(editing) == len(TABLE)  # the decomposed arm has two, the adaptive one plans its own
    assert all("files" in step.prompt.placeholders for step in editing)
    assert {step.files for step in editing} == {3}
