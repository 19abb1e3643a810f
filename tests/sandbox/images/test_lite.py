"""The image of local tasks: built once, upon what is here, its tag saying the Python in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import InfraError
from pytest_swebench.sandbox.images.lite import lite_image

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = "pytest-swebench-test/lite-made-anew"


@pytest.fixture
def client(docker_client: DockerClient) -> Iterator[DockerClient]:
    yield docker_client
    tags = {tag for image in docker_client.images.list(name=REPOSITORY) for tag in image.tags}
    for tag in tags:
        if tag.startswith(f"{REPOSITORY}:"):  # an image has other names as well, which are not ours to remove
            docker_client.images.remove(tag)


def test_image_is_built_once_without_a_network(client: DockerClient, base_image: str) -> None:
    first = lite_image(client, base_image, repository=REPOSITORY)
    again = lite_image(client, base_image, repository=REPOSITORY)
    assert (first.built, again.built) == (True, False)
    assert first.name == again.name
    assert (first.base, again.base) == (base_image, base_image)
    commands = "python --version && python -m pytest --version && git --version && pwd"
    said = client.containers.run(first.name, ["bash", "-c", commands], remove=True, network_mode="none").decode()
    assert re.match(r"Python (\d+\.\d+)", said)[1] == first.name.rpartition(":py")[2]  # type: ignore[index]
    assert said.rstrip().endswith("/workspace/project")


def test_an_image_of_that_name_keeps_it(client: DockerClient, base_image: str) -> None:
    name = lite_image(client, base_image, repository=REPOSITORY).name
    repository, _, tag = name.rpartition(":")
    client.images.remove(name)
    own = client.images.get(base_image)
    own.tag(repository, tag)
    assert lite_image(client, base_image, repository=REPOSITORY).name == f"{name}-pytest"
    assert client.images.get(name).id == own.id


def test_base_that_is_nowhere_is_named(client: DockerClient) -> None:
    with pytest.raises(InfraError, match="upon 'localhost:9/no-such/base:1' failed"):
        lite_image(client, "localhost:9/no-such/base:1", repository=REPOSITORY)
