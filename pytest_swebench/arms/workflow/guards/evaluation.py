"""`full_eval`: the official verdict on a patch while it is worked on. It sees hidden tests, so it makes an oracle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.reports import few, judged, rejected
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Verdict
from pytest_swebench.records.trace import GuardReport

MOST: Final = 5


@dataclass(frozen=True, slots=True)
class FullEvaluation:
    """Refuses what the official evaluation does not call resolved, and names the tests."""

    name: str = "full_eval"
    judges: type[Shape] = Patch
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = True

    def check(self, answer: Patch, given: Given) -> GuardReport:
        """Grade the patch.

        Raises InputError in an arm that is no oracle, EditError, and InfraError or RefusedError as graders do.
        """
        if given.evaluate is None:
            raise InputError(f"guard {self.name!r} sees hidden tests: declare the arm with oracle = True")
        diff = given.diff(answer)
        if not diff:
            return rejected(self.name, "edit: all edits together change nothing")
        verdict = given.evaluate(diff).verdict
        return judged(self.name, [] if verdict.resolved else list(_lacks(verdict)))

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: the rules are the official ones."""
        return {}


def _lacks(verdict: Verdict) -> Iterator[str]:
    if not verdict.applied:
        yield "the patch does not apply"
    if verdict.reason:
        yield f"the evaluation ended without test results: {verdict.reason}"
    groups = ((FAIL_TO_PASS, "must pass and still fail"), (PASS_TO_PASS, "passed before the change and fail now"))
    found = [(verdict.tests.get(group, {}).get("failure", []), what) for group, what in groups]
    yield from (f"tests that {what} ({len(failed)}): {few(failed, MOST)}" for failed, what in found if failed)
    if verdict.applied and not verdict.reason and not any(failed for failed, _ in found):
        yield "the evaluation did not find all tests that must pass"
