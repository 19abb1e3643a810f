from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable

import pytest

from pytest_swebench.arms.local.baseline import Baseline
from pytest_swebench.arms.local.stages import install_trouble
from pytest_swebench.arms.simple import Null
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import InfraError, InputError, LimitReached
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.protocol import CommandResult
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


def test_what_tests_print_last_is_kept_without_secrets(open_task: Open) -> None:
    place = open_task("basket-total", patch_b64="")
    context = dataclasses.replace(place.context, redact=Redactor(["deselected"]).data)
    Baseline().solve(context)
    assert place.result["tail"].startswith("1 failed, 3 [redacted] in ")
    assert place.tail == f"{place.result['tail']}\n"


def test_without_a_patch_the_tests_run_once(open_task: Open) -> None:
    place = open_task("basket-total", patch_b64="")
    solution = Baseline().solve(place.context)
    result = place.result
    assert (result["status"], result["exit_code"], result["pytest_k"]) == ("fail", 1, "total")
    assert result["tail"].startswith("1 failed, 3 deselected in ")
    assert (result["patch_applied"], result["tail_before"], result["status_before"]) == (False, "", None)
    assert solution.notes == "tests: 1 failed, 3 deselected"  # without its time, so that equal reasons are one
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


def test_an_install_that_fails_is_noted_and_the_tests_decide(open_task: Open) -> None:
    place = open_task("colours-known")
    sandbox = place.context.sandbox()
    sandbox.write({"requirements.txt": b"--no-index\nno-such-thing\n"})
    solution = Baseline().solve(place.context)
    first, second = solution.notes.split("; ")
    assert first.startswith("tests: 1 error")
    assert re.fullmatch(r"install failed: ERROR: [^\n]*no-such-thing[^\n]*", second)
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
    place = open_task("basket-all", repo="http://127.0.0.1:9/none.git")
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"repo": "no-such"}, "no-such' does not exist"), ({"ref": "v9"}, "has no ref 'v9'")],
)
def test_a_path_or_ref_that_is_not_there_is_refused_before_anything_runs(
    open_task: Open, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Baseline().check([open_task("basket-all", **changes).instance])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            CommandResult(1, "a\n  ERROR: No matching x\nnote: not pip\nERROR: Failed to build\n", False, 1),
            "ERROR: No matching x",
        ),
        (CommandResult(2, "killed\n\n", False, 1), "killed"),
        (CommandResult(2, "", False, 1), "exit code 2"),
        (CommandResult(124, "ERROR: x", True, 20.2), "it took more than 20 s"),
    ],
)
def test_why_installing_failed_is_one_line(result: CommandResult, said: str) -> None:
    assert install_trouble(result) == said
