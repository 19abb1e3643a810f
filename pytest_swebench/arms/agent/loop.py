"""The loop of an agent: ask the model, run the tools that it calls, tell it what they came to, ask again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pytest_swebench.arms.agent.clock import Clock, complete_within
from pytest_swebench.arms.agent.history import History, clean
from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, cut
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.errors import ContextOverflow, LimitReached, SwebenchError, unknown
from pytest_swebench.faults import told
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.meter import conclude
from pytest_swebench.providers.protocol import Answer, Request, StopReason, ToolCall
from pytest_swebench.records.trace import EventType, Trace

ANSWER_TOKENS: Final = 8_192
NUDGES: Final = 3
CALLS_AT_ONCE: Final = 32
"""Calls of one answer that are run; the others are told that they are too many."""


class EndReason(StrEnum):
    """Why a loop came to its end without a limit of the cell."""

    TOOL = "tool"
    SILENT = "silent"
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a loop ended: by a tool, whose result `text` is, else with the model's last words."""

    reason: EndReason
    text: str


class Loop:
    """One agent with its conversation and its tools. `agent` is its name in requests, traces and token counts.

    A turn is one answer of the model. Answers that call nothing are told so, `nudges` times in a row at most. All
    that it did so far, its `progress`, is left with the context, with the diff of the working copy as its patch.
    """

    def __init__(
        self,
        context: SolveContext,
        clock: Clock,
        *,
        agent: str,
        system: str,
        tools: Sequence[AgentTool],
        max_turns: int,
        trace: Trace,
        nudges: int = NUDGES,
    ) -> None:
        self._context = context
        self._clock = clock
        self._agent = agent
        self._system = clean(system)
        self._tools = {tool.tool.name: tool for tool in tools}
        self._max_turns = max_turns
        self._nudges = nudges
        self._history = History()
        self._silences = 0
        self.progress = Progress(agent, trace)

    def say(self, text: str) -> None:
        """Tell the model something before it is asked again."""
        self._history.say(text)

    def run(self, turns: int | None = None) -> Ended:
        """Go on until a tool ends it, the model falls silent or it has had its turns, `turns` of them now at most.

        Raises LimitReached for the limits of the cell, InfraError and RefusedError.
        """
        last = self._max_turns if turns is None else min(self._max_turns, self.progress.turns + turns)
        try:
            return self._go_on(last)
        finally:
            self._context.leave(self.progress.draft)  # a limit may come between the calls of one answer
            conclude(self._context.provider, self._request())

    def _go_on(self, last: int) -> Ended:
        while self.progress.turns < last:
            answer = self._ask()
            calls = self._history.answered(answer)
            self.progress.answered(answer, calls)
            if calls:
                self._silences = 0
                if (ended := self._run_calls(calls, answer.malformed)) is not None:
                    return Ended(EndReason.TOOL, ended.text)
                continue
            self._silences += 1
            if self._silences > self._nudges:
                self._silences = 0
                return Ended(EndReason.SILENT, self.progress.last_text)
            self._history.say(self._nudge(answer))
        return Ended(EndReason.TURNS, self.progress.last_text)

    def _ask(self) -> Answer:
        """Return the next answer; old outputs go where the conversation has become too long for the model."""
        while True:
            self._context.leave(self.progress.draft)
            try:
                return complete_within(self._context.provider, self._request(), self._clock)
            except ContextOverflow as error:
                if not self._history.shorten():
                    raise LimitReached(Stop.CONTEXT, f"the conversation is too long for the model: {error}") from error
                self._note("the conversation was too long for the model; old outputs are left out")

    def _request(self) -> Request:
        return Request(
            model=self._context.variant.model,
            messages=self._history.messages,
            system=self._system,
            max_tokens=ANSWER_TOKENS,
            temperature=self._context.variant.temperature,
            tools=tuple(tool.tool for tool in self._tools.values()),
            sample=self._context.rep,
            agent=self._agent,
            binding=False,  # silence and calls that nobody can read are something to reply to
        )

    def _run_calls(self, calls: Sequence[ToolCall], malformed: Mapping[str, str]) -> ToolResult | None:
        """Run `calls` one after another, each with its result in the conversation; return the one that ends it.

        `malformed` says by id which have arguments that nobody can read.
        """
        ended: ToolResult | None = None
        for number, call in enumerate(calls):
            if ended is not None:
                self._history.result(call, "not run: the work had ended before")
                continue
            if number >= CALLS_AT_ONCE:
                self._history.result(call, f"not run: at most {CALLS_AT_ONCE} calls at once; call it again")
                continue
            self.progress.called(call.name, call.arguments)
            wrong = malformed.get(call.id)
            result = self._run_call(call) if wrong is None else ToolResult(f"error: {wrong}; call it again")
            self.progress.ran(result.commands)
            self._history.result(call, cut(result.text))
            self._note(f"{_named(call)}\n-> {result.text}")
            ended = result if result.ends else None
        return ended

    def _run_call(self, call: ToolCall) -> ToolResult:
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolResult(f"error: {unknown('tool', call.name, self._tools)}")
        try:
            result = tool.call(call.arguments)
            if not isinstance(result, ToolResult):
                raise TypeError(f"returned {result!r:.60}; return ToolResult(text)")
        except SwebenchError:
            raise
        except Exception as error:  # a fault of the tool
            error.add_note(f"in the tool {call.name!r}")
            self._note(f"{_named(call)}\n-> {type(error).__name__}: {told(error)}")
            raise
        return result

    def _nudge(self, answer: Answer) -> str:
        names = ", ".join(self._tools)
        if answer.stop_reason is StopReason.MAX_TOKENS:
            return f"Your answer was cut at {ANSWER_TOKENS} tokens, nothing of it was run. Answer with one short call."
        return f"You called no tool, so nothing happened. Go on with one of: {names}."

    def _note(self, text: str) -> None:
        self.progress.tell(EventType.NOTE, text)


def _named(call: ToolCall) -> str:
    """Return a call with its command or path, or with all of its arguments, as they are: `run(ls -l)`."""
    telling = [call.arguments[name] for name in ("command", "path") if name in call.arguments]
    return f"{call.name}({', '.join(map(str, telling or call.arguments.values()))})"
