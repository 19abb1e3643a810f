"""One bash for many commands: each runs in a bash of its own under it, so that none can break the next.

What goes in: a line `<nonce> <size>`, the command in `size` bytes, and an empty line once its end was seen. What comes
out: `<nonce>+`, the output, `<nonce>-<exit code>`, each mark with a line break behind it.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Final, Protocol

from pytest_swebench.errors import SandboxLost
from pytest_swebench.sandbox.protocol import CommandResult
from pytest_swebench.sandbox.worktree import TIMEOUT_EXIT_CODE

KEPT_BYTES: Final = 1024 * 1024
"""What is kept of a command's output: half of it from the beginning, half from the end."""

# Signals are ignored, but not by commands; a handler would break into `wait`, which then may wait for ever (bash 5.2).
# The output of a command goes through a pipe and a `cat` of its own: what it leaves in the background cannot talk into
# the next one, for once the end was seen another `cat` takes over and throws away. The mark of the end goes through the
# same pipe, so it comes after all that the command wrote; only where somebody killed the `cat` it takes the direct way.
# `set -m` gives each command a process group.
LOOP: Final = """
exec 3<&0 4>&1 0</dev/null >/dev/null 2>&1
set -m
signals='HUP INT QUIT USR1 USR2 PIPE ALRM TERM'
trap '' $signals
while read -r -u 3 nonce size; do
  command=
  if ((size)); then LC_ALL=C IFS= read -r -N "$size" -u 3 command || exit; fi
  printf '%s+\\n' "$nonce" >&4
  exec {out}> >(exec cat >&4 3<&- 4>&-)
  relay=$! code=1
  if cd -- "$1" 2>&"$out"; then
    { trap - $signals; exec bash -c "$command"; } >&"$out" 2>&1 3<&- 4>&- {out}>&- &
    wait $!
    code=$?
  fi
  printf '%s-%s\\n' "$nonce" "$code" >&"$out"
  exec {out}>&-
  until read -r -t 1 -u 3; do
    (($? > 128)) || exit
    kill -0 "$relay" || printf '%s-%s\\n' "$nonce" "$code" >&4
  done
  if kill -0 "$relay" && exec {left}< "/proc/$relay/fd/0"; then
    cat <&"$left" 3<&- 4>&- {left}<&- &
    exec {left}<&-
    kill -9 "$relay"
    wait "$relay"
  fi
done
"""

# A loop takes longer to begin a command if it cannot fork; ending all that runs there makes room again.
_START_S: Final = 10.0
_STARTS: Final = 3
_QUIET_S: Final = 0.25
_QUIET_MAX_S: Final = 2.0
_CANNOT_RUN: Final = 126
_KILLED_EXIT_CODE: Final = 137


class Channel(Protocol):
    """A running LOOP, as seen from here."""

    def send(self, data: bytes) -> None:
        """Write to its stdin. Raises OSError where it does not read."""

    def receive(self, timeout_s: float) -> bytes | None:
        """Return what comes next of its stdout, None where nothing came in time, nothing at the end."""

    def alive(self) -> bool:
        """Whether it runs; what it left in the background may hold its stdout open after it."""

    def close(self) -> None:
        """Let go of it; safe to call twice."""


class ChannelShell:
    """A shell over channels: `start` makes one, `kill` ends every process in the sandbox that commands have started.

    Both raise SandboxLost where the sandbox is gone. A loop that was killed is started again with the next command.
    """

    def __init__(self, start: Callable[[], Channel], kill: Callable[[], None]) -> None:
        self._start = start
        self._kill = kill
        self._channel: Channel | None = start()
        self._closed = False

    def run(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command`; see `Shell`. A command that kills the loop itself ends there, with exit code 137."""
        if self._closed:
            raise SandboxLost("the shell is closed")
        if "\0" in command:
            return CommandResult(_CANNOT_RUN, "bash: a command cannot hold a NUL character\n", False, 0.0)
        for _ in range(_STARTS):
            if self._channel is None:
                self._channel = self._start()
            begun = time.monotonic()
            reply = Reply(secrets.token_hex(16))
            try:
                timed_out = self._converse(self._channel, reply, command, timeout_s)
            except BaseException:
                self._let_go()
                raise
            duration_s = time.monotonic() - begun
            if reply.code is not None:
                return CommandResult(reply.code, reply.text(), False, duration_s)
            self._let_go()
            self._kill()
            if timed_out:
                return CommandResult(TIMEOUT_EXIT_CODE, reply.text(), True, duration_s)
            if reply.begun:
                output = f"{reply.text()}\n[the shell was killed while this command ran]\n"
                return CommandResult(_KILLED_EXIT_CODE, output, False, duration_s)
        raise SandboxLost(f"the shell does not start: {reply.text_before!r}")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._let_go()
        with contextlib.suppress(SandboxLost):
            self._kill()

    def _converse(self, channel: Channel, reply: Reply, command: str, timeout_s: float) -> bool:
        """Send `command` and read into `reply`; return whether it met its limit, which counts from its beginning."""
        text = command.encode(errors="replace")
        deadline, counting = time.monotonic() + _START_S, False
        quiet_s = _QUIET_S
        try:
            channel.send(b"%s %d\n%s" % (reply.nonce, len(text), text))
            while (left_s := deadline - time.monotonic()) > 0:
                chunk = channel.receive(min(quiet_s, left_s))
                if chunk:
                    quiet_s = _QUIET_S
                    reply(chunk)
                elif chunk is None and channel.alive():
                    quiet_s = min(2 * quiet_s, _QUIET_MAX_S)
                else:
                    _drain(channel, reply)
                    return False
                if reply.code is not None:
                    channel.send(b"\n")
                    return False
                if reply.begun and not counting:
                    deadline, counting = time.monotonic() + timeout_s, True
        except OSError:  # nobody reads any more; a command whose end is known has ended all the same
            return False
        return counting

    def _let_go(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _drain(channel: Channel, reply: Reply) -> None:
    """Read what a dead loop has left; something may talk on behind it."""
    deadline = time.monotonic() + _QUIET_S
    while (left_s := deadline - time.monotonic()) > 0 and (chunk := channel.receive(left_s)):
        reply(chunk)


class Reply:
    """What a loop says to one command: `code` once its end came, `text()` between the marks.

    What comes before the beginning is of an earlier command or no loop at all; `text_before` is the end of it.
    """

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce.encode()
        self.begun = False
        self.code: int | None = None
        self._output = Ends()
        self.text_before = ""
        self._held = b""

    def __call__(self, chunk: bytes) -> None:
        """Take the next piece; nothing counts after the end."""
        if self.code is not None:
            return
        self._held += chunk
        if not self.begun:
            before, mark, after = self._held.partition(self.nonce + b"+\n")
            self.text_before = before[-500:].decode(errors="replace")
            if not mark:
                self._held = before[-500:]
                return
            self.begun, self._held = True, after
        mark = self.nonce + b"-"
        place = self._held.find(mark)
        ready = len(self._held) - len(mark) if place < 0 else place
        if ready > 0:
            self._output(self._held[:ready])
            self._held = self._held[ready:]
        if place >= 0 and (end := self._held.find(b"\n")) >= 0:
            self.code = int(self._held[len(mark) : end])
            self._held = b""

    def text(self) -> str:
        """Return the output, also of a command whose end never came; then nothing more is taken."""
        if self.begun:
            self._output(self._held)
            self._held = b""
        return self._output.text()


class Ends:
    """The first and the last half of `limit_bytes` of a stream, and a count of what lies between."""

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._half_bytes = limit_bytes // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped_bytes = 0

    def __call__(self, chunk: bytes) -> None:
        """Take the next piece."""
        room = self._half_bytes - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._half_bytes:
            self._trim()

    def text(self) -> str:
        """Return the output as text; a line in the middle counts what is missing there."""
        self._trim()
        head, tail = (bytes(part).decode(errors="replace") for part in (self._head, self._tail))
        if not self._dropped_bytes:
            return (bytes(self._head) + bytes(self._tail)).decode(errors="replace")
        return f"{head}\n[{self._dropped_bytes} bytes were left out here]\n{tail}"

    def _trim(self) -> None:
        beyond = max(0, len(self._tail) - self._half_bytes)
        self._dropped_bytes += beyond
        del self._tail[:beyond]
