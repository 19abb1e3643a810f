"""A network for one command, shown with a package index that listens on the engine's own bridge."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError, InputError, SandboxLost
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.engine import DEFAULT_HOST
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.sandbox.reaper import LABEL_RUN
from tests.sandbox.conftest import interrupt_after
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from docker import DockerClient

WHEEL = "tinypack-1.0-py3-none-any.whl"
INTERFACES = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route | wc -l"
NO_NETWORK = "lo\n0\n"
ASK = "python3 -c 'import urllib.request; urllib.request.urlopen(\"{url}/{path}\", timeout=2)'"


@dataclass
class Index:
    """A package index; `asked` is every path that somebody wanted of it."""

    url: str
    host: str
    asked: list[str] = field(default_factory=list)

    def pip(self, package: str) -> str:
        return (
            f"python3 -m pip install --target packages --no-cache-dir --disable-pip-version-check --retries 0 "
            f"--index-url {self.url}/simple/ --trusted-host {self.host} {package}"
        )


@pytest.fixture(scope="module")
def index(docker_client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    host = docker_client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway")
    if not host:
        pytest.skip("the engine's bridge has no address here")
    folder = tmp_path_factory.mktemp("index")
    project = folder / "simple" / "tinypack"
    project.mkdir(parents=True)
    (project / WHEEL).write_bytes(wheel("tinypack", "ANSWER = 42\n"))
    (project / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_request(self, *about: object) -> None:
            asked.append(self.path)

        def log_message(self, *about: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((host, 0), Handler)
    except OSError as error:
        pytest.skip(f"the engine's bridge {host!r} is not on this machine ({error})")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Index(f"http://{host}:{server.server_address[1]}", host, asked)
    server.shutdown()
    thread.join()
    server.server_close()


class FaultyEngine:
    """The engine behind a socket of its own, which answers every disconnection with an error once it is `faulty`."""

    def __init__(self, path: Path, engine: str) -> None:
        self.faulty = False
        self._target = engine
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def __enter__(self) -> FaultyEngine:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *about: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs, _ = self._listener.accept()
                ours = socket.socket(socket.AF_UNIX)
                ours.connect(self._target)
                threading.Thread(target=self._forward, args=(theirs, ours), daemon=True).start()
                threading.Thread(target=self._forward, args=(ours, theirs), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if self.faulty and b"/networks/bridge/disconnect HTTP" in data:
                    body = b'{"message": "out of order"}'
                    head = (
                        b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d"
                    )
                    source.sendall(head % len(body) + b"\r\n\r\n" + body)
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture(scope="module")
def lending(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="lending", options=DockerOptions.from_extra({"agent_network": "install"}))
    yield backend
    backend.close()


@pytest.fixture
def sandbox(lending: DockerBackend, docker_instance: Instance) -> Iterator[Sandbox]:
    sandbox = lending.open(docker_instance)
    yield sandbox
    sandbox.close()


def output(sandbox: Sandbox, command: str) -> str:
    return sandbox.run(command, timeout_s=30).output


def test_package_is_installed_and_nothing_else_reaches_the_network(sandbox: Sandbox, index: Index) -> None:
    ask = ASK.format(url=index.url, path="alone")
    assert sandbox.installs
    assert output(sandbox, INTERFACES) == NO_NETWORK
    assert "Network is unreachable" in output(sandbox, ask)
    assert sandbox.run(index.pip("tinypack"), timeout_s=60).exit_code != 0
    assert index.asked == []
    done = sandbox.install(index.pip("tinypack"), timeout_s=60)
    assert (done.exit_code, "Successfully installed tinypack-1.0" in done.output) == (0, True), done.output
    assert index.asked == ["/simple/tinypack/", f"/simple/tinypack/{WHEEL}"]
    assert "Network is unreachable" in output(sandbox, ask)
    assert output(sandbox, INTERFACES) == NO_NETWORK
    assert output(sandbox, "PYTHONPATH=packages python3 -c 'import tinypack; print(tinypack.ANSWER)'") == "42\n"


def test_installing_again_and_what_is_not_there(sandbox: Sandbox, index: Index) -> None:
    for _ in range(2):
        failed = sandbox.install(index.pip("no-such-package"), timeout_s=60)
        assert (failed.exit_code, "No matching distribution found" in failed.output) == (1, True), failed.output
    assert output(sandbox, INTERFACES) == NO_NETWORK


def test_what_an_install_leaves_in_the_background_has_no_network(sandbox: Sandbox, index: Index) -> None:
    ask = ASK.format(url=index.url, path="left-behind")
    assert (
        sandbox.install(f"{ask} 2>/dev/null; (sleep 1; {ask}; echo done) >left.txt 2>&1 &", timeout_s=30).output == ""
    )
    asked = index.asked.count("/left-behind")
    deadline = time.monotonic() + 20
    while "done" not in (left := output(sandbox, "cat left.txt")):
        assert time.monotonic() < deadline
    assert asked == 1
    assert "Network is unreachable" in left
    assert index.asked.count("/left-behind") == asked


def test_what_waits_in_the_background_gets_none_of_the_network(sandbox: Sandbox, index: Index) -> None:
    shell = sandbox.shell()
    wait = f"for i in $(seq 1000); do {ASK.format(url=index.url, path='waited')} && echo got; sleep 0.05; done"
    shell.run(f"({wait}) >waiter.txt 2>&1 &", timeout_s=30)
    assert sandbox.install(f"sleep 1; {index.pip('tinypack')}", timeout_s=60).exit_code == 0
    before = len(sandbox.read("waiter.txt"))
    deadline = time.monotonic() + 20
    while len(sandbox.read("waiter.txt")) == before:  # it goes on
        assert time.monotonic() < deadline
    assert "/waited" not in index.asked
    assert shell.run("echo alive", timeout_s=30).output == "alive\n"
    shell.close()


def test_network_goes_at_the_limit_of_time(sandbox: Sandbox) -> None:
    result = sandbox.install("setsid sleep 300 & sleep 300", timeout_s=0.5)
    assert (result.exit_code, result.timed_out) == (124, True)
    assert output(sandbox, f"{INTERFACES}; pgrep sleep | wc -l") == f"{NO_NETWORK}1\n"  # the keeper's


def test_network_goes_with_an_interrupt(sandbox: Sandbox) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_after(1):
        sandbox.install("sleep 300", timeout_s=60)
    assert output(sandbox, INTERFACES) == NO_NETWORK


def test_container_that_dies_while_it_installs_is_lost(docker_client: DockerClient, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="lost-lending", options=DockerOptions(agent_network="install"))
    sandbox = backend.open(docker_instance)
    (container,) = docker_client.containers.list(filters={"label": f"{LABEL_RUN}=lost-lending"})
    killer = threading.Timer(1, container.kill)
    killer.start()
    with pytest.raises(SandboxLost):
        sandbox.install("sleep 300", timeout_s=20)
    killer.join()
    with pytest.raises(SandboxLost):
        sandbox.install("true", timeout_s=20)
    backend.close()


def test_engine_that_lends_nothing_is_told_and_nothing_is_left_connected(
    docker_client: DockerClient, docker_instance: Instance
) -> None:
    backend = DockerBackend(run_id="twice-lent", options=DockerOptions(agent_network="install"))
    sandbox = backend.open(docker_instance)
    (container,) = docker_client.containers.list(filters={"label": f"{LABEL_RUN}=twice-lent"})
    docker_client.networks.get("bridge").connect(container)  # a second time is refused
    with pytest.raises(InfraError, match="connecting a sandbox: the Docker engine refused"):
        sandbox.install("true", timeout_s=20)
    assert output(sandbox, INTERFACES) == NO_NETWORK
    assert sandbox.install("echo lent", timeout_s=20).output == "lent\n"
    backend.close()


def test_container_that_cannot_be_disconnected_is_removed(
    docker_client: DockerClient, docker_instance: Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if not host.startswith("unix://"):
        pytest.skip(f"the engine at {host!r} has no socket here to stand before")
    with FaultyEngine(tmp_path / "engine.sock", host.removeprefix("unix://")) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
        backend = DockerBackend(run_id="stuck-lending", options=DockerOptions(agent_network="install"))
        sandbox = backend.open(docker_instance)
        engine.faulty = True
        with pytest.raises(SandboxLost, match="could not be disconnected from network 'bridge', so it was removed"):
            sandbox.install("true", timeout_s=20)
        assert docker_client.containers.list(all=True, filters={"label": f"{LABEL_RUN}=stuck-lending"}) == []
        backend.close()


def test_container_is_made_like_all_others_and_stands_alone(docker_client: DockerClient, sandbox: Sandbox) -> None:
    (container,) = docker_client.containers.list(filters={"label": f"{LABEL_RUN}=lending"})
    host, networks = container.attrs["HostConfig"], container.attrs["NetworkSettings"]["Networks"]
    assert (host["CapDrop"], host["SecurityOpt"], host["PidsLimit"]) == (["ALL"], ["no-new-privileges:true"], 512)
    assert networks == {}


def test_sandbox_without_a_network_to_lend_says_so(docker_backend: DockerBackend, docker_instance: Instance) -> None:
    sandbox = docker_backend.open(docker_instance)
    assert not sandbox.installs
    with pytest.raises(InputError, match="give --agent-network install"):
        sandbox.install("true", timeout_s=30)
    assert output(sandbox, INTERFACES) == NO_NETWORK


def test_sandbox_with_a_network_of_its_own_keeps_it(
    docker_engine: None, docker_instance: Instance, index: Index
) -> None:
    backend = DockerBackend(run_id="online", options=DockerOptions(network="bridge", agent_network="install"))
    sandbox = backend.open(docker_instance)
    assert sandbox.installs
    assert sandbox.install(index.pip("tinypack"), timeout_s=60).exit_code == 0
    assert sandbox.run(ASK.format(url=index.url, path="simple/tinypack/"), timeout_s=30).exit_code == 0
    backend.close()
