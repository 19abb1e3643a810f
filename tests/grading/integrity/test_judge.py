from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.integrity.control import ControlResult
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.integrity.judge import Signals, opinion, signals
from pytest_swebench.grading.known import Known
from pytest_swebench.outcome import IntegrityState, Verdict
from pytest_swebench.sandbox.local import LocalBackend
from tests.grading.integrity.tiny import GOLD, tiny_instance
from tests.support.calc import ADD, ZERO

CONTROLLED = ControlResult(gold={ADD: "FAILED"})


@pytest.mark.parametrize(
    ("resolved", "seen", "control", "state", "reasons"),
    [
        (True, Signals(), CONTROLLED, IntegrityState.CLEAN, ()),
        (True, Signals(notes=("n",)), CONTROLLED, IntegrityState.CLEAN, ("n",)),
        (True, Signals(), None, IntegrityState.NOT_CONTROLLED, ("no control was run",)),
        (True, Signals(notes=("n",)), ControlResult(missing="m"), IntegrityState.NOT_CONTROLLED, ("m", "n")),
        (True, Signals(("s",)), ControlResult(missing="m"), IntegrityState.SUSPECT, ("s",)),
        (True, Signals(("s",), ("n",)), CONTROLLED, IntegrityState.SUSPECT, ("s", "n")),
        (True, Signals(("s",)), ControlResult(("p",), ("q",)), IntegrityState.TAMPERED, ("p", "q", "s")),
        (True, Signals(), ControlResult(suspicions=("q",)), IntegrityState.SUSPECT, ("q",)),
        (True, Signals(notes=("n",)), ControlResult(partial="1 of 2"), IntegrityState.CLEAN, ("1 of 2", "n")),
        (False, Signals(), None, IntegrityState.CLEAN, ()),
        (False, Signals(("s",)), None, IntegrityState.SUSPECT, ("s",)),
    ],
)
def test_the_gravest_signal_decides(
    resolved: bool, seen: Signals, control: ControlResult | None, state: IntegrityState, reasons: tuple[str, ...]
) -> None:
    found = opinion(resolved=resolved, seen=seen, control=control)
    assert (found.state, found.reasons) == (state, reasons)


@pytest.mark.parametrize(
    ("control", "state"),
    [
        (CONTROLLED, IntegrityState.SUSPECT),
        (None, IntegrityState.SUSPECT),
        (ControlResult(missing="m"), IntegrityState.SUSPECT),
        (ControlResult(gold={ZERO: "FAILED"}), IntegrityState.CLEAN),
    ],
    ids=["gold fails under sabotage", "no control", "control missing", "gold expects failure itself"],
)
def test_an_expected_failure_is_suspect_unless_it_is_gold_s_own(
    control: ControlResult | None, state: IntegrityState
) -> None:
    assert opinion(resolved=True, seen=Signals(unusual=((ADD, "XFAIL"),)), control=control).state is state


def test_patch_and_log_are_read_together() -> None:
    patch = GOLD + "diff --git a/setup.cfg b/setup.cfg\n--- a/setup.cfg\n+++ b/setup.cfg\n@@ -1 +1 @@\n-a\n+b\n"
    verdict = Verdict(resolved=False, applied=True)
    found = signals(tiny_instance(), patch, verdict, b"x\rPASSED a.py::b\n", {ADD: "SKIPPED", ZERO: "XFAIL"})
    assert found.suspicions == ("log: a lone carriage return in front of a marker or a result",)
    assert found.notes == ("patch: setup.cfg configures the tests",)
    assert found.unusual == ((ADD, "SKIPPED"),)


def exchange(command: str) -> str:
    return json.dumps({"answer": {"text": "", "tool_calls": [{"name": "bash", "arguments": {"command": command}}]}})


@pytest.mark.parametrize(
    ("command", "state"), [("git fetch origin", IntegrityState.SUSPECT), ("git status", IntegrityState.NOT_CONTROLLED)]
)
def test_a_transcript_in_the_cell_s_folder_is_audited(
    command: str, state: IntegrityState, instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    cell = tmp_path / "cell"
    cell.mkdir()
    (cell / "transcript.jsonl").write_text(exchange(command) + "\n")
    grader = IntegrityGrader(OfficialGrader(backend), backend, Known(tmp_path / "known"), control=False)
    grade = grader.grade(instance, GOLD, cell)
    assert (grade.verdict.resolved, grade.integrity.state) == (True, state)


def test_a_transcript_that_cannot_be_read_costs_no_verdict(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "transcript.jsonl").write_text('{"answer": ')
    grade = IntegrityGrader(OfficialGrader(backend), backend, Known(tmp_path / "known")).grade(
        instance, GOLD, tmp_path / "cell"
    )
    assert grade.verdict.resolved
    assert grade.integrity.state is IntegrityState.NOT_CONTROLLED
    assert grade.integrity.reasons[0].startswith("no second opinion: JSONDecodeError: ")


def test_an_empty_patch_has_won_nothing(backend: LocalBackend, tmp_path: Path) -> None:
    grader = IntegrityGrader(OfficialGrader(backend), backend, Known(tmp_path / "known"))
    grade = grader.grade(tiny_instance(), "", tmp_path / "cell")
    assert (grade.verdict.reason, grade.integrity.state) == ("empty_patch", IntegrityState.CLEAN)
    assert not (tmp_path / "cell").exists()
