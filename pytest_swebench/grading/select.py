"""Which graders stand one behind the other: verdict, network rule, integrity, and how many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.network import NetworkGrader
from pytest_swebench.grading.protocol import PRO_TIMEOUT_S, TIMEOUT_S, Grader
from pytest_swebench.grading.slots import Slots, SlottedGrader, default_slots
from pytest_swebench.sandbox.protocol import SandboxBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingOptions:
    """How patches are graded.

    `timeout_s` is None for what each benchmark's own harness takes; `workers` is how many at a time, 0 for what the
    machine holds.
    """

    harness: Literal["builtin", "official"] = "builtin"
    timeout_s: float | None = None
    network: Literal["auto", "none", "bridge"] = "auto"
    control: bool = True
    workers: int = 0


def make_grader(options: GradingOptions, backend: SandboxBackend, *, root: Path, run_folder: Path) -> Grader:
    """Return the grader of a run. What it learns about instances is kept in `root`, for later runs as well."""
    slots = Slots(run_folder / "slots", options.workers or default_slots())
    if options.harness == "official":
        from pytest_swebench.grading.harness import HarnessGrader

        return SlottedGrader(HarnessGrader(timeout_s=options.timeout_s or TIMEOUT_S, run_id=run_folder.name), slots)
    known = Known.beside_runs(root)
    official = NetworkGrader(
        OfficialGrader(backend, options.timeout_s or TIMEOUT_S, options.timeout_s or PRO_TIMEOUT_S),
        known,
        options.network,
    )
    return SlottedGrader(IntegrityGrader(official, backend, known, control=options.control), slots)
