"""Interpreters that answer as a harness of some release would, and processes looked at from outside."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_swebench.grading.harness.probe import NEEDED, Harness

OLD = Harness("python", "4.1.0", NEEDED | {"--namespace", "--cache_level", "--clean", "--force_rebuild"})
NEW = Harness("python", "5.0.2", NEEDED | {"--rewrite_reports", "--report_dir", "--modal"})


def fake_python(folder: Path, version: str, options: list[str]) -> str:
    """Make what answers as an interpreter would whose harness has this version and these options."""
    python = folder / "python"
    answers = "\\n".join(f"  {option} VALUE  what it takes" for option in options)
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo {version} || printf "{answers}\\n"\n')
    python.chmod(0o755)
    return str(python)


def is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return state != "" and not state.startswith("Z")
