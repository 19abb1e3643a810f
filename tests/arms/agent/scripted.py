"""A model that says what a test has it say, for ever at last, and what an agent is given beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.providers.protocol import Answer, StopReason, ToolCall, Usage
from pytest_swebench.records.trace import Trace
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support import scripted
from tests.support.kept import Kept
from tests.support.scripted import Line


def says(text: str, stop_reason: StopReason = StopReason.END) -> Answer:
    return Answer(text=text, model="m", stop_reason=stop_reason, usage=Usage(10, 5, 2, 1))


def calls(*asked: tuple[str, dict[str, Any]], text: str = "") -> Answer:
    tool_calls = tuple(ToolCall(f"c{number}", name, arguments) for number, (name, arguments) in enumerate(asked))
    return Answer(text=text, model="m", stop_reason=StopReason.TOOL_USE, usage=Usage(10, 5), tool_calls=tool_calls)


class Scripted(scripted.Scripted):
    """Takes one line of the script a request, the last one for ever."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__(lines, again=True)

    def told(self) -> list[str]:
        """Return what the model was told in its last request after its last answer."""
        messages = self.requests[-1].messages
        last = max((at for at, message in enumerate(messages) if message.role == "assistant"), default=-1)
        return [message.content for message in messages[last + 1 :]]


def no_sandbox() -> Sandbox:
    raise AssertionError("nothing here needs a sandbox")


def context(
    model: Scripted,
    folder: Path,
    *,
    sandbox: Callable[[], Sandbox] = no_sandbox,
    problem: Problem | None = None,
    turns: int | None = None,
    timeout_s: float = 60.0,
    trace: Trace | None = None,
    drafts: list[Draft] | None = None,
) -> SolveContext:
    kept = trace or Kept()
    return SolveContext(
        problem=problem or Problem(instance_id="x__y-1", statement="it is broken", repo="x/y", language="python"),
        variant=Variant("agent", "agent", "m", 0.5, turns),
        rep=2,
        provider=model,
        sandbox=sandbox,
        folder=folder,
        timeout_s=timeout_s,
        trace=lambda workflow: kept,
        leave=(drafts if drafts is not None else []).append,
    )
