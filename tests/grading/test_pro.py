from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.pro import complete_pro
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import InfraError, NeedsNetwork, OutOfResources, RefusedError
from pytest_swebench.grading.pro import ProGrader, pro_report, results_of, streams, without_binary
from pytest_swebench.sandbox.docker import DockerBackend, DockerOptions
from pytest_swebench.sandbox.protocol import ScriptResult
from tests.support.calc import FIX
from tests.support.made_pro import DOCKERFILE, PRO_ID, PRO_IMAGE, pro_checkout, pro_row
from tests.support.told import ToldBackend

if TYPE_CHECKING:
    from docker import DockerClient

FULL = "cp: error writing 'x': No space left on device\n"
SILENT = "swebench: stdout 0 bytes\n\nswebench: stderr 0 bytes\n\n"
GOOD = {"tests": [{"name": "sweet add", "status": "PASSED"}, {"name": "zero", "status": "PASSED"}]}


def rewritten(*lines: str) -> str:
    """Return a patch that replaces the whole of calc.py."""
    added = "".join(f"+{line}\n" for line in lines)
    return (
        "diff --git a/calc.py b/calc.py\n--- a/calc.py\n+++ b/calc.py\n"
        f"@@ -1,2 +1,{len(lines)} @@\n-def add(a, b):\n-    return a - b\n{added}"
    )


@pytest.fixture(scope="session")
def pro_image(docker_client: DockerClient, base_image: str) -> str:
    recipe = BytesIO(DOCKERFILE.replace("{base}", base_image).encode())
    docker_client.images.build(fileobj=recipe, tag=PRO_IMAGE, rm=True, network_mode="none")
    return PRO_IMAGE


@pytest.fixture
def backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-pro")
    yield backend
    backend.close()


@pytest.fixture
def make_instance(pro_image: str, tmp_path: Path) -> Callable[..., Instance]:
    def make(**checkout: str) -> Instance:
        row = instance_from_row(pro_row(image=pro_image), where="pro")
        return complete_pro([row], pro_checkout(tmp_path / "checkout", **checkout))[0]

    return make


def test_gold_resolves_and_leaves_all_that_was_found(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    folder = tmp_path / "cell"
    grade = ProGrader(backend).grade(make_instance(), FIX, folder)

    assert grade.verdict.resolved
    assert (grade.verdict.applied, grade.verdict.applied_with, grade.verdict.reason) == (True, "git apply -v", "")
    assert grade.verdict.tests == {
        "FAIL_TO_PASS": {"success": ["sweet add"], "failure": []},
        "PASS_TO_PASS": {"success": ["zero"], "failure": []},
    }
    assert json.loads((folder / "output.json").read_text()) == GOOD
    assert json.loads((folder / "report.json").read_text())[PRO_ID]["resolved"] is True
    assert "bash /workspace/run_script.sh tests/check.py " in (folder / "eval.sh").read_text()
    assert streams((folder / "test_output.txt").read_bytes()) == (
        b"result of sweet add: good\n",
        b"result of zero: good\n",
    )


def test_a_wrong_patch_is_unresolved(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    verdict = ProGrader(backend).grade(make_instance(), rewritten("def add(a, b):", "    return 4"), tmp_path).verdict

    assert (verdict.resolved, verdict.applied, verdict.reason) == (False, True, "")
    assert verdict.tests["FAIL_TO_PASS"] == {"success": [], "failure": ["sweet add"]}
    assert verdict.tests["PASS_TO_PASS"] == {"success": [], "failure": ["zero"]}


def test_a_parser_overwritten_by_the_patch_changes_nothing(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    forger = f"open(sys.argv[-1], 'w').write('''{json.dumps(GOOD)}''')"
    patch = rewritten(
        "import os, sys",
        f"forger = {'import sys; ' + forger!r}",
        "open('/workspace/parser.py', 'w').write(forger)",
        f"open('/workspace/output.json', 'w').write('''{json.dumps(GOOD)}''')",
        "os.unlink('/usr/local/bin/python')",
        "open('/usr/local/bin/python', 'w').write('#!/usr/bin/env python3\\n' + forger)",
        "os.chmod('/usr/local/bin/python', 0o755)",
        "print('all is replaced')",
        "def add(a, b):",
        "    return a - b",
    )
    verdict = ProGrader(backend).grade(make_instance(), patch, tmp_path).verdict

    assert b"all is replaced\nresult of sweet add: bad\n" in (tmp_path / "test_output.txt").read_bytes()
    assert verdict.applied
    assert not verdict.resolved
    assert verdict.tests["FAIL_TO_PASS"]["failure"] == ["sweet add"]


def test_a_patch_that_does_not_apply_is_graded_all_the_same(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    patch = FIX.replace("a - b", "a // b")
    verdict = ProGrader(backend).grade(make_instance(), patch, tmp_path).verdict

    assert (verdict.resolved, verdict.applied, verdict.applied_with) == (False, False, "")
    assert verdict.reason == "patch_apply_failed"
    assert verdict.tests["PASS_TO_PASS"] == {"success": ["zero"], "failure": []}


def test_an_empty_patch_is_not_run(tmp_path: Path) -> None:
    backend = DockerBackend(run_id="never-connected")
    instance = instance_from_row(pro_row(), where="pro")
    verdict = ProGrader(backend).grade(instance, "", tmp_path / "cell").verdict

    assert (verdict.resolved, verdict.applied, verdict.reason) == (False, False, "empty_patch")
    assert not (tmp_path / "cell").exists()


def test_tests_that_take_too_long_are_unresolved_and_leave_their_output(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    patch = rewritten("import time", "print('waiting', flush=True)", "time.sleep(600)")
    instance = dataclasses.replace(make_instance(), exceptions={"timeout_s": 3})
    verdict = ProGrader(backend).grade(instance, patch, tmp_path).verdict

    assert (verdict.resolved, verdict.applied, verdict.reason) == (False, True, "tests_timed_out")
    assert streams((tmp_path / "test_output.txt").read_bytes()) == (b"waiting\n", b"")


def test_a_parser_that_fails_finds_no_test(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = make_instance(parser="raise SystemExit('cannot read this')\n")
    verdict = ProGrader(backend).grade(instance, FIX, tmp_path).verdict

    assert (verdict.resolved, verdict.reason) == (False, "no_test_results")


def test_an_image_without_interpreter_is_no_verdict(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = make_instance(environment="ENV PATH=/usr/bin:/bin")
    with pytest.raises(InfraError, match=rf"the parser of {PRO_ID} could not run \(exit code 127\): .*no python"):
        ProGrader(backend).grade(instance, FIX, tmp_path)
    assert not (tmp_path / "report.json").exists()


def test_tests_that_ask_for_a_network_in_vain_are_no_verdict(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    patch = rewritten("import socket", "socket.create_connection(('example.invalid', 80))")
    with pytest.raises(NeedsNetwork, match=r"left no result, and .* says 'Temporary failure in name resolution'"):
        ProGrader(backend).grade(make_instance(), patch, tmp_path)


def test_running_out_of_memory_is_no_verdict(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    backend = DockerBackend(run_id="test-pro", options=DockerOptions(memory="64m"))
    try:
        with pytest.raises(OutOfResources, match=f"{PRO_ID}: the tests ran out of the memory of 64m"):
            ProGrader(backend).grade(make_instance(), rewritten("held = b'x' * (1 << 30)"), tmp_path)
    finally:
        backend.close()


def test_files_that_cannot_be_put_in_place_are_no_verdict(
    make_instance: Callable[..., Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = make_instance()
    # `timeout` finds no bash to run: the eval script cannot have run either
    broken = dataclasses.replace(
        instance, hidden=dataclasses.replace(instance.hidden, eval_script="rm -rf /workspace\n")
    )
    with pytest.raises(InfraError, match=f"grading {PRO_ID} left no whole output of its tests: .*; see "):
        ProGrader(backend).grade(broken, FIX, tmp_path)


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (ScriptResult(0, FULL, False, 1.0, full=("/tmp", "/")), OutOfResources, "no space was left on /tmp, / in the"),
        (ScriptResult(0, FULL, True, 1.0, full=("/",)), OutOfResources, "no space was left on / in the container"),
        (ScriptResult(0, "", True, 1.0, oom_killed=True), OutOfResources, "ran out of the memory of this machine"),
        (ScriptResult(0, "", False, 1.0, log_cut=True), RefusedError, "grew beyond its limit, and no parser reads"),
    ],
)
def test_a_machine_that_ran_out_is_no_verdict(
    result: ScriptResult, error: type[Exception], message: str, tmp_path: Path
) -> None:
    row = instance_from_row(pro_row(), where="pro")
    (instance,) = complete_pro([row], pro_checkout(tmp_path / "checkout"))
    some = json.dumps({"tests": GOOD["tests"][:1]})
    backend = ToldBackend((result, SILENT), (ScriptResult(0, "", False, 0.1), some))
    with pytest.raises(error, match=f"grading {PRO_ID}: .*{message}"):
        ProGrader(backend).grade(instance, FIX, tmp_path / "cell")


@given(st.binary(), st.binary())
def test_streams_come_back_byte_for_byte(stdout: bytes, stderr: bytes) -> None:
    log = b"swebench: stdout %d bytes\n%b\nswebench: stderr %d bytes\n%b\n" % (len(stdout), stdout, len(stderr), stderr)

    assert streams(log) == (stdout, stderr)
    assert streams(log[: -len(stderr) - 2]) is None
    assert streams(b"x" + log) is None


def test_binary_parts_of_a_patch_are_left_out() -> None:
    binary = "diff --git a/x.png b/x.png\nGIT binary patch\nliteral 1\nAcmZ\n\n"
    differing = "diff --git a/y.png b/y.png\nindex 1..2 100644\nBinary files a/y.png and b/y.png differ\n"

    assert without_binary(binary + FIX + differing) == FIX
    assert without_binary(FIX) == FIX
    assert without_binary(binary) == ""


def test_one_required_test_that_did_not_pass_is_enough() -> None:
    instance = instance_from_row(pro_row(), where="pro")

    assert pro_report(instance, {"sweet add", "zero", "other"}, applied=True)[PRO_ID]["resolved"] is True
    assert pro_report(instance, {"sweet add"}, applied=True)[PRO_ID]["resolved"] is False
    assert pro_report(instance, {"zero"}, applied=True)[PRO_ID]["tests_status"] == {
        "FAIL_TO_PASS": {"success": [], "failure": ["sweet add"]},
        "PASS_TO_PASS": {"success": ["zero"], "failure": []},
    }


@pytest.mark.parametrize("content", ["", "[]", '{"tests": 1}', '{"tests": [1]}', '{"tests": [{"name": "a"}]}', "\xff"])
def test_results_that_cannot_be_read_hold_no_test(content: str, tmp_path: Path) -> None:
    path = tmp_path / "output.json"
    path.write_bytes(content.encode("latin-1"))

    assert results_of(path) == (set(), set())


def test_a_test_counts_as_passed_if_any_of_its_results_did(tmp_path: Path) -> None:
    path = tmp_path / "output.json"
    path.write_text(json.dumps({"tests": [{"name": "a", "status": "PASSED"}, {"name": "a", "status": "FAILED"}]}))

    assert results_of(path) == ({"a"}, {"a"})
