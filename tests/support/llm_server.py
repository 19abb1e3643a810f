"""A model endpoint on loopback that speaks two real wire formats and misbehaves on request.

    with LLMServer(lambda body: ScriptedAnswer(text="hello")) as server:
        server.anthropic_url   # POST /v1/messages, /v1/messages/count_tokens, GET /v1/models
        server.openai_url      # POST /chat/completions, /responses/input_tokens, GET /models

Instead of a function it takes a list of behaviours, one for each request; the last one goes on for ever.

As a script it serves any number of processes until it is killed, and prints its URL (OpenAI clients add `/v1`):
`python -m tests.support.llm_server --port 0 --answers FILE`. FILE is a JSON list of objects `{"match": "part of the
prompt", "text": ..., "tool_calls": [[name, arguments]], "stop": ..., "usage": {"input": ..., "output": ...}}`; the
first whose `match` occurs in the prompt answers. `GET /traffic` returns its counts, `POST /control` takes
`{"storm_s": 30, "retry_after": "5"}` and `{"down_s": 10}`.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.llm_behaviours import (
    AnswerFunction,
    Behaviour,
    Broken,
    Drip,
    ScriptedAnswer,
    Status,
    Stream,
    answers_from_file,
    bad_request,
    prompt_text,
    refusing,
)
from tests.support.llm_handler import Listener, Received
from tests.support.llm_traffic import Limiter, RateLimit, Traffic

__all__ = [
    "AnswerFunction",
    "Behaviour",
    "Broken",
    "Drip",
    "LLMServer",
    "RateLimit",
    "Received",
    "ScriptedAnswer",
    "Status",
    "Stream",
    "bad_request",
    "prompt_text",
    "refusing",
]


class LLMServer:
    """Serves in threads of its own from `__enter__` to `__exit__`.

    `requests` keeps every POST that got as far as `answer`, in order (none with `keep=False`), `traffic` counts them
    and those turned away; `counted` keeps those that only asked for a count of tokens. `hung_up` is set once a client
    has left before its answer was complete. With a `key`, requests without it are refused; `models` are listed, to
    Anthropic's clients `page` at a time, or a Status is sent in their place. With `pulls`, what Ollama says while it
    pulls a model of that name, it speaks as much of Ollama's own API as listing and pulling take.
    """

    def __init__(
        self,
        answer: AnswerFunction | Sequence[Behaviour],
        *,
        port: int = 0,
        limit: RateLimit | None = None,
        key: str = "",
        models: Sequence[dict[str, Any]] | Status = ({"id": "scripted-model"},),
        page: int = 1000,
        keep: bool = True,
        pulls: Mapping[str, Sequence[dict[str, Any]] | Status] | None = None,
    ) -> None:
        self.requests: list[Received] = []
        self.counted: list[Received] = []
        self.traffic = Traffic()
        self.limiter = Limiter(limit) if limit else None
        self.key = key
        self.models = models
        self.page = page
        self.pulls = pulls
        self.stopping = threading.Event()
        self.hung_up = threading.Event()
        self.connections: set[socket.socket] = set()
        self._answer = answer
        self._keep = keep
        self._asked = 0
        self._lock = threading.Lock()
        self._storm: tuple[float, Status] | None = None
        self._back: threading.Timer | None = None
        self._server = Listener(self, port)
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> LLMServer:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if self._back is not None:
            self._back.cancel()
            self._back.join()
        self._server.stop()

    def listed(self) -> Sequence[dict[str, Any]]:
        """Return the models that are here."""
        return () if isinstance(self.models, Status) else self.models

    def pulled(self, name: str) -> str | Status:
        """Return the lines that Ollama sends while it pulls a model; one that comes through is here from now on."""
        steps = (self.pulls or {}).get(name, [{"error": "pull model manifest: file does not exist"}])
        if isinstance(steps, Status):
            return steps
        if steps[-1].get("status") == "success":
            self.models = [*self.listed(), {"id": name}]
        return "".join(f"{json.dumps(step)}\n" for step in steps)

    def behave_from_now_on(self, answer: AnswerFunction | Sequence[Behaviour]) -> None:
        """Take other orders, and count requests from one again."""
        with self._lock:
            self._answer, self._asked = answer, 0

    def serve_until_killed(self) -> None:
        """Serve, the calling thread asleep."""
        with self:
            threading.Event().wait()

    def storm(self, duration_s: float, *, retry_after: str = "", code: int = 429) -> None:
        """Turn every request away from now on, for `duration_s` seconds, asking to wait `retry_after`."""
        headers = {"retry-after": retry_after} if retry_after else {}
        body = {"type": "error", "error": {"type": "rate_limit_error", "message": "scripted storm"}}
        self._storm = time.monotonic() + duration_s, Status(code, body, headers)

    def down(self, duration_s: float) -> None:
        """Drop all connections and listen to nobody; after `duration_s` seconds the same port answers again."""
        self._server.stop()
        self._back = threading.Timer(duration_s, self._listen_again)
        self._back.daemon = True
        self._back.start()

    def _listen_again(self) -> None:
        self._server = Listener(self, self.port)
        self._server.start()

    def turned_away(self, received: Received) -> Status | None:
        """Return what a request gets that never reaches the model; counts it either way."""
        refusal = None
        if self._storm is not None and time.monotonic() < self._storm[0]:
            refusal = self._storm[1]
        elif self.limiter is not None:
            tokens = len(prompt_text(received.body)) // 4 + int(received.body.get("max_tokens", 0))
            wait_s, headers = self.limiter.take(tokens)
            if wait_s:
                refusal = Status(429, {"error": {"type": "rate_limit_error", "message": "scripted limit"}}, headers)
        self.traffic.count(accepted=refusal is None)
        return refusal

    def limit_headers(self) -> dict[str, str]:
        """Return the headers that announce the limit as it stands."""
        return self.limiter.announced() if self.limiter is not None else {}

    def behaviour(self, received: Received) -> Behaviour:
        """Note a request and say how to treat it."""
        with self._lock:
            self._asked += 1
            number = self._asked
            if self._keep:
                self.requests.append(received)
        if callable(self._answer):
            return self._answer(received.body)
        return self._answer[min(number, len(self._answer)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve scripted model answers on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--answers", type=Path, help="JSON list of scripted answers; without it every answer is 'ok'")
    parser.add_argument("--requests", type=int, default=0, help="requests let in in a window; 0 for any number")
    parser.add_argument("--tokens", type=int, default=0, help="tokens let in in a window; 0 for any number")
    parser.add_argument("--window", type=float, default=60.0, help="seconds of the window")
    arguments = parser.parse_args()
    answer = answers_from_file(arguments.answers) if arguments.answers else lambda body: ScriptedAnswer("ok")
    limit = RateLimit(arguments.requests, arguments.tokens, arguments.window) if arguments.requests else None
    server = LLMServer(answer, port=arguments.port, limit=limit, keep=False)
    print(server.url, flush=True)
    server.serve_until_killed()


if __name__ == "__main__":
    main()
