"""What the tools of an agent work on: the sandbox, and one shell in it for all commands."""

from __future__ import annotations

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, cut
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox, Shell


class Workbench:
    """A sandbox with a shell that starts on first use. Whoever makes one closes it."""

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self._shell: Shell | None = None

    def run(self, command: str, timeout_s: float) -> CommandResult:
        """Run `command`, for `timeout_s` or what the clock has left. Raises LimitReached and SandboxLost."""
        allowed_s = min(timeout_s, self.clock.left_s())
        if self._shell is None:
            self._shell = self.sandbox.shell()
        return self._shell.run(command, timeout_s=allowed_s)

    def install(self, command: str, timeout_s: float) -> CommandResult:
        """Run `command` with a network. Raises LimitReached, SandboxLost, InputError where there is none to give."""
        return self.sandbox.install(command, timeout_s=min(timeout_s, self.clock.left_s()))

    def read(self, path: str, *, max_bytes: int) -> str:
        """Return a file, such that its bytes can be had back from the text. Raises FileNotFoundError."""
        return self.sandbox.read(path, max_bytes=max_bytes).decode(errors="surrogateescape")

    def close(self) -> None:
        """End the shell; the sandbox is somebody else's."""
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()


def told(result: CommandResult) -> str:
    """Return what a model is told of a command."""
    head = "timed out; all that it had started was killed" if result.timed_out else f"exit code {result.exit_code}"
    return f"{head}\n{cut(result.output, OUTPUT_CHARS - len(head) - 1)}"
