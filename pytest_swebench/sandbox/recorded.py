"""A sandbox around another one: what its commands give back is recorded, or comes from a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from pytest_swebench.sandbox.protocol import CommandResult, Sandbox, Shell


class CommandLog(Protocol):
    """What keeps the results of commands."""

    def command(self, command: str, stdin: bytes, run: Callable[[], CommandResult]) -> CommandResult:
        """Call `run`, which changes the working copy, and return what the arm is to be told of it."""


class RecordedSandbox:
    """Passes everything on to `inner`; what commands return goes through `log`, however they were run."""

    def __init__(self, inner: Sandbox, log: CommandLog) -> None:
        self.workdir = inner.workdir
        self.image = inner.image
        self.image_digest = inner.image_digest
        self.history: Mapping[str, Any] = inner.history
        self.installs = inner.installs
        self._inner = inner
        self._log = log

    def run(self, command: str, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Run `command` for real; raises what `inner` and the log raise."""
        return self._log.command(command, stdin, lambda: self._inner.run(command, timeout_s=timeout_s, stdin=stdin))

    def shell(self) -> Shell:
        return RecordedShell(self._inner.shell(), self._log)

    def install(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command` for real; raises what `inner` and the log raise."""
        return self._log.command(command, b"", lambda: self._inner.install(command, timeout_s=timeout_s))

    def read(self, path: str, *, max_bytes: int = 1_000_000) -> bytes:
        return self._inner.read(path, max_bytes=max_bytes)

    def read_all(self, paths: Iterable[str], *, max_bytes: int = 1_000_000) -> dict[str, bytes]:
        return self._inner.read_all(paths, max_bytes=max_bytes)

    def write(self, files: Mapping[str, bytes]) -> None:
        self._inner.write(files)

    def files(self) -> list[str]:
        return self._inner.files()

    def diff(self) -> str:
        return self._inner.diff()

    def close(self) -> None:
        self._inner.close()


class RecordedShell:
    """Passes everything on to `inner`; what `run` returns goes through `log`."""

    def __init__(self, inner: Shell, log: CommandLog) -> None:
        self._inner = inner
        self._log = log

    def run(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command` for real; raises what `inner` and the log raise."""
        return self._log.command(command, b"", lambda: self._inner.run(command, timeout_s=timeout_s))

    def close(self) -> None:
        self._inner.close()
