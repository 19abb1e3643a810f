"""Real instances in their real images; slow, so two of them and no more than one life each way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError, OutOfResources
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.sandbox.docker import DockerBackend, DockerOptions

NOTE = "diff --git a/NOTE.txt b/NOTE.txt\nnew file mode 100644\n--- /dev/null\n+++ b/NOTE.txt\n@@ -0,0 +1 @@\n+done\n"

pytestmark = pytest.mark.usefixtures("docker_engine")


@pytest.fixture
def backend() -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-grader")
    yield backend
    backend.close()


@pytest.mark.parametrize("instance_id", ["django__django-16901", "pytest-dev__pytest-10356"])
def test_gold_resolves_and_a_mere_note_does_not(
    instance_id: str, real_instance: Callable[[str], Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = real_instance(instance_id)
    grader = OfficialGrader(backend)
    gold = grader.grade(instance, instance.hidden.gold_patch, tmp_path / "gold").verdict
    note = grader.grade(instance, NOTE, tmp_path / "note").verdict
    f2p, p2p = list(instance.hidden.fail_to_pass), list(instance.hidden.pass_to_pass)
    assert gold.resolved
    assert gold.tests["FAIL_TO_PASS"] == {"success": f2p, "failure": []}
    assert gold.tests["PASS_TO_PASS"] == {"success": p2p, "failure": []}
    assert (note.resolved, note.applied) == (False, True)
    assert note.tests["FAIL_TO_PASS"]["failure"]


def test_a_patch_that_does_not_apply_starts_no_test(
    real_instance: Callable[[str], Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = real_instance("django__django-16901")
    patch = instance.hidden.gold_patch.replace("-            # ", "-            # never ")
    verdict = OfficialGrader(backend).grade(instance, patch, tmp_path).verdict
    assert (verdict.applied, verdict.reason) == (False, "patch_apply_failed")
    assert (tmp_path / "test_output.txt").read_bytes() == b""


def test_running_out_of_memory_is_no_verdict(real_instance: Callable[[str], Instance], tmp_path: Path) -> None:
    instance = real_instance("django__django-16901")
    hungry = dataclasses.replace(
        instance,
        hidden=dataclasses.replace(instance.hidden, eval_script="python3 -c 'print(len(b\"x\" * (1 << 30)))'\n"),
    )
    backend = DockerBackend(run_id="test-grader", options=DockerOptions(memory="64m"))
    try:
        with pytest.raises(OutOfResources, match="django__django-16901: the tests ran out of the memory of 64m"):
            OfficialGrader(backend).grade(hungry, NOTE, tmp_path)
    finally:
        backend.close()


def test_a_user_who_may_not_write_the_repository_is_no_verdict(
    real_instance: Callable[[str], Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = dataclasses.replace(real_instance("django__django-16901"), exceptions={"user": "1000"})
    with pytest.raises(InfraError, match=r"exit code 1 before the patch was tried: .*cannot be written by user 1000"):
        OfficialGrader(backend).grade(instance, NOTE, tmp_path)
