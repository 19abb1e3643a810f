from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.registry import guard
from pytest_swebench.arms.workflow.shapes import PlannedStep, WorkflowPlan


def step(name: str, kind: str, *requires: str, guards: tuple[str, ...] = (), rmax: int = 2) -> dict[str, Any]:
    return {"name": name, "kind": kind, "requires": list(requires), "guards": list(guards), "rmax": rmax}


ANALYSIS = step("analysis", "analysis", guards=("analysis",))
TEST = step("test", "test", "analysis", guards=("format", "test_syntax", "test_red"))
PATCH = step("patch", "patch", "test", guards=("patch", "lint", "test_green"))


def feedback(given: Given, *steps: dict[str, Any]) -> str:
    plan = WorkflowPlan(steps=[PlannedStep.model_validate(one) for one in steps], reasoning="")
    report = guard("workflow_schema").check(plan, given)
    assert report.passed == (report.feedback == "")
    return report.feedback


def test_plan_that_can_run_passes(given: Given) -> None:
    assert feedback(given, PATCH, TEST, ANALYSIS) == ""


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "steps: there are 0; give 1 to 12"),
        ([PATCH | {"name": f"p{n}", "requires": []} for n in range(13)], "steps: there are 13; give 1 to 12"),
        (
            [step("Fix It", "patch", guards=("patch",))],
            "steps: 'Fix It': names have lower-case letters, digits and underscores, a letter first",
        ),
        ([ANALYSIS, ANALYSIS], "steps: 'analysis' stand there more than once"),
        (
            [step("fix", "patch", "analysis", guards=("patch",))],
            "step 'fix' requires 'analysis', which is no step; there are: 'fix'",
        ),
        ([step("fix", "patch", guards=("patch",), rmax=7)], "step 'fix': rmax is 7; give 0 to 6"),
        (
            [step("a", "analysis", "b"), step("b", "patch", "a", guards=("patch",))],
            "steps require each other in a circle: a -> b -> a",
        ),
        ([ANALYSIS], "steps: none makes a patch; the last has to"),
        ([step("fix", "patch", guards=("lint",))], "steps: 'fix' must have the guard 'patch'"),
        (
            [step("fix", "patch", guards=("patch", "linting"))],
            "step 'fix': unknown guard 'linting'; did you mean 'lint'? known: analysis, ",
        ),
        ([step("fix", "patch", guards=("patch", "patch"))], "step 'fix', guards: 'patch' stand there more than once"),
        (
            [step("fix", "patch", guards=("patch", "full_eval"))],
            "step 'fix': guard 'full_eval' sees hidden tests and cannot be planned",
        ),
        (
            [step("fix", "patch", guards=("patch", "analysis"))],
            "step 'fix': guard 'analysis' judges 'analysis', not 'patch'",
        ),
        (
            [step("fix", "patch", guards=("patch", "test_green"))],
            "step 'fix': guard 'test_green' takes what no required step gives: 'test'",
        ),
        (
            [
                ANALYSIS,
                ANALYSIS | {"name": "other"},
                step("fix", "patch", "analysis", "other", guards=("patch",)),
            ],
            "step 'fix' builds on 'analysis' and 'other', two of one kind; require one of them only",
        ),
    ],
)
def test_plan_that_cannot_run_is_told_why(steps: list[dict[str, Any]], message: str, given: Given) -> None:
    assert feedback(given, *steps).startswith(message)


def test_second_look_may_build_on_the_first(given: Given) -> None:
    again = step("again", "analysis", "analysis", guards=("analysis",))
    assert feedback(given, ANALYSIS, again, step("fix", "patch", "again", guards=("patch",))) == ""


def test_settings_name_the_bounds() -> None:
    assert guard("workflow_schema").settings() == {"most_steps": 12, "most_retries": 6}
