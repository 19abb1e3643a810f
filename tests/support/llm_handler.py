"""The HTTP side of the scripted endpoint: one request in, one behaviour out."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.support.llm_behaviours import Behaviour, Broken, ScriptedAnswer, Status, Stream, prompt_text
from tests.support.llm_wire import (
    anthropic_events,
    anthropic_message,
    model_list,
    model_page,
    openai_completion,
    openai_events,
)

if TYPE_CHECKING:
    from tests.support.llm_server import LLMServer

FORMATS: dict[str, tuple[Callable[..., list[str]], Callable[..., dict[str, Any]]]] = {
    "/v1/messages": (anthropic_events, anthropic_message),
    "/v1/chat/completions": (openai_events, openai_completion),
}
COUNTERS = {
    "/v1/messages/count_tokens": {},
    "/v1/responses/input_tokens": {"object": "response.input_tokens"},
}


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: LLMServer, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.owner = owner
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="llm-server", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut what is open; safe to call twice."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        for connection in tuple(self.owner.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the client was quicker
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the exercise; everything else is printed as usual."""
        if isinstance(sys.exc_info()[1], ConnectionError):
            self.owner.hung_up.set()
        else:
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # an idle connection must not outlive the server for long
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.owner.connections.add(self.connection)

    def finish(self) -> None:
        self.server.owner.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; tests read `requests`."""

    def do_GET(self) -> None:
        owner, url = self.server.owner, urlsplit(self.path)
        if url.path == "/traffic":
            self._send_json(200, owner.traffic.as_json())
        elif url.path == "/api/tags" and owner.pulls is not None:
            self._send_json(200, {"models": [{"name": model["id"]} for model in owner.listed()]})
        elif url.path.rstrip("/") != "/v1/models":
            self._send_json(404, {"error": {"message": f"no such path: {self.path}"}})
        elif not self._has_key():
            self._refuse_key()
        elif isinstance(owner.models, Status):
            self._behave(owner.models, {})
        elif "anthropic-version" in self.headers:
            self._send_json(200, model_page(owner.models, parse_qs(url.query).get("after_id", [""])[0], owner.page))
        else:
            self._send_json(200, model_list(owner.models))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/control":
            self._control(body)
        elif self.path == "/api/pull" and self.server.owner.pulls is not None:
            steps = self.server.owner.pulled(str(body["model"]))
            if isinstance(steps, Status):
                self._behave(steps, {})
            else:
                self._send(200, steps, "application/x-ndjson")
        elif self.path not in {*FORMATS, *COUNTERS}:
            self._send_json(404, {"error": {"message": f"no such path: {self.path}"}})
        elif not self._has_key():
            self._refuse_key()
        else:
            self._take(Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body))

    def _take(self, received: Received) -> None:
        owner = self.server.owner
        if received.path in COUNTERS:
            owner.counted.append(received)
            body = received.body
            words = prompt_text({"system": body.get("instructions"), "messages": body.get("input"), **body}).split()
            self._send_json(200, {**COUNTERS[received.path], "input_tokens": len(words)})
        else:
            self._behave(owner.turned_away(received) or owner.behaviour(received), received.body)

    def _control(self, order: dict[str, Any]) -> None:
        if "storm_s" in order:
            self.server.owner.storm(order["storm_s"], retry_after=order.get("retry_after", ""))
        self._send_json(200, {})
        if "down_s" in order:
            self.server.owner.down(order["down_s"])

    def _has_key(self) -> bool:
        sent = {self.headers.get("x-api-key", ""), self.headers.get("authorization", "").removeprefix("Bearer ")}
        return not self.server.owner.key or self.server.owner.key in sent

    def _refuse_key(self) -> None:
        self._send_json(401, {"error": {"type": "authentication_error", "message": "invalid key"}})

    def _behave(self, behaviour: Behaviour, body: dict[str, Any]) -> None:
        if isinstance(behaviour, Status):
            text = behaviour.body if isinstance(behaviour.body, str) else json.dumps(behaviour.body)
            self._send(behaviour.code, text, behaviour.content_type, behaviour.headers)
            return
        if isinstance(behaviour, Stream):
            self._stream([f"data: {json.dumps(event)}\n\n" for event in behaviour.events])
            return
        events, whole = FORMATS[self.path]
        answer = behaviour if isinstance(behaviour, ScriptedAnswer) else behaviour.answer
        self.server.owner.traffic.charge(str(body.get("model")), answer.usage)
        if isinstance(behaviour, ScriptedAnswer):
            if body.get("stream"):
                self._stream(events(body, behaviour))
            else:
                self._send_json(200, whole(body, behaviour))
        elif isinstance(behaviour, Broken):
            self._break(behaviour, events(body, behaviour.answer))
        else:
            self._drip("".join(events(body, behaviour.answer)), behaviour.interval_s)

    def _send_json(self, code: int, value: Any) -> None:
        self._send(code, json.dumps(value))

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
        for name, value in self.server.owner.limit_headers().items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _stream(self, events: Sequence[str]) -> None:
        self._start_stream()
        for event in events:
            self._chunk(event)
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _break(self, broken: Broken, events: list[str]) -> None:
        good = events[: broken.events]
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "scripted overload"}}
        if broken.how == "hang up":
            self._hang_up()
        elif broken.how == "cut":
            self._start_stream()
            for event in good:
                self._chunk(event)
            self.wfile.write(b"ffff\r\ndata: {")
            self._hang_up()
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
