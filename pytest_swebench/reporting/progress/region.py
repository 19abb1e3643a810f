"""The status region: lines below everything else on a terminal, rewritten in place and gone without a trace."""

from __future__ import annotations

import io
import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO

from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.progress.words import eta, plain, span, total

STYLES: Final = {
    "resolved": "green",
    "captured": "green",
    "passed": "green",
    "unresolved": "yellow",
    "no_patch": "yellow",
    "limit": "yellow",
    "infra": "red",
    "error": "red",
    "failed": "red",
}
"""How an outcome is coloured, with names that both rich and pytest know."""
_BAR: Final = 20
_NARROW: Final = 60  # columns, below which the bar would leave no room for figures
_SHARE: Final = 3  # of the terminal's height, the region takes one part in three at most
_USUAL_SIZE: Final = (80, 24)
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Region:
    """Stands where a terminal's file stood: whatever is written to it pushes the status lines aside first.

    `file` is what stood there, `out` goes to the same terminal, past pytest's capturing: what is written while a test
    runs is seen at once, and not lost among the output of that test. All methods may be called from any thread; `lock`
    is held while they work.
    """

    def __init__(self, file: TextIO, out: TextIO, lock: AbstractContextManager[Any]) -> None:
        self._file = file
        self._out = out
        self._lock = lock
        self._line = ""  # what stands on the current line, above the region
        self._back = ""  # how to get to its end from the line below
        self._widths: tuple[int, ...] = ()  # of the lines that stand there
        self._lines: tuple[str, ...] = ()

    def write(self, text: str) -> int:
        """Write `text` where it belongs: above the region, which is hidden until `show` is called."""
        with self._lock:
            self.hide()
            self._send(text)
            self._line = re.split("[\r\n]", self._line + text)[-1]
            return len(text)

    def show(self, lines: Sequence[str] | None = None) -> None:
        """Draw `lines`, none of which may be wider than the terminal; without any, those that had to make way."""
        with self._lock:
            if lines is None and self._widths:
                return
            self._lines = self._lines if lines is None else tuple(lines)
            text = self._gone()
            if self._lines:
                self._widths = tuple(map(_width, self._lines))
                text += self._below_line() + "".join(f"{line}\n" for line in self._lines)
            self._send(text)

    def hide(self) -> None:
        """Take the region off the screen and put the cursor back where others left it."""
        with self._lock:
            self._send(self._gone())

    def size(self) -> tuple[int, int]:
        """Return columns and rows of the terminal itself, not of what stands in for it while output is captured.

        Nobody tells some terminals their size, as under `script` or `docker run -t`: they say 0.
        """
        try:
            columns, rows = os.get_terminal_size(self._out.fileno())
        except OSError:
            return _USUAL_SIZE
        return columns or _USUAL_SIZE[0], rows or _USUAL_SIZE[1]

    def _below_line(self) -> str:
        """Return what leads below an unfinished line, and keep what leads back to its end."""
        line, columns, width = _ESCAPE.sub("", self._line), self.size()[0], _width(self._line)
        if not width:
            self._back = ""
            return ""
        # a line that ends in the last column stays there until more is written, so its last character is written again
        column, again = (width % columns + 1, "") if width % columns else (columns, line[-1])
        self._back = f"\x1b[1A\x1b[{column}G{again}"
        return "\n"

    def _gone(self) -> str:
        """Return what takes the region away: from below it up to its first line, and to where a line is unfinished."""
        if not self._widths:
            return ""
        columns = self.size()[0]  # a terminal that became narrower since has broken the lines
        height = sum(max(1, -(-width // columns)) for width in self._widths)
        self._widths = ()
        # the first line on its own: tmux keeps a copy of all that is cleared from the upper left corner on
        return f"\x1b[{height}A\r\x1b[K\n\x1b[J\x1b[1A{self._back}"

    def _send(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _width(line: str) -> int:
    """Return how many columns a line takes, colours aside."""
    from rich.cells import cell_len

    return cell_len(_ESCAPE.sub("", line))


def draw(state: ProgressState, now_s: float, *, width: int, height: int, colour: bool, unicode: bool) -> list[str]:
    """Return the region's lines, none wider than `width` columns: how far, how it went, who is at work, who waits."""
    bar = _BAR if width >= _NARROW else 0
    texts = [_how_far(state, now_s, bar, unicode), *_how_it_went(state)]
    waits = waiting(state, now_s, width, unicode)
    texts += at_work(state, now_s, max(1, height // _SHARE - len(texts) - len(waits)))
    for text in texts:
        text.truncate(width, overflow="ellipsis" if unicode else "crop")
    return printed([*texts, *waits], width=width, colour=colour)


def printed(shown: Iterable[Any], *, width: int, colour: bool) -> list[str]:
    """Return what rich can show as lines of text, none wider than `width` columns."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    for one in shown:
        console.print(one, no_wrap=True, crop=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def at_work(state: ProgressState, now_s: float, room: int) -> list[Any]:
    """Return on `room` lines at most who is at work, in which phase and for how long; who began first comes first."""
    from rich.text import Text

    texts = []
    oldest = sorted(state.working.items(), key=lambda pair: pair[1].started_s)
    for cell, working in oldest if len(oldest) <= room else oldest[: room - 1]:
        waits = working.waits_until_s > now_s
        phase, since_s = ("wait", working.waits_until_s - now_s) if waits else (working.phase, now_s - working.phase_s)
        texts.append(
            Text.assemble((f"  {phase:<8}", "yellow" if waits else "cyan"), f"{span(max(0.0, since_s)):>8}  {cell}")
        )
    if len(oldest) > room:
        texts.append(Text(f"  and {len(oldest) - max(0, room - 1)} more at work"))
    return texts


def _how_far(state: ProgressState, now_s: float, bar: int, unicode: bool) -> Any:
    from rich.text import Text

    share = min(1.0, state.done / state.selected) if state.selected else 0.0
    full, empty = ("━", "─") if unicode else ("=", "-")
    filled = int(share * bar)
    rest = [f"{share:4.0%}", span(now_s - state.started_s) if state.started_s else "", eta(state, now_s), total(state)]
    return Text.assemble(
        (f"{state.done}/{state.selected} ", "bold"),
        (full * filled, "green"),
        empty * (bar - filled),
        "  ".join(filter(None, rest)),
    )


def _how_it_went(state: ProgressState) -> Iterator[Any]:
    from rich.text import Text

    outcomes = state.outcomes
    named = [name for name in STYLES if outcomes[name]] + sorted(outcomes.keys() - STYLES.keys())
    if named:
        pieces = [(f"{outcomes[name]} {name.replace('_', ' ')}", STYLES.get(name, "")) for name in named]
        yield Text("  ").join(Text(words, style) for words, style in pieces)


def waiting(state: ProgressState, now_s: float, width: int, unicode: bool) -> list[Any]:
    """Return, on two lines at most, what the call that waits longest waits for, and how many more wait."""
    from rich.text import Text

    waits = [working for working in state.working.values() if working.waits_until_s > now_s]
    if not waits:
        return []
    longest = max(waits, key=lambda working: working.waits_until_s)
    more = f" ({len(waits) - 1} more wait)" if len(waits) > 1 else ""
    line = f"{glyph(unicode)} backing off {span(longest.waits_until_s - now_s)}{more}: {plain(longest.waits_for)}"
    lines = textwrap.wrap(line, width, max_lines=2, placeholder=" …" if unicode else "...")
    return [Text(each, "yellow") for each in lines]


def glyph(unicode: bool) -> str:
    """Return the sign of a wait."""
    return "⏱" if unicode else "!"
