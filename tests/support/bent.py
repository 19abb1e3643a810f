"""A sandbox in which other tools are in reach than in the one it is made of."""

from __future__ import annotations

from collections.abc import Callable

from pytest_swebench.sandbox.protocol import CommandResult, Sandbox
from pytest_swebench.sandbox.recorded import RecordedSandbox


class Straight:
    """A log that keeps nothing."""

    def command(self, command: str, stdin: bytes, run: Callable[[], CommandResult]) -> CommandResult:
        return run()


class Bent(RecordedSandbox):
    """Runs commands with `path` for their PATH; those that hold `spoilt` fail as on a full disk."""

    def __init__(self, inner: Sandbox, path: str, *, spoilt: str = "") -> None:
        super().__init__(inner, Straight())
        self._path = path
        self._spoilt = spoilt

    def run(self, command: str, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        if self._spoilt and self._spoilt in command:
            command = "echo no space left on device; exit 9"
        return super().run(f"export PATH={self._path}\n{command}", timeout_s=timeout_s, stdin=stdin)
