"""What the official harness is given, and how a call of it ends."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Kind, Source
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import InputError
from pytest_swebench.grading.harness import HarnessGrader
from pytest_swebench.grading.harness.call import command, image_of, put_input, row_of, run_harness
from tests.grading.harness.made import NEW, OLD, fake_python, is_running
from tests.support.trivial import trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

ID = "trivial__calc-1"


def test_only_accepted_flags_are_sent() -> None:
    both = ["--dataset_name", "dataset.jsonl", "--predictions_path", "predictions.jsonl", "--max_workers", "1"]
    both += ["--timeout", "8", "--run_id", "r"]
    start = ["python", "-m", "swebench.harness.run_evaluation"]
    assert command(NEW, run_id="r", timeout_s=7.5, namespace="ghcr.io/me") == [*start, *both]
    assert command(OLD, run_id="r", timeout_s=8, namespace="") == [*start, *both, "--cache_level", "instance"]
    assert command(OLD, run_id="r", timeout_s=8, namespace="ghcr.io/me")[-2:] == ["--namespace", "ghcr.io/me"]


def test_a_namespace_goes_into_the_row_where_rows_name_images(docker_client: DockerClient) -> None:
    arch = {"aarch64": "arm64"}.get(docker_client.info()["Architecture"], "x86_64")
    own = f"swebench/sweb.eval.{arch}.{ID.replace('__', '_1776_')}:latest"
    instance = trivial_instance(1, image=own)
    assert image_of(NEW, instance, "ghcr.io/me") == f"ghcr.io/me/{own.partition('/')[2]}"
    assert image_of(NEW, instance, "ghcr.io/me/x.{id}") == f"ghcr.io/me/x.{ID}:latest"
    assert (image_of(NEW, instance, ""), image_of(OLD, instance, "ghcr.io/me")) == (own, own)


def test_a_template_is_no_namespace_for_a_harness_that_makes_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWEBENCH_DOCKER_NAMESPACE", "ghcr.io/me/x.{id}")
    python = fake_python(tmp_path, "4.1.0", sorted(OLD.flags))
    with pytest.raises(InputError, match=r"ghcr\.io/me/x\.\{id\}.*takes a namespace, no template"):
        HarnessGrader(python=python).check([])
    HarnessGrader(python=python, namespace="ghcr.io/me").check([trivial_instance(1)])


def test_a_row_and_a_patch_arrive_as_they_were(tmp_path: Path) -> None:
    odd = "diff with \u2028 and \x85 and \x0c and \udce9\n"
    instance = trivial_instance(1)
    put_input(instance, odd, tmp_path, image=instance.image)
    (row,) = (tmp_path / "dataset.jsonl").read_text().splitlines()  # as upstream reads it
    (prediction,) = (tmp_path / "predictions.jsonl").read_text().splitlines()
    assert instance_from_row(json.loads(row), where="row") == instance
    assert json.loads(prediction) == {
        "instance_id": ID,
        "model_name_or_path": "pytest-swebench",
        "model_patch": odd,
    }


def test_a_row_is_the_published_row(official_rows: dict[str, dict[str, Any]]) -> None:
    for instance_id in ("django__django-11099", "sympy__sympy-20590"):
        published = official_rows[instance_id]
        row = row_of(instance_from_row(published, where=instance_id))
        lists = {name: json.loads(published[name]) if isinstance(published[name], str) else published[name]
                 for name in ("FAIL_TO_PASS", "PASS_TO_PASS")}  # fmt: skip
        assert {name: row[name] for name in row if name != "image_assets"} == {
            name: (published | lists)[name] for name in row if name != "image_assets"
        }


@pytest.mark.parametrize(
    ("change", "lack"),
    [
        ({"kind": Kind.TASK}, "a task of its own tree"),
        ({"source": Source(path="here")}, "a task of its own tree"),
        ({"image": ""}, "its row lacks image"),
        ({"workdir": "/app"}, "lies in '/app'"),
    ],
)
def test_an_instance_that_the_harness_cannot_grade_is_refused_by_name(change: dict[str, Any], lack: str) -> None:
    instance = trivial_instance(1)
    if workdir := change.get("workdir"):
        instance = dataclasses.replace(instance, problem=dataclasses.replace(instance.problem, workdir=workdir))
    else:
        instance = dataclasses.replace(instance, **change)
    with pytest.raises(InputError) as caught:
        HarnessGrader().check([trivial_instance(2), dataclasses.replace(instance, kind=Kind.SCENARIO), instance])
    assert f"cannot grade {ID!r}" in str(caught.value)
    assert lack in str(caught.value)


def test_a_call_that_runs_out_of_time_goes_with_all_its_processes(tmp_path: Path) -> None:
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    ended = run_harness([sys.executable, "-c", script], tmp_path, tmp_path / "log", timeout_s=3)
    child = int((tmp_path / "log").read_text())
    assert (ended.exit_code, str(ended)) == (None, "killed after its time")
    assert not is_running(child)
