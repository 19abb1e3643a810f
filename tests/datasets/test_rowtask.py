"""An official row as a local task, and one of them run to its end in its own image."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.rowtask import files_of, functions_of, task_from_row
from pytest_swebench.datasets.tasks import instance_from_task
from pytest_swebench.errors import DatasetError
from tests.datasets.rows_to_test import PATCH

if TYPE_CHECKING:
    from docker import DockerClient

REAL = "pytest-dev__pytest-10356"
TEST_PATCH = (
    "diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1 @@\n-1\n+2"
)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "instance_id": "acme__shop-1",
        "repo": "acme/shop",
        "base_commit": "0" * 40,
        "problem_statement": "Prices are wrong.",
        "patch": PATCH,
        "test_patch": TEST_PATCH,
        "FAIL_TO_PASS": ["tests/test_a.py::TestA::test_two[x-1]", "tests/test_a.py::test_one", "tests/b.py::test_one"],
        "PASS_TO_PASS": [],
        "image": "acme/shop:1",
        "eval_script": "pytest -rA",
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
    } | changes


def test_row_becomes_a_task_with_its_tests_and_both_patches() -> None:
    task = task_from_row(row(), where="x:1")
    assert (task["task_id"], task["repo"]) == ("acme__shop-1", "https://github.com/acme/shop")
    assert (task["ref"], task["image"]) == ("0" * 40, "acme/shop:1")
    assert task["pytest_k"] == "test_one or test_two"
    assert task["pytest_paths"] == ["tests/b.py", "tests/test_a.py"]
    assert base64.b64decode(task["patch_b64"]).decode() == f"{TEST_PATCH}\n{PATCH}"
    instance = instance_from_task(task, where="x:1", folder=Path("/"))
    assert instance.missing_for_grading() == ()
    assert instance.problem.workdir == "/testbed"
    assert instance.problem.statement == "Prices are wrong."


def test_repository_may_lie_elsewhere() -> None:
    assert task_from_row(row(), where="x:1", repo="/srv/shop")["repo"] == "/srv/shop"


@pytest.mark.parametrize(
    ("ids", "functions", "files"),
    [
        (["t/test_a.py::test_b[::odd-x]"], ["test_b"], ["t/test_a.py"]),
        (["test_plain"], ["test_plain"], ["tests/test_a.py"]),
        (["test_x (pkg.tests.Case.test_x)"], ["test_x"], ["tests/test_a.py"]),
        (["A sentence of a docstring."], [], ["tests/test_a.py"]),
    ],
)
def test_ids_name_functions_and_files(ids: list[str], functions: list[str], files: list[str]) -> None:
    assert functions_of(ids) == functions
    assert files_of(ids, TEST_PATCH) == files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repo": "django/django", "version": "4.2"}, "Django runs its tests by a runner of its own"),
        ({"FAIL_TO_PASS": ["A sentence."]}, "names no test that pytest's -k could select"),
    ],
)
def test_rows_that_pytest_cannot_select_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=f"x:1: .*{message}"):
        task_from_row(row(**changes), where="x:1")


def test_real_instance_fails_before_and_passes_after(
    tmp_path: Path, real_row: Callable[[str], dict[str, Any]], docker_client: DockerClient
) -> None:
    real = real_row(REAL)
    (tmp_path / "rows.jsonl").write_text(json.dumps(real))
    container = docker_client.containers.create(real["image"], command=["true"])
    try:  # GitHub may be out of reach; the image holds the same repository
        bits, _ = container.get_archive("/testbed")
        with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
            tar.extractall(tmp_path, filter="tar")
    finally:
        container.remove()

    def task(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest_swebench", "task", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=240, check=False
        )

    made = task("from-row", "rows.jsonl", REAL, "--repo", "testbed")
    assert made.returncode == 0, made.stderr
    (tmp_path / "tasks.jsonl").write_text(made.stdout)
    done = task("run", "--seeds", "tasks.jsonl", "--task-id", REAL)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("sandbox/runs/*/result.json")
    result = json.loads(path.read_text())
    assert (result["status_before"], result["status"]) == ("ok", "pass")  # before, its tests are not there
    assert result["tail"].startswith("1 passed, ")
    (records,) = tmp_path.glob("results/tasks-*/results.jsonl")
    assert json.loads(records.read_text())["outcome"] == "resolved"
