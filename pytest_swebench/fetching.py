"""Images on their way to this machine, as the command line and the environment want them fetched."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_swebench.config.active import settings_of
from pytest_swebench.stash import is_worker

if TYPE_CHECKING:
    from pytest_swebench.datasets.manifest import Manifest
    from pytest_swebench.events import Event
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.sandbox.images import Fetcher, Prefetch, Progress

_AHEAD: Final = 2
_SHOWN_EVERY_S: Final = 5.0


def make_fetcher(config: pytest.Config, env: Mapping[str, str], notify: Callable[[str], None]) -> Fetcher:
    """Return what gets images. Raises InputError for a bad size or namespace."""
    from pytest_swebench.sandbox.images import Fetcher, size_bytes
    from pytest_swebench.sandbox.images.fetch import persist_namespace

    file = config.invocation_params.dir / ".env"
    cap = config.getoption("swe_image_disk_cap")
    asked = not is_worker(config) and "CI" not in env and sys.stdin.isatty() and sys.stdout.isatty()
    return Fetcher(
        namespace=settings_of(config, env).value("docker_namespace") or "",
        notify=notify,
        persist=(lambda namespace: persist_namespace(namespace, file, env)) if asked else None,
        disk_cap_bytes=size_bytes(cap) if cap else None,
        on_progress=_Shown(config),
    )


class _Shown:
    """Says every few seconds how far a pull is, where this process has a terminal report to say it in."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._last_s = 0.0

    def __call__(self, progress: Progress) -> None:
        reporter = None if is_worker(self._config) else self._config.pluginmanager.get_plugin("terminalreporter")
        now_s = time.monotonic()
        if reporter is None or now_s - self._last_s < _SHOWN_EVERY_S:
            return
        self._last_s = now_s
        size = f"{progress.done_bytes / 1e6:.0f} of {progress.total_bytes / 1e6:.0f} MB"
        reporter.write_line(f"pulling {progress.image}: {progress.note or size}")


class Ahead:
    """Pulls what the next cells need while others run; hears of each cell that begins."""

    def __init__(self, pulling: Prefetch, manifest: Manifest, lock: int) -> None:
        self._pulling = pulling
        self._manifest = manifest
        self._lock = lock

    def __call__(self, event: Event) -> None:
        from pytest_swebench.events import CellStarted

        if isinstance(event, CellStarted):
            self._pulling.reached(self._manifest.instance(event.cell.instance_id).image)

    def close(self) -> None:
        """Stop, also in the middle of a pull."""
        self._pulling.stop()
        os.close(self._lock)


def prefetch(
    config: pytest.Config,
    handle: RunHandle,
    manifest: Manifest,
    fetcher: Fetcher,
    chosen_ids: Sequence[str] = (),
    *,
    workers: int = 1,
) -> Ahead | None:
    """Begin to pull ahead, in one process of the run; None in the others, or where no registry has any image.

    `chosen_ids` are the instances of the cells that are left to run, in order; without them all of the manifest.
    `workers` is how many processes run cells: only those of this one are heard of, so the window is wider by the rest.
    """
    from pytest_swebench.sandbox.engine import connect
    from pytest_swebench.sandbox.images import Prefetch, pullable

    ahead = config.getoption("swe_image_prefetch")
    ahead = _AHEAD if ahead is None else ahead
    if not ahead or config.getoption("swe_sandbox") == "local":
        return None
    chosen = [name for name in chosen_ids if name in manifest.places] or manifest.instance_ids
    needed = [manifest.instance(name).image for name in chosen]
    images = list(dict.fromkeys(image for image in needed if pullable(image)))
    if len(images) < 2:
        return None
    lock = _taken(handle.layout.folder / "prefetch.lock")
    if lock is None:
        return None
    pulling = Prefetch(connect, images, fetcher, ahead=ahead + workers - 1)
    pulling.start()
    return Ahead(pulling, manifest, lock)


def _taken(path: Path) -> int | None:
    """Return the descriptor of a lock that now is ours; it is free again when this process ends."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
