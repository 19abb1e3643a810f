"""The machine itself: Python, memory, and room on its disks."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.checks.engine import Engine

GB: Final = 10**9
_OLDEST_PYTHON: Final = (3, 11)
_IMAGE_BYTES: Final = 2 * GB  # official images take 0.5 to 4 GB, most under 2, without the layers they share
_ROOM_BYTES: Final = 20 * GB
_RESULTS_BYTES: Final = GB // 10
_RESULTS_ROOM_BYTES: Final = GB
_CONTAINER_BYTES: Final = 4 << 30  # what a container may take by default (`DockerOptions.memory`)


def python_check() -> Check:
    """Say which Python this is, and whether the package is made for it."""
    found = platform.python_version()
    if sys.version_info[:2] < _OLDEST_PYTHON:
        fix = "make an environment with Python 3.11 or newer, e.g. uv venv --python 3.12"
        return Check.fail("Python", Cause.INSTALLATION, f"{found} is too old", fix)
    return Check.ok("Python", f"{found} on {platform.system()} {platform.machine()}")


def git_check() -> Check:
    """Say whether git is here, which trees without an image are made by."""
    if path := shutil.which("git"):
        return Check.ok("git", path)
    return Check.fail("git", Cause.INSTALLATION, "not on PATH", "install git with your system's package manager")


def memory_check(engine: Engine | None) -> Check:
    """Compare the memory that containers share with what one of them may take.

    That is the engine's, which may be a small virtual machine; without an engine, this machine's.
    """
    total_bytes = engine.memory_bytes if engine is not None else _own_memory_bytes()
    whose = "of the Docker engine" if engine is not None else "of this machine"
    detail = f"{total_bytes / GB:.1f} GB {whose}"
    if total_bytes < _CONTAINER_BYTES:
        fix = "give Docker more, or let containers take less: --sandbox-option memory=2g"
        return Check.warn("memory", Cause.MEMORY, f"{detail}; a container may take {_CONTAINER_BYTES / GB:.1f}", fix)
    return Check.ok("memory", detail)


def results_check(folder: Path) -> Check:
    """Say whether there is room where results will lie, which need not be there yet."""
    return _room(
        "disk for results", folder, _RESULTS_BYTES, _RESULTS_ROOM_BYTES, "free space there, or choose --output-dir"
    )


def images_check(engine: Engine) -> Check:
    """Say whether there is room where the engine keeps images, as far as that can be seen from here."""
    root = Path(engine.root)
    if engine.remote or not engine.root or not _visible(root):
        detail = f"{engine.root or 'its folder'} of the Docker engine cannot be seen from this machine"
        return Check.warn("disk for images", Cause.DISK, detail, "look by: docker system df")
    fix = "swebench-runner clean --images, docker system prune, or cap what we pull: --image-disk-cap 50g"
    return _room("disk for images", root, _IMAGE_BYTES, _ROOM_BYTES, fix)


def free_bytes(folder: Path) -> int:
    """Return the room for this user on the disk of `folder`, or of its nearest parent that is there."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free


def _room(name: str, folder: Path, least_bytes: int, good_bytes: int, fix: str) -> Check:
    left_bytes = free_bytes(folder)
    detail = f"{left_bytes / GB:.1f} GB free at {str(folder)!r}"
    if left_bytes < least_bytes:
        return Check.fail(name, Cause.DISK, f"{detail}, at least {least_bytes / GB:g} are needed", fix)
    if left_bytes < good_bytes:
        return Check.warn(name, Cause.DISK, f"{detail}, {good_bytes / GB:g} are better", fix)
    return Check.ok(name, detail)


def _visible(root: Path) -> bool:
    try:
        return root.is_dir()
    except PermissionError:
        return False


def _own_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
