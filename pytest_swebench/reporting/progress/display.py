"""The two ways to show progress: a status region on a terminal, and a line for each thing that happens elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TextIO, cast

import pytest

from pytest_swebench.events import BackedOff
from pytest_swebench.reporting.progress.region import Region, draw, glyph
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.progress.words import at_work_line, waiting_lines
from pytest_swebench.reporting.watch.asking import asked, why_off

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class Display(Protocol):
    """Shows progress beside pytest's own output; the caller holds a lock."""

    @property
    def replaces_letters(self) -> bool:
        """Whether pytest's own letters and file names for cells are to be left out."""

    def said(self, line: str, style: str) -> None:
        """Show that a cell ended; from a hook."""

    def hooked(self) -> None:
        """Come back after pytest may have written; from a hook."""

    def tick(self, waits: Sequence[BackedOff], now_s: float) -> None:
        """Show how things stand and which calls just began to wait; from any thread, even while a test runs."""

    def hide(self) -> None:
        """Leave the terminal alone for now."""

    def close(self) -> None:
        """Leave the terminal to pytest."""


class Drawing(Protocol):
    """Returns the lines that show how things stand, none wider than `width` columns, and at most `height` of them."""

    def __call__(
        self, state: ProgressState, now_s: float, *, width: int, height: int, colour: bool, unicode: bool
    ) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in the region, and how many ticks each picture stays: of one process, and of several."""

    draw: Drawing = draw
    ticks_alone: int = 1
    ticks_shared: int = 1


TABLE_TICKS: Final = (2, 4)  # 1 Hz, and 0.5 Hz in parallel


def display_for(
    config: pytest.Config, state: ProgressState, lock: AbstractContextManager[Any], *, silence_s: float
) -> Display | None:
    """Return the display that fits the run's output; None where nothing is to be shown."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.getoption("collectonly"):
        return None
    if asked(config):
        if not (off := why_off(reporter)):
            from pytest_swebench.reporting.watch.table import draw_table

            return RegionDisplay(reporter, state, lock, Look(draw_table, *TABLE_TICKS))
        reporter.ensure_newline()
        reporter.write_line(f"swebench: {off}")
    if config.option.verbose < 0:
        return None
    if reporter.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not _shares_the_terminal(config):
        return RegionDisplay(reporter, state, lock, Look())
    return LineDisplay(reporter, state, silence_s=silence_s)


def _shares_the_terminal(config: pytest.Config) -> bool:
    """Say whether tests write to the terminal themselves, past anybody who would make room for them."""
    return config.getoption("capture") == "no" or bool(config.getoption("setupshow", False))


class RegionDisplay:
    """Keeps a status region below what pytest writes; pytest's letters and lines stay as they are."""

    replaces_letters: Final = False

    def __init__(
        self,
        reporter: TerminalReporter,
        state: ProgressState,
        lock: AbstractContextManager[Any],
        look: Look,
    ) -> None:
        self._look = look
        self._ticks = 0
        self._writer = reporter._tw
        self._colour = bool(reporter.hasmarkup)
        self._state = state
        self._file = self._writer._file
        self._file.flush()
        self._out = _past_capture(self._file)
        self._unicode = _writes(self._out, f"━─…{glyph(True)}")
        self._region = Region(self._file, self._out, lock)
        self._writer._file = cast(
            TextIO, self._region
        )  # the one way by which pytest, xdist and live logs reach the terminal

    def said(self, line: str, style: str) -> None:
        """Do nothing: pytest tells how tests end, and the region counts them."""

    def hooked(self) -> None:
        self._region.show()

    def tick(self, waits: Sequence[BackedOff], now_s: float) -> None:
        stays = self._look.ticks_alone if self._state.workers == 1 else self._look.ticks_shared
        due, self._ticks = not self._ticks % stays, self._ticks + 1
        if not self._state.selected or not due:
            return
        columns, rows = self._region.size()
        width = max(1, columns - 1)  # a full line makes some terminals add an empty one
        self._region.show(
            self._look.draw(self._state, now_s, width=width, height=rows, colour=self._colour, unicode=self._unicode)
        )

    def hide(self) -> None:
        self._region.hide()

    def close(self) -> None:
        self._region.show(())
        self._writer._file = self._file
        _close(self._out, self._file)


class LineDisplay:
    """Writes a line whenever a cell ends or a call waits, and after `silence_s` seconds without any."""

    def __init__(self, reporter: TerminalReporter, state: ProgressState, *, silence_s: float) -> None:
        self._reporter = reporter
        self._state = state
        self._silence_s = silence_s
        self._last_s = 0.0
        self._out = _past_capture(reporter._tw._file)
        self._glyph = glyph(_writes(self._out, glyph(True)))
        # with -v pytest has a line for each test, which says how it ended
        self.replaces_letters = not reporter.showlongtestinfo

    def said(self, line: str, style: str) -> None:
        self._last_s = 0.0
        if not self.replaces_letters:
            return
        self._reporter.ensure_newline()
        if self._reporter._tw.width_of_current_line:  # letters of other tests, which xdist puts after no file name
            self._reporter._tw.line()
        self._reporter._tw.line(line, **{style: True} if style else {})
        self._reporter.flush()

    def hooked(self) -> None:
        """Let what pytest wrote out of its buffer, where no terminal is: our lines go another way, past it."""
        self._reporter.flush()

    def tick(self, waits: Sequence[BackedOff], now_s: float) -> None:
        self._last_s = self._last_s or now_s
        lines = waiting_lines(waits, self._glyph)
        if not lines and self._state.working and now_s - self._last_s >= self._silence_s:
            lines = [at_work_line(self._state, now_s)]
        if not lines:
            return
        self._last_s = now_s
        writer = self._reporter._tw
        if writer.width_of_current_line:
            self._out.write("\n")
            writer._current_line = ""  # not by `writer.line()`: capturing would turn it away
            self._reporter.currentfspath = None  # what pytest has left to say there gets its beginning again
        self._out.write("".join(f"{line}\n" for line in lines))
        self._out.flush()

    def hide(self) -> None:
        """Do nothing: lines are written only when something happens."""

    def close(self) -> None:
        _close(self._out, self._reporter._tw._file)


@contextmanager
def without_file_names(config: pytest.Config) -> Iterator[None]:
    """Keep pytest from starting a line of letters with the file's name."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    shows = reporter.showfspath
    reporter.showfspath = False
    try:
        yield
    finally:
        reporter.showfspath = shows


def _past_capture(file: TextIO) -> TextIO:
    """Return a file for the same place that pytest's capturing does not turn away while a test runs."""
    try:
        number = os.dup(file.fileno())
    except (OSError, ValueError, AttributeError):  # no file of the system's, so nothing is turned away
        return file
    return open(number, "w", encoding=getattr(file, "encoding", None), errors="replace", newline="")


def _close(out: TextIO, file: TextIO) -> None:
    if out is not file:
        out.close()


def _writes(out: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
