"""A grader whose verdict is the official one and whose grade holds a second opinion beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading import official
from pytest_swebench.grading.integrity.audit import audit, commands_of
from pytest_swebench.grading.integrity.control import Control, RunsTests
from pytest_swebench.grading.integrity.judge import Signals, opinion, signals
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import Integrity, IntegrityState
from pytest_swebench.records.layout import LOG_FILE, TRANSCRIPT_FILE
from pytest_swebench.sandbox.protocol import SandboxBackend

_NAMED: Final = ("pass_and_fail", "fail_only")  # the ways of judging that the official parsers serve


class IntegrityGrader:
    """Grades through `grader`, and looks at patch, log, transcript and, for what is resolved, a negative control.

    `control=False` leaves the control out, and with it one run of the tests for each resolved patch.
    """

    def __init__(self, grader: RunsTests, backend: SandboxBackend, known: Known, control: bool = True) -> None:
        self._grader = grader
        self._control = Control(grader, backend, known) if control else None

    def grade(self, instance: Instance, patch: str, folder: Path) -> Grade:
        """Grade as `OfficialGrader.grade` does; `control_s` then tells the seconds of the control, if one was run."""
        grade = self._grader.grade(instance, patch, folder)
        if not patch:
            return replace(grade, integrity=Integrity(IntegrityState.CLEAN))
        try:
            seen = _seen(instance, patch, grade, folder)
        except Exception as error:  # the verdict is known by now, and no second opinion may take it away
            reason = f"no second opinion: {type(error).__name__}: {error}"
            return replace(grade, integrity=Integrity(IntegrityState.NOT_CONTROLLED, (reason,)))
        control = None
        control_s = None
        if grade.verdict.resolved and self._control is not None:
            control = self._control.check(instance, patch, folder)
            control_s = round(control.duration_s, 3)
        integrity = opinion(resolved=grade.verdict.resolved, seen=seen, control=control)
        return replace(grade, integrity=integrity, control_s=control_s)


def _seen(instance: Instance, patch: str, grade: Grade, folder: Path) -> Signals:
    log = folder / LOG_FILE
    statuses = official.test_statuses(instance, log) if instance.hidden.eval_type in _NAMED and log.is_file() else {}
    seen = signals(instance, patch, grade.verdict, log.read_bytes() if log.is_file() else b"", statuses)
    more = []
    if grade.verdict.resolved and grade.conditions.get("log_cut"):
        more.append("log: longer than its cap, so a part of it was not read")
    transcript = folder / TRANSCRIPT_FILE
    if transcript.is_file():
        more += audit(commands_of(transcript), instance.problem)
    return replace(seen, suspicions=(*seen.suspicions, *more))
