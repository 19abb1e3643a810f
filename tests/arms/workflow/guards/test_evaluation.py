from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.evaluation import FullEvaluation
from pytest_swebench.errors import InputError
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import Verdict
from pytest_swebench.patch import EditError
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.guards.tree import FIX, given_in, patch_of


def graded(verdict: Verdict) -> Callable[[str], Grade]:
    return lambda diff: Grade(verdict)


def test_resolved_patch_passes(sandbox: Sandbox) -> None:
    seen: list[str] = []

    def evaluate(diff: str) -> Grade:
        seen.append(diff)
        return Grade(Verdict(resolved=True, applied=True))

    report = FullEvaluation().check(FIX, given_in(sandbox, evaluate=evaluate))
    assert (report.passed, report.feedback, report.guard) == (True, "", "full_eval")
    assert len(seen) == 1
    assert "+    return a + b" in seen[0]


@pytest.mark.parametrize(
    ("verdict", "feedback"),
    [
        (
            Verdict(
                resolved=False,
                applied=True,
                tests={
                    "FAIL_TO_PASS": {"success": [], "failure": [f"t{n}" for n in range(7)]},
                    "PASS_TO_PASS": {"success": ["a"], "failure": ["b"]},
                },
            ),
            "tests that must pass and still fail (7): 't0', 't1', 't2', 't3', 't4' and 2 more\n"
            "tests that passed before the change and fail now (1): 'b'",
        ),
        (
            Verdict(resolved=False, applied=False, reason="patch_apply_failed"),
            "the patch does not apply\nthe evaluation ended without test results: patch_apply_failed",
        ),
        (
            Verdict(resolved=False, applied=True, reason="tests_timed_out"),
            "the evaluation ended without test results: tests_timed_out",
        ),
        (Verdict(resolved=False, applied=True), "the evaluation did not find all tests that must pass"),
    ],
)
def test_unresolved_patch_is_told_which_tests_fail(verdict: Verdict, feedback: str, sandbox: Sandbox) -> None:
    report = FullEvaluation().check(FIX, given_in(sandbox, evaluate=graded(verdict)))
    assert (report.passed, report.fatal, report.feedback) == (False, False, feedback)


def test_patch_that_cannot_be_made_is_not_graded(sandbox: Sandbox) -> None:
    given = given_in(sandbox, evaluate=graded(Verdict(resolved=True, applied=True)))
    with pytest.raises(EditError, match=r"^gone\.py: no such file"):
        FullEvaluation().check(patch_of(("gone.py", "a", "b")), given)
    idle = FullEvaluation().check(patch_of(("calc.py", "a - b", "a - b")), given)
    assert idle.feedback == "edit: all edits together change nothing"


def test_arm_that_is_no_oracle_cannot_use_it(given: Given) -> None:
    assert FullEvaluation().oracle
    with pytest.raises(InputError, match=r"guard 'full_eval' sees hidden tests: declare the arm with oracle = True"):
        FullEvaluation().check(FIX, given)
