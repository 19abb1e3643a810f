from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.arms.local.baseline import Baseline
from pytest_swebench.arms.simple import Null
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import InfraError, InputError, LimitReached
from tests.arms.local.conftest import Place
from tests.support.local_tasks import fix_of
from tests.support.made import made_instance

Open = Callable[..., Place]
FIELDS = [
    *("task_id", "repo", "ref", "pytest_k", "status", "exit_code", "duration_s", "tail", "patch_applied"),
    *("tail_before", "status_before", "duration_clone_s", "duration_install_s", "duration_test_s"),
]


def test_a_known_patch_is_tested_before_and_after(open_task: Open) -> None:
    place = open_task("basket-all")
    solution = Baseline().solve(place.context)
    result = place.result
    assert list(result) == FIELDS
    assert (result["status_before"], result["status"], result["exit_code"]) == ("fail", "pass", 0)
    assert result["tail_before"].startswith("3 failed, 1 xfailed in ")
    assert result["tail"].startswith("3 passed, 1 xfailed in ")
    assert result["patch_applied"] is True
    assert place.tail == f"{result['tail']}\n"
    assert solution.patch == fix_of("basket-all")
    assert result["duration_s"] >= result["duration_clone_s"] + result["duration_test_s"] > 0


def test_without_a_patch_the_tests_run_once(open_task: Open) -> None:
    place = open_task("basket-total", patch_b64="")
    solution = Baseline().solve(place.context)
    result = place.result
    assert (result["status"], result["exit_code"], result["pytest_k"]) == ("fail", 1, "total")
    assert result["tail"].startswith("1 failed, 3 deselected in ")
    assert (result["patch_applied"], result["tail_before"], result["status_before"]) == (False, "", None)
    assert solution.patch == Null().solve(place.context).patch


def test_what_the_repository_declares_is_installed_outside_of_it(open_task: Open) -> None:
    place = open_task("colours-known")
    Baseline().solve(place.context)
    assert (place.result["status"], place.result["exit_code"]) == ("pass", 0)
    assert place.opened[0].diff() == ""


def test_a_src_layout_needs_no_install(open_task: Open) -> None:
    place = open_task("calendar-december")
    Baseline().solve(place.context)
    assert (place.result["status_before"], place.result["status"]) == ("fail", "pass")


def test_an_install_that_fails_is_noted_and_the_tests_decide(open_task: Open, tmp_path: Path) -> None:
    place = open_task("colours-known")
    sandbox = place.context.sandbox()
    sandbox.write({"requirements.txt": b"--no-index\nno-such-thing\n"})
    solution = Baseline().solve(place.context)
    assert "install failed: " in solution.notes
    assert "no-such-thing" in solution.notes
    assert (place.result["status"], place.result["exit_code"]) == ("fail", 2)


def test_a_patch_that_does_not_apply_is_noted_and_not_left(open_task: Open) -> None:
    wrong = base64.b64encode(fix_of("calendar-all").encode()).decode()
    place = open_task("basket-all", patch_b64=wrong)
    solution = Baseline().solve(place.context)
    assert "patch_b64 does not apply" in solution.notes
    assert place.result["patch_applied"] is False
    assert place.result["status"] == "fail"
    assert "diff --git a/src" not in solution.patch


def test_a_repository_that_cannot_be_had_leaves_a_result_too(open_task: Open) -> None:
    place = open_task("basket-all", repo="/no/such/repository")
    with pytest.raises(InfraError, match="cloning"):
        Baseline().solve(place.context)
    assert (place.result["status"], place.result["exit_code"]) == ("fail", -1)
    assert place.tail.strip()


def test_the_time_for_solving_bounds_every_stage(open_task: Open) -> None:
    place = open_task("basket-all")
    with pytest.raises(LimitReached):
        Baseline().solve(dataclasses.replace(place.context, timeout_s=0.0))
    assert place.result["status"] == "fail"


@pytest.mark.parametrize(
    "instance",
    [
        made_instance("django__django-1"),
        made_instance("hello", kind=Kind.SCENARIO),
        Instance(problem=Problem(instance_id="old", statement="x"), kind=Kind.TASK),
    ],
)
def test_other_instances_are_refused_and_null_is_named(instance: Instance) -> None:
    with pytest.raises(InputError, match=f"arm 'baseline': '{instance.instance_id}' is no local task .* use 'null'"):
        Baseline().check([instance])


def test_tasks_are_accepted(open_task: Open) -> None:
    Baseline().check([open_task("basket-all").instance])
    assert Baseline.oracle  # it is given the known patch
    assert not Baseline.paid
