"""A process that is talked with: in a container over an attached socket, or here over one of our own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import SandboxLost
from pytest_swebench.sandbox.engine import attached, engine_errors, frames, readable

if TYPE_CHECKING:
    from docker import DockerClient

_SEND_S: Final = 30.0
_CHUNK_BYTES: Final = 1 << 18


class ExecChannel:
    """`command` in a running container, as `docker exec -i` runs it; its stdin and stdout only.

    Raises SandboxLost, DockerUnavailable or InfraError, also later. Closing does not end the process.
    """

    def __init__(
        self,
        client: DockerClient,
        container_id: str,
        command: Sequence[str],
        *,
        workdir: str,
        environment: Mapping[str, str],
        user: str,
    ) -> None:
        self._client = client
        with engine_errors("starting a shell in a sandbox"):
            self._id = client.api.exec_create(
                container_id,
                list(command),
                stdin=True,
                stderr=False,
                user=user,
                workdir=workdir,
                environment=dict(environment),
            )["Id"]
            stream: Any = client.api.exec_start(self._id, socket=True)
        self._open = contextlib.ExitStack()
        self._raw = self._open.enter_context(attached(stream))
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        _send(self._raw, data)

    def receive(self, timeout_s: float) -> bytes | None:
        deadline = time.monotonic() + timeout_s
        while readable(self._raw, max(0.0, deadline - time.monotonic())):
            try:
                data = self._raw.recv(_CHUNK_BYTES)
            except OSError:  # the engine hung up
                return b""
            if not data:
                return b""
            self._buffer += data
            if found := b"".join(payload for _, payload in frames(self._buffer)):
                return found
        return None

    def alive(self) -> bool:
        with engine_errors("looking after a shell in a sandbox"):
            return bool(self._client.api.exec_inspect(self._id)["Running"])

    def close(self) -> None:
        self._open.close()


class LocalChannel:
    """`command` as a process of our own, in a session of its own; closing kills it alone.

    `variables` are its whole environment. Raises SandboxLost without `workdir`.
    """

    def __init__(self, command: Sequence[str], workdir: str | Path, variables: Mapping[str, str]) -> None:
        self._raw, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    list(command),
                    cwd=workdir,
                    env=dict(variables),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                self._raw.close()
                raise SandboxLost(f"the working copy {str(workdir)!r} is gone ({error})") from error

    def send(self, data: bytes) -> None:
        _send(self._raw, data)

    def receive(self, timeout_s: float) -> bytes | None:
        if not readable(self._raw, timeout_s):
            return None
        try:
            return self._raw.recv(_CHUNK_BYTES)
        except OSError:
            return b""

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._raw.close()
        self._process.kill()
        self._process.wait()


def _send(raw: socket.socket, data: bytes) -> None:
    """Write all of `data`; a timeout, which is an OSError, is no end of the connection for the readers."""
    raw.settimeout(_SEND_S)
    try:
        raw.sendall(data)
    finally:
        raw.settimeout(None)
