"""A server on the loopback that speaks as much of LangSmith's API as is used here, and keeps what it is told."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class LangSmithServer:
    """What was asked, and what it came to: as the real one, it has one run and one feedback of an id, and says 409."""

    url: str
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    refuse: tuple[str, ...] = ()
    delay_s: float = 0.0
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    feedback: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sent(self, method: str, path: str) -> list[Any]:
        """Return the bodies of the requests of that kind."""
        return [body for verb, where, body in self.requests if verb == method and where.startswith(path)]

    def said_of(self, run_id: str) -> dict[str, Any]:
        """Return the feedback on a run: key -> score or value."""
        own = [one for one in self.feedback.values() if one["run_id"] == run_id]
        return {one["key"]: one.get("value", one.get("score")) for one in own}

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Take a request and return status and body of the answer."""
        self.requests.append((method, path, body))
        if path.startswith(self.refuse or ("none",)):
            return 422, {"detail": "not today"}
        kind, _, name = path.strip("/").partition("/")
        kept = {"runs": self.runs, "feedback": self.feedback}.get(kind)
        if kept is not None and method == "POST":
            if body["id"] in kept:
                return 409, {"detail": "there already"}
            kept[body["id"]] = dict(body)
        elif kept is not None and method == "PATCH":
            if name not in kept:
                return 404, {"detail": "no such id"}
            kept[name].update({key: value for key, value in body.items() if value is not None})
        elif path.startswith("/sessions") and method == "POST":
            self.projects.append(body["name"])
            return 200, project(body["name"])
        elif path.startswith("/sessions"):
            return 200, [project(name) for name in self.projects if f"name={name}" in path]
        return 200, {}


def project(name: str) -> dict[str, Any]:
    """Return a project as the server tells of it."""
    ids = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)), "tenant_id": str(uuid.UUID(int=1))}
    return {**ids, "name": name, "reference_dataset_id": None}


def env_for(url: str, **more: str) -> dict[str, str]:
    """Return the environment of somebody who traces to `url`."""
    return {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "key-1234567890", "LANGSMITH_ENDPOINT": url, **more}


@contextmanager
def langsmith_server() -> Iterator[LangSmithServer]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            time.sleep(state.delay_s)
            with state.lock:
                status, told = state.answer(self.command, self.path, body)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _handle

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's own stderr clean."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = LangSmithServer(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
