"""Recorded exchanges: a real provider that answers from a file, costs nothing and never varies."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError, ReplayMiss
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.shortened import Restorer
from pytest_swebench.redact import Redactor

FORMAT: Final = 1
_EXCERPT: Final = 60  # characters shown on each side of a difference
_COMPARED: Final = 20_000  # characters of a request that are compared to find the nearest one


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of a file of recordings. `request_digest` decides; `request` is there for people.

    `alike_digest` is that of `earlier.alike_digest`, in transcripts.
    """

    request_digest: str
    sample: int
    request: Request
    answer: Answer
    line: int = 0
    alike_digest: str = ""


class ReplayProvider:
    """Answers each request with what was recorded for its digest, and nothing else.

    Sample k of a question gets recording ((k - 1) mod n) + 1 of its n recordings, in the order of their samples.
    Raises InputError if the file cannot be read.
    """

    name = "replay"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._recordings = read_recordings(self.path)
        self._by_digest: dict[str, list[Recording]] = {}
        for recording in sorted(self._recordings, key=lambda recording: recording.sample):
            self._by_digest.setdefault(recording.request_digest, []).append(recording)

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Return the recorded answer at once; raises ReplayMiss if there is none."""
        recorded = self._by_digest.get(request.digest)
        if not recorded:
            raise ReplayMiss(
                f"no recording for request {request.digest} (model {request.model!r}) "
                f"in {str(self.path)!r}; {self._nearest(request)}"
            )
        return recorded[(request.sample - 1) % len(recorded)].answer

    def close(self) -> None:
        """Nothing to release."""

    def _nearest(self, request: Request) -> str:
        """Say in one line how the most similar recorded request differs."""
        if not self._recordings:
            return "the file holds no recordings"
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(_lines(request))
        scores: list[float] = []
        for recording in self._recordings:
            matcher.set_seq1(_lines(recording.request))
            scores.append(matcher.ratio())
        nearest = self._recordings[scores.index(max(scores))]
        return f"the nearest one, on line {nearest.line}, differs in {difference(nearest.request, request)}"


def difference(recorded: Request, asked: Request) -> str:
    """Name the first field in which two requests differ, with both values, in one line."""
    for message, (old, new) in enumerate(zip(recorded.messages, asked.messages, strict=False), start=1):
        if old.content != new.content:
            return f"message {message} ({new.role}) {text_difference(old.content, new.content)}"
        if old != new:
            return f"message {message}: recorded {old!r:.200}, asked {new!r:.200}"
    if len(recorded.messages) != len(asked.messages):
        return f"the number of messages: recorded {len(recorded.messages)}, asked {len(asked.messages)}"
    if recorded.system != asked.system:
        return f"the system prompt {text_difference(recorded.system, asked.system)}"
    for name in ("model", "temperature", "max_tokens", "tools", "schema"):
        old_value, new_value = getattr(recorded, name), getattr(asked, name)
        if old_value != new_value:
            return f"{name}: recorded {old_value!r:.200}, asked {new_value!r:.200}"
    return "its digest only: it was recorded from other text or by another version"


def read_recordings(path: str | Path) -> list[Recording]:
    """Read a JSONL file of recordings. Raises InputError naming the file and the line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read recordings from {str(path)!r}: {error}") from error
    lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    restorer = Restorer()
    return [parse_recording(line, number, path, restorer) for number, line in lines]


def write_recordings(path: str | Path, exchanges: Iterable[tuple[Request, Answer]]) -> None:
    """Write `exchanges` as the whole content of a JSONL file that `ReplayProvider` reads."""
    lines = [json.dumps(exchange_as_json(request, answer)) for request, answer in exchanges]
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def exchange_as_json(request: Request, answer: Answer) -> dict[str, Any]:
    """Return one line of a file of recordings; transcripts have the same shape."""
    return {**request_as_json(request), "answer": dataclasses.asdict(answer)}


def request_as_json(request: Request) -> dict[str, Any]:
    """Return what a line says of the question. The digest is that of `request` as it is, also once it is redacted."""
    readable = dataclasses.asdict(request)
    sample = readable.pop("sample")
    return {"format": FORMAT, "request_digest": request.digest, "sample": sample, "request": readable}


def request_from_json(data: dict[str, Any]) -> tuple[str, int, Request]:
    """Return digest, sample and question of a line. Raises what any other JSON runs into, ValueError for its format."""
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r}, this version reads {FORMAT}")
    return data["request_digest"], int(data["sample"]), _request(data["request"])


def answer_from_json(data: dict[str, Any]) -> Answer:
    """Return a recorded answer; where it was served from then says nothing now."""
    return Answer(
        text=data["text"],
        model=data["model"],
        stop_reason=StopReason(data["stop_reason"]),
        usage=Usage(**data["usage"]),
        tool_calls=_tool_calls(data.get("tool_calls", ())),
        dropped=tuple(data.get("dropped", ())),
        data=data.get("data"),
        malformed=data.get("malformed") or {},
    )


def redacted(request: Request, redactor: Redactor) -> Request:
    """Return `request` as a line tells it: what is recorded holds no secrets, and nor does what is made of it."""
    return _request(redactor.data(dataclasses.asdict(request)))


def parse_recording(line: str, number: int, path: str | Path, restorer: Restorer) -> Recording:
    """Read a line back; `restorer` knows those before it. Raises InputError naming `path` and `number`."""
    try:
        data = restorer.restore(json.loads(line))
        request_digest, sample, request = request_from_json(data)
        alike = data.get("alike_digest") or request.digest
        return Recording(request_digest, sample, request, answer_from_json(data["answer"]), number, alike)
    except KeyError as error:
        raise InputError(f"{str(path)!r}, line {number}: no field {error}; record the exchange again") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{str(path)!r}, line {number}: not a recorded exchange: {error}") from error


def _request(data: dict[str, Any]) -> Request:
    messages = tuple(
        Message(**{**message, "tool_calls": _tool_calls(message.get("tool_calls", ()))}) for message in data["messages"]
    )
    tools = tuple(Tool(**tool) for tool in data.get("tools", ()))
    return Request(**{**data, "messages": messages, "tools": tools})


def _tool_calls(data: Iterable[dict[str, Any]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(**call) for call in data)


def _lines(request: Request) -> list[str]:
    text = "\n".join((request.model, request.system, *(message.content for message in request.messages)))
    return text[:_COMPARED].splitlines()


def text_difference(old: str, new: str) -> str:
    """Return where two unequal texts part, with an excerpt of both."""
    at = next(
        (place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    return f"at character {at}: recorded {old[at : at + _EXCERPT]!r}, asked {new[at : at + _EXCERPT]!r}"
