"""The loop of an agent: ask the model, run the tools that it calls, tell it what they came to, ask again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.history import History, clean
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, AgentTool, ToolResult, cut
from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.errors import ContextOverflow, LimitReached, ProviderError, SwebenchError, unknown
from pytest_swebench.faults import told
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.meter import conclude
from pytest_swebench.providers.protocol import Answer, Request, StopReason, ToolCall
from pytest_swebench.records.trace import EventType, Trace, TraceEvent

CALL_TIMEOUT_S: Final = 300.0
ANSWER_TOKENS: Final = 8_192
NUDGES: Final = 3
CALLS_AT_ONCE: Final = 32
"""Calls of one answer that are run; the others are told that they are too many."""
KEPT_CALLS: Final = 2_000
"""Calls that a record can have."""

_HOPELESS_SHARE: Final = 0.1  # of a call's time: less is left only to a call that its time has ended
_KEPT_CHARS: Final = 2_000  # of each string among the arguments of a call, in the record


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
    that it did so far is left with the context, with the diff of the working copy as its patch.
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
        self._trace = trace
        self._nudges = nudges
        self._history = History()
        self._silences = 0
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
        """The shell commands that the tools ran, in order."""
        return tuple(self._commands)

    @property
    def draft(self) -> Draft:
        """What stands so far; the patch is the working copy's."""
        return Draft(
            response_text=self.last_text,
            tool_calls=self.tool_calls,
            commands=self.commands,
            per_step_tokens={self._agent: self.tokens},
        )

    def say(self, text: str) -> None:
        """Tell the model something before it is asked again."""
        self._history.say(text)

    def run(self, turns: int | None = None) -> Ended:
        """Go on until a tool ends it, the model falls silent or it has had its turns, `turns` of them now at most.

        Raises LimitReached for the limits of the cell, InfraError and RefusedError.
        """
        last = self._max_turns if turns is None else min(self._max_turns, self.turns + turns)
        try:
            return self._go_on(last)
        finally:
            self._context.leave(self.draft)  # a limit may come between the calls of one answer
            conclude(self._context.provider, self._request())

    def _go_on(self, last: int) -> Ended:
        while self.turns < last:
            answer = self._ask()
            calls = self._history.answered(answer)
            self._told_answer(answer, calls)
            if calls:
                self._silences = 0
                if (ended := self._run_calls(calls, answer.malformed)) is not None:
                    return Ended(EndReason.TOOL, ended.text)
                continue
            self._silences += 1
            if self._silences > self._nudges:
                self._silences = 0
                return Ended(EndReason.SILENT, self.last_text)
            self._history.say(self._nudge(answer))
        return Ended(EndReason.TURNS, self.last_text)

    def _ask(self) -> Answer:
        """Return the next answer; old outputs go where the conversation has become too long for the model."""
        while True:
            self._context.leave(self.draft)
            try:
                answer = self._complete()
            except ContextOverflow as error:
                if not self._history.shorten():
                    raise LimitReached(Stop.CONTEXT, f"the conversation is too long for the model: {error}") from error
                self._note("the conversation was too long for the model; old outputs are left out")
                continue
            self.turns += 1
            usage = answer.usage
            self.tokens += usage.input + usage.output + usage.cache_read + usage.cache_write
            self.last_text = clean(answer.text) or self.last_text
            return answer

    def _complete(self) -> Answer:
        timeout_s = min(CALL_TIMEOUT_S, self._clock.left_s())
        try:
            return self._context.provider.complete(self._request(), timeout_s=timeout_s)
        except ProviderError as error:
            # what the clock has cut is no fault of the endpoint
            if timeout_s < CALL_TIMEOUT_S and self._clock.left_s() < timeout_s * _HOPELESS_SHARE:
                raise LimitReached(Stop.TIME, f"no time was left for another answer: {error}") from error
            raise

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
            if len(self._tool_calls) < KEPT_CALLS:
                self._tool_calls.append({"name": call.name, "arguments": _kept(call.arguments)})
            wrong = malformed.get(call.id)
            result = self._run_call(call) if wrong is None else ToolResult(f"error: {wrong}; call it again")
            self._commands.extend(result.commands)
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

    def _told_answer(self, answer: Answer, calls: Sequence[ToolCall]) -> None:
        names = ", ".join(call.name for call in calls) or f"no call ({answer.stop_reason})"
        self._tell(EventType.ATTEMPT, f"{names}: {answer.text}" if answer.text else names)

    def _note(self, text: str) -> None:
        self._tell(EventType.NOTE, text)

    def _tell(self, type: EventType, summary: str) -> None:
        short = clean(cut(summary, OUTPUT_CHARS))  # the trace takes secrets out and shortens it further
        self._trace.event(TraceEvent(type=type, step=self._agent, attempt=self.turns, summary=short, agent=self._agent))


def _named(call: ToolCall) -> str:
    """Return a call with its command or path, or with all of its arguments, as they are: `run(ls -l)`."""
    telling = [call.arguments[name] for name in ("command", "path") if name in call.arguments]
    return f"{call.name}({', '.join(map(str, telling or call.arguments.values()))})"


def _kept(value: Any) -> Any:
    """Return JSON data with its long strings cut."""
    if isinstance(value, str):
        return cut(value, _KEPT_CHARS)
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, dict):
        return {_kept(name): _kept(item) for name, item in value.items()}
    return value
