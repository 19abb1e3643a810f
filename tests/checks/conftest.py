from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.checks.plan import Plan
from pytest_swebench.datasets.instance import Instance
from tests.sandbox.images.conftest import fresh_id as fresh_id
from tests.sandbox.images.conftest import ledger as ledger
from tests.sandbox.images.conftest import published as published
from tests.sandbox.images.conftest import quiet_folders as quiet_folders
from tests.sandbox.images.conftest import registry as registry
from tests.support.trivial import trivial_instance

MakePlan = Callable[..., Plan]


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'no-engine.sock'}")


@pytest.fixture
def plan(tmp_path: Path) -> MakePlan:
    """Make a plan for the smallest instance, with a given image."""

    def make(image: str, **more: Any) -> Plan:
        instance: Instance = more.pop("instance", None) or trivial_instance(1, image=image)
        return Plan(instance=instance, output_dir=tmp_path / "results", **more)

    return make


@contextmanager
def answering(
    status: int,
    body: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    first: Callable[[], object] = lambda: None,
) -> Iterator[tuple[str, list[str]]]:
    """Run a server that answers all alike, after `first`; yields its address, and the lines of what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked.append(self.requestline)
            first()
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_HEAD = do_CONNECT = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what was asked is kept."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"localhost:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
