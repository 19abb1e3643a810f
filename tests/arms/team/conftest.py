from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_swebench.arms.protocol import Arm, Draft, Solution, SolveContext
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.providers.protocol import Request
from pytest_swebench.records.trace import EventType
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.kept import Kept
from tests.support.scripted import Line, Scripted
from tests.support.task_repo import make_task


@dataclass
class TeamTrace(Kept):
    """A trace in memory, and who had the floor in it."""

    def notes(self) -> list[str]:
        return [event.summary for event in self.of(EventType.NOTE)]

    def floor(self) -> list[str]:
        """Who had the floor, in order."""
        return [event.agent for event in self.of(EventType.STEP_START)]


@dataclass
class Stage:
    """One sandbox, in which one team plays."""

    instance: Instance
    sandbox: Sandbox
    folder: Path
    trace: TeamTrace = field(default_factory=TeamTrace)
    drafts: list[Draft] = field(default_factory=list)
    model: Scripted = field(default_factory=lambda: Scripted({}))

    def play(
        self,
        arm: Arm,
        script: Mapping[str, Sequence[Line]],
        *,
        turns: int | None = None,
        timeout_s: float = 300.0,
        again: bool = False,
    ) -> Solution:
        self.model = Scripted(script, again=again)
        return arm.solve(
            SolveContext(
                problem=self.instance.problem,
                variant=Variant(arm.name, arm.name, "m-1", 0.2, turns),
                rep=1,
                provider=self.model,
                sandbox=lambda: self.sandbox,
                folder=self.folder,
                timeout_s=timeout_s,
                trace=lambda workflow: self.trace,
                leave=self.drafts.append,
            )
        )

    def who(self) -> list[str]:
        """Who was asked, in order, each answer once."""
        return [request.agent for request in self.model.requests]

    def heard(self, agent: str) -> str:
        """All that an agent was told but for its system prompt."""
        last: Request = self.model.asked_by(agent)[-1]
        return "\n".join(message.content for message in last.messages if message.role != "assistant")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    instance = make_task(tmp_path)
    backend = LocalBackend()
    folder = tmp_path / "own"
    folder.mkdir()
    try:
        yield Stage(instance, backend.open(instance), folder)
    finally:
        backend.close()
