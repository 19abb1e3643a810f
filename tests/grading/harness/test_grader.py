"""The installed harness as a grader, in containers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import swebench

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import InfraError
from pytest_swebench.grading.harness import HarnessGrader
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import NOTHING_PASSES, Verdict
from tests.grading.harness.made import is_running
from tests.support.calc import FIX, WRONG
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

ADD, ZERO = "test_calc.py::test_add", "test_calc.py::test_zero"
NO_FILE = "diff --git a/none.py b/none.py\n--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-a\n+b\n"
ENDLESS = "#!/bin/bash\ncd /testbed\n(trap '' TERM; setsid sleep 600) &\necho started\nsleep 600\n"
ID = "trivial__calc-1"
RUN = f"test+harness-{os.getpid()}"  # each worker of a parallel run has its own gradings


@pytest.fixture(scope="module")
def client(docker_client: DockerClient, base_image: str) -> DockerClient:
    """The engine, with the trivial image on it."""
    trivial_image(docker_client)
    return docker_client


@pytest.fixture(scope="module")
def gradings(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Gradings of one instance, all at once: upstream waits 15 s for every container that it stops."""
    root = tmp_path_factory.mktemp("cells")
    grader = HarnessGrader(run_id=RUN)
    short = HarnessGrader(run_id=RUN, timeout_s=4)
    absent = trivial_instance(1, image="pytest-swebench-test-absent.invalid/none:latest")
    asked: dict[str, tuple[HarnessGrader, Instance, str]] = {
        "gold": (grader, trivial_instance(1), FIX),
        "wrong": (grader, trivial_instance(1), WRONG),
        "no-file": (grader, trivial_instance(1), NO_FILE),
        "endless": (short, trivial_instance(1, eval_script=ENDLESS), FIX),
        "no-image": (grader, absent, FIX),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        futures: dict[str, Future[Grade]] = {
            name: pool.submit(grader.grade, instance, patch, root / name)
            for name, (grader, instance, patch) in asked.items()
        }
    return {"root": root} | futures


def test_gold_resolves_and_leaves_what_a_grading_leaves(gradings: dict[str, Any]) -> None:
    grade, folder = gradings["gold"].result(), gradings["root"] / "gold"
    tests = {"FAIL_TO_PASS": {"success": [ADD], "failure": []}, "PASS_TO_PASS": {"success": [ZERO], "failure": []}}
    assert grade.verdict == Verdict(resolved=True, applied=True, tests=tests)
    assert grade.integrity.reasons == ("the official harness has no negative control",)
    assert grade.conditions == {
        "harness": f"swebench {swebench.__version__}",
        "profile": "official",
        "network": "bridge",
    }
    names = ["eval.sh", "harness.log", "report.json", "test_output.txt"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert json.loads((folder / "report.json").read_text())[ID]["resolved"] is True
    assert "\n>>>>> Test Exit Code: 0\n" in (folder / "test_output.txt").read_text()


def test_a_wrong_patch_does_not_resolve(gradings: dict[str, Any]) -> None:
    verdict = gradings["wrong"].result().verdict
    assert (verdict.resolved, verdict.applied) == (False, True)
    assert verdict.summary() == f"FAIL_TO_PASS 0/1, PASS_TO_PASS 0/1; {NOTHING_PASSES}"


@pytest.mark.parametrize(
    ("name", "applied", "reason"), [("no-file", False, "patch_apply_failed"), ("endless", True, "tests_timed_out")]
)
def test_what_the_harness_calls_an_error_of_its_own_is_told_apart(
    name: str, applied: bool, reason: str, gradings: dict[str, Any]
) -> None:
    verdict = gradings[name].result().verdict
    assert verdict == Verdict(resolved=False, applied=applied, reason=reason)
    assert "1 ran successfully, 0 failed" in (gradings["root"] / name / "harness.log").read_text()
    assert (gradings["root"] / name / "report.json").is_file()


def test_a_missing_image_is_told_with_the_end_of_the_log_and_its_place(gradings: dict[str, Any]) -> None:
    with pytest.raises(InfraError) as caught:
        gradings["no-image"].result()
    log = gradings["root"] / "no-image" / "harness.log"
    assert f"the end of {log}:" in str(caught.value)
    assert "test-absent" in str(caught.value).partition("the end of")[2]
    assert not (log.parent / "report.json").exists()


def test_no_container_is_left(gradings: dict[str, Any], client: DockerClient) -> None:
    for name in ("gold", "wrong", "no-file", "endless", "no-image"):
        assert gradings[name].done()
    assert client.api.containers(all=True, filters={"name": f"{RUN.replace('+', '-')}.swebench-"}) == []


def test_an_empty_patch_is_never_run(tmp_path: Path) -> None:
    grade = HarnessGrader(python="/nowhere/python").grade(trivial_instance(1), "", tmp_path / "cell")
    assert grade.verdict == Verdict(resolved=False, applied=False, reason="empty_patch")
    assert not (tmp_path / "cell").exists()


def test_a_harness_that_dies_leaves_no_verdict_but_its_last_words(client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("of an earlier grading")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *--run_id*) echo the disk is full; exit 3;; *) exec {sys.executable} "$@";; esac\n'
    )
    python.chmod(0o755)
    with pytest.raises(InfraError) as caught:
        HarnessGrader(python=str(python)).grade(trivial_instance(1), FIX, tmp_path)
    assert f"{ID}: swebench {swebench.__version__} left no result (exit code 3)" in str(caught.value)
    assert str(caught.value).endswith(f"the end of {tmp_path / 'harness.log'}:\nthe disk is full")
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_an_end_in_the_middle_takes_harness_and_container_along(
    client: DockerClient, tmp_path: Path, number: int, exit_code: int
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pytest_swebench.grading.harness import HarnessGrader\n"
        "from pytest_swebench.grading.slots import Slots, SlottedGrader\n"
        "from tests.support.calc import FIX\n"
        "from tests.support.trivial import trivial_instance\n"
        "instance = trivial_instance(7, eval_script=sys.argv[1])\n"
        "grader = SlottedGrader(HarnessGrader(run_id='test-interrupt'), Slots(Path(sys.argv[2], 'slots'), 1))\n"
        "def terminate(number, frame):\n"  # as a worker ends: nothing after the call is reached
        "    grader.close()\n"
        "    os._exit(128 + number)\n"
        "signal.signal(signal.SIGTERM, terminate)\n"
        "grader.grade(instance, FIX, Path(sys.argv[2]))\n"
    )
    ours = subprocess.Popen(
        [sys.executable, "-c", code, ENDLESS, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: bool(client.api.containers(filters={"name": "test-interrupt.swebench-"})), 60)
        (harness,) = children(ours.pid)
        ours.send_signal(number)
        _, errors = ours.communicate(timeout=10)
    finally:
        ours.kill()
    assert ours.returncode == exit_code, errors
    assert not is_running(harness)
    assert client.api.containers(all=True, filters={"name": "test-interrupt.swebench-"}) == []


@pytest.mark.soak
@pytest.mark.parametrize("instance_id", ["mwaskom__seaborn-3010", "mwaskom__seaborn-3190"])
def test_4_1_resolves_gold_and_not_the_base(
    instance_id: str, real_row: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Of the real instances here only these need nothing from the network, where 4.1 fetches requirements."""
    python = os.environ.get("SWEBENCH_HARNESS_PYTHON_41", "")
    if not python:
        pytest.skip("SWEBENCH_HARNESS_PYTHON_41 names no interpreter that has swebench 4.1")
    row = real_row(instance_id)
    classic = {name: value for name, value in row.items() if name not in ("eval_script", "log_parser", "eval_type")}
    instance = instance_from_row(classic, where=instance_id)
    grader = HarnessGrader(python=python, run_id="test-41")
    gold = grader.grade(instance, instance.hidden.gold_patch, tmp_path / "gold")
    note = "diff --git a/NOTE b/NOTE\nnew file mode 100644\n--- /dev/null\n+++ b/NOTE\n@@ -0,0 +1 @@\n+x\n"
    null = grader.grade(instance, note, tmp_path / "null")
    assert (gold.verdict.resolved, null.verdict.resolved) == (True, False)
    assert gold.verdict.tests["FAIL_TO_PASS"]["success"] == list(instance.hidden.fail_to_pass)
    assert gold.conditions["harness"].startswith("swebench 4.1.")


def children(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(line) for line in listing.stdout.split()]


def wait_for(happened: Callable[[], bool], at_most_s: float) -> None:
    deadline = time.monotonic() + at_most_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
