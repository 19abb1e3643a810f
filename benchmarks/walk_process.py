"""One command of a walk, watched from outside: seconds, first byte, exit code, words, processor, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

POLL_S: Final = 0.02
MOST_S: Final = 240.0
RSS_KB: Final = 1024  # what `ru_maxrss` counts in on Linux


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person saw of a command; `code` is None where the walk lost patience and killed it.

    `cpu_s` is the command's with all its children's, `rss_mb` the largest of one process. `stopped_s` are the seconds
    from Ctrl-C to the end, None where nobody pressed it.
    """

    seconds: float
    first_s: float | None
    code: int | None
    text: str
    cpu_s: float
    rss_mb: float
    stopped_s: float | None = None

    @property
    def lines(self) -> list[str]:
        """The lines that hold something."""
        return [line for line in self.text.replace("\r", "\n").splitlines() if line.strip()]


def watch(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    most_s: float = MOST_S,
    stop_when: Callable[[], bool] | None = None,
) -> Seen:
    """Run `command` without a terminal; press Ctrl-C once `stop_when` holds, and kill it after `most_s` seconds."""
    began = time.monotonic()
    # a session of its own, for Ctrl-C reaches the whole group, as it does on a terminal
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None
    heard = _Heard(child.stdout, began)
    pressed: float | None = None
    killed = False
    try:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            now = time.monotonic()
            if pid:
                break
            if pressed is None and stop_when is not None and stop_when():
                os.killpg(child.pid, signal.SIGINT)
                pressed = now
            if not killed and now - began > most_s:
                os.killpg(child.pid, signal.SIGKILL)
                killed = True
            time.sleep(POLL_S)
    except BaseException:  # who ends the walk ends what it walks through
        os.killpg(child.pid, signal.SIGKILL)
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    return Seen(
        seconds=now - began,
        first_s=heard.first_s,
        code=None if killed else child.returncode,
        text=heard.end(),
        cpu_s=usage.ru_utime + usage.ru_stime,
        rss_mb=usage.ru_maxrss / RSS_KB,
        stopped_s=None if pressed is None else now - pressed,
    )


class _Heard:
    """Reads a pipe as it fills, and knows when the first byte came."""

    def __init__(self, pipe: IO[bytes], began: float) -> None:
        self.first_s: float | None = None
        self._pipe = pipe
        self._began = began
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self, most_s: float = 2.0) -> str:
        """Return all that was written; whoever outlives the command may hold the pipe, and is not waited for."""
        self._thread.join(most_s)
        return b"".join(self._parts).decode(errors="replace")

    def _read(self) -> None:
        with self._pipe:
            while part := os.read(self._pipe.fileno(), 65536):
                if self.first_s is None:
                    self.first_s = time.monotonic() - self._began
                self._parts.append(part)
