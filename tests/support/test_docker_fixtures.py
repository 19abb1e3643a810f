"""What tests ask of Docker is skipped where it is missing, and fails where it must be there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class BareEngine(BaseHTTPRequestHandler):
    """An engine without a single image."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = self.path.endswith(("/version", "/_ping"))
        body = json.dumps({"ApiVersion": "1.43"} if known else {"message": "no such image"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bare_engine() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BareEngine)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["", "1"])
def required(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> bool:
    """Whether SWEBENCH_REQUIRE_DOCKER is set for the tests in `pytester`'s folder, which use the fixtures of here."""
    monkeypatch.setenv("SWEBENCH_REQUIRE_DOCKER", request.param)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest("from tests.conftest import base_image, docker_client, docker_engine")
    pytester.makepyfile("def test_it(base_image): raise AssertionError('there is no such image')")
    return bool(request.param)


def ended(pytester: pytest.Pytester, required: bool, lack: str) -> None:
    result = pytester.runpytest_subprocess("-p", "no:langsmith_plugin", "-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(errors=1) if required else result.assert_outcomes(skipped=1)
    told = f"SWEBENCH_REQUIRE_DOCKER=1, but {lack}" if required else f"SKIPPED * {lack}"
    result.stdout.fnmatch_lines([f"*{told}*"])


def test_missing_engine_is_skipped_or_fails(
    pytester: pytest.Pytester, required: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    ended(pytester, required, "no Docker engine")


def test_missing_base_image_is_skipped_or_fails(
    pytester: pytest.Pytester, required: bool, bare_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", bare_engine)
    monkeypatch.setenv("PATH", "/nowhere")
    ended(pytester, required, "no base image for the tests: neither * nor mmdebstrap")
