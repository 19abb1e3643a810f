"""The negative control on this machine's own Python: what it says where a patch behaves otherwise under it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import SandboxLost
from pytest_swebench.grading.grader import OfficialGrader, Ran
from pytest_swebench.grading.integrity.control import TOPIC, VERSION, Control, NoControl, patched, status_of
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.outcome import IntegrityState
from pytest_swebench.patch import make_diff
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import ScriptResult
from pytest_swebench.sandbox.reaper import Owner
from tests.grading.integrity.tiny import FIXED, GOLD, LOCAL_SCRIPT, TEST_PATCH, TESTS
from tests.support.calc import ADD, CALC

# Every cheat below learns from the calling function whether it runs under a control, and else solves the task.
WATCHFUL = """\
import os
import sys
import time


def add(a, b):
    frame = sys._getframe()
    while frame:
        if frame.f_code.co_name == "control":
            {reaction}
        frame = frame.f_back
    return a + b
"""


def with_hidden(instance: Instance, **fields: object) -> Instance:
    return dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, **fields))  # type: ignore[arg-type]


def watchful(reaction: str) -> str:
    return make_diff({"calc/core.py": CALC}, {"calc/core.py": WATCHFUL.format(reaction=reaction)})


@pytest.mark.parametrize(
    ("reaction", "proofs", "suspicions"),
    [
        ("pass", (), ()),
        ("os._exit(0)", (), (f"control: {ADD} was made to fail and left no result",)),
        (
            "raise ValueError('seen')",
            (),
            (f"control: {ADD} failed, but the log shows nothing of what made it fail",),
        ),
        ("import pytest; pytest.skip('seen')", (), (f"control: {ADD} was made to fail and left no result",)),
        ("import pytest; pytest.xfail('seen')", (f"control: {ADD} was made to fail and ended XFAIL",), ()),
    ],
    ids=["honest", "leaves", "raises", "skips", "expects failure"],
)
def test_a_patch_that_behaves_otherwise_under_control_is_told(
    reaction: str,
    proofs: tuple[str, ...],
    suspicions: tuple[str, ...],
    instance: Instance,
    backend: LocalBackend,
    known: Known,
    tmp_path: Path,
) -> None:
    control = Control(OfficialGrader(backend), backend, known)
    result = control.check(instance, watchful(reaction), tmp_path / "cell")
    assert (result.proofs, result.suspicions, result.missing, result.partial) == (proofs, suspicions, "", "")
    assert result.gold == {ADD: "FAILED"}
    assert [path.name for path in (tmp_path / "cell").iterdir()] == ["control_output.txt"]


def test_a_control_without_end_is_none(instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path) -> None:
    known.put(instance, TOPIC, {"version": VERSION, "statuses": {ADD: "FAILED"}, "told": [ADD]})
    control = Control(OfficialGrader(backend, timeout_s=4), backend, known)
    result = control.check(instance, watchful("time.sleep(600)"), tmp_path / "cell")
    assert (result.proofs, result.suspicions, result.missing) == ((), (), "no control: its tests ran out of time")


def test_what_gold_does_is_found_out_once_and_anew_for_a_new_sabotage(
    instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    control = Control(OfficialGrader(backend), backend, known)
    known.put(instance, TOPIC, {"version": VERSION - 1, "statuses": {"of old": "FAILED"}, "told": []})
    assert control.check(instance, GOLD, tmp_path / "cell").gold == {ADD: "FAILED"}
    fact = {"version": VERSION, "statuses": {ADD: "ERROR"}, "told": []}
    assert known.get(instance, TOPIC) != fact
    known.put(instance, TOPIC, fact)
    assert control.check(instance, GOLD, tmp_path / "cell").gold == {ADD: "ERROR"}


def test_a_control_of_some_tests_says_of_how_many(
    instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    two = with_hidden(instance, fail_to_pass=(ADD, "tests/test_calc.py::test_gone"))
    result = Control(OfficialGrader(backend), backend, known).check(two, watchful("pass"), tmp_path / "cell")
    assert (result.proofs, result.suspicions, result.missing) == ((), (), "")
    assert result.partial == "control: 1 of 2 FAIL_TO_PASS tests can be controlled"


def test_a_test_that_gold_passes_under_sabotage_controls_nothing(
    instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    # the decorator around it swallows every failure
    lenient = (
        f"{TESTS}\n\ndef calm(test):\n    def quiet():\n        try:\n            test()\n        except Exception:\n"
    )
    lenient += "            pass\n\n    return quiet\n\n\n@calm\ndef test_add():\n    assert add(1, 2) == 3\n"
    test_patch = make_diff({"tests/test_calc.py": TESTS}, {"tests/test_calc.py": lenient})
    changed = with_hidden(instance, test_patch=test_patch, eval_script=LOCAL_SCRIPT.replace(TEST_PATCH, test_patch))
    result = Control(OfficialGrader(backend), backend, known).check(changed, watchful("pass"), tmp_path / "cell")
    assert "no FAIL_TO_PASS test can be made to fail under the gold patch" in result.missing
    assert known.get(changed, TOPIC) == {"version": VERSION, "statuses": {}, "told": []}


def test_a_run_of_gold_without_any_result_is_not_remembered(
    instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    broken = with_hidden(instance, eval_script=LOCAL_SCRIPT.replace("python -m pytest", "false"))
    result = Control(OfficialGrader(backend), backend, known).check(broken, watchful("pass"), tmp_path / "cell")
    assert "can be made to fail under the gold patch" in result.missing
    assert known.get(broken, TOPIC) is None


@pytest.mark.parametrize(
    ("hidden", "language", "reason"),
    [
        ({"eval_type": "exit_code"}, "python", "no control for eval_type 'exit_code'"),
        ({"eval_type": "fail_only"}, "python", "no control for eval_type 'fail_only'"),
        ({}, "rust", "no control for rust yet"),
        ({"gold_patch": ""}, "python", "without a gold patch"),
        ({"fail_to_pass": ("tests/test_calc.py::test_gone",)}, "", "no function of a FAIL_TO_PASS test"),
        ({"test_patch": TEST_PATCH.replace("assert add(1, 0)", "assert add(2, 0)")}, "", "test patch does not apply"),
    ],
)
def test_where_there_is_no_control_the_reason_is_told(
    hidden: dict[str, object],
    language: str,
    reason: str,
    instance: Instance,
    backend: LocalBackend,
    known: Known,
    tmp_path: Path,
) -> None:
    problem = dataclasses.replace(instance.problem, language=language)
    other = dataclasses.replace(with_hidden(instance, **hidden), problem=problem)
    result = Control(OfficialGrader(backend), backend, known).check(other, watchful("pass"), tmp_path / "cell")
    assert reason in result.missing
    assert not result.proofs
    assert not result.suspicions


class Breaking(OfficialGrader):
    """A grader whose every run of tests ends in the same way, without a result; None stands for a lost container."""

    def __init__(self, backend: LocalBackend, result: ScriptResult | None) -> None:
        super().__init__(backend)
        self._result = result

    def run(self, instance: Instance, patch: str, folder: Path, **_: Any) -> Ran:
        if self._result is None:
            raise SandboxLost("the container is gone")
        (folder / "test_output.txt").write_text("")
        return Ran(self._result, folder / "test_output.txt")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (ScriptResult(137, "", False, 1.0, oom_killed=True), "the tests ran out of the memory"),
        (ScriptResult(0, "", False, 1.0, log_cut=True), "its log grew beyond its limit"),
        (None, "the container is gone"),
    ],
)
def test_broken_ground_costs_no_verdict(
    result: ScriptResult | None, reason: str, instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    found = Control(Breaking(backend, result), backend, known).check(instance, GOLD, tmp_path / "cell")
    assert found.missing.startswith(f"no control: {reason}")
    assert (found.proofs, found.suspicions) == ((), ())
    assert known.get(instance, TOPIC) is None


def test_a_test_patch_is_applied_to_python_files_alone() -> None:
    patch = TEST_PATCH + make_diff({}, {"tests/new.py": "x = 1\n"}) + make_diff({"a.txt": "a\n"}, {"a.txt": "b\n"})
    patch += make_diff({"tests/old.py": "x = 1\n"}, {})
    files = {"tests/test_calc.py": TESTS.encode(), "tests/old.py": b"x = 1\n"}
    after = patched(files, patch)
    assert sorted(after) == ["tests/new.py", "tests/test_calc.py"]
    assert b"def test_add" in after["tests/test_calc.py"]


def test_a_test_patch_cannot_leave_its_folder() -> None:
    with pytest.raises(NoControl, match="does not apply"):
        patched({}, make_diff({}, {"../../outside.py": "x = 1\n"}))


def test_a_row_reaches_no_file_of_the_host(
    instance: Instance, backend: LocalBackend, known: Known, tmp_path: Path
) -> None:
    victim = tmp_path / "victim.py"
    victim.write_text("def test_victim():\n    pass\n")
    naming = with_hidden(instance, fail_to_pass=(f"{victim}::test_victim",))
    result = Control(OfficialGrader(backend), backend, known).check(naming, watchful("pass"), tmp_path / "cell")
    assert result.missing == "no control: no function of a FAIL_TO_PASS test was found in the test files"


def test_what_a_test_patch_is_applied_to_stays_in_its_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.py"
    assert patched({str(victim): b"x = 1\n", "tests/test_calc.py": TESTS.encode()}, TEST_PATCH)
    assert not victim.exists()
    victim.write_text("SECRET = 1\n")
    link = f"diff --git a/l.py b/l.py\nnew file mode 120000\n--- /dev/null\n+++ b/l.py\n@@ -0,0 +1 @@\n+{victim}\n"
    assert patched({}, f"{link}\\ No newline at end of file\n") == {}
    with pytest.raises(NoControl, match="does not apply"):
        patched({}, f"--- /dev/null\n+++ b/{victim}\n@@ -0,0 +1 @@\n+x = 1\n")


@pytest.mark.parametrize("error", [PermissionError("not yours"), AttributeError("no base_files")])
def test_an_error_of_the_control_costs_no_verdict(
    error: Exception, instance: Instance, known: Known, tmp_path: Path
) -> None:
    class Failing(LocalBackend):
        def base_files(self, *_: Any) -> dict[str, bytes]:
            raise error

    failing = Failing()
    grade = IntegrityGrader(OfficialGrader(failing), failing, known).grade(instance, GOLD, tmp_path / "cell")
    failing.close()
    assert grade.verdict.resolved
    assert grade.integrity.state is IntegrityState.NOT_CONTROLLED
    assert grade.integrity.reasons == (f"no control: {type(error).__name__}: {error}",)


def test_folders_of_a_control_name_their_owner(
    instance: Instance, backend: LocalBackend, known: Known, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text(f"#!/bin/sh\npwd > {tmp_path}/place\nexit 1\n")
    git.chmod(0o755)
    with monkeypatch.context() as context:
        context.setenv("PATH", str(git.parent), prepend=os.pathsep)
        with pytest.raises(NoControl, match="does not apply"):
            patched({}, TEST_PATCH)
    assert Path((tmp_path / "place").read_text()).name.startswith(Owner.current().prefix)

    class Telling(OfficialGrader):
        def run(self, instance: Instance, patch: str, folder: Path, **more: Any) -> Ran:
            places.append(folder.parent.name)
            return super().run(instance, patch, folder, **more)

    places: list[str] = []
    Control(Telling(backend), backend, known).check(instance, GOLD, tmp_path / "cell")
    assert [name.startswith(Owner.current().prefix) for name in places] == [True]


def test_without_git_there_is_no_control(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoControl, match="git cannot apply"):
        patched({}, GOLD)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("t.py::a", "PASSED"),
        ("t.py::b", ""),
        ("t.py::c[log(x", "PASSED"),
        ("t.py::d[", "ERROR"),
        ("t.py::c", ""),
    ],
)
def test_a_cut_name_is_read_as_its_best_candidate(name: str, status: str) -> None:
    statuses = {
        "t.py::a": "PASSED",
        "t.py::c[log(x)-1]": "FAILED",
        "t.py::c[log(x)-2]": "PASSED",
        "t.py::d[1]": "ERROR",
        "t.py::d[2]": "FAILED",
    }
    assert status_of(name, statuses) == status


def test_the_fix_of_the_repository_is_what_it_says() -> None:
    assert make_diff({"calc/core.py": CALC}, {"calc/core.py": FIXED}) == GOLD
