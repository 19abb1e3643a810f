"""What a preflight says: handed on line by line, and kept in a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.images.pull import Progress

_TAIL: Final = 5
_SHOWN_EVERY_S: Final = 5.0

Tell = Callable[[str], None]


def quiet(line: str) -> None:
    """Hear of progress and do nothing."""


class Log:
    """Hands lines on, and keeps them in a file, without secrets."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self.path = path
        self.redactor = Redactor.from_env(os.environ)
        self._tell = tell
        self._shown_s = 0.0
        path.write_text("", encoding="utf-8")

    def say(self, line: str) -> None:
        line = self.redactor.text(line)
        self.keep(line)
        self._tell(line)

    def keep(self, line: str) -> None:
        """Write a line that is told elsewhere; a full disk, which is told there too, keeps nothing."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError:
            return

    def pulling(self, progress: Progress) -> None:
        """Tell every few seconds how far a pull is, and at once why it waits."""
        now_s = time.monotonic()
        if not progress.note and (not progress.total_bytes or now_s - self._shown_s < _SHOWN_EVERY_S):
            return
        self._shown_s = now_s
        size = f"{progress.done_bytes / 1e6:.0f} of {progress.total_bytes / 1e6:.0f} MB"
        self.say(f"pulling {progress.image}: {progress.note or size}")


def tail(log: Path, lines: int = _TAIL) -> tuple[str, ...]:
    """Return the last lines of a log that hold anything; none where it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])
