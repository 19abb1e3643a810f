from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading import official
from pytest_swebench.grading.ground import broken_ground, broken_machine, results_lost
from pytest_swebench.sandbox.protocol import ScriptResult
from tests.support.task_repo import make_task

START = "+ : '>>>>> Start Test Output'\n"
END = "+ : '>>>>> End Test Output'\n>>>>> Test Exit Code: 1\n"
PIP = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError: "
    "[Errno -3] Temporary failure in name resolution'\n"
    "ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)\n"
)
ZERO_PASSED = "PASSED tests/test_calc.py::test_zero\n"
ADD_FAILED = "FAILED tests/test_calc.py::test_add - assert 1 == 2\n"
NOT_COLLECTED = "ERROR tests/test_calc.py\n"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (PIP + START + "E   ModuleNotFoundError: No module named 'numpy'\n" + NOT_COLLECTED + END, "install_failed"),
        (PIP + START + "eval.sh: line 9: tox: command not found\n" + END, "install_failed"),
        ("fatal: unable to access 'x': Could not resolve host: example.org\n", "network_unreachable"),
        (START + "socket.gaierror: Temporary failure in name resolution\n" + END, "network_unreachable"),
        (START + "MemoryError: Cannot allocate memory\n" + END, "out_of_memory"),
    ],
    ids=["module", "command", "before the tests", "in the tests", "memory"],
)
def test_ground_that_broke_is_named(
    log: str, reason: str, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    assert ground_of(make_instance(), tmp_path, log).startswith(reason)


@pytest.mark.parametrize(
    "log",
    [
        PIP + START + ADD_FAILED + ZERO_PASSED + END,
        PIP + START + "E   SyntaxError: invalid syntax\n" + NOT_COLLECTED + END,
        PIP + START + "SyntaxError: invalid syntax\n" + END,
        PIP + START + "E   ImportError: cannot import name 'add' from 'calc'\n" + NOT_COLLECTED + END,
        PIP + START + "E   ModuleNotFoundError: No module named 'calc.new'\n" + NOT_COLLECTED + END,
        PIP + START + "No module named 'numpy'\n" + ADD_FAILED + ZERO_PASSED + END,
        START + "E   ModuleNotFoundError: No module named 'numpy'\n" + NOT_COLLECTED + END,
        "ERROR: Could not find a version that satisfies the requirement nonsense>=99\n"
        + START
        + "E   ModuleNotFoundError: No module named 'nonsense'\n"
        + NOT_COLLECTED
        + END,
    ],
    ids=[
        "a test fails",
        "nothing is collected",
        "nothing runs",
        "a name is missing",
        "a submodule is missing",
        "a module is missing but all ran",
        "no install failed",
        "the patch asks for what does not exist",
    ],
)
def test_a_patch_that_breaks_the_tests_by_itself_is_not_excused(
    log: str, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    assert ground_of(make_instance(), tmp_path, log) == ""


def test_a_resolved_instance_stands_on_firm_ground(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    log = PIP + START + "PASSED tests/test_calc.py::test_add\n" + ZERO_PASSED + END.replace("1", "0")
    assert ground_of(make_instance(), tmp_path, log) == ""


@pytest.mark.parametrize(
    ("log", "hidden", "lost"),
    [
        (START + ADD_FAILED + END, {}, False),
        (START + NOT_COLLECTED + END, {}, True),
        (START + ZERO_PASSED + END, {}, True),
        (START + "PASSED tests/test_calc.py::test_add\n" + ZERO_PASSED + END.replace("1", "0"), {}, False),
        (START + ZERO_PASSED + END, {"eval_type": "fail_only"}, True),
        (START + END, {"eval_type": "exit_code"}, False),
    ],
    ids=["one fails", "none is there", "one is missing", "all pass", "missing is passing", "the exit code counts"],
)
def test_cut_log_decides_only_by_what_is_seen_in_it(
    log: str, hidden: dict[str, str], lost: bool, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    instance = make_instance(**hidden)
    path = tmp_path / "test_output.txt"
    path.write_text(log)
    assert results_lost(instance, official.report_json(instance, "patch", path), path) is lost


NO_SPACE = "OSError: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("result", "log", "reason"),
    [
        (
            ScriptResult(0, "", False, 1.0, oom_killed=True, conditions={"memory": "4g"}),
            "",
            "memory of 4g .*memory=",
        ),
        (ScriptResult(0, "", False, 1.0, oom_killed=True, conditions={"memory": None}), "", "memory of this machine"),
        (ScriptResult(0, "", False, 1.0, full=("/", "/tmp")), NO_SPACE, "left on /, /tmp in the container"),
        (ScriptResult(1, f"git: {NO_SPACE}", False, 1.0, full=("/",)), "", "left on / in the container"),
    ],
)
def test_limit_of_the_machine_is_named(result: ScriptResult, log: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert re.search(reason, broken_machine(result, tmp_path / "log"))


@pytest.mark.parametrize(
    ("result", "log"),
    [(ScriptResult(0, NO_SPACE, False, 1.0), NO_SPACE), (ScriptResult(0, "", False, 1.0, full=("/",)), "fine\n")],
    ids=["only said", "only full"],
)
def test_disk_is_blamed_on_two_witnesses_alone(result: ScriptResult, log: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert broken_machine(result, tmp_path / "log") == ""


def ground_of(instance: Instance, folder: Path, text: str) -> str:
    log = folder / "test_output.txt"
    log.write_text(text)
    return broken_ground(instance, official.report_json(instance, "patch", log), log)


LACKS = "+ timeout -k 1 5 /usr/bin/python3 -m pytest -rA\n/usr/bin/python3: No module named pytest\n"


@pytest.mark.parametrize(
    ("log", "broken"),
    [
        (START + LACKS + END, True),
        (START + LACKS.replace("/usr", "tests said: /usr") + END, False),
        (START + LACKS + "1 failed in 0.02s\n" + END, False),
        (LACKS + START + "1 failed in 0.02s\n" + END, False),
    ],
    ids=["nothing else", "a test's words", "tests ran", "before the tests"],
)
def test_a_task_without_pytest_stands_on_broken_ground(log: str, broken: bool, tmp_path: Path) -> None:
    found = ground_of(make_task(tmp_path), tmp_path, log)
    assert found.startswith("/usr/bin/python3: No module named pytest; ") is broken
    assert bool(found) is broken
