"""The local-tasks experiment: bundles that match their trees, tasks that fail before and pass after, the whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.local_tasks.make import HERE, SELECTED, STATEMENTS, TAG, TASKS, bundle, rows
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.datasets.load import load_instances

ROOT = Path(__file__).parents[1]
REPOSITORIES = sorted({repo for repo, _, _ in SELECTED.values()})


def git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True, check=True).stdout


def run_experiment(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "LANGSMITH_", "DOCKER_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:cacheprovider"]
    command += ["experiments/test_local_tasks.py", "-m", "experiment", "--output-dir", str(tmp_path), *options]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)


def outcomes(folder: Path) -> dict[tuple[str, str], str]:
    (results,) = folder.glob("*/results.jsonl")
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {(record["instance_id"], record["variant"]): record["outcome"] for record in records}


def test_the_task_file_is_what_the_script_makes() -> None:
    assert [json.loads(line) for line in TASKS.read_text(encoding="utf-8").splitlines()] == rows()
    assert set(STATEMENTS) == set(SELECTED)
    assert len(REPOSITORIES) >= 3


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_a_bundle_holds_the_commits_of_its_tree(tmp_path: Path, repo: str) -> None:
    bundle(repo, tmp_path / "anew.bundle")
    kept, anew = (
        git("bundle", "list-heads", str(path)) for path in (HERE / f"{repo}.bundle", tmp_path / "anew.bundle")
    )
    assert kept == anew
    assert f"refs/tags/{TAG}" in kept


def test_tasks_load_as_trusted_instances_with_a_known_answer() -> None:
    instances = load_instances(str(TASKS), base_dir=ROOT)
    assert {instance.instance_id for instance in instances} == set(SELECTED)
    for instance in instances:
        assert instance.kind is Kind.TASK
        assert instance.trusted
        assert instance.hidden.gold_patch.startswith("diff --git a/")
        assert instance.missing_for_grading() == ()


@pytest.mark.parametrize("workers", [0, 2])
def test_gold_resolves_every_task_and_null_none(tmp_path: Path, workers: int) -> None:
    done = run_experiment(tmp_path, "-n", str(workers))
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(tmp_path) == {
        (task_id, arm): outcome
        for task_id in SELECTED
        for arm, outcome in (("gold", "resolved"), ("null", "unresolved"))
    }
    assert f"{2 * len(SELECTED)} passed" in done.stdout


def test_it_runs_without_docker(tmp_path: Path) -> None:
    nowhere = os.environ | {"DOCKER_HOST": f"unix://{tmp_path / 'no.sock'}"}
    command = [sys.executable, "-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:cacheprovider", "-q"]
    command += ["experiments/test_local_tasks.py", "-m", "experiment", "--instances", "textfit"]
    command += ["--output-dir", str(tmp_path / "results")]
    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(tmp_path / "results") == {
        ("textfit-ellipsis", "gold"): "resolved",
        ("textfit-ellipsis", "null"): "unresolved",
    }


def test_another_arm_is_judged_by_its_outcome(tmp_path: Path) -> None:
    wrong = {task_id: {"model_patch": (HERE / "fixes" / "textfit-ellipsis.patch").read_text()} for task_id in SELECTED}
    (tmp_path / "patches.json").write_text(json.dumps(wrong))
    done = run_experiment(tmp_path / "results", "--arms", "predictions", f"--patches={tmp_path / 'patches.json'}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 failed, 1 passed" in done.stdout
    assert outcomes(tmp_path / "results")["textfit-ellipsis", "predictions"] == "resolved"


def test_baseline_tells_before_and_after(tmp_path: Path) -> None:
    done = run_experiment(tmp_path, "--arms", "baseline", "--instances", "textfit")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*/solve/textfit-ellipsis@baseline@r1.attempt1/result.json")
    result = json.loads(path.read_text())
    assert (result["status_before"], result["status"], result["patch_applied"]) == ("fail", "pass", True)
