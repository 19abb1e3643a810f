from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.sandbox.docker import DockerBackend
from tests.grading.integrity import tiny

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture(scope="session")
def docker_backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-integrity")
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def tiny_instance(docker_client: DockerClient, base_image: str) -> Instance:
    tiny.build_image(docker_client, base_image)
    return tiny.tiny_instance()


@pytest.fixture(scope="session")
def grader(docker_backend: DockerBackend, tmp_path_factory: pytest.TempPathFactory) -> IntegrityGrader:
    """One grader for all, so that gold is controlled once."""
    known = Known(tmp_path_factory.mktemp("instances"))
    return IntegrityGrader(OfficialGrader(docker_backend, timeout_s=120), docker_backend, known)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    folder = tmp_path / "calc"
    for path, content in tiny.TREE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    instance = dataclasses.replace(tiny.tiny_instance(image=""), source=Source(path=str(folder)), trusted=True)
    return dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, eval_script=tiny.LOCAL_SCRIPT))


@pytest.fixture
def run_in_time() -> Callable[[str], str]:
    """Run code that takes a second or for ever, and return what it printed."""

    def run(code: str) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    return run


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    return tmp_path / "cell"
