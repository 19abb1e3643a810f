"""Cells run from start to end without pytest's part, on the demo's repositories and recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Arm, Solution, SolveContext
from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.calling import DEMO_RECORDINGS
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.events import Event, PhaseStarted
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.providers.protocol import Message, Request
from pytest_swebench.providers.replay import ReplayProvider
from pytest_swebench.records.journal import Journal, read_journals
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.schema import RunInfo
from pytest_swebench.redact import Redactor
from pytest_swebench.run import CellResult, RunContext, run_cell
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.spec import DEMO_MODEL, TEMPERATURE
from pytest_swebench.workplace import Direct

INSTANCES = {instance.instance_id: instance for instance in load_demo()}
NAME = "tinyconf__tinyconf-5"
SECRET = "sk-secret-of-this-test"


@dataclass
class OwnArm:
    """An arm that does what a test says, and keeps the context it was given."""

    work: Callable[[SolveContext], Solution]
    name: str = "own"
    version: str = "1"
    paid: bool = False
    oracle: bool = False
    seen: SolveContext | None = None

    def check(self, instances: list[Instance]) -> None:
        return

    def solve(self, context: SolveContext) -> Solution:
        self.seen = context
        return self.work(context)


@dataclass
class Bench:
    """A run in a folder of its own; `run` makes one cell of it."""

    folder: Path
    backend: LocalBackend
    instances: dict[str, Instance] = dataclasses.field(default_factory=lambda: dict(INSTANCES))
    events: list[Event] = dataclasses.field(default_factory=list)
    run_id: str = "run-1"

    @property
    def layout(self) -> RunLayout:
        return RunLayout(self.folder, self.run_id, "20260101_120000")

    def context(self, arm: Arm, journal: Journal) -> RunContext:
        model = (DEMO_MODEL, TEMPERATURE) if arm.paid else ("", None)
        return RunContext(
            info=RunInfo(run_id=self.run_id, timestamp="20260101_120000", dataset="demo", provider="replay"),
            layout=self.layout,
            arms={arm.name: arm},
            variants={arm.name: Variant(arm.name, arm.name, *model)},
            instance=self.instances.__getitem__,
            outside=lambda cell, paid_before: Direct(ReplayProvider(DEMO_RECORDINGS)),
            backend=self.backend,
            grader=OfficialGrader(self.backend),
            journal=journal,
            redactor=Redactor([SECRET]),
            emit=self.events.append,
        )

    def run(self, arm: Arm | str, name: str = NAME, *, rep: int = 1, attempt: int = 1) -> CellResult:
        made = ArmRegistry().make(arm) if isinstance(arm, str) else arm
        journal = Journal(self.layout.journals / "main.jsonl", Redactor([SECRET]))
        try:
            return run_cell(self.context(made, journal), Cell(name, made.name, rep), attempt)
        finally:
            journal.close()

    def phases(self) -> list[str]:
        return [event.phase for event in self.events if isinstance(event, PhaseStarted)]

    def entries(self) -> list[dict[str, Any]]:
        return read_journals(self.layout.journals).entries

    def cell_folder(self, arm: str) -> Path:
        return self.layout.cell_folder(Cell(NAME, arm, 1))


def raising(error: Exception) -> Callable[[SolveContext], Solution]:
    def work(context: SolveContext) -> Solution:
        raise error

    return work


def asking(context: SolveContext) -> Solution:
    request = Request(model="m-1", messages=(Message("user", "hello"),))
    return Solution(patch=context.provider.complete(request, timeout_s=5.0).text)
