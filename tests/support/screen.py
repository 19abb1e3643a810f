"""A terminal of a test's own: what a person would see of a stream of text and control sequences."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[\s\S]")


class Screen:
    """Understands what pytest and its plugins send: text, line ends, colours, moves up and sideways, clearing."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.scrolled: list[str] = []
        self.colours: set[str] = set()
        self._lines = [[" "] * columns for _ in range(rows)]
        self._row, self._column = 0, 0  # a column past the last one: the next character begins a new line

    @property
    def lines(self) -> list[str]:
        """Return what stands on the screen, without empty lines at its end."""
        lines = ["".join(line).rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        """Return everything, what scrolled away included."""
        return "\n".join([*self.scrolled, *self.lines])

    def feed(self, text: str) -> None:
        """Show `text`. Raises ValueError for a control sequence of which this terminal knows nothing."""
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            elif token[0] == "\n":
                self._down()
                self._column = 0
            elif token[0] == "\r":
                self._column = 0
            elif token[0].isprintable():
                self._put(token[0])
            else:
                raise ValueError(repr(token[0]))

    def _put(self, char: str) -> None:
        if self._column == self.columns:
            self._column = 0
            self._down()
        self._lines[self._row][self._column] = char
        self._column += 1

    def _down(self) -> None:
        if self._row < self.rows - 1:
            self._row += 1
            return
        self.scrolled.append("".join(self._lines.pop(0)).rstrip())
        self._lines.append([" "] * self.columns)

    def _control(self, numbers: str, what: str) -> None:
        if what == "m":
            self.colours.add(numbers)
        elif what == "A":
            self._row = max(0, self._row - int(numbers or 1))
        elif what == "G":
            self._column = int(numbers or 1) - 1
        elif what in {"J", "K"} and numbers in {"", "0"}:
            if what == "J" and not self._row and not self._column:  # as tmux does
                self.scrolled.extend("".join(line).rstrip() for line in self._lines)
            self._lines[self._row][self._column :] = [" "] * (self.columns - self._column)
            if what == "K":
                return
            for row in range(self._row + 1, self.rows):
                self._lines[row] = [" "] * self.columns
        else:
            raise ValueError(f"{numbers}{what}")


class Film:
    """What a terminal showed while a program ran: `frames` in the order of time, `screen` as it was left."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.frames: list[list[str]] = []
        self.returncode = 0

    def shows(self, *words: str) -> bool:
        """Say whether one frame showed all of `words`, each on a line."""
        return any(all(any(word in line for line in frame) for word in words) for frame in self.frames)


def film(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    columns: int = 80,
    rows: int = 24,
    act: Callable[[list[str]], str | None] = lambda lines: None,
    timeout_s: float = 120,
) -> Film:
    """Run `command` on a terminal. `act` is shown each frame and may return what to type, once."""
    # the size is the terminal's: a worker of xdist has variables that say another
    own = {name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}}
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    seen = Film(Screen(columns, rows))
    process = subprocess.Popen(
        command, cwd=folder, env=own, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    deadline, rest, acted = time.monotonic() + timeout_s, b"", False
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1.0)[0]:
                continue
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # nobody has the other end any more
                break
            if not chunk:
                break
            rest = _feed(seen.screen, rest + chunk)
            seen.frames.append(seen.screen.lines)
            if not acted and (typed := act(seen.frames[-1])):
                os.write(ours, typed.encode())
                acted = True
        else:
            raise TimeoutError("\n".join(seen.screen.lines))
    finally:
        process.kill()
        seen.returncode = process.wait()
        os.close(ours)
    return seen


def _feed(screen: Screen, raw: bytes) -> bytes:
    """Show what is whole, and return the bytes of a character or control sequence that is not."""
    whole = len(raw)
    cut = raw.rfind(b"\x1b")
    if cut >= 0 and not re.match(rb"\x1b\[[0-9;?]*[A-Za-z]", raw[cut:]):
        whole = cut
    while whole:
        try:
            text = raw[:whole].decode()
        except UnicodeDecodeError as error:
            whole = error.start
        else:
            screen.feed(text)
            break
    return raw[whole:]
