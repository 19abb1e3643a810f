"""What the fixture `experiment` gives to a test: how the cell ended, and the usual way to judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.reasons import reason_of


@dataclass(frozen=True, slots=True)
class Experiment:
    """A finished cell. `record` is the stored line; `capture` says that any valid record passes."""

    cell: Cell
    record: dict[str, Any]
    capture: bool = False

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.record["outcome"])

    @property
    def resolved(self) -> bool:
        return self.outcome is Outcome.RESOLVED

    @property
    def patch(self) -> str:
        return str(self.record["patch"])

    @property
    def reason(self) -> str:
        """Say in one line how the cell ended and why."""
        return ": ".join(filter(None, [str(self.cell), str(self.outcome), reason_of(self.record)]))

    @property
    def passed(self) -> bool:
        """Whether the cell passes under `--outcome`."""
        return self.capture or self.outcome.passes

    def judge(self) -> None:
        """Fail the test, with the reason and no traceback, unless the cell passed."""
        if not self.passed:
            pytest.fail(self.reason, pytrace=False)
