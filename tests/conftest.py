from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import DockerUnavailable, InputError
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
from tests.support.base_image import base_image as found_or_built
from tests.support.lacking import do_without

if TYPE_CHECKING:
    from docker import DockerClient

pytest_plugins = ["pytester"]
# `pytest -m experiment` in this tree loads this file too, perhaps where only the package itself was installed
if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import settings

    # examples run git and write files; how long that takes says nothing about the code
    settings.register_profile("calm", deadline=None)
    settings.load_profile("calm")


@pytest.fixture
def uncovered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have children measured as they are, without the time that following their lines takes."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[DockerClient]:
    try:
        client = connect()
    except DockerUnavailable as error:
        do_without(error)
    yield client
    client.close()


@pytest.fixture(scope="session")
def docker_engine(docker_client: DockerClient) -> None:
    """For tests that leave the connection to what they test."""


@pytest.fixture(scope="session")
def base_image(docker_client: DockerClient) -> str:
    """The name of a small image with bash, git and Python."""
    try:
        return found_or_built(docker_client)
    except InputError as error:
        do_without(error)


@pytest.fixture(scope="session")
def real_rows(shared_data: Path) -> dict[str, dict[str, Any]]:
    """The rows of all real instances by id, whether their images stand here or not."""
    lines = (shared_data / "pypi_rows.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["instance_id"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="session")
def real_row(real_rows: dict[str, dict[str, Any]], docker_client: DockerClient) -> Callable[[str], dict[str, Any]]:
    """Return the row of a real instance whose image stands here; else skip, or fail where Docker must be here."""

    def find(instance_id: str) -> dict[str, Any]:
        row = real_rows[instance_id]
        if not images.has(docker_client, row["image"]):
            do_without(f"image {row['image']!r} is not built here")
        return row

    return find


@pytest.fixture(scope="session")
def real_instance(real_row: Callable[[str], dict[str, Any]]) -> Callable[[str], Instance]:
    """Return a real instance as `real_row` returns its row."""
    return lambda instance_id: instance_from_row(real_row(instance_id), where=instance_id)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = os.environ.get("SWEBENCH_SHARED_DATA", "")
    if not folder:
        pytest.skip("SWEBENCH_SHARED_DATA names no folder of real benchmark data")
    return Path(folder)
