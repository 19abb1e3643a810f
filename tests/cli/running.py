"""Fixtures and words of tests that run `swebench-runner` as a child."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.llm_server import LLMServer
from tests.support.runs import BARE

KEY = "sk-canary-0123456789"
NAME = "tinyconf__tinyconf-5"
PROGRAM = [sys.executable, "-m", "pytest_swebench"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment without anybody's own settings, and without the plugins that only this project's tests need."""
    shaped = re.compile(
        r"SWEBENCH_|PROVIDER|MODEL|BASE_URL|API_KEY|LLM_|OUTPUT_DIR|ARMS|MAX_|PYTEST_|GITHUB_|CI$|.*_API_KEY"
    )
    kept = {name: value for name, value in os.environ.items() if not shaped.match(name)}
    return kept | {"PYTEST_ADDOPTS": BARE, "TMPDIR": str(tmp_path), "COLUMNS": "120"}


@pytest.fixture
def run(tmp_path: Path, env: dict[str, str]) -> Run:
    """Run the command in an empty folder."""

    def invoke(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=tmp_path,
            env=env | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return invoke


def records(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("results/*/results.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def asking(server: LLMServer, *more: str) -> tuple[str, ...]:
    named = ("-p", "openai", "-m", "demo-model", "--base-url", server.openai_url)
    return ("run", "-d", "demo", *named, *more)
