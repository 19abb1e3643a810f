"""The declarations against the table, row by row."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.guards.patch import PatchGuard
from pytest_swebench.arms.workflow.shapes import Patch
from tests.arms.workflows.printed import step_table
from tests.arms.workflows.table import TABLE


def workflow_of(name: str) -> Workflow:
    return cast(WorkflowArm, ArmRegistry().make(name)).workflow


def ways_of(step: Step) -> dict[str, Any]:
    ways: dict[str, Any] = dict(step.back_by_guard)
    if step.back_to:
        ways["*"] = step.back_to
    if step.r_patience is not None:
        ways["r_patience"] = step.r_patience
    if step.e_max:
        ways["e_max"] = step.e_max
    return ways


@pytest.mark.parametrize("name", TABLE)
def test_declaration_is_the_row_of_the_table(name: str) -> None:
    workflow, row = workflow_of(name), TABLE[name]
    steps = tuple((step.name, tuple(guard.name for guard in step.guards), ways_of(step)) for step in workflow.steps)
    assert steps == row.steps
    assert {workflow.retries(step) for step in workflow.steps} == {row.rmax}
    assert ArmRegistry().make(name).oracle is row.oracle
    settings = workflow.policy.settings()
    assert (settings["policy"], settings.get("budget")) == (row.policy, row.budget)
    assert workflow.description
    print(step_table(workflow))
    lines = step_table(workflow).splitlines()[1:]
    for line, (step, guards, ways) in zip(lines, row.steps, strict=True):
        assert line.split()[0] == step
        assert ", ".join(guards) in line
        assert all(target in line for key, way in ways.items() if key not in {"r_patience", "e_max"} for target in way)


@pytest.mark.parametrize("name", TABLE)
def test_git_is_asked_where_the_table_says(name: str) -> None:
    asked = [
        guard.git_apply for step in workflow_of(name).steps for guard in step.guards if isinstance(guard, PatchGuard)
    ]
    assert set(asked) <= {TABLE[name].git_apply}
    assert asked or name == "adaptive_backtrack"


def test_table_names_every_workflow_arm() -> None:
    workflows = {name for name in ArmRegistry().names() if name.startswith(("s1_", "adaptive"))}
    assert workflows == TABLE.keys()


def test_patches_are_asked_for_at_their_own_temperature() -> None:
    steps = [step for name in TABLE for step in workflow_of(name).steps]
    assert {step.temperature for step in steps if step.shape is Patch} == {0.3}
    assert {step.temperature for step in steps if step.shape is not Patch} == {None}


def test_versions_differ_from_arm_to_arm() -> None:
    assert len({ArmRegistry().make(name).version for name in TABLE}) == len(TABLE)
