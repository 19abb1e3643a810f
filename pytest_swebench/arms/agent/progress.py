"""What an agent has done so far: for its draft, its solution and its trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, cut
from pytest_swebench.arms.protocol import Draft
from pytest_swebench.providers.protocol import Answer, ToolCall
from pytest_swebench.records.trace import EventType, Trace, TraceEvent

KEPT_CALLS: Final = 2_000
"""Calls that a record can have."""

_KEPT_CHARS: Final = 2_000  # of each string among the arguments of a call, in the record


class Progress:
    """Counts the answers, tokens, calls and commands of `agent`, and tells the trace of it."""

    def __init__(self, agent: str, trace: Trace) -> None:
        self._agent = agent
        self._trace = trace
        self._tool_calls: list[dict[str, Any]] = []
        self._commands: list[str] = []
        self.turns = 0
        self.tokens = 0
        self.last_text = ""

    @property
    def tool_calls(self) -> tuple[dict[str, Any], ...]:
        """Name and arguments of the calls, of the first `KEPT_CALLS`, long arguments cut."""
        return tuple(self._tool_calls)

    @property
    def commands(self) -> tuple[str, ...]:
        """The shell commands that were run, in order."""
        return tuple(self._commands)

    @property
    def per_step_tokens(self) -> dict[str, int]:
        """The tokens, by the agent's name."""
        return {self._agent: self.tokens}

    @property
    def draft(self) -> Draft:
        """What stands so far; the patch is the working copy's."""
        return Draft(
            response_text=self.last_text,
            tool_calls=self.tool_calls,
            commands=self.commands,
            per_step_tokens=self.per_step_tokens,
        )

    def answered(self, answer: Answer, calls: Sequence[ToolCall]) -> None:
        """Count an answer of the model, which has made `calls`."""
        self.turns += 1
        self.tokens += answer.usage.total
        self.last_text = clean(answer.text) or self.last_text
        names = ", ".join(call.name for call in calls) or f"no call ({answer.stop_reason})"
        self.tell(EventType.ATTEMPT, f"{names}: {answer.text}" if answer.text else names)

    def called(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Keep a call that is about to run."""
        if len(self._tool_calls) < KEPT_CALLS:
            self._tool_calls.append({"name": name, "arguments": _kept(arguments)})

    def ran(self, commands: Iterable[str]) -> None:
        """Keep commands of a call."""
        self._commands += commands

    def tell(self, type: EventType, summary: str) -> None:
        """Put an event into the trace."""
        short = clean(cut(summary, OUTPUT_CHARS))  # the trace takes secrets out and shortens it further
        self._trace.event(TraceEvent(type=type, step=self._agent, attempt=self.turns, summary=short, agent=self._agent))


def _kept(value: Any) -> Any:
    """Return JSON data with its long strings cut."""
    if isinstance(value, str):
        return cut(value, _KEPT_CHARS)
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, dict):
        return {_kept(name): _kept(item) for name, item in value.items()}
    return value
