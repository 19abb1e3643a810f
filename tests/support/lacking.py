"""What a test needs and a machine may not have: the test is skipped, or fails where all must be there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


def do_without(lack: object) -> NoReturn:
    """Skip the test, or fail where SWEBENCH_REQUIRE_DOCKER=1 says that Docker and all else must be here."""
    if os.environ.get("SWEBENCH_REQUIRE_DOCKER") == "1":
        pytest.fail(f"SWEBENCH_REQUIRE_DOCKER=1, but {lack}")
    pytest.skip(str(lack))


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Make `folder`, which is new, a file system of its own with room for `size`, as `mount` writes it."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        do_without(f"no file system can be mounted here: {error}")
    if done.returncode:
        do_without(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
