from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.errors import InfraError, OutOfResources, RefusedError
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import NOTHING_PASSES, IntegrityState
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import ScriptResult
from tests.support.calc import ADD, FIX, ZERO
from tests.support.told import ToldBackend

TESTS = """\
from calc import add


def test_add():
    assert add(1, 2) == 3


def test_zero():
    assert add(1, 0) == 1
"""
EVAL = """\
#!/bin/bash
set -uxo pipefail
cd "$SWEBENCH_TESTBED"
mkdir tests
cat > tests/test_calc.py <<'EOF'
{tests}EOF
: '>>>>> Start Test Output'
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTHONPATH=. timeout 300 python -m pytest -rA -p no:cacheprovider tests
: '>>>>> End Test Output'
"""
APPLIED = "swebench: applied with git apply --verbose\n"
ALL_PASSED = f"+ : '>>>>> Start Test Output'\nPASSED {ADD}\nPASSED {ZERO}\n+ : '>>>>> End Test Output'\n"


@pytest.fixture
def instance(make_instance: Callable[..., Instance], calc: Source) -> Instance:
    """The repository of `calc.py`, whose `add` subtracts, and two hidden tests that its eval script writes."""
    instance = make_instance(eval_script=EVAL.format(tests=TESTS))
    return dataclasses.replace(instance, source=calc, trusted=True)


def with_hidden(instance: Instance, **fields: str) -> Instance:
    return dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, **fields))


def test_the_right_patch_resolves_and_leaves_what_upstream_leaves(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    folder = tmp_path / "cells" / "one"
    grade = OfficialGrader(backend).grade(instance, FIX, folder)
    tests = {"FAIL_TO_PASS": {"success": [ADD], "failure": []}, "PASS_TO_PASS": {"success": [ZERO], "failure": []}}
    nothing: dict[str, list[str]] = {"success": [], "failure": []}
    assert (grade.verdict.resolved, grade.verdict.applied, grade.verdict.reason) == (True, True, "")
    assert (grade.verdict.applied_with, grade.verdict.tests) == ("git apply --verbose", tests)
    assert grade.integrity.state is IntegrityState.NOT_CONTROLLED
    assert sorted(path.name for path in folder.iterdir()) == [
        "apply.log",
        "eval.sh",
        "report.json",
        "test_output.txt",
    ]
    assert json.loads((folder / "report.json").read_text()) == {
        "acme__calc-1": {
            "patch_is_None": False,
            "patch_exists": True,
            "patch_successfully_applied": True,
            "resolved": True,
            "infra_failure": False,
            "tests_status": {**tests, "FAIL_TO_FAIL": nothing, "PASS_TO_FAIL": nothing},
        }
    }
    assert "\n>>>>> Test Exit Code: 0\n" in (folder / "test_output.txt").read_text()


def test_the_wrong_patch_does_not_resolve(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    grade = OfficialGrader(backend).grade(instance, FIX.replace("a + b", "a - b  # certainly"), tmp_path / "cell")
    assert (grade.verdict.resolved, grade.verdict.applied) == (False, True)
    assert grade.verdict.summary() == "FAIL_TO_PASS 0/1, PASS_TO_PASS 1/1"


def test_a_patch_that_breaks_the_import_does_not_resolve(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    grade = OfficialGrader(backend).grade(instance, FIX.replace("a + b", "a +"), tmp_path / "cell")
    assert not grade.verdict.resolved
    assert grade.verdict.summary() == f"FAIL_TO_PASS 0/1, PASS_TO_PASS 0/1; {NOTHING_PASSES}"


def test_a_patch_that_does_not_apply_is_not_tested(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    grade = OfficialGrader(backend).grade(instance, FIX.replace("-    return a - b", "-    return b"), tmp_path)
    assert (grade.verdict.resolved, grade.verdict.applied) == (False, False)
    assert (grade.verdict.reason, grade.verdict.applied_with) == ("patch_apply_failed", "")
    assert (tmp_path / "test_output.txt").read_bytes() == b""
    report = json.loads((tmp_path / "report.json").read_text())["acme__calc-1"]
    assert (report["patch_exists"], report["patch_successfully_applied"], report["resolved"]) == (True, False, False)


def test_an_empty_patch_is_never_run(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    grade = OfficialGrader(backend).grade(instance, "", tmp_path / "cell")
    assert (grade.verdict.resolved, grade.verdict.applied, grade.verdict.reason) == (False, False, "empty_patch")
    assert not (tmp_path / "cell").exists()


def test_tests_that_do_not_end_are_a_verdict_with_the_official_words(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    endless = with_hidden(instance, eval_script="echo begun\nsleep 600\n")
    grade = OfficialGrader(backend, timeout_s=4).grade(endless, FIX, tmp_path / "cell")
    assert (grade.verdict.resolved, grade.verdict.applied) == (False, True)
    assert (grade.verdict.reason, grade.verdict.applied_with) == ("tests_timed_out", "git apply --verbose")
    log = (tmp_path / "cell" / "test_output.txt").read_text()
    assert log == "+ echo begun\nbegun\n+ sleep 600\n\n\nTimeout error: 4 seconds exceeded."


@pytest.mark.parametrize(
    ("own", "seconds"),
    [({"exceptions": {"timeout_s": 2.0}}, 2), ({"timeouts_s": {"test": 0.5}}, 3), ({"timeouts_s": {"test": 3.0}}, 63)],
    ids=["its own", "the grader's", "that of its tests and a minute"],
)
def test_an_instance_may_have_a_limit_of_its_own(
    own: dict[str, dict[str, float]], seconds: int, instance: Instance, tmp_path: Path
) -> None:
    backend = ToldBackend((ScriptResult(124, APPLIED, True, 1.0), "begun\n"))
    OfficialGrader(backend, timeout_s=3).grade(dataclasses.replace(instance, **own), FIX, tmp_path)
    assert (tmp_path / "test_output.txt").read_text() == f"begun\n\n\nTimeout error: {seconds} seconds exceeded."


def test_what_the_tests_ran_under_is_told(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    assert OfficialGrader(backend).grade(instance, FIX, tmp_path).conditions == {
        "profile": "local",
        "network": "host",
        "timeout_s": 1800,
    }


def test_a_folder_that_cannot_be_written_is_named(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    (tmp_path / "cell").write_text("in the way")
    with pytest.raises(InfraError, match="/cell' cannot be written"):
        OfficialGrader(backend).grade(instance, FIX, tmp_path / "cell")


def test_a_cut_log_is_no_verdict_where_it_may_have_held_the_results(instance: Instance, tmp_path: Path) -> None:
    result = ScriptResult(0, APPLIED, False, 1.0, log_cut=True)
    assert OfficialGrader(ToldBackend((result, ALL_PASSED))).grade(instance, FIX, tmp_path).verdict.resolved
    with pytest.raises(RefusedError, match=r"acme__calc-1: the log .*txt grew beyond its limit"):
        OfficialGrader(ToldBackend((result, ALL_PASSED.replace(ZERO, "other")))).grade(instance, FIX, tmp_path)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(("printed", "resolved"), [(ALL_PASSED, True), ("", False)])
def test_memory_is_no_excuse_for_what_passed(printed: str, resolved: bool, instance: Instance, tmp_path: Path) -> None:
    result = ScriptResult(0, APPLIED, False, 1.0, oom_killed=True)
    grader = OfficialGrader(ToldBackend((result, printed)))
    if resolved:
        assert grader.grade(instance, FIX, tmp_path).verdict.resolved
        return
    with pytest.raises(OutOfResources, match="ran out of the memory"):
        grader.grade(instance, FIX, tmp_path)


def test_the_log_is_decoded_as_upstream_decodes_it(instance: Instance, backend: LocalBackend, tmp_path: Path) -> None:
    script = ": '>>>>> Start Test Output'\nprintf 'caf\\351\\r\\n'\n: '>>>>> End Test Output'\n"
    OfficialGrader(backend).grade(with_hidden(instance, eval_script=script), FIX, tmp_path)
    assert "caf\N{REPLACEMENT CHARACTER}\r\n".encode() in (tmp_path / "test_output.txt").read_bytes()


def test_bytes_of_a_patch_that_are_no_utf8_arrive_as_they_were(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    patch = (
        FIX + "diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+\udce9\n"
    )
    OfficialGrader(backend).grade(with_hidden(instance, eval_script="od -An -tx1 n.txt\n"), patch, tmp_path)
    assert (tmp_path / "test_output.txt").read_text().split() == ["+", "od", "-An", "-tx1", "n.txt", "e9", "0a"]


@pytest.mark.parametrize(("patch", "resolved"), [(FIX, True), (FIX.replace("a + b", "b"), False)])
def test_a_task_is_judged_by_its_own_test_command(
    patch: str, resolved: bool, instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    grade = OfficialGrader(backend).grade(with_hidden(instance, eval_type="exit_code", log_parser=""), patch, tmp_path)
    assert grade.verdict.resolved is resolved
    assert grade.verdict.summary() == ("test_exit_code_0" if resolved else "test_exit_code_1")


@pytest.mark.parametrize(
    ("result", "printed", "message"),
    [
        (ScriptResult(137, APPLIED, False, 1.0, oom_killed=True), "", "out of the memory of this machine; see .*txt"),
        (ScriptResult(1, "cd: /testbed: No such file\n", False, 1.0), "", "exit code 1 before .*: 'cd: /testbed: No"),
        (ScriptResult(124, "", True, 1.0), "", r"exit code 124 before .*: '\(it said nothing\)'"),
        (ScriptResult(0, APPLIED, False, 1.0), "Could not resolve host: example.org", "network_unreachable; see .*txt"),
    ],
    ids=["out of memory", "no repository", "no time to apply", "no network"],
)
def test_broken_ground_is_no_verdict(
    result: ScriptResult, printed: str, message: str, instance: Instance, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(InfraError, match=f"acme__calc-1.*{message}"):
        OfficialGrader(ToldBackend((result, printed))).grade(instance, FIX, tmp_path)
    assert not (tmp_path / "report.json").exists()
    assert (tmp_path / "test_output.txt").read_text().startswith(printed)


def test_a_run_whose_shell_was_killed_by_the_tests_is_read_all_the_same(instance: Instance, tmp_path: Path) -> None:
    grade = OfficialGrader(ToldBackend((ScriptResult(137, APPLIED, False, 1.0), ALL_PASSED))).grade(
        instance, FIX, tmp_path
    )
    assert grade.verdict.resolved


def test_a_patch_that_runs_nothing_is_not_blamed_on_a_network_that_pip_missed(
    instance: Instance, tmp_path: Path
) -> None:
    log = (
        "WARNING: Retrying: Temporary failure in name resolution\n"
        "+ : '>>>>> Start Test Output'\nSyntaxError: invalid syntax\n+ : '>>>>> End Test Output'\n"
    )
    grade = OfficialGrader(ToldBackend((ScriptResult(0, APPLIED, False, 1.0), log))).grade(instance, FIX, tmp_path)
    assert (grade.verdict.resolved, grade.verdict.reason) == (False, "no_test_results")
    assert json.loads((tmp_path / "report.json").read_text())["acme__calc-1"]["infra_failure"] is True


def test_the_official_harness_reads_the_same_verdict_from_the_files(
    instance: Instance, backend: LocalBackend, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    grade: Grade = OfficialGrader(backend).grade(instance, FIX, tmp_path)
    code = """
import json, sys
from swebench.harness.grading import get_eval_report
from swebench.harness.utils import make_test_spec
row, folder = json.loads(sys.argv[1]), sys.argv[2]
prediction = {"instance_id": row["instance_id"], "model_name_or_path": "m", "model_patch": sys.argv[3]}
report = get_eval_report(make_test_spec(row), prediction, folder + "/test_output.txt", True)
print(report == json.load(open(folder + "/report.json")))
"""
    row = {
        "instance_id": instance.instance_id,
        "image": instance.image,
        "repo": instance.problem.repo,
        "version": "",
        "FAIL_TO_PASS": json.dumps(instance.hidden.fail_to_pass),
        "PASS_TO_PASS": json.dumps(instance.hidden.pass_to_pass),
        "log_parser": instance.hidden.log_parser,
        "eval_type": instance.hidden.eval_type,
        "eval_script": instance.hidden.eval_script,
    }
    assert grade.verdict.resolved
    assert run_python(code, json.dumps(row), str(tmp_path), FIX) == "True"


def test_half_a_surrogate_pair_in_a_patch_is_graded_as_its_escape(
    instance: Instance, backend: LocalBackend, tmp_path: Path
) -> None:
    patch = FIX.replace("a + b\n", "a + b  # \ud83d\n")
    assert OfficialGrader(backend).grade(instance, patch, tmp_path).verdict.resolved
