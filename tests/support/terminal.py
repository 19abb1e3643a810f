"""A person at a real terminal: waits for words, types, and what they saw can be read afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect

from tests.support.screen import Screen

COLUMNS, ROWS = 800, 400  # wide enough for lines with paths in them
TIMEOUT_S = 120.0
_EARLY_S = 5.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """Runs `command` on a terminal of its own. `keys` counts what was typed, Enter included."""

    def __init__(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self.keys = 0
        self.raw = ""
        self._child = pexpect.spawn(
            command[0],
            [*command[1:]],
            cwd=str(folder),
            env={name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}},
            dimensions=(ROWS, COLUMNS),
            encoding="utf-8",
            timeout=TIMEOUT_S,
        )
        self._child.logfile_read = self

    def write(self, text: str) -> None:
        self.raw += text

    def flush(self) -> None:
        """Have nothing to flush."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close(force=True)

    def sees(self, *words: str) -> Self:
        """Wait until each of `words` stands there, one after the other."""
        for each in words:
            try:
                self._child.expect_exact(each)
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                raise AssertionError(f"{each!r} never came ({type(error).__name__}):\n{self.shown}") from None
        return self

    def answers(self, words: str, typed: str = "") -> Self:
        """Wait for a question, and type a line."""
        return self.sees(words).types(f"{typed}\r")

    def types(self, text: str) -> Self:
        self.keys += len(text)
        self._child.send(text)
        return self

    def presses(self, key: str, until: str = "") -> Self:
        """Press a single key until `until` comes, "" for the end.

        A key that comes while the terminal is made ready for it is lost.
        """
        self.keys += len(key)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            self._child.send(key)
            try:
                if self._child.expect_exact([until or pexpect.EOF, pexpect.TIMEOUT], timeout=_EARLY_S) == 0:
                    return self
            except pexpect.EOF:
                break
        raise AssertionError(f"{until!r} never came after {key!r}:\n{self.shown}")

    def ends(self) -> int:
        """Wait for the end, and return the exit code."""
        self._child.expect(pexpect.EOF)
        deadline = time.monotonic() + TIMEOUT_S
        while self._child.isalive() and time.monotonic() < deadline:  # it lets go of the terminal a moment before
            time.sleep(0.01)
        self._child.close()  # which kills one that is still there
        assert self._child.exitstatus is not None, f"ended by signal {self._child.signalstatus}"
        return int(self._child.exitstatus)

    @property
    def text(self) -> str:
        """All that came, line by line, without colours."""
        return _COLOURS.sub("", self.raw).replace("\r\n", "\n")

    @property
    def shown(self) -> str:
        """What the person sees, with all that scrolled away."""
        screen = Screen(COLUMNS, ROWS)
        screen.feed(self.raw.replace("\x07", "").replace("\x1b[?2004h", "").replace("\x1b[?2004l", ""))
        return screen.text
