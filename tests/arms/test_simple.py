from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.simple import Gold, Null
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.workplace import NoProvider
from tests.support.made import made_instance


def context_of(instance: Instance, folder: Path) -> SolveContext:
    def no_sandbox() -> Sandbox:
        raise LookupError("this arm needs no sandbox")

    return SolveContext(
        problem=instance.problem,
        variant=Variant("v", "v"),
        rep=1,
        provider=NoProvider("v"),
        sandbox=no_sandbox,
        folder=folder,
        hidden=instance.hidden,
    )


def test_gold_leaves_the_reference_patch(tmp_path: Path) -> None:
    instance = load_demo()[0]
    assert Gold().solve(context_of(instance, tmp_path)).patch == instance.hidden.gold_patch


def test_gold_refuses_instances_without_one() -> None:
    bare = [made_instance(f"i-{number}") for number in range(5)]
    with pytest.raises(InputError) as caught:
        Gold().check([load_demo()[0], *bare])
    assert str(caught.value) == (
        "arm 'gold': i-0, i-1, i-2 and 2 more without a reference patch; leave them or the arm out"
    )


def test_null_leaves_a_patch_that_changes_no_file_of_the_repository(tmp_path: Path) -> None:
    patch = Null().solve(context_of(load_demo()[0], tmp_path)).patch
    assert "+++ b/.swebench-null" in patch
    assert patch.count("diff --git") == 1


def test_null_refuses_prompt_scenarios() -> None:
    with pytest.raises(InputError, match="arm 'null': s-1 are prompt scenarios"):
        Null().check([made_instance("s-1", kind=Kind.SCENARIO)])


def test_what_is_hidden_is_needed_by_gold_alone(tmp_path: Path) -> None:
    context = dataclasses.replace(context_of(made_instance("a"), tmp_path), hidden=None)
    assert Null().solve(context).patch != ""
    with pytest.raises(AssertionError):
        Gold().solve(context)
