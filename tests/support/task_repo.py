"""A local task made on the spot: a git repository whose `add` subtracts, and its own failing test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.tasks import instance_from_task
from tests.support.calc import CALC
from tests.support.committed import committed

TESTS = """\
from calc import add


def test_zero():
    assert add(1, 0) == 1


def test_add():
    assert add(1, 2) == 3
"""


def make_repository(folder: Path) -> Path:
    """Make the repository in a new folder, at one commit."""
    folder.mkdir(parents=True)
    (folder / "calc.py").write_text(CALC)
    (folder / "test_calc.py").write_text(TESTS)
    committed(folder)
    return folder


def task_row(repository: Path, **fields: Any) -> dict[str, Any]:
    """Return the line of a task file; tests start slowly where many run at once, so they may take long."""
    timeouts = {"clone": 30, "install": 60, "test": 60}
    return {"task_id": "calc", "repo": str(repository), "ref": "", "trusted": True, "timeouts": timeouts, **fields}


def make_task(folder: Path, **fields: Any) -> Instance:
    """Return the task of a repository made in `folder`."""
    row = task_row(make_repository(folder / "calc-repo"), **fields)
    return instance_from_task(row, where="tasks.jsonl:1", folder=folder)
