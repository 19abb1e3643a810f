"""The status region: where it stands, how it goes, and what it shows."""

from __future__ import annotations

import fcntl
import io
import os
import select
import struct
import termios
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, PhaseStarted
from pytest_swebench.reporting.progress.region import Region, draw
from pytest_swebench.reporting.progress.state import ProgressState
from tests.support.screen import Screen


class Line(io.TextIOBase):
    """A line to a screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen

    def write(self, text: str) -> int:
        self.screen.feed(text)
        return len(text)


def region_on(screen: Screen) -> Region:
    return Region(Line(screen), Line(screen), threading.RLock())


def test_region_stands_below_an_unfinished_line_which_goes_on_where_it_was() -> None:
    screen = Screen()
    region = region_on(screen)
    region.write("test_a.py ..")
    region.show(["1/3", "solve"])
    assert screen.lines == ["test_a.py ..", "1/3", "solve"]
    region.write("F")
    assert screen.lines == ["test_a.py ..F"]
    region.show()
    assert screen.lines == ["test_a.py ..F", "1/3", "solve"]
    region.show(["2/3"])
    assert screen.lines == ["test_a.py ..F", "2/3"]
    region.show([])
    assert screen.lines == ["test_a.py ..F"]


def read_until(terminal: int, end: bytes) -> bytes:
    """Return what came out of a terminal up to `end`: what is written to one arrives bit by bit."""
    found = b""
    while not found.endswith(end):
        assert select.select([terminal], [], [], 60.0)[0], found
        found += os.read(terminal, 4096)
    return found


def test_region_in_the_upper_left_corner_leaves_no_copies_above() -> None:
    screen = Screen()
    region = region_on(screen)
    region.show(["1/3", "solve"])
    region.show(["2/3"])
    region.show([])
    assert screen.text == ""


def test_region_that_did_not_make_way_is_not_drawn_again() -> None:
    screen = Screen()
    region = region_on(screen)
    region.show(["1/3"])
    screen.feed("\x1b[1A#")
    region.show()
    assert screen.lines == ["#/3"]


def test_region_goes_as_a_whole_from_a_terminal_that_became_narrower() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as out:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        region = Region(out, out, threading.RLock())
        region.show(["-" * 79, "\x1b[32m" + "-" * 30 + "\x1b[0m"])
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        read_until(ours, b"\x1b[0m\r\n")
        region.hide()
        rows = 3  # two of the first line, one of the second
        assert read_until(ours, b"\x1b[1A") == b"\x1b[%dA\r\x1b[K\r\n\x1b[J\x1b[1A" % rows
    os.close(ours)


def test_terminal_whose_size_nobody_set_has_the_usual_one() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as out:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        region = Region(out, out, threading.RLock())
        assert region.size() == (80, 24)
        region.write("test_a.py .")
        region.show(["1/3"])
        read_until(ours, b"1/3\r\n")
        region.hide()
        assert read_until(ours, b"G").endswith(b"\x1b[12G")
    os.close(ours)


def test_region_passes_on_what_its_file_can_do() -> None:
    assert region_on(Screen()).writable() is False
    assert region_on(Screen()).size() == (80, 24)


PIECES = st.one_of(
    st.text("ab\n", max_size=30),
    st.sampled_from(["x" * 79, "x" * 80, "x" * 160, "x" * 100, "\rcollecting 12 items", "\x1b[32m.\x1b[0m"]),
)
SHOWN = st.none() | st.lists(st.text("-", min_size=1, max_size=79), max_size=5)


@given(st.lists(st.tuples(PIECES, SHOWN), max_size=25))
def test_whatever_is_written_looks_in_the_end_as_if_no_region_had_been_there(
    steps: list[tuple[str, list[str]]],
) -> None:
    bare, screen = Screen(), Screen()
    region = region_on(screen)
    for text, lines in steps:
        bare.feed(text)
        region.write(text)
        region.show(lines)
    region.hide()
    bare.feed("end\nnext")
    region.write("end\nnext")
    assert [line for line in screen.text.splitlines() if "-" in line] == []
    assert screen.text.splitlines()[-24:] == bare.text.splitlines()[-24:]
    assert screen.scrolled[: len(bare.scrolled)] == bare.scrolled


@pytest.fixture
def state() -> ProgressState:
    state = ProgressState(workers=4)
    cells = [Cell(f"django__django-{number}", "singleshot", 1) for number in range(40)]
    state.select(cells)
    for number, outcome in enumerate(["resolved"] * 7 + ["unresolved"] * 3 + ["no_patch", "infra"]):
        state.start(cells[number], 1000.0)
        state.record(cells[number], {"cost_usd": 0.02})
        state.finish(cells[number], outcome, 1030.0)
    for number in range(12, 16):
        state.start(cells[number], 1030.0 + number)
        state.note(PhaseStarted(cells[number], "grade" if number == 12 else "solve"), 1044.0 + number)
    state.note(BackedOff(cells[14], 12.0, "HTTP 429: too many requests"), 1060.0)
    state.note(BackedOff(cells[15], 2.0, "HTTP 500"), 1060.0)
    return state


def test_region_shows_how_far_how_it_went_who_is_at_work_and_who_waits(state: ProgressState) -> None:
    assert draw(state, 1061.0, width=79, height=24, colour=False, unicode=True) == [
        "12/40 ━━━━━━────────────── 30%  61 s  ETA 3 min  $0.240",
        "7 resolved  3 unresolved  1 no patch  1 infra",
        "  grade      5.0 s  django__django-12/singleshot/r1",
        "  solve      4.0 s  django__django-13/singleshot/r1",
        "  wait        11 s  django__django-14/singleshot/r1",
        "  wait       1.0 s  django__django-15/singleshot/r1",
        "⏱ backing off 11 s (1 more wait): HTTP 429: too many requests",
    ]


def test_low_terminal_shows_as_many_cells_as_fit_into_a_third_of_it(state: ProgressState) -> None:
    lines = draw(state, 1061.0, width=79, height=15, colour=False, unicode=True)
    assert lines[2:] == [
        "  grade      5.0 s  django__django-12/singleshot/r1",
        "  and 3 more at work",
        "⏱ backing off 11 s (1 more wait): HTTP 429: too many requests",
    ]


@pytest.mark.parametrize("width", [10, 40, 79, 120])
def test_no_line_is_wider_than_the_terminal(state: ProgressState, width: int) -> None:
    lines = draw(state, 1061.0, width=width, height=24, colour=False, unicode=True)
    assert max(map(len, lines)) <= width
    assert ("━" in lines[0]) == (width >= 60)


def test_terminal_without_unicode_gets_none(state: ProgressState) -> None:
    lines = draw(state, 1061.0, width=40, height=24, colour=False, unicode=False)
    assert all(line.isascii() for line in lines)
    assert lines[-2:] == ["! backing off 11 s (1 more wait): HTTP", "429: too many requests"]


def test_colours_are_only_where_they_are_wanted(state: ProgressState) -> None:
    coloured = draw(state, 1061.0, width=79, height=24, colour=True, unicode=True)
    assert "\x1b[32m7 resolved" in coloured[1]
    screen = Screen()
    screen.feed("\n".join(coloured))
    assert screen.colours >= {"31", "32", "33"}


def test_region_before_the_first_cell_tells_nothing_it_does_not_know() -> None:
    state = ProgressState()
    state.select([Cell("acme__acme-1", "gold", 1)])
    assert draw(state, 5.0, width=79, height=24, colour=False, unicode=True) == ["0/1 " + "─" * 20 + "  0%"]


def test_outcomes_of_a_later_version_are_counted_too() -> None:
    state = ProgressState()
    state.finish(Cell("acme__acme-1", "gold", 1), "skipped", 5.0)
    assert draw(state, 5.0, width=79, height=24, colour=False, unicode=True)[1] == "1 skipped"
