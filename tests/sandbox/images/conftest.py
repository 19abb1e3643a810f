from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from pytest_swebench.sandbox.images.ledger import Ledger
from tests.support.registry import Registry, running_registry

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture
def registry(docker_engine: None, tmp_path: Path) -> Iterator[Registry]:
    with running_registry(tmp_path) as registry:
        yield registry


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture(autouse=True)
def quiet_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own ledger and logins stay out of it."""
    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("SWEBENCH_DOCKER_NAMESPACE", raising=False)
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM", raising=False)


@pytest.fixture
def fresh_id() -> str:
    """An instance id that no image on this engine has."""
    return f"tests__made-{uuid4().hex[:12]}"


@pytest.fixture
def published(docker_client: DockerClient, registry: Registry, fresh_id: str) -> Iterator[Callable[..., str]]:
    """Publish an image and return the name to pull it by; what was pulled is removed afterwards."""

    def publish(name: str = "", layers: int = 1, size_bytes: int = 200_000) -> str:
        name = name or f"swebench/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest"
        registry.publish(docker_client, name, layers=layers, size_bytes=size_bytes)
        return f"{registry.front}/{name}"

    yield publish
    for image in docker_client.api.images():
        for tag in image.get("RepoTags") or ():
            if tag.startswith((registry.front, registry.backend)) or fresh_id.partition("__")[2] in tag:
                docker_client.api.remove_image(tag, force=True)
