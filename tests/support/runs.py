"""Runs of pytest as a person starts them, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

BARE: Final = " ".join(f"-p no:{name}" for name in ("anyio", "cov", "hypothesispytest", "langsmith_plugin", "syrupy"))
"""Options that leave out plugins that only this project's tests need; they take a sixth of the time of a short run."""

_SETTINGS = ("PROVIDER", "MODEL", "BASE_URL", "LLM_API_KEY", "OUTPUT_DIR", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")


def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs see nothing of the settings, keys and plugins of whoever runs the tests."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", BARE)


def asking(url: str, *, provider: str = "openai") -> tuple[str, ...]:
    """Return the options that ask a model of the server at `url`."""
    return (f"--provider={provider}", f"--provider-url={url}", "--model=some-model", "--price=1,2")


def lines(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """Return the merged results of one run below `folder`."""
    path = folder / "results" / run_id / "results.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
