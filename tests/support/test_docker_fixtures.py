"""What tests ask of Docker is skipped where it is missing, and fails where it must be there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_swebench.sandbox.images.lite import LABEL

ROOT = Path(__file__).parents[2]


class BareEngine(BaseHTTPRequestHandler):
    """An engine without a single image."""

    protocol_version = "HTTP/1.1"
    images: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        name = self.path.partition("/images/")[2].removesuffix("/json")
        known = {"ApiVersion": "1.43"} if self.path.endswith(("/version", "/_ping")) else self.images.get(name)
        body = json.dumps(known or {"message": "no such image"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class LiteEngine(BareEngine):
    """An engine with no image but that of local tasks."""

    images: ClassVar = {"swebench-lite:py3.11": {"Id": "sha256:1", "Config": {"Labels": {LABEL: "some-base"}}}}


@pytest.fixture
def bare_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", BareEngine))
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
    names = "base_image, docker_client, docker_engine, real_row, real_rows, shared_data"
    pytester.makeconftest(f"from tests.conftest import {names}")
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


@pytest.mark.parametrize("bare_engine", [BareEngine, LiteEngine], indirect=True)
def test_missing_base_image_is_skipped_or_fails(
    pytester: pytest.Pytester, required: bool, bare_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", bare_engine)
    monkeypatch.setenv("PATH", "/nowhere")
    ended(pytester, required, "no base image for the tests: neither * nor mmdebstrap")


ASKING = """
import pytest

@pytest.fixture
def row(real_row):
    return real_row("acme__shop-1")

def test_it(row):
    raise AssertionError("there is no such image")
"""


def test_missing_image_of_a_real_instance_is_skipped_or_fails(
    pytester: pytest.Pytester, required: bool, bare_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", bare_engine)
    monkeypatch.setenv("SWEBENCH_SHARED_DATA", str(pytester.path))
    row = {"instance_id": "acme__shop-1", "image": "acme/shop:1"}
    pytester.path.joinpath("pypi_rows.jsonl").write_text(json.dumps(row))
    pytester.makepyfile(ASKING)
    ended(pytester, required, "image 'acme/shop:1' is not built here")


@pytest.mark.usefixtures("required")
def test_clone_without_real_data_skips_what_needs_it(
    pytester: pytest.Pytester, bare_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", bare_engine)
    monkeypatch.delenv("SWEBENCH_SHARED_DATA", raising=False)
    pytester.makepyfile(ASKING)
    ended(pytester, False, "SWEBENCH_SHARED_DATA names no folder of real benchmark data")
