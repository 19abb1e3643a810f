"""What a scripted model endpoint can do with a request: answer, refuse, or misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ScriptedAnswer:
    """An answer in neither format. Usage counts: `input`, `output`, `cache_read`, `cache_write`; None leaves it out."""

    text: str = ""
    tool_calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    stop: str = ""  # end, max_tokens, tool_use, refusal, or any word to send as it is; "" fits the tool calls
    usage: dict[str, int] | None = field(default_factory=lambda: {"input": 10, "output": 5})
    raw_arguments: str | None = None  # sent in place of every tool call's arguments

    @property
    def stop_word(self) -> str:
        return self.stop or ("tool_use" if self.tool_calls else "end")


@dataclass(frozen=True)
class Status:
    """An HTTP status with a body; a string is sent as it is, anything else as JSON."""

    code: int
    body: Any = field(default_factory=lambda: {"error": {"message": "scripted failure", "type": "scripted"}})
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class Broken:
    """A stream that is fine for `events` events. Then it is `cut` (the connection drops in the middle of a chunk),
    it ends `early` (properly, but too soon), goes on with `garbage`, or reports an `error`. With `hang up` the
    connection drops before a single byte is sent."""

    how: str
    events: int = 2
    answer: ScriptedAnswer = field(default_factory=lambda: ScriptedAnswer(text="never seen whole"))


@dataclass(frozen=True)
class Drip:
    """A good answer sent one byte at a time: no read ever waits long, and the whole takes ages."""

    interval_s: float = 0.05
    answer: ScriptedAnswer = field(default_factory=lambda: ScriptedAnswer(text="slow " * 200))


@dataclass(frozen=True)
class Stream:
    """A stream of these events as they are, whatever the format; they are framed but not checked."""

    events: tuple[dict[str, Any], ...]


Behaviour = ScriptedAnswer | Status | Broken | Drip | Stream
AnswerFunction = Callable[[dict[str, Any]], Behaviour]

REFUSALS = {
    "temperature": "Unsupported value: 'temperature' does not support 0.2 with this model.",
    "response_format": "This model does not support response_format of type json_schema.",
    "output_config": "output_config.format: structured outputs are not supported by this model.",
    "tool_choice": "tool_choice: forced tool use is not supported by this model.",
}


def bad_request(message: str, code: str | None = None) -> Status:
    """Return a 400 as both formats word it."""
    return Status(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message, "code": code}})


def refusing(names: Collection[str], answer: AnswerFunction) -> AnswerFunction:
    """Return a function that answers as `answer` does once a request has none of the parameters `names`."""

    def answered(body: dict[str, Any]) -> Behaviour:
        for name in names:
            if name in body:
                return bad_request(REFUSALS[name])
        return answer(body)

    return answered


def prompt_text(body: dict[str, Any]) -> str:
    """Return every string in a request body that a person or a tool wrote, in order, whatever the format."""

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)
        elif isinstance(value, dict):
            for name in ("text", "content"):
                yield from strings(value.get(name))

    return "\n".join(strings([body.get("system"), body.get("messages")]))


def answers_from_file(path: Path) -> AnswerFunction:
    """Return the answer function that a file of scripted answers describes."""
    entries = json.loads(path.read_text(encoding="utf-8"))

    def answer(body: dict[str, Any]) -> Behaviour:
        prompt = prompt_text(body)
        for entry in entries:
            if entry.get("match", "") in prompt:
                calls = tuple((name, arguments) for name, arguments in entry.get("tool_calls", ()))
                usage = entry.get("usage", {"input": 10, "output": 5})
                return ScriptedAnswer(entry.get("text", ""), calls, entry.get("stop", ""), usage)
        return Status(400, {"error": {"message": "no scripted answer matches this prompt", "type": "scripted"}})

    return answer
