"""The Docker engine: connecting, running commands in containers with a deadline, and what its errors mean for us.

The only module that imports the docker SDK.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import posixpath
import selectors
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import DockerUnavailable, ImageMissing, InfraError, OutOfResources, SandboxLost
from pytest_swebench.sandbox.worktree import OUTPUT_LIMIT_BYTES, Collected

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
API_TIMEOUT_S: Final = 180.0  # committing a large repository is one request
_QUIET_S: Final = 0.25
_QUIET_MAX_S: Final = 2.0
_STDOUT: Final = 1


def connect() -> DockerClient:
    """Return a client of the engine that DOCKER_HOST or the default socket names. Raises DockerUnavailable."""
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if host.startswith("unix://"):
        # Asked directly: without an engine this costs no import, and the SDK would leave its socket unclosed.
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise _unavailable(host, error) from error
    import docker
    from docker.errors import DockerException

    try:
        return docker.from_env(timeout=int(API_TIMEOUT_S))
    except DockerException as error:
        raise _unavailable(host, error) from error


def _unavailable(host: str, why: Exception) -> DockerUnavailable:
    fix = "start Docker, or use --sandbox local for tasks you trust"
    return DockerUnavailable(f"no Docker engine answers at {host!r} ({why}); {fix}")


@contextlib.contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn the SDK's errors while doing `what` into ours.

    ImageMissing for an image, SandboxLost for a container that is gone or stopped, OutOfResources for a full disk,
    InfraError for another answer of the engine, DockerUnavailable where none came.
    """
    from docker.errors import APIError, DockerException, ImageNotFound, NotFound
    from requests.exceptions import RequestException

    try:
        yield
    except ImageNotFound as error:
        raise ImageMissing(f"{what}: {error.explanation}; pull or build the image first") from error
    except NotFound as error:
        raise SandboxLost(f"{what}: the container is gone ({error.explanation})") from error
    except APIError as error:
        message = f"{what}: the Docker engine refused ({error.explanation or error})"
        full = OutOfResources if os.strerror(errno.ENOSPC).lower() in message.lower() else InfraError
        raise (SandboxLost if error.status_code == 409 else full)(message) from error
    except (DockerException, RequestException, ConnectionError) as error:
        raise DockerUnavailable(f"{what}: the Docker engine does not answer ({error}); is it running?") from error


@contextlib.contextmanager
def gone() -> Iterator[None]:
    """Accept that a container is gone already or on its way out: the aim of every removal."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        if error.status_code not in {404, 409}:
            raise


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command in a container left; `finished` is false if the deadline came first, `exit_code` is -1 then."""

    exit_code: int
    finished: bool
    stdout: Collected
    stderr: Collected


def execute(
    client: DockerClient,
    container_id: str,
    command: Sequence[str],
    *,
    timeout_s: float,
    workdir: str | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    user: str = "0",
    limit_bytes: int = OUTPUT_LIMIT_BYTES,
) -> ExecResult:
    """Run `command` as `user` (root) in a running container and wait for at most `timeout_s` seconds.

    Of its stdout `limit_bytes` are kept. What is still running afterwards keeps running: killing is the caller's
    part. Raises SandboxLost, DockerUnavailable or InfraError.
    """
    out, err = Collected(limit_bytes), Collected()
    with engine_errors("running a command in a sandbox"):
        exec_id = client.api.exec_create(
            container_id,
            list(command),
            stdin=bool(stdin),
            user=user,
            workdir=workdir,
            environment=dict(environment or {}),
        )["Id"]
        stream: Any = client.api.exec_start(exec_id, socket=True)

        def ended() -> bool:
            return not client.api.exec_inspect(exec_id)["Running"]

        def take(kind: int, chunk: bytes) -> None:
            (out if kind == _STDOUT else err)(chunk)

        with attached(stream) as raw:
            sender = threading.Thread(target=_send, args=(raw, stdin), daemon=True) if stdin else None
            if sender is not None:
                sender.start()
            complete = pump(raw, take, deadline=time.monotonic() + timeout_s, ended=ended)
        if sender is not None:
            sender.join(timeout=5)
        code = client.api.exec_inspect(exec_id)["ExitCode"]
    return ExecResult(-1 if code is None else int(code), complete and code is not None, out, err)


def _send(raw: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the command may end without reading all of its input
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def attached(stream: Any) -> Iterator[socket.socket]:
    """Yield the socket below an attached stream of the SDK, and close both afterwards."""
    raw: socket.socket = getattr(stream, "_sock", stream)
    response = getattr(stream, "_response", None)
    raw.settimeout(None)
    try:
        yield raw
    finally:
        with contextlib.suppress(OSError):  # wakes a sender whose command ended without reading
            raw.shutdown(socket.SHUT_RDWR)
        if response is not None:  # first, for it flushes the stream
            response.close()
        stream.close()
        raw.close()


def pump(
    raw: socket.socket,
    take: Callable[[int, bytes], None],
    *,
    deadline: float,
    ended: Callable[[], bool],
) -> bool:
    """Hand every frame of an attached stream (1 stdout, 2 stderr) to `take`; return False at the deadline.

    A background process may hold the stream open after the command: so in quiet moments `ended` is asked, and after
    a yes one more quiet moment ends the stream. `deadline` is in seconds of `time.monotonic()`.
    """
    buffer = bytearray()
    over, quiet_s = False, _QUIET_S
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        if not readable(raw, min(quiet_s, left_s)):
            if over:
                return True
            over = ended()
            quiet_s = _QUIET_S if over else min(2 * quiet_s, _QUIET_MAX_S)
            continue
        data = raw.recv(1 << 16)
        if not data:
            return True
        buffer += data
        quiet_s = _QUIET_S
        for stream, payload in frames(buffer):
            take(stream, payload)


def frames(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Take the whole frames out of `buffer`: number of the stream (1 stdout, 2 stderr) and payload."""
    found, at = [], 0
    while len(buffer) - at >= 8:  # one byte stream number, three of zero, four of length, big-endian; then the payload
        end = at + 8 + int.from_bytes(buffer[at + 4 : at + 8], "big")
        if end > len(buffer):
            break
        found.append((buffer[at], bytes(buffer[at + 8 : end])))
        at = end
    del buffer[:at]
    return found


def readable(raw: socket.socket, timeout_s: float) -> bool:
    """Wait at most `timeout_s` for data, without a socket timeout, which would cut off the sending side as well."""
    pending = getattr(raw, "pending", None)  # of a TLS connection, which may hold data back
    if pending is not None and pending():
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(raw, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))


def killed_for_memory(container: Container, since: float) -> bool:
    """Tell whether the kernel killed any process of a container for memory after `since`, a time of `time.time()`.

    The state knows of PID 1 only; another process shows as an event, which the engine may have a moment later.
    """
    api: Any = container.client.api  # type: ignore[union-attr]
    if api.inspect_container(container.id)["State"].get("OOMKilled"):
        return True
    about = {"container": container.id, "event": "oom"}
    events = api.events(since=f"{since:.6f}", until=f"{time.time() + 1:.6f}", filters=about, decode=True)
    return any(True for _ in events)


def copied_out(container: Container, path: str) -> bytes | None:
    """Return the content of a regular file in a container, running or not; None where there is none."""
    from docker.errors import NotFound

    with engine_errors(f"copying {path!r} out of a container"):
        try:
            chunks, _ = container.get_archive(path)
        except NotFound:
            return None
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            entry = tar.next()
            file = tar.extractfile(entry) if entry is not None and entry.isfile() else None
            return None if file is None else file.read()


def archive(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return a tar, to be unpacked at `/`, that holds `files` below the absolute `folder`, owned by root."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        head = tarfile.TarInfo(folder.strip("/"))
        head.type, head.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(head)
        for name, content in files.items():
            entry = tarfile.TarInfo(posixpath.join(folder.strip("/"), name))
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
