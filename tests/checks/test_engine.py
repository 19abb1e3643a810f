from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.checks import Cause, Check, State
from pytest_swebench.checks.engine import Engine, look
from tests.support.lacking import do_without

NOBODY = 65534
SHOW = "from pytest_swebench.checks.engine import look\ncheck, _ = look(1.0)\nprint(check.cause, check.detail, sep='|')"


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder that everybody may enter, and whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="swe-checks-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def failure() -> Check:
    check, engine = look()
    assert engine is None
    assert check.state is State.FAIL
    assert check.fix
    return check


@contextmanager
def pretending(path: Path, version: str, api: str) -> Iterator[None]:
    """Listen on a socket like an engine of that version, as far as being asked about itself."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told = {"Version": version, "ApiVersion": api, "ID": "x", "MemTotal": 1, "NCPU": 1, "DockerRootDir": "/x"}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join(5)


def test_real_engine_is_told_with_version_and_architecture(docker_engine: None) -> None:
    check, engine = look()
    assert check.state is State.OK
    assert engine is not None
    assert engine.version in check.detail
    assert engine.memory_bytes > 1 << 30
    assert engine.id


def test_engine_that_docker_host_names_and_nobody_runs(no_engine: None) -> None:
    check = failure()
    assert check.cause is Cause.DOCKER_STOPPED
    assert "no-engine.sock" in check.detail
    assert "DOCKER_HOST" in check.fix


def test_remote_engine_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("DOCKER_HOST", f"tcp://user:secret-word@localhost:{port}")
    check = failure()
    assert check.cause is Cause.DOCKER_STOPPED
    assert f"localhost:{port}" in check.detail
    assert "secret-word" not in check.detail + check.fix


def test_socket_whose_engine_died(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(short / "docker.sock"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/docker.sock")
    assert failure().cause is Cause.DOCKER_STOPPED


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_socket_of_another_user_is_a_matter_of_permission(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short / "docker.sock"))
        listening.listen()
        os.chmod(short / "docker.sock", 0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/docker.sock")
        os.seteuid(NOBODY)
        try:
            check = failure()
        finally:
            os.seteuid(0)
    assert check.cause is Cause.DOCKER_PERMISSION
    assert check.cause.exit_code == 2
    assert check.fix == "sudo usermod -aG docker $USER, then log in again"


@pytest.mark.parametrize(("version", "api"), [("17.03.0-ce", "1.18"), ("19.03.15", "1.40")])
def test_old_engine_is_refused(short: Path, monkeypatch: pytest.MonkeyPatch, version: str, api: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/docker.sock")
    with pretending(short / "docker.sock", version, api):
        check = failure()
    assert check.cause is Cause.DOCKER_OLD
    assert "20.10 or newer" in check.fix


def test_engine_built_from_source_counts_as_new(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/docker.sock")
    with pretending(short / "docker.sock", "dev", "1.44"):
        check, engine = look()
    assert check.state is State.OK
    assert engine is not None
    assert not engine.remote


def test_engine_that_says_nothing_is_not_waited_for(short: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short / "docker.sock"))
        listening.listen()
        env = os.environ | {"DOCKER_HOST": f"unix://{short}/docker.sock"}
        done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("docker_failed|")
    assert "no answer within 1 s" in done.stdout


@pytest.mark.parametrize("how", ["config", "environment"])
def test_context_of_the_docker_command_is_told(tmp_path: Path, how: str) -> None:
    """Without DOCKER_HOST, on a machine whose default socket is not there: in a root of its own."""
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "colima" if how == "config" else "default"}))
    env = {name: value for name, value in os.environ.items() if name not in {"DOCKER_HOST", "DOCKER_CONTEXT"}}
    env |= {"DOCKER_CONFIG": str(tmp_path)} | ({"DOCKER_CONTEXT": "colima"} if how == "environment" else {})
    assert "context 'colima'" in without_socket(env)


@pytest.mark.parametrize(
    ("config", "path", "cause"),
    [("{", "/usr/bin:/bin:/usr/local/bin", "docker_stopped"), ("[]", "/nowhere", "docker_missing")],
)
def test_not_running_is_told_from_not_installed(tmp_path: Path, config: str, path: str, cause: str) -> None:
    (tmp_path / "config.json").write_text(config)
    env = {name: value for name, value in os.environ.items() if name not in {"DOCKER_HOST", "DOCKER_CONTEXT"}}
    assert without_socket(env | {"DOCKER_CONFIG": str(tmp_path)}, path).startswith(f"{cause}|")


def without_socket(env: dict[str, str], path: str = "/usr/bin:/bin") -> str:
    """Return what `look` says where the default socket is hidden by an empty folder, in a mount name space."""
    hide = 'mount -t tmpfs tmpfs /run && PATH="$2" exec "$0" -c "$1"'
    command = ["unshare", "--mount", "bash", "-c", hide, sys.executable, SHOW, path]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    if done.returncode:
        do_without(f"no name space for mounts here: {done.stderr.strip()[-200:]}")
    return done.stdout


@pytest.mark.parametrize(
    ("host", "remote"),
    [
        ("unix:///var/run/docker.sock", False),
        ("tcp://localhost:2375", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://build.example:2376", True),
        ("ssh://me@build.example", True),
    ],
)
def test_engine_elsewhere_is_known_by_its_address(host: str, remote: bool) -> None:
    engine = Engine(host=host, id="", version="", api="", arch="", root="", memory_bytes=0, cpus=0)
    assert engine.remote is remote
