"""`clean` run as people run it, beside real containers and images of the dead and of the living."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.sandbox.images import LABEL_ORIGIN
from pytest_swebench.sandbox.leftovers import clean_images
from pytest_swebench.sandbox.reaper import LABEL_HOST, LABEL_RUN, LABEL_START, Owner
from tests.cli.conftest import Clean

if TYPE_CHECKING:
    from docker import DockerClient

ENGINE = os.environ.get("DOCKER_HOST")

# A run with a container at work and one that was only created, until it is killed.
RUN = """
import json, sys, time
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.reaper import LABEL_RUN, Owner

instance, run_id = Instance.from_json(json.loads(sys.argv[1])), sys.argv[2]
backend = DockerBackend(run_id=run_id)
backend.open(instance)
backend.client.containers.create(instance.image, ["true"], labels={LABEL_RUN: run_id, **Owner.current().labels()})
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def client(docker_client: DockerClient, places: Path, monkeypatch: pytest.MonkeyPatch) -> DockerClient:
    """The engine, which `clean` finds as well."""
    if ENGINE is None:
        monkeypatch.delenv("DOCKER_HOST")
    else:
        monkeypatch.setenv("DOCKER_HOST", ENGINE)
    return docker_client


@pytest.fixture
def instance(base_image: str, places: Path) -> Instance:
    folder = places / "tree"
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")
    problem = Problem(instance_id="tests__clean-1", statement="")
    return Instance(problem=problem, image=base_image, source=Source(path=str(folder)), trusted=True)


@pytest.fixture
def start_run(instance: Instance, client: DockerClient) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Start processes that own containers; what is left of them goes in the end."""
    started: list[tuple[subprocess.Popen[str], str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        run_id = f"test-clean-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-c", RUN, json.dumps(instance.as_json()), run_id]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append((process, run_id))
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process, run_id

    yield start
    for process, run_id in started:
        process.kill()
        process.communicate()
        for container_id in containers(client, run_id):
            client.api.remove_container(container_id, force=True)


def containers(client: DockerClient, run_id: str) -> list[str]:
    return [str(one["Id"]) for one in client.api.containers(all=True, filters={"label": f"{LABEL_RUN}={run_id}"})]


def test_containers_of_a_killed_process_go_and_those_of_a_living_one_stay(
    clean: Clean, client: DockerClient, start_run: Callable[[], tuple[subprocess.Popen[str], str]]
) -> None:
    victim, dead_run = start_run()
    _, living_run = start_run()
    assert (len(containers(client, dead_run)), len(containers(client, living_run))) == (2, 2)
    assert clean("--run", living_run).stdout == "removed: nothing; freed: 0 B\n"
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    done = clean()
    assert done.returncode == 0, done.stderr
    assert containers(client, dead_run) == []
    assert len(containers(client, living_run)) == 2
    images = clean("--images", "--dry-run")
    assert "images are left out: a run is at work on this engine" in images.stderr
    assert "would remove image" not in images.stdout


def test_a_process_id_that_came_round_again_is_another_owner(
    clean: Clean, client: DockerClient, base_image: str
) -> None:
    run_id = f"test-clean-{uuid.uuid4().hex[:8]}"
    mine = {LABEL_RUN: run_id, **Owner.current().labels()}
    kept = client.containers.create(base_image, ["true"], labels=mine)
    client.containers.create(base_image, ["true"], labels={**mine, LABEL_START: "1"})
    try:
        clean()
        assert containers(client, run_id) == [kept.id]
    finally:
        kept.remove(force=True)


def test_containers_of_another_host_go_only_where_their_run_is_named(
    clean: Clean, client: DockerClient, base_image: str
) -> None:
    run_id = f"test-clean-{uuid.uuid4().hex[:8]}"
    labels = {LABEL_RUN: run_id, **Owner.current().labels(), LABEL_HOST: "elsewhere"}
    created = client.containers.create(base_image, ["true"], labels=labels)
    at_work = client.containers.run(base_image, ["sleep", "600"], labels=labels, detach=True)
    named = {str(created.id), str(at_work.id)}
    try:
        clean()
        assert set(containers(client, run_id)) == named
        looked = clean("--run", run_id, "--dry-run")
        shown = re.findall(rf"^would remove container (\w{{12}}) .* of run {run_id}$", looked.stdout, re.MULTILINE)
        assert {container_id[:12] for container_id in named} == set(shown)
        assert "would be removed: container 2" in looked.stdout
        assert set(containers(client, run_id)) == named
        done = clean("--run", run_id)
        assert "removed: container 2; freed: " in done.stdout
        assert containers(client, run_id) == []
    finally:
        for container_id in containers(client, run_id):
            client.api.remove_container(container_id, force=True)


def test_what_an_image_shares_with_its_origin_is_not_freed(client: DockerClient, base_image: str) -> None:
    repository = f"pytest-swebench-test/clean-{uuid.uuid4().hex[:8]}"
    origin = client.images.get(base_image)
    container = client.containers.create(base_image, ["true"])
    container.put_archive("/", tar_of(40_000))
    container.commit(repository, "derived", conf={"Labels": {LABEL_ORIGIN: origin.id}})
    container.remove()
    (leftover,) = clean_images(client, repository)
    leftover.remove()
    assert leftover.name == f"{repository}:derived"
    assert 40_000 <= leftover.size_bytes < 100_000 < origin.attrs["Size"]
    assert not list(clean_images(client, repository))


def test_clean_images_go_unless_a_container_uses_them(client: DockerClient) -> None:
    repository = f"pytest-swebench-test/clean-{uuid.uuid4().hex[:8]}"
    for tag, size in (("used", 1000), ("free", 2000)):
        data = io.BytesIO(tar_of(size))
        client.api.import_image_from_data(data.getvalue(), repository=repository, tag=tag)
    client.images.get(f"{repository}:free").tag(f"{repository}-other", "second")
    client.api.import_image_from_data(tar_of(3000), repository=repository, tag="alone")
    container = client.containers.create(f"{repository}:used", ["true"])
    try:
        found = {leftover.name: leftover for leftover in clean_images(client, repository)}
        assert {name.rpartition(":")[2]: one.size_bytes for name, one in found.items()} == {"free": 0, "alone": 3000}
        for leftover in found.values():
            leftover.remove()
        left = {tag for image in client.images.list() for tag in image.tags if tag.startswith(repository)}
        assert left == {f"{repository}:used", f"{repository}-other:second"}
    finally:
        container.remove(force=True)
        for tag in (f"{repository}:used", f"{repository}-other:second"):
            client.images.remove(tag)


def tar_of(size: int) -> bytes:
    import tarfile

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    return stream.getvalue()
