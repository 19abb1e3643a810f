"""A real registry on loopback (Debian's `docker-registry`), and a front door that misbehaves on demand.

Images are pushed to the registry itself and pulled through the front door, which counts what is asked of it, can
demand a login, answer 429 for a while, and cut a layer off in the middle.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.lacking import do_without

if TYPE_CHECKING:
    from docker import DockerClient

CONFIG = """
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {folder}}}
http: {{addr: "127.0.0.1:{port}", secret: tests}}
"""


class Registry:
    """Both doors: `backend` is the registry's own `localhost:port`, `front` the door that can misbehave."""

    def __init__(self, backend_port: int) -> None:
        self.backend = f"localhost:{backend_port}"
        self.backend_port = backend_port
        self.requests: list[tuple[str, str, int]] = []
        self.credentials: tuple[str, str] | None = None
        self.limited = 0
        self.limited_text = "you have asked too often"
        self.cuts = 0
        self.broken = 0
        self.slow_s = 0.0
        self.lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Door)
        self._server.daemon_threads = True
        self._server.registry = self  # type: ignore[attr-defined]
        self.front = f"localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def took(self, part: str, status: int = 200, method: str = "GET") -> list[str]:
        """Return the paths with `part` in them that were answered with `status`."""
        with self.lock:
            return [path for how, path, code in self.requests if (how, code) == (method, status) and part in path]

    def publish(self, client: DockerClient, name: str, *, layers: int = 1, size_bytes: int = 200_000) -> str:
        """Push an image of random layers as `name`; return its id. Nothing of it stays on the engine."""
        pushed = f"{self.backend}/{name}"
        client.images.load(_saved(pushed, [os.urandom(size_bytes) for _ in range(layers)]))
        return self.push(client, pushed)

    def push(self, client: DockerClient, pushed: str) -> str:
        """Push the image that is here as `pushed` and remove that name; return its id."""
        image_id = str(client.images.get(pushed).id)
        for event in client.images.push(pushed, stream=True, decode=True):
            assert "error" not in event, event
        client.images.remove(pushed)
        return image_id


def _saved(name: str, layers: list[bytes]) -> bytes:
    """Return what `docker load` takes: an image of one file a layer."""
    packed = [_tar({f"layer{number}": content}) for number, content in enumerate(layers)]
    digests = [hashlib.sha256(layer).hexdigest() for layer in packed]
    steps = [{"created": "2000-01-01T00:00:00Z", "created_by": f"layer {digest}"} for digest in digests]
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["none"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": steps,
    }
    files = {f"{digest}.tar": layer for digest, layer in zip(digests, packed, strict=True)}
    manifest = [{"Config": "settings.json", "RepoTags": [name], "Layers": list(files)}]
    return _tar(
        {**files, "settings.json": json.dumps(settings).encode(), "manifest.json": json.dumps(manifest).encode()}
    )


def _tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class _Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the requests are counted."""

    def _serve(self) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        manifest, blob = "/manifests/" in self.path, "/blobs/" in self.path
        with registry.lock:
            wanted = registry.credentials
            limit = manifest and registry.limited > 0
            registry.limited -= limit
            broken = manifest and registry.broken > 0
            registry.broken -= broken
        if wanted is not None:
            token = base64.b64encode(":".join(wanted).encode()).decode()
            if self.headers.get("Authorization") != f"Basic {token}":
                self._answer(401, '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
                return
        if limit:
            text = registry.limited_text
            self._answer(429, f'{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{text}"}}]}}')
            return
        if broken:
            self._answer(503, "the registry is out of order")
            return
        connection = http.client.HTTPConnection("127.0.0.1", registry.backend_port, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # some come more than once
            if name.lower() != "authorization":
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self._note(answer.status)
        cut = False
        if blob and self.command == "GET" and len(body) > 50_000:
            time.sleep(registry.slow_s)
            with registry.lock:
                cut = registry.cuts > 0
                registry.cuts -= cut
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, body: str) -> None:
        self._note(status)
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def _note(self, status: int) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        with registry.lock:
            registry.requests.append((self.command, self.path, status))


@contextmanager
def running_registry(folder: Path) -> Iterator[Registry]:
    """Run a registry that keeps its images below `folder`; skips where Debian's package is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        do_without("docker-registry is not installed (Debian package docker-registry)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "registry.yml"
    config.write_text(CONFIG.format(folder=folder / "images", port=port), encoding="utf-8")
    process = subprocess.Popen([program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_up(port, process)
        registry = Registry(port)
        try:
            yield registry
        finally:
            registry.close()
    finally:
        process.kill()
        process.wait()


def _until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the registry did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the registry does not answer")
