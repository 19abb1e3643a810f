from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.checks.plan import Plan, chosen, plan_for
from pytest_swebench.config import resolve
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem
from pytest_swebench.errors import DatasetError, SelectionError
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.selfcheck import TOPIC
from pytest_swebench.matrix import Selection
from pytest_swebench.records.flakes import Ledger
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient


def test_instance_with_its_image_here_is_taken_first(docker_client: DockerClient, tmp_path: Path) -> None:
    image = trivial_image(docker_client)
    elsewhere = trivial_instance(1, image="swebench/sweb.eval.x86_64.no_1776_such-1:latest")
    assert chosen([elsewhere, trivial_instance(2, image=image)], tmp_path).instance_id == "trivial__calc-2"


def test_without_an_engine_the_first_is_taken(no_engine: None, tmp_path: Path) -> None:
    given = [trivial_instance(1, image="a/b:c"), trivial_instance(2, image="a/c:c")]
    assert chosen(given, tmp_path).instance_id == "trivial__calc-1"


def test_instance_that_is_known_to_be_unfit_is_taken_last(no_engine: None, tmp_path: Path) -> None:
    demo = load_demo()
    broken = dataclasses.replace(Ledger(), gold=3, gold_resolved=0, reasons={"tests_timed_out": 3})
    assert broken.broken
    Known.beside_runs(tmp_path).put(demo[0], TOPIC, broken.as_json())
    assert chosen(demo, tmp_path).instance_id == demo[1].instance_id
    assert chosen(demo[:1], tmp_path).instance_id == demo[0].instance_id


def test_rows_that_cannot_be_graded_are_no_help(no_engine: None, tmp_path: Path) -> None:
    row = Instance(problem=Problem(instance_id="a__b-1", statement="x"), hidden=Hidden(eval_type="pass_and_fail"))
    with pytest.raises(DatasetError, match="none of 1 instances can be graded: the rows lack eval_script, image"):
        chosen([row], tmp_path)
    with pytest.raises(DatasetError, match="prompts without tests"):
        chosen([dataclasses.replace(row, kind=Kind.SCENARIO)], tmp_path)
    assert chosen([row, *load_demo()], tmp_path).instance_id == load_demo()[0].instance_id


def test_plan_follows_the_settings(no_engine: None, tmp_path: Path) -> None:
    env = {"SWEBENCH_DATASET": "demo", "OUTPUT_DIR": "out", "SWEBENCH_EVAL_TIMEOUT": "77", "INSTANCES": "-11,nothing"}
    ids = [one.instance_id for one in load_demo()]
    plan = plan_for(resolve(env, tmp_path), tmp_path, asks=True)
    assert plan.instance.instance_id == next(one for one in ids if "-11" in one)
    assert (plan.output_dir, plan.timeout_s, plan.keep_in) == (tmp_path / "out", 77.0, tmp_path / ".env")
    assert plan.again
    given = plan_for(resolve(env, tmp_path), tmp_path, selection=Selection(ids=(ids[-1],)), output_dir="x", again=False)
    assert (given.instance.instance_id, given.output_dir) == (ids[-1], tmp_path / "x")
    assert given.keep_in is None
    assert not given.again


def test_tried_is_an_instance_that_runs(no_engine: None, tmp_path: Path) -> None:
    first, *_ = sorted(load_demo(), key=lambda one: one.instance_id)
    broken = dataclasses.replace(Ledger(), gold=3, gold_resolved=0, reasons={"tests_timed_out": 3})
    Known.beside_runs(tmp_path / "results").put(first, TOPIC, broken.as_json())
    for limit, same in (("1", True), ("0", False)):
        env = {"SWEBENCH_DATASET": "demo", "MAX_INSTANCES": limit}
        assert (plan_for(resolve(env, tmp_path), tmp_path).instance == first) is same


def test_namespace_that_is_set_is_never_overwritten(no_engine: None, tmp_path: Path) -> None:
    env = {"SWEBENCH_DATASET": "demo", "SWEBENCH_DOCKER_NAMESPACE": "registry.example/x"}
    plan = plan_for(resolve(env, tmp_path), tmp_path, asks=True)
    assert (plan.namespace, plan.keep_in) == ("registry.example/x", None)


def test_unknown_names_are_refused_before_anything_is_tried(no_engine: None, tmp_path: Path) -> None:
    settings = resolve({}, tmp_path)
    with pytest.raises(DatasetError, match="did you mean 'lite'"):
        plan_for(settings, tmp_path, dataset="litte")
    with pytest.raises(SelectionError, match="--instance-ids"):
        plan_for(settings, tmp_path, dataset="demo", selection=Selection(ids=("ledgerlib__ledgerlib-0",)))


def test_only_trusted_trees_without_an_image_do_without_docker(tmp_path: Path) -> None:
    demo, real = load_demo()[0], trivial_instance(1)
    needs = {
        (name, one.instance_id): Plan(instance=one, output_dir=tmp_path, sandbox=name).needs_docker
        for one in (demo, real)
        for name in ("auto", "docker", "local")
    }
    assert [name for name, needed in needs.items() if needed] == [
        ("docker", demo.instance_id),
        ("auto", real.instance_id),
        ("docker", real.instance_id),
    ]
