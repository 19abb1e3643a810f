from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import without_settings

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest as a person would: a subprocess in an empty folder, without this project's own settings."""
    without_settings(monkeypatch)

    def invoke(*args: object, timeout_s: float = 120) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*map(str, args), timeout=timeout_s)

    return invoke


@pytest.fixture
def key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a key after `run` has taken all of them away."""
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the merged results of the only run in `folder`."""
    (path,) = (folder / "results").glob("*/results.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def outcomes(folder: Path) -> dict[str, str]:
    """Return cell id -> outcome of the only run in `folder`."""
    return {
        f"{record.get('instance_id', record.get('scenario_id'))}/{record['variant']}/r{record['rep']}": record[
            "outcome"
        ]
        for record in records(folder)
    }


def variant_files(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return `<variant>_run<rep>` -> lines of the per-variant files in `folder`."""
    files = sorted((folder / "results").glob("*.jsonl"))
    return {
        path.name.rpartition("_run")[0] + "_run" + path.name.rpartition("_run")[2][0]: [
            json.loads(line) for line in path.read_text().splitlines()
        ]
        for path in files
    }


def ids(result: pytest.RunResult) -> list[str]:
    """Return the cell ids that `--collect-only -q` printed."""
    return [line[line.index("[") + 1 : -1] for line in result.outlines if line.endswith("]") and "::" in line]
