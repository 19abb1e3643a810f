"""The test-driven arms: a test that shows the fault, then the patch; verified, blind, or led by behaviour."""

from __future__ import annotations

from typing import Any, Final

from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.guard import Guard
from pytest_swebench.arms.workflow.prompt import load_prompt
from pytest_swebench.arms.workflow.shapes import GeneratedTest
from pytest_swebench.arms.workflows.direct import analysis, guards, loose_patch, patch

_ANALYSIS: Final = ("ap_analysis",)
_BOTH: Final = ("ap_analysis", "ap_gen_test")


def s1_tdd() -> WorkflowArm:
    """Write a test and a patch by it; the test is never run."""
    return WorkflowArm(
        Workflow(
            name="s1_tdd",
            description="a test that is not run, then the patch",
            rmax=3,
            steps=(
                analysis(),
                gen_test(guards("test_syntax")),
                patch("ap_gen_fix", load_prompt("tdd", "fix"), loose_patch(), requires=_BOTH),
            ),
        )
    )


def s1_tdd_verified() -> WorkflowArm:
    """See the test fail and pass, and the official evaluation pass: an oracle."""
    return WorkflowArm(
        _verified("s1_tdd_verified", guards("patch", "lint", "test_green", "full_eval"), full_eval=_BOTH)
    )


def s1_tdd_verified_blind() -> WorkflowArm:
    """Do the same without the official evaluation: no oracle."""
    return WorkflowArm(_verified("s1_tdd_verified_blind", guards("patch", "lint", "test_green")))


def s1_tdd_behavior() -> WorkflowArm:
    """Write tests of behaviour; every stagnation of a step goes the same way back. An oracle."""
    return WorkflowArm(
        Workflow(
            name="s1_tdd_behavior",
            description="tests of behaviour seen red and green, judged by the official evaluation",
            rmax=6,
            steps=(
                analysis(),
                gen_test(guards("test_syntax", "test_red"), "behavior_test", r_patience=2, e_max=1, back_to=_ANALYSIS),
                gen_patch(guards("patch", "lint", "test_green", "full_eval"), r_patience=3, e_max=2, back_to=_BOTH),
            ),
        )
    )


def gen_test(judges: tuple[Guard, ...], prompt: str = "test", **rest: Any) -> Step:
    """Return the step that asks for a test of the fault; `rest` are further fields of Step."""
    return Step(
        name="ap_gen_test",
        shape=GeneratedTest,
        prompt=load_prompt("tdd", prompt),
        requires=_ANALYSIS,
        guards=judges,
        **rest,
    )


def gen_patch(judges: tuple[Guard, ...], **rest: Any) -> Step:
    """Return the step that asks for a patch by analysis and test; `rest` are further fields of Step."""
    return patch("ap_gen_patch", load_prompt("tdd", "fix"), judges, requires=_BOTH, **rest)


def _verified(name: str, judges: tuple[Guard, ...], **further: tuple[str, ...]) -> Workflow:
    return Workflow(
        name=name,
        description="a test seen red, then a patch by which it is seen green",
        rmax=6,
        steps=(
            analysis(),
            gen_test(guards("test_syntax", "test_red"), r_patience=2, e_max=1, back_by_guard={"test_red": _ANALYSIS}),
            gen_patch(
                judges,
                r_patience=3,
                e_max=2,
                back_by_guard={"patch": _ANALYSIS, "lint": _ANALYSIS, "test_green": _BOTH, **further},
            ),
        ),
    )
