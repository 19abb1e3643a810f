from __future__ import annotations

import base64
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import DockerUnavailable, ImageMissing, InfraError, RefusedError
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.images.present import CoolingOff, has
from pytest_swebench.sandbox.images.pull import Patience, Progress, Stopped, pull
from tests.support.engine_door import EngineDoor, engine_door
from tests.support.registry import Registry

if TYPE_CHECKING:
    from docker import DockerClient

HASTE = Patience(attempts=3, first_s=0.1, longest_s=2.0, deadline_s=30.0)
Publish = Callable[..., str]


def test_progress_ends_with_every_layer_and_byte(docker_client: DockerClient, published: Publish) -> None:
    image = published(layers=3)
    seen: list[Progress] = []
    pull(docker_client, image, on_progress=seen.append, patience=HASTE)
    assert has(docker_client, image)
    last = seen[-1]
    assert (last.image, last.layers, last.layers_done) == (image, 3, 3)
    assert last.done_bytes == last.total_bytes > 600_000
    assert [each.done_bytes for each in seen] == sorted(each.done_bytes for each in seen)


def test_image_that_the_registry_lacks_is_missing(docker_client: DockerClient, registry: Registry) -> None:
    with pytest.raises(ImageMissing, match=r"manifest unknown.*build it, or `docker pull"):
        pull(docker_client, f"{registry.front}/a/nothing:latest", on_progress=lambda _: None, patience=HASTE)
    assert len(registry.took("/manifests/latest", 404, "HEAD")) == 1


def test_login_is_asked_for_once_and_taken_from_dockers_own_file(
    docker_client: DockerClient, registry: Registry, published: Publish, tmp_path: Path
) -> None:
    image = published()
    registry.credentials = ("user", "pass")
    with pytest.raises(RefusedError, match=rf"refuses to give it .*`docker login {registry.front}`") as caught:
        pull(docker_client, image, on_progress=lambda _: None, patience=HASTE)
    assert not isinstance(caught.value, ImageMissing)
    asked = len(registry.requests)
    assert {status for _, _, status in registry.requests} == {401}
    (tmp_path / "docker").mkdir()
    login = {"auth": base64.b64encode(b"user:pass").decode()}
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {registry.front: login}}))
    pull(docker_client, image, on_progress=lambda _: None, patience=HASTE)
    assert has(docker_client, image)
    assert asked <= 3


def test_wrong_login_is_refused(
    docker_client: DockerClient, registry: Registry, published: Publish, tmp_path: Path
) -> None:
    image = published()
    registry.credentials = ("user", "pass")
    (tmp_path / "docker").mkdir()
    login = {"auth": base64.b64encode(b"user:wrong").decode()}
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {registry.front: login}}))
    with pytest.raises(RefusedError, match="docker login"):
        pull(docker_client, image, on_progress=lambda _: None, patience=HASTE)


def test_credential_store_that_fails_is_told(
    published: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = published()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"credsStore": "broken"}))
    program = tmp_path / "bin" / "docker-credential-broken"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho locked; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    ours = connect()
    with pytest.raises(RefusedError, match=r"Credentials store error.*docker login"):
        pull(ours, image, on_progress=lambda _: None, patience=HASTE)
    ours.close()


def test_too_many_requests_are_waited_out_as_long_as_the_registry_asks(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    registry.limited = 4  # the engine asks twice in each attempt
    registry.limited_text = "retry-after: 700ms, allowed: 44000/minute"
    notes: list[str] = []
    pull(docker_client, image, on_progress=lambda progress: notes.append(progress.note), patience=HASTE)
    assert has(docker_client, image)
    assert registry.limited == 0
    assert len([note for note in notes if "limits its rate; again in 1 s" in note]) == 2


def test_limit_is_respected_by_all_processes(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    CoolingOff(registry.front).start(0.5)
    notes: list[str] = []
    pull(docker_client, image, on_progress=lambda progress: notes.append(progress.note), patience=HASTE)
    assert "limits its rate" in notes[0]
    assert CoolingOff(registry.front).left_s() == 0


def test_limit_that_does_not_end_is_infrastructure(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    registry.limited = 10_000
    patience = Patience(first_s=0.1, longest_s=0.2, deadline_s=0.6)
    with pytest.raises(
        InfraError, match=r"still refuses after .*toomanyrequests.*`docker login localhost:\d+` for a h"
    ):
        pull(docker_client, image, on_progress=lambda _: None, patience=patience)
    assert len(registry.took("/manifests/", 429, "HEAD")) > 2


def test_registry_out_of_order_is_asked_again(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    registry.broken = 1
    pull(docker_client, image, on_progress=lambda _: None, patience=HASTE)
    assert has(docker_client, image)
    assert len(registry.took("/manifests/", 503, "HEAD")) == 1


def test_registry_that_stays_out_of_order_is_infrastructure(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    registry.broken = 10_000
    with pytest.raises(InfraError, match=r"failed 3 times, last: .*503"):
        pull(docker_client, image, on_progress=lambda _: None, patience=HASTE)
    assert len(registry.took("/manifests/", 503, "HEAD")) == 3


def test_nobody_at_the_registry_is_infrastructure(docker_client: DockerClient) -> None:
    with pytest.raises(InfraError, match=r"failed 2 times, last: .*refused"):
        pull(
            docker_client,
            "localhost:1/a/b:latest",
            on_progress=lambda _: None,
            patience=Patience(attempts=2, first_s=0.1),
        )


def test_layer_cut_in_the_middle_goes_on_where_it_stopped(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published(layers=2)
    registry.cuts = 1
    seen: list[Progress] = []
    pull(docker_client, image, on_progress=seen.append, patience=HASTE)
    assert has(docker_client, image)
    assert len(registry.took("/blobs/", 206)) == 1
    blobs = registry.took("/blobs/", 200)
    assert len(blobs) == len(set(blobs)) == 3  # the image's settings and both layers
    assert seen[-1].done_bytes == seen[-1].total_bytes > 400_000


def test_pull_is_ended_in_the_middle(docker_client: DockerClient, published: Publish) -> None:
    image = published(layers=3)
    stop = threading.Event()
    with pytest.raises(Stopped):
        pull(docker_client, image, on_progress=lambda _: stop.set(), patience=HASTE, stop=stop)


def test_pull_is_ended_while_it_waits(docker_client: DockerClient, registry: Registry, published: Publish) -> None:
    image = published()
    registry.limited = 10_000
    stop = threading.Event()
    patience = Patience(first_s=100.0)
    with pytest.raises(Stopped):
        pull(docker_client, image, on_progress=lambda _: stop.set(), patience=patience, stop=stop)
    CoolingOff(registry.front).start(0)


@pytest.fixture
def door(docker_engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineDoor]:
    with tempfile.TemporaryDirectory() as folder, engine_door(Path(folder)) as door:  # socket names must be short
        monkeypatch.setenv("DOCKER_HOST", f"unix://{door.path}")
        yield door


def test_pull_survives_a_cut_between_us_and_the_engine(
    docker_client: DockerClient, registry: Registry, published: Publish, door: EngineDoor
) -> None:
    image = published()
    registry.slow_s = 0.3
    ours, notes = connect(), list[str]()

    def cut_once(progress: Progress) -> None:
        if not notes:
            door.cut()
        notes.append(progress.note)

    pull(ours, image, on_progress=cut_once, patience=HASTE)
    ours.close()
    assert has(docker_client, image)
    assert any("again in" in note for note in notes)


def test_engine_that_goes_away_is_told(registry: Registry, published: Publish, door: EngineDoor) -> None:
    image = published()
    registry.slow_s = 0.3
    ours = connect()
    with pytest.raises(DockerUnavailable, match=r"pulling image .*: the Docker engine does not answer"):
        pull(ours, image, on_progress=lambda _: door.close(), patience=HASTE)
    ours.close()
