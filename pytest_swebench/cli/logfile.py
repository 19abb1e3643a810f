"""`--log-file`: what a command and the processes under it print, appended to a file, without secrets or escapes.

The file descriptors themselves are relayed, so that nothing which writes to them can go past. Where they lead to a
terminal, what stands in between is one as well: prompts, colours and the progress of a run stay as they are.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.redact import Redactor

_DRAIN_S: Final = 5.0  # a process that outlives us may keep the other end open
_ROWS: Final = 200  # of a terminal that does not tell
_ESCAPE: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|\x1b.|[\r\n]")
_UNENDED: Final = re.compile(r"\x1b(\[[0-9;?]*|\][^\x07]*)?$")


class Screen:
    """Text as it stood on a terminal in the end: what was drawn again counts once.

    Knows what pytest, rich and the progress of a run send: line ends, colours, cursor up, cursor to a column, erase
    to the end of line or screen. `write` gets each line once it can no longer change: `rows` lines later, which is as
    far up as a cursor goes.
    """

    def __init__(self, write: Callable[[str], object], rows: int) -> None:
        self._write, self._rows = write, rows
        self._lines: list[str] = [""]
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        """Take what was sent to the terminal."""
        place = 0
        for match in _ESCAPE.finditer(text):
            self._put(text[place : match.start()])
            place = match.end()
            self._act(match)
        self._put(text[place:])
        while self._row >= self._rows:
            self._write(self._lines.pop(0))
            self._row -= 1

    def close(self) -> None:
        """Write what is left."""
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        for line in self._lines:
            self._write(line)
        self._lines, self._row, self._column = [""], 0, 0

    def _put(self, text: str) -> None:
        if text:
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
            self._column += len(text)

    def _act(self, match: re.Match[str]) -> None:
        count, what = match[1] or "", match[2] or match[0]
        number = int(count) if count.isdigit() else 0
        if what == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._lines):
                self._lines.append("")
        elif what == "\r":
            self._column = 0
        elif what == "A":
            self._row = max(0, self._row - max(1, number))
        elif what == "G":
            self._column = max(0, number - 1)
        elif what in {"J", "K"} and not number:
            self._lines[self._row] = self._lines[self._row][: self._column]
            if what == "J":
                del self._lines[self._row + 1 :]


@contextmanager
def logged(path: Path, redactor: Redactor) -> Iterator[None]:
    """Append to `path` whatever this process and its children print in here. Raises InputError for a path that is none.

    The file is written as lines become final, and closed whole when the block ends. One that cannot be written any more
    is told at the end and keeps nothing from being done: a log is worth less than what it tells of.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise InputError(f"--log-file {str(path)!r}: {error.strerror}; choose another file") from None
    lock, lost = threading.Lock(), ""

    def write(line: str) -> None:
        nonlocal lost
        with lock:
            if lost:
                return
            try:
                file.write(f"{redactor.text(line.rstrip())}\n")
            except OSError as error:  # who prints must not be kept waiting for somebody to read it
                lost = error.strerror or str(error)

    try:
        relays = [_Relay(numbers, write) for numbers in _one_place()]
        before = _follow_size(relays)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            if before is not None:
                signal.signal(signal.SIGWINCH, before)
            for relay in relays:
                relay.close()
    finally:
        with suppress(OSError):  # what it still held back
            file.close()
        if lost:
            print(f"warning: --log-file {str(path)!r}: {lost}; it ends early", file=sys.stderr)


def _one_place() -> list[tuple[int, ...]]:
    """Return standard output and error, together if they lead to one place: the order of what they say is kept."""
    out, error = os.fstat(1), os.fstat(2)
    same = (out.st_dev, out.st_ino) == (error.st_dev, error.st_ino)
    return [(1, 2)] if same else [(1,), (2,)]


class _Relay:
    """Stands between file descriptors and where they led: everything goes there as before, and to a screen."""

    def __init__(self, numbers: tuple[int, ...], write: Callable[[str], object]) -> None:
        self._numbers, self._there = numbers, os.dup(numbers[0])
        self.is_terminal = os.isatty(numbers[0])
        self._source, sink = pty.openpty() if self.is_terminal else os.pipe()
        if self.is_terminal:
            mode = termios.tcgetattr(sink)
            mode[1] &= ~termios.OPOST  # the real terminal behind us turns line ends into what it needs
            termios.tcsetattr(sink, termios.TCSANOW, mode)
            self.resize()
        self._screen = Screen(write, rows=os.get_terminal_size(sink).lines or _ROWS if self.is_terminal else 1)
        for number in numbers:
            os.dup2(sink, number)
        os.close(sink)
        self._thread = threading.Thread(target=self._pass_on, name=f"log-{numbers[0]}", daemon=True)
        self._thread.start()

    def resize(self) -> None:
        """Make the terminal in between as large as the one behind."""
        if self.is_terminal:
            with suppress(OSError):
                fcntl.ioctl(self._source, termios.TIOCSWINSZ, fcntl.ioctl(self._there, termios.TIOCGWINSZ, bytes(8)))

    def close(self) -> None:
        """Put the file descriptors back, and let everything that was printed arrive."""
        for number in self._numbers:
            os.dup2(self._there, number)
        self._thread.join(_DRAIN_S)
        self._screen.close()
        if not self._thread.is_alive():
            os.close(self._source)
            os.close(self._there)

    def _pass_on(self) -> None:
        decoder, held = codecs.getincrementaldecoder("utf-8")(errors="replace"), ""
        while True:
            try:
                chunk = os.read(self._source, 65536)
            except OSError:  # how a terminal says that nobody holds its other end any more
                return
            if not chunk:
                return
            _write_all(self._there, chunk)
            text = held + decoder.decode(chunk)
            cut = unended.start() if (unended := _UNENDED.search(text)) else len(text)
            self._screen.feed(text[:cut])
            held = text[cut:]


def _write_all(number: int, data: bytes) -> None:
    with suppress(OSError):  # nobody reads there any more; the log is still to be whole
        while data:
            data = data[os.write(number, data) :]


def _follow_size(relays: list[_Relay]) -> Any:
    """Hand every new size of the terminal on; return the handler there was, None where signals are not ours."""
    if threading.current_thread() is not threading.main_thread() or not any(relay.is_terminal for relay in relays):
        return None

    def resize(signum: int, frame: object) -> None:
        for relay in relays:
            relay.resize()

    return signal.signal(signal.SIGWINCH, resize)
