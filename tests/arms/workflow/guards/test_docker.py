"""Red, green and full evaluation where they matter: in containers without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.arms.workflow.guards.evaluation import FullEvaluation
from pytest_swebench.arms.workflow.guards.execution import Green, Red, Setup
from pytest_swebench.arms.workflow.guards.generated import run_test
from pytest_swebench.arms.workflow.guards.patch import PatchGuard
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.sandbox.docker import DockerBackend
from tests.arms.workflow.guards.tree import FIX, RED, given_in, patch_of, written
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

DJANGO_TEST = """
import io

from django.contrib.auth.models import User
from django.http import FileResponse
from django.test import SimpleTestCase, TestCase


class Named(io.BytesIO):
    name = "page.html.br"


class MimeTypeTests(SimpleTestCase):
    def test_brotli(self):
        self.assertEqual(FileResponse(Named(b"x"))["Content-Type"], "application/x-brotli")


class DatabaseTests(TestCase):
    def test_there_is_a_database(self):
        self.assertEqual(User.objects.count(), 0)
"""
DJANGO_FIX = patch_of(
    (
        "django/http/response.py",
        '"bzip2": "application/x-bzip",',
        '"br": "application/x-brotli",\n"bzip2": "application/x-bzip",\n"compress": "application/x-compress",',
    )
)
HALF_A_FIX = patch_of(
    (
        "django/http/response.py",
        '"bzip2": "application/x-bzip",',
        '"br": "application/x-brotli",\n"bzip2": "application/x-bzip",',
    )
)
PYTEST_TEST = """
import pytest
from _pytest.mark.structures import get_unpacked_marks


def test_marks_of_all_bases():
    @pytest.mark.xfail("a")
    class A:
        pass

    @pytest.mark.xfail("b")
    class B(A):
        pass

    class C:
        pytestmark = [pytest.mark.xfail("c").mark]

    class D(B, C):
        pass

    assert [mark.args for mark in get_unpacked_marks(D)] == [("b",), ("a",), ("c",)]
"""
PYTEST_FIX = patch_of(
    (
        "src/_pytest/mark/structures.py",
        '    mark_list = getattr(obj, "pytestmark", [])\n    if not isinstance(mark_list, list):\n',
        "    if own is None and isinstance(obj, type):\n"
        "        own = [get_unpacked_marks(one, vars(one).get('pytestmark', [])) for one in obj.__mro__]\n"
        "        return [mark for marks in own for mark in marks]\n"
        '    mark_list = getattr(obj, "pytestmark", []) if own is None else own\n'
        "    if not isinstance(mark_list, list):\n",
    ),
    (
        "src/_pytest/mark/structures.py",
        "def get_unpacked_marks(obj: object) -> Iterable[Mark]:",
        "def get_unpacked_marks(obj: object, own: object = None) -> Iterable[Mark]:",
    ),
    (
        "src/_pytest/mark/structures.py",
        "    obj.pytestmark = [*get_unpacked_marks(obj), mark]",
        "    own = vars(obj).get('pytestmark', [])\n    obj.pytestmark = [*get_unpacked_marks(obj, own), mark]",
    ),
)


@pytest.fixture(scope="module")
def backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-guards")
    yield backend
    backend.close()


def test_guards_in_a_container(backend: DockerBackend, docker_client: DockerClient) -> None:
    sandbox = backend.open(trivial_instance(1, image=trivial_image(docker_client)))
    given = given_in(sandbox, written(RED))
    assert Setup().check(written(RED), given).passed
    assert Red().check(written(RED), given).passed
    assert PatchGuard().check(FIX, given).passed
    assert Green().check(FIX, given).passed
    wrong = Green().check(patch_of(("calc.py", "a - b", "b - a")), given)
    assert wrong.feedback.startswith("tests that fail with the patch (1):\ntest_add: assert 1 == 3")
    hanging = written("import time\n\n\ndef test_add():\n    time.sleep(600)\n")
    assert Red(timeout_s=2).check(hanging, given).feedback == "the test did not end within 2 s"
    assert sandbox.diff() == ""
    offline = written(
        "import socket\n\n\ndef test_reach():\n    socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
    )
    ran = run_test(sandbox, offline, timeout_s=60)
    assert [name for name, _ in ran.failed] == ["test_reach"]
    assert "Network is unreachable" in ran.failed[0][1]
    sandbox.close()


def test_real_fault_is_red_green_and_resolved_without_pytest(
    real_instance: Callable[[str], Instance], backend: DockerBackend, tmp_path: Path
) -> None:
    instance = real_instance("django__django-16642")
    sandbox, grader = backend.open(instance), OfficialGrader(backend)
    given = given_in(
        sandbox, written(DJANGO_TEST), evaluate=lambda diff: grader.grade(instance, diff, tmp_path / "evaluation")
    )
    ran = run_test(sandbox, written(DJANGO_TEST), timeout_s=120)
    assert (ran.runner, ran.exit_code, len(ran.passed), len(ran.failed)) == ("bare", 1, 1, 1)
    assert Red().check(written(DJANGO_TEST), given).passed
    assert Green().check(DJANGO_FIX, given).passed
    half = FullEvaluation().check(HALF_A_FIX, given)  # which is green as well
    assert half.feedback.startswith("tests that must pass and still fail (1): 'If compressed responses")
    assert PatchGuard().check(DJANGO_FIX, given).passed
    assert FullEvaluation().check(DJANGO_FIX, given).passed
    assert sandbox.diff() == ""
    sandbox.close()


def test_real_fault_is_red_and_green_in_pytest_itself(
    real_instance: Callable[[str], Instance], backend: DockerBackend
) -> None:
    sandbox = backend.open(real_instance("pytest-dev__pytest-10356"))
    given = given_in(sandbox, written(PYTEST_TEST))
    assert run_test(sandbox, written(PYTEST_TEST), timeout_s=120).runner == "pytest"
    assert Red().check(written(PYTEST_TEST), given).feedback == ""
    assert PatchGuard().check(PYTEST_FIX, given).feedback == ""
    assert Green().check(PYTEST_FIX, given).feedback == ""
    assert sandbox.diff() == ""
    sandbox.close()
