"""What a local task came to, in the shape of its own files: `result.json` and `pytest_tail.txt`."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pytest_swebench.records.layout import write_json, write_whole

RESULT_FILE: Final = "result.json"
TAIL_FILE: Final = "pytest_tail.txt"


class Status(StrEnum):
    """What pytest itself reports of a task's tests."""

    PASS = "pass"  # none failed and at least one passed
    FAIL = "fail"  # one failed, or they could not be run to their end
    OK = "ok"  # none failed and none passed: all skipped, expected to fail, or none there


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One run of a task. Durations in seconds; `tail` is pytest's last line, or what kept it from having one.

    `exit_code` is pytest's own, 124 for tests that took too long, -1 where they were never started. The fields with
    `before` speak of the tests before the patch, and are empty where none was tried.
    """

    task_id: str
    repo: str
    ref: str
    pytest_k: str
    status: Status
    exit_code: int
    duration_s: float
    tail: str
    patch_applied: bool = False
    tail_before: str = ""
    status_before: Status | None = None
    duration_clone_s: float = 0.0
    duration_install_s: float = 0.0
    duration_test_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the shape of `result.json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TaskResult:
        """Rebuild a result from `as_json`."""
        before = data["status_before"]
        return cls(
            **data | {"status": Status(data["status"]), "status_before": None if before is None else Status(before)}
        )

    def write(self, folder: Path) -> None:
        """Leave both files in `folder`."""
        write_json(folder / RESULT_FILE, self.as_json())
        write_whole(folder / TAIL_FILE, f"{self.tail}\n")


def last_line(text: str) -> str:
    """Return the last line that says something, without pytest's rules around it and what terminals act upon."""
    for line in reversed(re.split(r"[\r\n]+", text)):
        shown = "".join(char if char.isprintable() else " " for char in line).strip("= ")
        if shown:
            return shown
    return ""


def read_result(folder: Path) -> TaskResult | None:
    """Return the result in `folder`, None where there is none."""
    try:
        return TaskResult.from_json(json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
