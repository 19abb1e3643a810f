"""What an agent of mini-swe-agent has done so far: for its draft, its solution and its trace."""

from __future__ import annotations

from typing import Any, Final

from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, cut
from pytest_swebench.arms.protocol import Draft
from pytest_swebench.providers.protocol import Answer
from pytest_swebench.records.trace import EventType, Trace, TraceEvent

NAME: Final = "mini"

_KEPT_CHARS: Final = 2_000  # of a command among the tool calls of a record


class Progress:
    """Counts answers, tokens and commands, and tells the trace of each."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._commands: list[str] = []
        self.turns = 0
        self.tokens = 0
        self.last_text = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that were run, in order."""
        return tuple(self._commands)

    @property
    def tool_calls(self) -> tuple[dict[str, Any], ...]:
        """The commands as calls of the one tool there is, long ones cut."""
        return tuple({"name": "bash", "arguments": {"command": cut(one, _KEPT_CHARS)}} for one in self._commands)

    @property
    def draft(self) -> Draft:
        """What stands so far; the patch is the working copy's."""
        return Draft(
            response_text=self.last_text,
            tool_calls=self.tool_calls,
            commands=self.commands,
            per_step_tokens={NAME: self.tokens},
        )

    def answered(self, answer: Answer) -> None:
        """Count an answer of the model."""
        usage = answer.usage
        self.turns += 1
        self.tokens += usage.input + usage.output + usage.cache_read + usage.cache_write
        self.last_text = clean(answer.text) or self.last_text
        called = ", ".join(call.name for call in answer.tool_calls) or f"no call ({answer.stop_reason})"
        self.tell(EventType.ATTEMPT, f"{called}: {answer.text}" if answer.text else called)

    def runs(self, command: str) -> None:
        """Keep a command that is about to run."""
        self._commands.append(command)

    def tell(self, type: EventType, summary: str) -> None:
        """Put an event into the trace."""
        short = clean(cut(summary, OUTPUT_CHARS))  # the trace takes secrets out and shortens it further
        self._trace.event(TraceEvent(type=type, step=NAME, attempt=self.turns, summary=short, agent=NAME))
