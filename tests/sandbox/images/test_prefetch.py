from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.errors import ImageMissing
from pytest_swebench.events import CellStarted
from pytest_swebench.fetching import prefetch as pull_ahead
from pytest_swebench.handle import RunHandle
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.images import Fetcher, Ledger, Prefetch
from pytest_swebench.sandbox.images.pull import Patience
from tests.support.made import made_instance
from tests.support.registry import Registry

if TYPE_CHECKING:
    from docker import DockerClient

Publish = Callable[..., str]


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in 30 s")


def test_next_images_are_here_before_they_are_needed(
    docker_client: DockerClient, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    names = [published(f"swebench/{fresh_id}-{number}:latest") for number in range(4)]
    prefetch = Prefetch(connect, [names[0], names[0], *names[1:]], Fetcher(ledger=ledger), ahead=2)
    prefetch.start()
    wait_for(lambda: images.has(docker_client, names[1]))
    time.sleep(0.3)  # time to go too far
    assert [images.has(docker_client, name) for name in names] == [True, True, False, False]
    prefetch.reached(names[0])
    wait_for(lambda: images.has(docker_client, names[2]))
    prefetch.reached("not in the queue")
    time.sleep(0.3)
    assert not images.has(docker_client, names[3])
    prefetch.reached(names[3])
    prefetch.stop()
    assert prefetch.failures == {}
    assert not images.has(docker_client, names[3])  # a cell has it in hand


def test_only_what_is_left_to_run_is_pulled_ahead_of_all_workers(
    docker_client: DockerClient,
    published: Publish,
    ledger: Ledger,
    fresh_id: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    names = [published(f"swebench/{fresh_id}-{number}:latest") for number in range(6)]
    handle = RunHandle.new(tmp_path)
    instances = [made_instance(f"a__a-{number}", image=name) for number, name in enumerate(names)]
    manifest = resolve_once(handle.layout.folder / "manifests", "m", lambda: instances)
    chosen = [f"a__a-{number}" for number in (5, 3, 1, 4, 2)]  # the first is done, or was left out
    ahead = pull_ahead(pytestconfig, handle, manifest, Fetcher(ledger=ledger), [*chosen, "other__test-1"], workers=3)
    assert ahead is not None
    try:
        wait_for(lambda: images.has(docker_client, names[4]))
        time.sleep(0.3)  # time to go too far
        assert [images.has(docker_client, name) for name in names] == [False, True, False, True, True, True]
        ahead(CellStarted(Cell("a__a-5", "gold", 1), 1))
        wait_for(lambda: images.has(docker_client, names[2]))
    finally:
        ahead.close()
    assert not images.has(docker_client, names[0])


def test_failure_is_left_to_the_one_who_needs_the_image(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger, fresh_id: str
) -> None:
    missing, there = f"{registry.front}/a/{fresh_id}:latest", published()
    fetcher = Fetcher(ledger=ledger)
    prefetch = Prefetch(connect, [missing, there], fetcher)
    prefetch.start()
    wait_for(lambda: images.has(docker_client, there))
    prefetch.stop()
    assert "manifest unknown" in prefetch.failures[missing]
    with pytest.raises(ImageMissing, match="manifest unknown"):
        fetcher.ensure(docker_client, missing)
    assert len(registry.took("/manifests/", 404, "HEAD")) == 1


def test_stop_ends_a_wait_for_the_registry(
    docker_client: DockerClient, registry: Registry, published: Publish, ledger: Ledger
) -> None:
    image = published()
    registry.limited = 10_000
    waiting: list[str] = []
    fetcher = Fetcher(
        ledger=ledger, patience=Patience(first_s=3.0), on_progress=lambda progress: waiting.append(progress.note)
    )
    prefetch = Prefetch(connect, [image], fetcher)
    prefetch.start()
    wait_for(lambda: bool(waiting))
    prefetch.stop()
    prefetch.stop()
    assert not prefetch.running
    assert not images.has(docker_client, image)
    registry.limited = 0
    Fetcher().ensure(docker_client, image)  # the lock is free again
    assert images.has(docker_client, image)


def test_stop_before_start_is_fine(ledger: Ledger) -> None:
    prefetch = Prefetch(connect, ["a/b"], Fetcher(ledger=ledger))
    prefetch.stop()
    assert not prefetch.running
