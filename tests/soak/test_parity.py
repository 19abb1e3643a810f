"""Our grading beside the official `run_instance` on real instances: the same verdict, and the same status of each test.

Both sides grade on the same images, ours with its defaults, hardened and without a network, the official one as it is,
but for the 15 s that it waits for each container to stop: that is replaced by a removal by force, after the verdict.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading import official
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.outcome import Verdict
from pytest_swebench.sandbox.docker import DockerBackend

if TYPE_CHECKING:
    from docker.models.containers import Container

pytestmark = [
    pytest.mark.soak,
    pytest.mark.usefixtures("docker_engine"),
    # the official functions leave the sockets of their commands to the garbage collector
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

INSTANCES = 14
WRONG = 20
TRIES = 90
NOTE = "diff --git a/NOTE.txt b/NOTE.txt\nnew file mode 100644\n--- /dev/null\n+++ b/NOTE.txt\n@@ -0,0 +1 @@\n+done\n"

Statuses = dict[str, str]


@dataclass(frozen=True)
class Side:
    """What one side says: the verdict, and what its parser reads in its own log for every test."""

    verdict: Verdict
    statuses: Statuses


@pytest.fixture
def backend() -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-parity")
    yield backend
    backend.close()
    gc.collect()  # here, where what it then says about those sockets is ignored, and not at the end of all tests


@pytest.fixture
def instances(real_rows: dict[str, Any], real_instance: Callable[[str], Instance]) -> list[Instance]:
    return [real_instance(name) for name in real_rows]


@pytest.fixture
def run_ours(backend: DockerBackend, tmp_path: Path) -> Callable[[str, Instance, str], Side]:
    def run(name: str, instance: Instance, patch: str) -> Side:
        folder = tmp_path / "ours" / name
        verdict = OfficialGrader(backend, timeout_s=900).grade(instance, patch, folder).verdict
        return Side(verdict, official.test_statuses(instance, folder / "test_output.txt"))

    return run


@pytest.fixture
def run_official(
    backend: DockerBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Instance, str], Side]:
    from swebench.harness import run_evaluation

    def remove(client: object, container: Container | None, logger: object) -> None:
        if container is not None:
            container.remove(force=True)

    monkeypatch.setattr(run_evaluation, "cleanup_container", remove)
    monkeypatch.chdir(tmp_path)  # it writes where it stands

    def run(name: str, instance: Instance, patch: str) -> Side:
        prediction = {
            "instance_id": instance.instance_id,
            "model_name_or_path": "parity",
            "model_patch": patch,
        }
        done = run_evaluation.run_instance(official.test_spec(instance), prediction, backend.client, name, 900)
        logs = tmp_path / "logs" / "run_evaluation" / name / "parity" / instance.instance_id
        if done is None:
            assert ">>>>> Patch Apply Failed" in (logs / "run_instance.log").read_text()
            return Side(Verdict(resolved=False, applied=False, reason="patch_apply_failed"), {})
        return Side(
            official.verdict_of(instance.instance_id, done[1]),
            official.test_statuses(instance, logs / "test_output.txt"),
        )

    return run


def same(ours: Side, theirs: Side) -> bool:
    """Tell whether the sides agree; `applied_with` is ours alone."""
    left, right = ours.verdict, theirs.verdict
    return ours.statuses == theirs.statuses and (left.resolved, left.applied, left.reason, left.tests) == (
        right.resolved,
        right.applied,
        right.reason,
        right.tests,
    )


def test_gold_and_null_are_graded_as_upstream_does(
    instances: list[Instance],
    run_ours: Callable[[str, Instance, str], Side],
    run_official: Callable[[str, Instance, str], Side],
) -> None:
    assert len(instances) == INSTANCES
    differing, tests = [], 0
    for instance in instances:
        for kind, patch, resolved in (("gold", instance.hidden.gold_patch, True), ("null", NOTE, False)):
            name = f"{kind}-{instance.instance_id}"
            ours, theirs = run_ours(name, instance, patch), run_official(name, instance, patch)
            assert (ours.verdict.resolved, len(ours.statuses) > 0) == (resolved, True), (name, ours.verdict.summary())
            tests += len(ours.statuses)
            if not same(ours, theirs):
                differing.append((name, ours.verdict, theirs.verdict))
    print(f"\nparity on gold and null: {2 * INSTANCES} gradings, {tests} test statuses")
    assert differing == []


def test_wrong_patches_of_models_are_graded_as_upstream_does(
    instances: list[Instance],
    shared_data: Path,
    run_ours: Callable[[str, Instance, str], Side],
    run_official: Callable[[str, Instance, str], Side],
) -> None:
    """Patches of models for these instances, then for others of their repositories, as far as they apply here."""
    differing: list[object] = []
    graded = {"wrong": 0, "resolved": 0, "not applied": 0}
    tests, commands = 0, dict[str, int]()
    for number, (instance, patch) in enumerate(candidates(instances, shared_data)):
        if graded["wrong"] == WRONG or number == TRIES:
            break
        name = f"try-{number}-{instance.instance_id}"
        ours = run_ours(name, instance, patch)
        kind = "resolved" if ours.verdict.resolved else "wrong" if ours.verdict.applied else "not applied"
        graded[kind] += 1
        if kind == "not applied" and graded[kind] > 3:
            continue  # a few are enough to see that both sides say so
        theirs = run_official(name, instance, patch)
        tests += len(ours.statuses)
        if kind != "not applied":
            commands[ours.verdict.applied_with] = commands.get(ours.verdict.applied_with, 0) + 1
        if not same(ours, theirs):
            differing.append((name, ours.verdict, theirs.verdict))
    print(f"\nparity on wrong patches: {graded}, applied with {commands}, {tests} test statuses")
    assert graded["wrong"] == WRONG
    assert differing == []


def candidates(instances: list[Instance], shared_data: Path) -> Iterator[tuple[Instance, str]]:
    """Yield model patches: those for these very instances, then the nearest of the same repositories, in turn."""
    predictions = list(predicted(shared_data / "predictions"))
    for instance in instances:
        for instance_id, patch in predictions:
            if instance_id == instance.instance_id:
                yield instance, patch
    by_instance = []
    for instance in instances:
        repository, number = numbered(instance.instance_id)
        others = [(i, patch) for i, patch in predictions if numbered(i)[0] == repository and i != instance.instance_id]
        others.sort(key=lambda other: abs(numbered(other[0])[1] - number))
        by_instance.append([(instance, patch) for _, patch in others])
    yield from (one for one in chain.from_iterable(zip_longest(*by_instance)) if one is not None)


def predicted(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield instance id and patch of every prediction of a model, no empty ones."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("golden"):
            continue
        text = path.read_text(encoding="utf-8")
        found: Any = json.loads(text).values() if path.suffix == ".json" else map(json.loads, text.splitlines())
        yield from ((one["instance_id"], one["model_patch"]) for one in found if one["model_patch"])


def numbered(instance_id: str) -> tuple[str, int]:
    repository, _, number = instance_id.rpartition("-")
    return repository, int(number) if number.isdigit() else 0
