from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import ImageMissing, InputError, RefusedError
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.images import Fetcher, Ledger
from pytest_swebench.sandbox.images.fetch import persist_namespace
from pytest_swebench.sandbox.images.names import engine_arch, official_name
from tests.support.registry import Registry

if TYPE_CHECKING:
    from docker import DockerClient

Publish = Callable[..., str]
ENSURE = """
import sys
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
client = connect()
images.Fetcher().ensure(client, sys.argv[1])
print(client.images.get(sys.argv[1]).id)
client.close()
"""


def test_many_processes_pull_an_image_once(docker_client: DockerClient, registry: Registry, published: Publish) -> None:
    image = published(layers=3)
    registry.slow_s = 0.5  # long enough for all of them to want it at the same time
    command = [sys.executable, "-c", ENSURE, image]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    ids = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert ids == {str(docker_client.images.get(image).id)}
    assert len(registry.took("/manifests/", method="HEAD")) == 1
    assert len(registry.took("/manifests/")) == 1
    blobs = registry.took("/blobs/")
    assert len(blobs) == len(set(blobs)) == 4


def test_image_that_is_here_is_not_asked_for(
    docker_client: DockerClient, registry: Registry, published: Publish
) -> None:
    image = published()
    Fetcher().ensure(docker_client, image)
    asked = len(registry.requests)
    Fetcher().ensure(docker_client, image)
    assert len(registry.requests) == asked


def test_local_name_is_never_asked_of_a_registry(docker_client: DockerClient, ledger: Ledger) -> None:
    with pytest.raises(ImageMissing, match="'no-such-image:1' is not on this Docker engine; build it"):
        Fetcher(ledger=ledger).ensure(docker_client, "no-such-image:1")


def test_refusal_is_remembered_and_explained_once(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger
) -> None:
    image = published()
    registry.credentials = ("user", "pass")
    said: list[str] = []
    fetcher = Fetcher(ledger=ledger, notify=said.append)
    for name in (image, image, f"{registry.front}/a/other:latest"):
        with pytest.raises(RefusedError, match="docker login"):
            fetcher.ensure(docker_client, name)
    assert len(registry.took("/manifests/", 401, "HEAD") + registry.took("/v2/", 401)) == 2
    assert len(said) == 1
    assert f"{registry.front} wants a login: run `docker login {registry.front}`" in said[0]


def test_namespace_is_where_official_images_come_from(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    source = published(f"mirror/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest")
    wanted = official_name(fresh_id, "x86_64")
    Fetcher(namespace=f"{registry.front}/mirror", arch="x86_64", ledger=ledger).ensure(docker_client, wanted)
    assert docker_client.images.get(wanted).id == docker_client.images.get(source).id
    (entry,) = ledger.read()
    assert entry.image == wanted
    assert set(entry.names) == {wanted, source}


def test_namespace_comes_from_the_environment(
    docker_client: DockerClient, registry: Registry, published: Publish, fresh_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(f"swe-{fresh_id}:latest")
    monkeypatch.setenv("SWEBENCH_DOCKER_NAMESPACE", f"{registry.front}/swe-{{id}}")
    wanted = official_name(fresh_id, "x86_64")
    Fetcher().ensure(docker_client, wanted)
    assert images.has(docker_client, wanted)


def test_namespace_without_the_image_is_named_in_the_error(
    docker_client: DockerClient, registry: Registry, ledger: Ledger, fresh_id: str
) -> None:
    fetcher = Fetcher(namespace=f"{registry.front}/mirror", arch="x86_64", ledger=ledger)
    with pytest.raises(ImageMissing, match=rf"swebench/sweb.eval.*{registry.front}/mirror/sweb.eval"):
        fetcher.ensure(docker_client, official_name(fresh_id, "x86_64"))


def test_bad_namespace_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="SWEBENCH_DOCKER_NAMESPACE"):
        Fetcher(namespace="https://example.com/x")


@pytest.mark.parametrize("keep", [True, False, None])
def test_missing_arm_image_comes_from_the_second_source(
    docker_client: DockerClient,
    registry: Registry,
    published: Publish,
    ledger: Ledger,
    fresh_id: str,
    keep: bool | None,
) -> None:
    second = published(f"epoch/swe-bench.eval.arm64.{fresh_id}:latest")
    wanted = official_name(fresh_id, "x86_64", f"{registry.front}/swebench")
    said: list[str] = []
    asked: list[str] = []

    def persist(namespace: str) -> bool:
        asked.append(namespace)
        return bool(keep)

    template = f"{registry.front}/epoch/swe-bench.eval.{{arch}}.{{id}}:latest"
    fetcher = Fetcher(
        arch="arm64",
        second_source=template,
        ledger=ledger,
        notify=said.append,
        persist=None if keep is None else persist,
    )
    fetcher.ensure(docker_client, wanted)
    assert docker_client.images.get(wanted).id == docker_client.images.get(second).id
    assert len(registry.took("/swebench/", 404, "HEAD")) == 1
    assert len(registry.took("/epoch/", 200, "HEAD")) == 1
    (line,) = said
    assert second in line
    assert ("kept SWEBENCH_DOCKER_NAMESPACE=" if keep else "to ask there first: SWEBENCH_DOCKER_NAMESPACE=") in line
    assert asked == ([] if keep is None else [template])


def test_namespace_that_cannot_be_kept_costs_no_image(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str, tmp_path: Path
) -> None:
    published(f"epoch/arm64.{fresh_id}:latest")
    wanted = official_name(fresh_id, "arm64", f"{registry.front}/swebench")
    said: list[str] = []
    Fetcher(
        arch="arm64",
        second_source=f"{registry.front}/epoch/{{arch}}.{{id}}",
        ledger=ledger,
        notify=said.append,
        persist=lambda namespace: persist_namespace(namespace, tmp_path, {}),
    ).ensure(docker_client, wanted)
    assert images.has(docker_client, wanted)
    assert "set it in the environment" in said[0]
    assert "to ask there first" in said[1]


def test_engine_is_asked_for_its_architecture(docker_client: DockerClient, published: Publish, ledger: Ledger) -> None:
    image = published()
    if engine_arch(docker_client) != "x86_64":
        pytest.skip("the published image is for x86")
    fetcher = Fetcher(ledger=ledger)
    assert fetcher.namespace == ""
    fetcher.ensure(docker_client, image)
    assert images.has(docker_client, image)


def test_second_source_is_tried_once(
    docker_client: DockerClient, registry: Registry, ledger: Ledger, fresh_id: str
) -> None:
    wanted = official_name(fresh_id, "arm64", f"{registry.front}/swebench")
    fetcher = Fetcher(arch="arm64", second_source=f"{registry.front}/epoch/{{arch}}.{{id}}", ledger=ledger)
    for _ in range(2):
        with pytest.raises(ImageMissing, match=r"neither .* nor .* is there; .*DOCKER_DEFAULT_PLATFORM=linux/amd64"):
            fetcher.ensure(docker_client, wanted)
    assert len(registry.took("/swebench/", 404, "HEAD")) == len(registry.took("/epoch/", 404, "HEAD")) == 1


def test_emulation_asks_for_the_rows_own_image(
    docker_client: DockerClient, published: Publish, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = published()
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/amd64")
    Fetcher(ledger=ledger).ensure(docker_client, image)
    assert docker_client.images.get(image).attrs["Architecture"] == "amd64"


def test_image_that_a_person_has_is_named_and_stays_theirs(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    source = published(f"mirror/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest")
    docker_client.images.pull(source)
    asked = len(registry.requests)
    wanted = official_name(fresh_id, "x86_64")
    Fetcher(namespace=f"{registry.front}/mirror", arch="x86_64", ledger=ledger).ensure(docker_client, wanted)
    assert len(registry.requests) == asked
    assert ledger.read()[0].names == (wanted,)


def test_namespace_is_added_to_a_file_that_lacks_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert persist_namespace("ghcr.io/x", file, {})
    file.write_text("A=1\n# SWEBENCH_DOCKER_NAMESPACE=no")
    assert persist_namespace("ghcr.io/x", file, {})
    assert file.read_text() == "A=1\n# SWEBENCH_DOCKER_NAMESPACE=no\nSWEBENCH_DOCKER_NAMESPACE=ghcr.io/x\n"


@pytest.mark.parametrize("text", ["SWEBENCH_DOCKER_NAMESPACE=mine\n", "export SWEBENCH_DOCKER_NAMESPACE =\n"])
def test_namespace_that_is_set_is_never_overwritten(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    assert not persist_namespace("ghcr.io/x", file, {})
    assert file.read_text() == text
    assert not persist_namespace("ghcr.io/x", tmp_path / "other", {"SWEBENCH_DOCKER_NAMESPACE": "mine"})
    assert not (tmp_path / "other").exists()


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set it in the environment"):
        persist_namespace("ghcr.io/x", tmp_path, {})
