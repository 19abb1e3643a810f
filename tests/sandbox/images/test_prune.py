from __future__ import annotations

import os
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.images import Fetcher, Ledger
from pytest_swebench.sandbox.images.ledger import Pulled
from pytest_swebench.sandbox.images.prune import prune, size_bytes
from tests.support.registry import Registry

if TYPE_CHECKING:
    from docker import DockerClient

Publish = Callable[..., str]
SIZE = 200_000


@pytest.fixture
def three(docker_client: DockerClient, published: Publish, ledger: Ledger, fresh_id: str) -> list[str]:
    """Three images that we pulled, the first one used longest ago."""
    names = [published(f"swebench/{fresh_id}-{number}:latest", size_bytes=SIZE) for number in range(3)]
    for name in names:
        Fetcher(ledger=ledger).ensure(docker_client, name)
    return names


def here(client: DockerClient, names: list[str]) -> list[bool]:
    return [images.has(client, name) for name in names]


def test_least_recently_used_images_go_until_the_cap_is_met(
    docker_client: DockerClient, ledger: Ledger, three: list[str]
) -> None:
    Fetcher(ledger=ledger).ensure(docker_client, three[0])  # used again: the second is the oldest now
    gone = prune(docker_client, 2 * SIZE, ledger=ledger, grace_s=0)
    assert [(each.image, each.freed_bytes) for each in gone] == [(three[1], SIZE)]
    assert here(docker_client, three) == [True, False, True]
    assert {each.image for each in ledger.read()} == {three[0], three[2]}
    assert prune(docker_client, 2 * SIZE, ledger=ledger, grace_s=0) == []


def test_dry_run_lists_and_removes_nothing(docker_client: DockerClient, ledger: Ledger, three: list[str]) -> None:
    listed = prune(docker_client, 0, ledger=ledger, grace_s=0, dry_run=True)
    assert [each.image for each in listed] == three
    assert here(docker_client, three) == [True, True, True]
    assert [each.image for each in prune(docker_client, 0, ledger=ledger, grace_s=0)] == three
    assert here(docker_client, three) == [False, False, False]


def test_images_in_use_wanted_soon_or_just_used_stay(
    docker_client: DockerClient, ledger: Ledger, three: list[str]
) -> None:
    container = docker_client.containers.create(three[0], ["none"])
    try:
        assert [each.image for each in prune(docker_client, 0, ledger=ledger, keep={three[1]}, grace_s=0)] == [three[2]]
        assert here(docker_client, three) == [True, True, False]
        assert prune(docker_client, 0, ledger=ledger, grace_s=600) == []
    finally:
        container.remove(force=True)


def test_images_that_a_person_pulled_or_named_stay(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    theirs, named = (published(f"swebench/{fresh_id}-{word}:latest") for word in ("theirs", "named"))
    docker_client.images.pull(theirs)
    fetcher = Fetcher(ledger=ledger)
    fetcher.ensure(docker_client, theirs)
    fetcher.ensure(docker_client, named)
    docker_client.images.get(named).tag(f"{registry.front}/swebench/{fresh_id}-kept", "v1")
    assert prune(docker_client, 0, ledger=ledger, grace_s=0) == []
    assert here(docker_client, [theirs, named]) == [True, True]


def test_every_name_that_we_gave_goes(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    key = fresh_id.replace("__", "_1776_")
    source = published(f"mirror/sweb.eval.x86_64.{key}:latest")
    wanted = f"swebench/sweb.eval.x86_64.{key}:latest"
    Fetcher(namespace=f"{registry.front}/mirror", arch="x86_64", ledger=ledger).ensure(docker_client, wanted)
    assert [each.image for each in prune(docker_client, 0, ledger=ledger, grace_s=0)] == [wanted]
    assert here(docker_client, [wanted, source]) == [False, False]


def test_layers_that_images_share_count_once(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    first = published(f"swebench/{fresh_id}-a:latest", size_bytes=SIZE)
    Fetcher(ledger=ledger).ensure(docker_client, first)
    second = f"{registry.backend}/swebench/{fresh_id}-b:latest"
    docker_client.images.get(first).tag(second)
    registry.push(docker_client, second)
    second = second.replace(registry.backend, registry.front)
    Fetcher(ledger=ledger).ensure(docker_client, second)
    assert prune(docker_client, SIZE, ledger=ledger, grace_s=0) == []
    gone = prune(docker_client, 0, ledger=ledger, grace_s=0)
    assert [(each.image, each.freed_bytes) for each in gone] == [(first, 0), (second, SIZE)]
    assert here(docker_client, [first, second]) == [False, False]


def test_clean_image_goes_with_the_one_it_comes_from(
    docker_client: DockerClient, ledger: Ledger, leaky_image: str, fresh_id: str
) -> None:
    image = f"swebench/{fresh_id}:latest"  # noted as if pulled: its base is too large to push around
    recipe = f"FROM {leaky_image}\nRUN echo {fresh_id} > /made\n"
    made, _ = docker_client.images.build(fileobj=BytesIO(recipe.encode()), tag=image, rm=True, network_mode="none")
    ledger.add(image, [image], str(made.id))
    name = images.clean(docker_client, image, "/testbed", {}).name
    assert images.has(docker_client, name)
    assert [each.image for each in prune(docker_client, 0, ledger=ledger, grace_s=0)] == [image]
    assert here(docker_client, [image, name]) == [False, False]


def test_pull_prunes_down_to_the_cap(
    docker_client: DockerClient, published: Publish, ledger: Ledger, three: list[str], fresh_id: str, tmp_path: Path
) -> None:
    for file in (tmp_path / "ledger").glob("*.json"):
        long_ago = time.time() - 3600
        os.utime(file, (long_ago, long_ago))
    new = published(f"swebench/{fresh_id}-new:latest", size_bytes=SIZE)
    Fetcher(ledger=ledger, disk_cap_bytes=SIZE).ensure(docker_client, new, keep={three[1]})
    assert here(docker_client, [*three, new]) == [False, True, False, True]


@pytest.mark.parametrize("fault", ["unreadable", "half-written"])
def test_pull_is_good_though_pruning_fails(
    docker_client: DockerClient, published: Publish, fresh_id: str, tmp_path: Path, fault: str
) -> None:
    names = [published(f"swebench/{fresh_id}-{number}:latest") for number in range(2)]
    notices: list[str] = []
    entry = tmp_path / "ledger" / "entry.json"
    if fault == "unreadable":
        entry.mkdir(parents=True)
    else:
        entry.parent.mkdir()
        entry.write_text('{"image": ')
    fetcher = Fetcher(ledger=Ledger(tmp_path / "ledger"), disk_cap_bytes=0, notify=notices.append)
    for name in names:
        fetcher.ensure(docker_client, name)
    assert here(docker_client, names) == [True, True]
    (notice,) = notices  # once
    assert notice.startswith("--image-disk-cap could not be kept to: ")


def test_image_removed_by_somebody_is_forgotten(docker_client: DockerClient, ledger: Ledger, three: list[str]) -> None:
    docker_client.images.remove(three[0])
    prune(docker_client, 10 * SIZE, ledger=ledger)
    assert {each.image for each in ledger.read()} == set(three[1:])


def test_use_of_an_image_that_we_did_not_pull_is_not_noted(ledger: Ledger) -> None:
    ledger.used("python:3.11")
    assert ledger.read() == []


def test_ledger_keeps_names_and_order_of_use(ledger: Ledger) -> None:
    ledger.add("a/b", ["docker.io/a/b", "a/b"], "sha256:1")
    ledger.add("c/d:v1", ["c/d:v1"], "sha256:2")
    ledger.used("a/b")
    first, second = ledger.read()
    assert first == Pulled("c/d:v1", ("c/d:v1",), "sha256:2", first.used_at)
    assert second == Pulled("a/b", ("a/b:latest",), "sha256:1", second.used_at)


@pytest.mark.parametrize(("text", "size"), [("50g", 50 << 30), ("1.5GB", 3 << 29), ("7", 7), ("2k", 2048)])
def test_size_is_read_as_docker_writes_it(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1g", "5 g g"])
def test_bad_size_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"--image-disk-cap: .* is no size"):
        size_bytes(text)
