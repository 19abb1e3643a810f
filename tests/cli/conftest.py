from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Clean = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep temporary files, caches and results of this test to itself, and Docker out of it."""
    for name in ("tmp", "cache", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path / "results"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'no-engine.sock'}")
    return tmp_path


@pytest.fixture
def clean(places: Path) -> Clean:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest_swebench", "clean", *arguments]
        return subprocess.run(
            command, cwd=places, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )

    return run
