"""Processes that begin their work at the same time."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


def release(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let all begin at once: each prints `ready` and waits for a line."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
