"""What was said in a cell, for people and for analysis: one line a message, each told once.

The fields are those of demas' transcripts, with `agent_id` where several agents talk. Nothing reads them back to run a
cell; that is what `providers.meter` keeps the whole exchanges for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.providers.protocol import Answer, Message, Request, ToolCall
from pytest_swebench.records.layout import json_line
from pytest_swebench.records.lines import append_line
from pytest_swebench.redact import Redactor

RESULT_LENGTH: Final = 8_192  # characters
_READ: Final = frozenset({"role", "content", "tool_calls", "tool_name", "tool_result", "usage", "agent_id"})
_CUT: Final = "\n[cut, {} characters in all]"


class Conversation:
    """Writes the messages of one attempt at a cell; `label` stands on every line.

    Of each request only what its agent was not told before is written, so a conversation grows by what is new in it.
    Raises RecordError if a line cannot be written.
    """

    def __init__(self, path: Path, label: Mapping[str, Any], redactor: Redactor) -> None:
        self._path = path
        self._label = label
        self._redactor = redactor
        self._told: dict[str, tuple[Message, ...]] = {}
        self._answered: dict[str, bool] = {}
        self._system: dict[str, str] = {}
        self._calls: dict[tuple[str, str], ToolCall] = {}

    def exchange(self, request: Request, answer: Answer) -> None:
        """Write what is new in `request`, and `answer`."""
        lines = [*self._asked(request), self._answer(request, answer)]
        self._told[request.agent] = (*request.messages, Message("assistant", answer.text, answer.tool_calls))
        self._answered[request.agent] = True
        self._write(lines)

    def conclude(self, request: Request) -> None:
        """Write what is new in a request that is not made any more: what the last calls came to."""
        lines = list(self._asked(request))
        self._told[request.agent], self._answered[request.agent] = request.messages, False
        if lines:
            self._write(lines)

    def _asked(self, request: Request) -> Iterator[dict[str, Any]]:
        if request.system and request.system != self._system.get(request.agent):
            self._system[request.agent] = request.system
            yield self._line(request, "system", request.system)
        for message in request.messages[self._known(request) :]:
            if message.role == "tool":
                call = self._calls.get((request.agent, message.tool_call_id))
                yield self._line(request, "tool", None, call=call, result=message.content)
            else:
                yield self._line(request, message.role, message.content, calls=message.tool_calls)

    def _known(self, request: Request) -> int:
        """Return how many of the request's first messages are old news.

        Results that were taken out to make room are, and so is the last answer, however the agent repeats it.
        """
        told = self._told.get(request.agent, ())
        answer = len(told) - 1 if self._answered.get(request.agent) else -1
        for place, (old, new) in enumerate(zip(told, request.messages, strict=False)):
            same_result = new.role == old.role == "tool" and new.tool_call_id == old.tool_call_id
            if not (new == old or same_result or (place == answer and new.role == "assistant")):
                return place
        return min(len(told), len(request.messages))

    def _answer(self, request: Request, answer: Answer) -> dict[str, Any]:
        self._calls |= {(request.agent, call.id): call for call in answer.tool_calls}
        return {
            **self._line(request, "assistant", answer.text, calls=answer.tool_calls),
            "usage": answer.usage.as_json(),
            "model": answer.model,
        }

    def _line(
        self,
        request: Request,
        role: str,
        content: str | None,
        *,
        calls: Sequence[ToolCall] = (),
        call: ToolCall | None = None,
        result: str | None = None,
    ) -> dict[str, Any]:
        """Return one line. A call stands with the answer that makes it, and again with its result."""
        return {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "role": role,
            "content": content,
            "tool_calls": [{"tool_name": one.name, "tool_args": one.arguments} for one in calls],
            "tool_name": None if call is None else call.name,
            "tool_args": None if call is None else call.arguments,
            "tool_result": result,
            "usage": None,
            "model": request.model,
            "temperature": request.temperature,
            "agent_id": request.agent,
            **self._label,
        }

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        """Write `lines` at once, without secrets, results cut only after they are gone."""
        clean = [self._redactor.data(line) for line in lines]
        for line in clean:
            if line["tool_result"] is not None:
                line["tool_result"] = _cut(line["tool_result"])
        append_line(self._path, b"".join(map(json_line, clean)))


def read_conversation(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a conversation, in order; what is torn or none is left out, and no file has none."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [line for raw in lines if isinstance(line := _parsed(raw), dict) and line.keys() >= _READ]


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _cut(text: str) -> str:
    if len(text) <= RESULT_LENGTH:
        return text
    mark = _CUT.format(len(text))
    return text[: RESULT_LENGTH - len(mark)] + mark
