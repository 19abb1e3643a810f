"""What takes room on this machine: datasets, results, images, and what dead runs left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.checks.machine import GB
from pytest_swebench.errors import SwebenchError

if TYPE_CHECKING:
    from docker import DockerClient

_CLEAN: Final = "swebench-runner clean"


def datasets_check() -> Check:
    """Say how much the datasets take that came from the hub."""
    from pytest_swebench.datasets.hub import default_cache_dir

    folder = default_cache_dir()
    found = list((folder / "datasets").glob("*.jsonl"))
    size_bytes = sum(path.stat().st_size for path in found)
    return Check.ok("cached datasets", f"{len(found)} in {str(folder)!r}, {_size(size_bytes)}")


def results_size_check(folder: Path) -> Check:
    """Say how much results take, and of how many runs they are."""
    from pytest_swebench.sandbox.leftovers import folder_bytes

    runs = len(list(folder.glob("*/journal")))
    return Check.ok("results", f"{runs} {_plural('run', runs)} in {str(folder)!r}, {_size(folder_bytes(folder))}")


def images_size_check(client: DockerClient) -> Check:
    """Say how many images of the benchmark the engine holds. Raises InfraError where it does not tell."""
    from pytest_swebench.sandbox.engine import engine_errors
    from pytest_swebench.sandbox.images.derive import CLEAN_REPOSITORY
    from pytest_swebench.sandbox.images.names import EvalImage

    with engine_errors("listing images"):
        images = client.api.images()
    tags = [tag for image in images for tag in image.get("RepoTags") or ()]
    clean = sum(tag.rpartition(":")[0] == CLEAN_REPOSITORY for tag in tags)
    official = sum(EvalImage.parse(tag) is not None for tag in tags)
    detail = f"{official} official {_plural('one', official)}, {clean} clean {_plural('one', clean)} made of such"
    return Check.ok("images", f"{detail}, of {len(images)} on the engine; their room: docker system df")


def leftovers_check(client: DockerClient | None) -> Check:
    """Count containers, processes and folders whose owners are dead. Raises InfraError where the engine does not tell.

    `client` is None where there is no engine.
    """
    from pytest_swebench.sandbox.leftovers import left_containers, left_locally

    found = [*(left_containers(client) if client is not None else ()), *left_locally()]
    if not found:
        return Check.ok("leftovers", "none of dead runs")
    detail = f"{len(found)} of dead runs, {_size(sum(one.size_bytes for one in found))}"
    return Check.warn("leftovers", Cause.DISK, detail, _CLEAN)


def store_checks(folder: Path, *, engine: bool) -> list[Check]:
    """Return all checks of what takes room; `folder` holds results, `engine` says whether one answers."""
    from pytest_swebench.sandbox.engine import connect

    checks = [datasets_check(), results_size_check(folder)]
    if not engine:
        return [*checks, leftovers_check(None)]
    try:
        client = connect()
        try:
            return [*checks, images_size_check(client), leftovers_check(client)]
        finally:
            client.close()
    except SwebenchError as error:  # it was there a moment ago
        return [*checks, Check.warn("images", Cause.DOCKER_FAILED, str(error), "look again")]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / GB:.1f} GB" if size_bytes >= GB else f"{size_bytes / 1e6:.1f} MB"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
