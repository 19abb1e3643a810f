"""A model endpoint on loopback that speaks two real wire formats and misbehaves on request.

    with LLMServer(lambda body: ScriptedAnswer(text="hello")) as server:
        server.anthropic_url   # POST /v1/messages
        server.openai_url      # POST /chat/completions, GET /models

Instead of a function it takes a list of behaviours, one for each request; the last one goes on for ever.
As a script: `python tests/support/llm_server.py --port 0 --answers FILE` prints its URL (OpenAI clients add `/v1`)
and serves until killed. FILE is a JSON list of objects `{"match": "part of the prompt",
"text": ..., "tool_calls": [[name, arguments]], "stop": ..., "usage": {"input": ..., "output": ...}}`; the first whose
`match` occurs in the prompt answers.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

ANTHROPIC_STOPS = {
    "end": "end_turn",
    "max_tokens": "max_tokens",
    "tool_use": "tool_use",
    "refusal": "refusal",
}
OPENAI_STOPS = {
    "end": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


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
    it ends `early` (properly, but too soon), goes on with `garbage`, or reports an `error`."""

    how: str
    events: int = 2
    answer: ScriptedAnswer = field(default_factory=lambda: ScriptedAnswer(text="never seen whole"))


@dataclass(frozen=True)
class Drip:
    """A good answer sent one byte at a time: no read ever waits long, and the whole takes ages."""

    interval_s: float = 0.05
    answer: ScriptedAnswer = field(default_factory=lambda: ScriptedAnswer(text="slow " * 200))


Behaviour = ScriptedAnswer | Status | Broken | Drip
AnswerFunction = Callable[[dict[str, Any]], Behaviour]


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class LLMServer:
    """Serves in threads of its own from `__enter__` to `__exit__`.

    `requests` keeps every POST, in order; `hung_up` is set once a client has left before its answer was complete.
    """

    def __init__(self, answer: AnswerFunction | Sequence[Behaviour], *, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.stopping = threading.Event()
        self.hung_up = threading.Event()
        self._answer = answer
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="llm-server", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> LLMServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve_until_killed(self) -> None:
        """Serve in the calling thread."""
        self._server.serve_forever()

    def behaviour(self, received: Received) -> Behaviour:
        """Note a request and say how to treat it."""
        with self._lock:
            self.requests.append(received)
            number = len(self.requests)
        if callable(self._answer):
            return self._answer(received.body)
        return self._answer[min(number, len(self._answer)) - 1]


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


def anthropic_message(body: dict[str, Any], answer: ScriptedAnswer) -> dict[str, Any]:
    """Return `answer` as a Messages API response."""
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
        for number, (name, arguments) in enumerate(answer.tool_calls, start=1)
    ]
    message = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": content,
        "stop_reason": ANTHROPIC_STOPS.get(answer.stop_word, answer.stop_word),
        "stop_sequence": None,
    }
    if answer.usage is not None:
        message["usage"] = {
            "input_tokens": answer.usage.get("input", 0),
            "output_tokens": answer.usage.get("output", 0),
            "cache_read_input_tokens": answer.usage.get("cache_read", 0),
            "cache_creation_input_tokens": answer.usage.get("cache_write", 0),
        }
    return message


def anthropic_events(body: dict[str, Any], answer: ScriptedAnswer) -> list[str]:
    """Return `answer` as the events of a Messages API stream."""
    whole = anthropic_message(body, answer)
    usage = whole.pop("usage", None)
    start = {**whole, "content": [], "stop_reason": None}
    if usage is not None:
        start["usage"] = {**usage, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            opening: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": part} for part in _halves(block["text"])]
        else:
            opening = {**block, "input": {}}
            arguments = answer.raw_arguments if answer.raw_arguments is not None else json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in _halves(arguments)]
        events.append({"type": "content_block_start", "index": index, "content_block": opening})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ending: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
    }
    if usage is not None:
        ending["usage"] = {"output_tokens": usage["output_tokens"]}
    events += [ending, {"type": "message_stop"}]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def openai_usage(usage: dict[str, int]) -> dict[str, Any]:
    """Return usage in this format, where the prompt includes what the cache held."""
    cached, written = usage.get("cache_read", 0), usage.get("cache_write", 0)
    prompt = usage.get("input", 0) + cached + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.get("output", 0),
        "total_tokens": prompt + usage.get("output", 0),
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }


def openai_tool_calls(answer: ScriptedAnswer) -> list[dict[str, Any]]:
    """Return the tool calls of `answer` in this format."""
    return [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": answer.raw_arguments if answer.raw_arguments is not None else json.dumps(arguments),
            },
        }
        for number, (name, arguments) in enumerate(answer.tool_calls, start=1)
    ]


def openai_completion(body: dict[str, Any], answer: ScriptedAnswer) -> dict[str, Any]:
    """Return `answer` as a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tool_calls:
        message["tool_calls"] = openai_tool_calls(answer)
    stop = OPENAI_STOPS.get(answer.stop_word, answer.stop_word)
    completion = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
    }
    return completion if answer.usage is None else {**completion, "usage": openai_usage(answer.usage)}


def openai_events(body: dict[str, Any], answer: ScriptedAnswer) -> list[str]:
    """Return `answer` as the events of a chat-completion stream; usage comes only if the request asks for it."""
    base = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": body.get("model")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in _halves(answer.text)]
    for index, call in enumerate(openai_tool_calls(answer)):
        first, second = _halves(call["function"]["arguments"])
        head = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": first}}
        deltas += [{"tool_calls": [head]}, {"tool_calls": [{"index": index, "function": {"arguments": second}}]}]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    stop = OPENAI_STOPS.get(answer.stop_word, answer.stop_word)
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]})
    if answer.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": openai_usage(answer.usage)})
    return [*(f"data: {json.dumps({**base, **chunk})}\n\n" for chunk in chunks), "data: [DONE]\n\n"]


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: LLMServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the exercise; everything else is printed as usual."""
        if isinstance(sys.exc_info()[1], ConnectionError):
            self.owner.hung_up.set()
        else:
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # an idle connection must not outlive the server for long
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; tests read `requests`."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            models = [{"id": "scripted-model", "object": "model", "created": 0, "owned_by": "tests"}]
            self._send(200, json.dumps({"object": "list", "data": models}))
        else:
            self._send(404, json.dumps({"error": {"message": f"no such path: {self.path}"}}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        formats = {
            "/v1/messages": (anthropic_events, anthropic_message),
            "/v1/chat/completions": (openai_events, openai_completion),
        }
        if self.path not in formats:
            self._send(404, json.dumps({"error": {"message": f"no such path: {self.path}"}}))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.server.owner.behaviour(Received(self.path, headers, body))
        if isinstance(behaviour, Status):
            text = behaviour.body if isinstance(behaviour.body, str) else json.dumps(behaviour.body)
            self._send(behaviour.code, text, behaviour.content_type, behaviour.headers)
            return
        events, whole = formats[self.path]
        if isinstance(behaviour, ScriptedAnswer):
            if body.get("stream"):
                self._stream(events(body, behaviour))
            else:
                self._send(200, json.dumps(whole(body, behaviour)))
        elif isinstance(behaviour, Broken):
            self._break(behaviour, events(body, behaviour.answer))
        else:
            self._drip("".join(events(body, behaviour.answer)), behaviour.interval_s)

    def _send(
        self, code: int, text: str, content_type: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        data = text.encode()
        self.send_response(code)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _start_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _stream(self, events: Sequence[str]) -> None:
        self._start_stream()
        for event in events:
            self._chunk(event)
        self.wfile.write(b"0\r\n\r\n")

    def _break(self, broken: Broken, events: list[str]) -> None:
        good = events[: broken.events]
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "scripted overload"}}
        if broken.how == "cut":
            self._start_stream()
            for event in good:
                self._chunk(event)
            self.wfile.write(b"ffff\r\ndata: {")
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif broken.how == "early":
            self._stream(good)
        elif broken.how == "garbage":
            self._stream([*good, "data: {not json\n\n"])
        elif broken.how == "error":
            self._stream([*good, f"event: error\ndata: {json.dumps(error)}\n\n"])
        else:
            raise ValueError(f"unknown way to break a stream: {broken.how!r}")

    def _drip(self, text: str, interval_s: float) -> None:
        self._start_stream()
        for character in text:
            if self.server.owner.stopping.wait(interval_s):
                return
            self._chunk(character)


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


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve scripted model answers on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--answers", type=Path, required=True, help="JSON list of scripted answers")
    arguments = parser.parse_args()
    server = LLMServer(answers_from_file(arguments.answers), port=arguments.port)
    print(server.url, flush=True)
    server.serve_until_killed()


if __name__ == "__main__":
    main()
