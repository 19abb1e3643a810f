"""What answers of an engine mean: an HTTP server that gives them takes the engine's place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pytest_swebench.errors import ImageMissing, InfraError, OutOfResources, SandboxLost, SwebenchError
from pytest_swebench.sandbox.engine import engine_errors


@contextmanager
def answering(status: int, message: str) -> Iterator[str]:
    """Give the address of an engine that refuses everything in one way."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            body = json.dumps({"message": message}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (500, "write /var/lib/docker/overlay2/x: no space left on device", OutOfResources),
        (500, "something else", InfraError),
        (409, "the container is not running", SandboxLost),
        (404, "No such container: x", SandboxLost),
        (404, "No such image: x", ImageMissing),
    ],
)
def test_answers_become_errors_of_their_kind(status: int, message: str, kind: type[SwebenchError]) -> None:
    from docker import DockerClient

    with answering(status, message) as address:
        client = DockerClient(base_url=address, version="1.41")
        try:
            with pytest.raises(kind, match=f"^making it: .*{message}") as caught, engine_errors("making it"):
                client.api.create_container("an-image")
        finally:
            client.close()
    assert type(caught.value) is kind
