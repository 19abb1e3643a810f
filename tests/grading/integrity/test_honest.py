"""Honest patches must not be called forged: thirty of our own, and the reference patches of real instances."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.integrity.control import CONTROL_LOG
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.integrity.log_lint import lint_log
from pytest_swebench.grading.integrity.paths import flags
from pytest_swebench.grading.known import Known
from pytest_swebench.outcome import IntegrityState
from pytest_swebench.sandbox.docker import DockerBackend
from tests.grading.integrity.honest import A_HANDFUL, HONEST_PATCHES
from tests.grading.integrity.tiny import patch_of, tiny_instance
from tests.support.calc import ADD

# they steer what is run, honestly; the pattern cannot tell
STEERING = {"conftest: skipped where slow"}
NOTE = "diff --git a/NOTE.txt b/NOTE.txt\nnew file mode 100644\n--- /dev/null\n+++ b/NOTE.txt\n@@ -0,0 +1 @@\n+done\n"
IN_CI = ("sympy__sympy-24661", "pytest-dev__pytest-10356", "django__django-16901")


def expected_state(name: str) -> IntegrityState:
    return IntegrityState.SUSPECT if name in STEERING else IntegrityState.CLEAN


@pytest.mark.parametrize("name", A_HANDFUL)
def test_an_honest_edit_of_what_steers_tests_ends_clean(
    name: str, tiny_instance: Instance, grader: IntegrityGrader, cell: Path
) -> None:
    grade = grader.grade(tiny_instance, patch_of(HONEST_PATCHES[name]), cell)
    assert (grade.verdict.resolved, grade.integrity.state) == (True, IntegrityState.CLEAN), grade.integrity.reasons
    assert len(grade.integrity.reasons) == 1
    assert grade.integrity.reasons[0].startswith("patch: ")


@pytest.mark.soak
def test_none_of_thirty_honest_patches_is_called_tampered(
    tiny_instance: Instance, grader: IntegrityGrader, tmp_path: Path
) -> None:
    states = {}
    for number, (name, files) in enumerate(HONEST_PATCHES.items()):
        grade = grader.grade(tiny_instance, patch_of(files), tmp_path / str(number))
        assert grade.verdict.resolved, name
        states[name] = grade.integrity.state
    assert len(states) == 30
    assert states == {name: expected_state(name) for name in HONEST_PATCHES}


def test_the_signals_of_thirty_honest_patches_are_told_without_running_them() -> None:
    told = {name: flags(patch_of(files), tiny_instance()) for name, files in HONEST_PATCHES.items()}
    assert len(told) == 30
    assert all(told.values())
    assert {name for name, found in told.items() if any(flag.steering for flag in found)} == STEERING


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in ("lite", "verified", "lite_dev", "multilingual"):
        found |= {row["instance_id"]: row for row in read_lines(shared_data / "rows" / f"{name}.jsonl")}
    return found


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def test_no_reference_patch_is_suspect_by_itself(rows: dict[str, dict[str, Any]]) -> None:
    suspect = {}
    for instance_id, row in rows.items():
        instance = instance_from_row(row, where=instance_id)
        suspect[instance_id] = [flag.reason for flag in flags(instance.hidden.gold_patch, instance) if flag.steering]
    assert len(suspect) > 1000
    assert {name: reasons for name, reasons in suspect.items() if reasons} == {}


def test_no_real_prediction_is_suspect_by_itself(rows: dict[str, dict[str, Any]], shared_data: Path) -> None:
    touching, suspect, count = 0, [], 0
    for path in sorted((shared_data / "predictions").glob("*.jsonl")):
        for prediction in read_lines(path):
            patch, row = prediction.get("model_patch"), rows.get(prediction["instance_id"])
            if not patch or row is None:
                continue
            found = flags(patch, instance_from_row(row, where=path.name))
            count += 1
            touching += any("graded test file" not in flag.reason for flag in found)
            suspect += [(path.name, prediction["instance_id"], flag.reason) for flag in found if flag.steering]
    assert count > 1000
    assert touching > 10
    assert suspect == []


def test_no_published_log_is_suspect(rows: dict[str, dict[str, Any]], shared_data: Path) -> None:
    cases = list(read_lines(shared_data / "logs" / "index.jsonl"))
    wrong = {}
    for case in cases:
        instance = instance_from_row(rows[case["instance_id"]], where=case["instance_id"])
        log = shared_data / "logs" / case["instance_id"] / str(case["case"]) / "test_output.txt"
        tests = (*instance.hidden.fail_to_pass, *instance.hidden.pass_to_pass)
        wrong[log.parent] = lint_log(
            log.read_bytes(), instance.hidden.eval_script, resolved=case["resolved"], tests=tests, in_order=False
        )
    assert len(wrong) == 155
    assert {log: reasons for log, reasons in wrong.items() if reasons} == {}


@pytest.mark.parametrize("instance_id", IN_CI)
def test_the_reference_patch_of_a_real_instance_ends_clean(
    instance_id: str, real_instance: Callable[[str], Instance], docker_backend: DockerBackend, tmp_path: Path
) -> None:
    assert controlled_gold(real_instance(instance_id), docker_backend, tmp_path)


@pytest.mark.soak
def test_the_reference_patch_of_every_real_instance_ends_clean(
    real_rows: dict[str, Any],
    real_instance: Callable[[str], Instance],
    docker_backend: DockerBackend,
    tmp_path: Path,
) -> None:
    controlled = {name: controlled_gold(real_instance(name), docker_backend, tmp_path / name) for name in real_rows}
    assert len(controlled) == 14
    assert all(controlled.values()), controlled


def controlled_gold(instance: Instance, backend: DockerBackend, folder: Path) -> list[str]:
    """Grade gold with a note added, so that it is controlled like any other patch; return the controlled tests."""
    known = Known(folder / "instances")
    grader = IntegrityGrader(OfficialGrader(backend), backend, known)
    grade = grader.grade(instance, instance.hidden.gold_patch.rstrip("\n") + "\n" + NOTE, folder / "cell")
    assert (grade.verdict.resolved, grade.integrity.state) == (True, IntegrityState.CLEAN), grade.integrity.reasons
    assert grade.control_s
    assert (folder / "cell" / CONTROL_LOG).is_file()
    controlled = sorted(known.get(instance, "control")["statuses"])
    print(f"{instance.instance_id}: {len(controlled)} of {len(instance.hidden.fail_to_pass)} tests controlled,")
    print(f"  grading {grade.duration_s:.1f} s, control {grade.control_s:.1f} s")
    return controlled


def test_the_reference_patch_is_controlled_once_and_for_all(
    tiny_instance: Instance, docker_backend: DockerBackend, tmp_path: Path
) -> None:
    known = Known(tmp_path / "known")
    grader = IntegrityGrader(OfficialGrader(docker_backend), docker_backend, known)
    grade = grader.grade(tiny_instance, tiny_instance.hidden.gold_patch, tmp_path / "cell")
    assert (grade.integrity.state, grade.control_s) == (IntegrityState.CLEAN, 0)
    assert not (tmp_path / "cell" / CONTROL_LOG).exists()
    assert known.get(tiny_instance, "control") == {"version": 1, "statuses": {ADD: "FAILED"}, "told": [ADD]}


def test_without_a_control_a_resolved_cell_is_never_clean(
    tiny_instance: Instance, docker_backend: DockerBackend, tmp_path: Path
) -> None:
    grader = IntegrityGrader(OfficialGrader(docker_backend), docker_backend, Known(tmp_path / "known"), control=False)
    grade = grader.grade(tiny_instance, tiny_instance.hidden.gold_patch, tmp_path / "cell")
    assert (grade.verdict.resolved, grade.integrity.state) == (True, IntegrityState.NOT_CONTROLLED)
    assert grade.integrity.reasons == ("no control was run",)
    assert grade.control_s is None


def test_an_instance_whose_tests_cannot_be_made_to_fail_is_not_controlled(
    tiny_instance: Instance, docker_backend: DockerBackend, tmp_path: Path
) -> None:
    # its test patch does not hold the test, which the eval script makes from nothing
    hidden = dataclasses.replace(tiny_instance.hidden, test_patch="")
    grader = IntegrityGrader(OfficialGrader(docker_backend), docker_backend, Known(tmp_path / "known"))
    grade = grader.grade(dataclasses.replace(tiny_instance, hidden=hidden), hidden.gold_patch, tmp_path / "cell")
    assert (grade.verdict.resolved, grade.integrity.state) == (True, IntegrityState.NOT_CONTROLLED)
    assert "no function of a FAIL_TO_PASS test" in grade.integrity.reasons[0]
