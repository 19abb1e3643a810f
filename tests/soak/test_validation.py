"""Every real prediction at hand: what validation says of it beside the official chain, run for real.

Where the instance's image is here the chain runs in a grading container. For all others it runs on the tree that the
reference patch, the test patch and the prediction tell of; `tests/support/preimage.py` says what that proves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.edits import diff_from_answer
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.grading.apply import RUN_SCRIPT
from pytest_swebench.grading.validation import PatchKind, validate
from pytest_swebench.records.layout import as_bytes
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Script
from tests.support.official_chain import applies, told_instance

pytestmark = pytest.mark.soak

ROWS = ("lite", "verified", "lite_dev")
REFUSED = frozenset({PatchKind.NOT_A_DIFF, PatchKind.OUTSIDE, PatchKind.DOES_NOT_APPLY})
"""Kinds that the chain must refuse as well; the others are rules of our own, or it is not asked."""

Prediction = dict[str, Any]


def predictions(shared_data: Path) -> Iterator[tuple[str, Prediction]]:
    for path in sorted((shared_data / "predictions").iterdir()):
        text = path.read_text(encoding="utf-8")
        found = json.loads(text).values() if path.suffix == ".json" else map(json.loads, text.splitlines())
        for prediction in found:
            yield path.stem, prediction


def rows(shared_data: Path, *names: str) -> dict[str, Prediction]:
    found: dict[str, Prediction] = {}
    for name in names:
        with (shared_data / f"{name}.jsonl").open(encoding="utf-8") as lines:
            found |= {row["instance_id"]: row for row in map(json.loads, lines)}
    return found


def show(title: str, table: Counter[tuple[str, str, str]]) -> None:
    print(f"\n{title}\n{'predictions':36} {'validation':16} {'official chain':14} count")
    for (name, kind, said), count in sorted(table.items()):
        print(f"{name:36} {kind:16} {said:14} {count:5}")


def agrees(kind: PatchKind, applied: bool) -> bool:
    return applied if kind is PatchKind.OK else not (applied and kind in REFUSED)


def test_every_prediction_is_judged_as_by_the_official_chain(shared_data: Path, tmp_path: Path) -> None:
    known = rows(shared_data, *(f"rows/{name}" for name in ROWS))
    table: Counter[tuple[str, str, str]] = Counter()
    wrong, backend = [], LocalBackend()
    for number, (name, prediction) in enumerate(predictions(shared_data)):
        patch, row = prediction["model_patch"] or "", known[prediction["instance_id"]]
        told = told_instance(tmp_path / f"base{number}", row["patch"], row["test_patch"], patch)
        sandbox = backend.open(told)
        found = validate(patch, lambda at=sandbox: at)
        folder = tmp_path / f"official{number}"
        folder.mkdir()
        applied = bool(patch.strip()) and applies(patch, Path(sandbox.workdir), folder)
        sandbox.close()
        table[name, str(found.kind), "applies" if applied else "refuses" if patch.strip() else "is not asked"] += 1
        if not agrees(found.kind, applied) or found.reason.startswith("not tried"):
            wrong.append((name, row["instance_id"], found, applied))
    backend.close()
    show("on trees told by diffs", table)
    assert not wrong
    assert sum(table.values()) > 1000


def test_damaged_predictions_are_judged_as_by_the_official_chain(shared_data: Path, tmp_path: Path) -> None:
    table: Counter[tuple[str, str, str]] = Counter()
    wrong, backend = [], LocalBackend()
    whole = [prediction["model_patch"] for _, prediction in predictions(shared_data) if prediction["model_patch"]]
    for number, patch in enumerate(whole[::12]):
        sandbox = backend.open(told_instance(tmp_path / f"base{number}", patch))
        for name, damaged in (
            ("a removed line differs", patch.replace("\n- ", "\n- not ", 1)),
            ("context differs", patch.replace("\n  ", "\n  not ", 1)),
            ("no last newline", patch.rstrip("\n")),
            ("cut off", patch[: len(patch) * 2 // 3]),
        ):
            found = validate(damaged, lambda at=sandbox: at)
            applied = applies(damaged, Path(sandbox.workdir), tmp_path)
            table[name, str(found.kind), "applies" if applied else "refuses"] += 1
            if not agrees(found.kind, applied) or found.reason.startswith("not tried"):
                wrong.append((name, number, found, applied))
        sandbox.close()
    backend.close()
    show("damaged, on trees told by diffs", table)
    assert not wrong
    assert {kind for _, kind, _ in table} >= {"ok", "does_not_apply"}


@pytest.mark.usefixtures("docker_engine")
def test_predictions_and_references_of_real_images_are_judged_as_in_their_containers(
    shared_data: Path, tmp_path: Path
) -> None:
    real = rows(shared_data, "pypi_rows")
    tried = [("reference", row["instance_id"], row["patch"]) for row in real.values()]
    tried += [("another reference", one, real[other]["patch"]) for one, other in zip(real, [*real][1:], strict=False)]
    tried += [
        (name, prediction["instance_id"], prediction["model_patch"] or "")
        for name, prediction in predictions(shared_data)
        if prediction["instance_id"] in real
    ]
    table: Counter[tuple[str, str, str]] = Counter()
    wrong, backend = [], DockerBackend(run_id="test-validation")
    for number, (name, instance_id, patch) in enumerate(tried):
        instance = instance_from_row(real[instance_id], where=instance_id)
        sandbox = backend.open(instance)
        found = validate(patch, lambda at=sandbox: at)
        sandbox.close()
        files = {"patch.diff": as_bytes(patch), "eval.sh": b"true\n"}
        script = Script(RUN_SCRIPT, files, timeout_s=120, log=tmp_path / f"{number}.log")
        applied = bool(patch.strip()) and backend.run_script(instance, script).exit_code == 0
        table[name, str(found.kind), "applies" if applied else "refuses" if patch.strip() else "is not asked"] += 1
        if not agrees(found.kind, applied) or found.reason.startswith("not tried"):
            wrong.append((name, instance_id, found, applied))
    backend.close()
    show("in containers of the real images", table)
    assert not wrong
    assert table["reference", "ok", "applies"] == len(real)


def test_patches_that_the_official_harness_applied_to_the_true_base_are_valid(
    shared_data: Path, tmp_path: Path
) -> None:
    """The tree is told by each patch alone: that these apply to the true one, their published reports say."""
    table: Counter[tuple[str, str, str]] = Counter()
    backend = LocalBackend()
    for number, path in enumerate(sorted((shared_data / "logs").glob("*/*/patch.diff"))):
        instance_id = path.parent.parent.name
        report = json.loads((path.parent / "report.json").read_text(encoding="utf-8"))[instance_id]
        patch = path.read_bytes().decode("utf-8", "surrogateescape")
        sandbox = backend.open(told_instance(tmp_path / f"base{number}", patch))
        kind = validate(patch, lambda at=sandbox: at).kind
        sandbox.close()
        table["logs", str(kind), "applies" if report["patch_successfully_applied"] else "refuses"] += 1
    backend.close()
    show("published verdicts", table)
    assert table == {("logs", "ok", "applies"): table.total()}
    assert table.total() > 100


def test_every_prediction_comes_out_of_an_answer_as_it_went_in(shared_data: Path) -> None:
    def nothing(path: str) -> str:
        raise FileNotFoundError(path)

    wrong = []
    for name, prediction in predictions(shared_data):
        patch = (prediction["model_patch"] or "").strip("\n") + "\n"
        if not patch.strip():
            continue
        indented = "".join(f"   {line}" for line in patch.splitlines(keepends=True))
        for answer in (
            patch,
            f"Here it is.\n\n{patch}\nThat is all.\n",
            f"```diff\n{patch}```\n- one\n- two\n",
            f"~~~\n{patch}~~~\n",
            f"<patch>\n{patch}</patch>",
            f"1. This:\n\n   ```udiff\n{indented}   ```\n",
        ):
            if diff_from_answer(answer, nothing) != patch:
                wrong.append((name, prediction["instance_id"], answer[:20]))
    assert not wrong
