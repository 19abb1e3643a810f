"""The contract of graders: an instance and a patch in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.outcome import Integrity, Verdict

TIMEOUT_S: Final = 1800.0
"""What one grading may take; the official harness's default."""

PRO_TIMEOUT_S: Final = 3600.0
"""What the tests of one instance of SWE-bench Pro may take; its own harness's default."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Verdict and, beside it, our own second opinion.

    `conditions` says what the tests ran under, as JSON data; `control_s` is None where no control was run.
    """

    verdict: Verdict
    integrity: Integrity = field(default_factory=Integrity)
    duration_s: float = 0.0
    control_s: float | None = None
    conditions: dict[str, Any] = field(default_factory=dict)


class Grader(Protocol):
    """Grades patches in a fresh environment; arms reach evaluation through this alone."""

    def grade(self, instance: Instance, patch: str, folder: Path) -> Grade:
        """Grade `patch`, leaving `test_output.txt`, `eval.sh` and `report.json` in `folder`.

        Raises InfraError or RefusedError where the ground broke: never an `unresolved` for that.
        """
