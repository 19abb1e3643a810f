from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.simple import Gold, Null, Predictions, read_predictions
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.run import NoProvider
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.made import made_instance

PATCHES = {"a": "diff --git a/x b/x\n", "b": "", "c": "é\u2028\n"}


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


def entries(key: str = "model_patch") -> list[dict[str, Any]]:
    return [{"instance_id": name, key: patch, "model_name_or_path": "m"} for name, patch in PATCHES.items()]


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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", json.dumps(entries())),
        ("p.json", json.dumps({entry.pop("instance_id"): entry for entry in entries()})),
        ("p.jsonl", "\n\n".join(json.dumps(entry) for entry in entries())),
        ("p.jsonl", "\r\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries("patch"))),
        ("p.json", json.dumps([{"instance_id": "b", "model_patch": None}, *entries()[::2]])),
        ("p.jsonl", "\ufeff" + "\n".join(json.dumps(entry) for entry in entries())),
    ],
)
def test_every_official_shape_is_read(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read_predictions(path) == PATCHES


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.jsonl", '{"instance_id": "a", "model_patch": ""}\n{oops}\n', r"p\.jsonl:2: not valid JSON"),
        ("p.json", '[\n{"instance_id": "a" "model_patch": ""}]', r"p\.json:2: not valid JSON"),
        ("p.jsonl", '{"model_patch": ""}', r"p\.jsonl:1: 'instance_id' must be a non-empty string, found None"),
        ("p.json", '[{"instance_id": 3, "model_patch": ""}]', "entry 1: 'instance_id' must be a non-empty string"),
        ("p.json", '{"a": {"model_patch": ["x"]}}', "'a': 'model_patch' must be a string, found list"),
        ("p.json", '{"a": {}}', "'a': 'model_patch' is missing"),
        ("p.json", '{"a": "diff"}', "'a': expected an object"),
        ("p.json", "3", "expected a list or an object of predictions, found int"),
        ("p.json", "[]", "holds no predictions"),
        ("p.jsonl", "", "holds no predictions"),
        ("p.jsonl", '{"instance_id": "a", "patch": ""}\n' * 2, r"p\.jsonl:2: a second patch for 'a'"),
        ("p.jsonl", "\udce9", "not UTF-8"),
    ],
)
def test_bad_predictions_name_the_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def test_missing_file_of_predictions_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--patches '.*gone\.json': No such file"):
        read_predictions(tmp_path / "gone.json")


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(entries()), encoding="utf-8")
    return Predictions(path)


def test_predictions_leave_the_patch_of_the_file(predictions: Predictions, tmp_path: Path) -> None:
    solutions = [predictions.solve(context_of(made_instance(name), tmp_path)) for name in PATCHES]
    assert [solution.patch for solution in solutions] == list(PATCHES.values())
    assert [solution.notes for solution in solutions] == ["", "the predictions file holds an empty patch", ""]


def test_version_of_predictions_follows_the_patches_alone(predictions: Predictions, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(json.dumps(entry) for entry in reversed(entries("patch"))), encoding="utf-8")
    assert Predictions(other).version == predictions.version
    other.write_text(json.dumps({"instance_id": "a", "patch": "changed"}), encoding="utf-8")
    assert Predictions(other).version != predictions.version


def test_predictions_and_dataset_must_fit_each_other(predictions: Predictions) -> None:
    predictions.check([made_instance("a")])
    with pytest.raises(InputError, match="no patch for z; narrow the run with --instance-ids"):
        predictions.check([made_instance("a"), made_instance("z")])
    predictions.check_known({"a", "b", "c", "d"}, "lite")
    with pytest.raises(InputError, match="b, c not in dataset 'lite'; wrong dataset"):
        predictions.check_known({"a"}, "lite")


def test_what_is_hidden_is_needed_by_gold_alone(tmp_path: Path, predictions: Predictions) -> None:
    context = dataclasses.replace(context_of(made_instance("a"), tmp_path), hidden=None)
    assert Null().solve(context).patch != ""
    assert predictions.solve(context).patch == PATCHES["a"]
    with pytest.raises(AssertionError):
        Gold().solve(context)
