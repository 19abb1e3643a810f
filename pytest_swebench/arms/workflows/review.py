"""Arms with a second look: a reviewer's, or that of rules that read the failures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.policy import ReviewBacktracking, RuleBacktracking
from pytest_swebench.arms.workflow.prompt import load_prompt
from pytest_swebench.arms.workflow.shapes import Review
from pytest_swebench.arms.workflows.direct import analysis, guards
from pytest_swebench.arms.workflows.tdd import gen_patch, gen_test

BUDGET: Final[Mapping[str, int]] = MappingProxyType({"ap_analysis": 1, "ap_gen_test": 2, "ap_gen_patch": 0})
"""How often each step may be gone back to."""


def s1_tdd_review() -> WorkflowArm:
    """Have the patch reviewed; the verdict is recorded, and nothing follows from it. An oracle."""
    return WorkflowArm(
        Workflow(
            name="s1_tdd_review",
            description="test-driven and judged by the official evaluation, with a review that changes nothing",
            rmax=6,
            steps=(*_tdd(), _diff_review()),
        )
    )


def s1_tdd_review_backtrack() -> WorkflowArm:
    """Go back to the step that the review names. An oracle."""
    return WorkflowArm(
        Workflow(
            name="s1_tdd_review_backtrack",
            description="as s1_tdd_review, and the review may send the work back",
            rmax=6,
            steps=(*_tdd(), _diff_review()),
            policy=ReviewBacktracking(BUDGET),
        )
    )


def s1_tdd_rule_backtrack() -> WorkflowArm:
    """Go back as far as the kind of failure demands, without a review. An oracle."""
    return WorkflowArm(
        Workflow(
            name="s1_tdd_rule_backtrack",
            description="test-driven and judged by the official evaluation; rules say how far to go back",
            rmax=6,
            steps=_tdd(),
            policy=RuleBacktracking(BUDGET),
        )
    )


def _tdd() -> tuple[Step, ...]:
    return (
        analysis(),
        gen_test(guards("test_syntax", "test_red")),
        gen_patch(guards("patch", "lint", "test_green", "full_eval")),
    )


def _diff_review() -> Step:
    return Step(
        name="ap_diff_review",
        shape=Review,
        prompt=load_prompt("review", "diff_review"),
        requires=("ap_gen_patch",),
        guards=guards("review_schema"),
    )
