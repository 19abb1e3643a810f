"""Progress as a plugin of the process that reports: pytest's hooks and the events of all processes come in here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.errors import InputError
from pytest_swebench.events import BackedOff, Event
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.eventlog import FOLDER, EventTail
from pytest_swebench.reporting.progress.display import Display, display_for, without_file_names
from pytest_swebench.reporting.progress.region import STYLES
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.progress.words import ending_of, finished_line
from pytest_swebench.reporting.watch.asking import asked, check_reporter
from pytest_swebench.stash import ATTRIBUTE, handle_of

TICK_S: Final = 0.5
SILENCE_S: Final = 9.0  # nobody is left for ten seconds without a sign of life
_EARLY_S: Final = 10.0
_EARLY_EVENTS: Final = 1000


class Progress:
    """Shows how far a run is, for all of its processes; register it where reports arrive, never in a worker.

    Every `tick_s` seconds it looks for events and shows how things stand; where there is no terminal, it breaks a
    silence of `silence_s` seconds. It works while tests run, and touches neither results nor reports.
    """

    def __init__(self, config: pytest.Config, *, tick_s: float = TICK_S, silence_s: float = SILENCE_S) -> None:
        self.state = ProgressState()
        self._config = config
        self._tick_s = tick_s
        self._silence_s = silence_s
        self._lock = threading.RLock()
        self._display: Display | None = None
        self._attempts: dict[Cell, _Attempt] = {}
        self._muted = False
        self._paused = False
        self._mixed = False  # with tests that are no cells
        self._nodes = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Refuse the live table where another plugin draws: only now all of them are there."""
        if asked(self._config):
            try:
                check_reporter(self._config.pluginmanager.getplugin("terminalreporter"))
            except InputError as error:
                raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        with self._shown():
            return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._select(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._select(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self) -> None:
        self._nodes += 1
        self.state.workers = self._nodes

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self) -> None:
        self._nodes -= 1
        self.state.workers = max(1, self._nodes)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Generator[None]:
        cell = parse_cell(nodeid)
        with self._lock, self._letters_left_out(cell):
            yield
            if cell is not None:
                self.state.start(cell, time.time())
            self._hooked()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        cell = parse_cell(report.nodeid)
        with self._lock:
            with self._letters_left_out(cell):
                yield
            if cell is not None:
                self._take(cell, report)
            self._hooked()

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        status = yield
        if not self._muted:
            return status
        category, _, word = status
        return category, "", word if self._mixed else ""  # pytest counts for its percentage what has a word

    def pytest_enter_pdb(self) -> None:
        with self._lock:
            self._paused = True  # whoever debugs has the terminal alone
            if self._display is not None:
                self._display.hide()

    def pytest_leave_pdb(self) -> None:
        self._paused = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the terminal to a question and its answer."""
        self.pytest_enter_pdb()
        try:
            yield
        finally:
            self.pytest_leave_pdb()

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """Show progress until the last test is done, or the loop is left in any other way."""
        self._display = display_for(self._config, self.state, self._lock, silence_s=self._silence_s)
        if self._display is None:
            yield
            return
        tail, done = EventTail(handle_of(self._config).layout.folder / FOLDER), threading.Event()
        ticker = threading.Thread(target=self._tick, args=(tail, done), name="swebench-progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()
            tail.close()
            display, self._display = self._display, None
            display.close()

    def _tick(self, tail: EventTail, done: threading.Event) -> None:
        early: list[tuple[float, Event]] = []  # of cells of which pytest has not told yet that they started
        while not done.wait(self._tick_s):
            try:
                found, now_s = [*early, *tail.read()], time.time()
                with self._lock:
                    taken = [event for at_s, event in found if self.state.note(event, at_s)]
                    early = [one for one in found if self._may_be_early(*one, now_s)][-_EARLY_EVENTS:]
                    if self._display is not None and not self._paused:
                        waits = [event for event in taken if isinstance(event, BackedOff)]
                        self._display.tick(waits, now_s)
            except OSError:
                return  # terminal or folder are gone; a run that goes on without either needs no show

    def _may_be_early(self, at_s: float, event: Event, now_s: float) -> bool:
        """Say whether the start of an event's cell may still be on its way here; most are of cells just done."""
        return event.cell not in self.state.working and now_s - at_s < _EARLY_S

    def _select(self, nodeids: Iterable[str]) -> None:
        ids = list(nodeids)
        cells = [cell for cell in map(parse_cell, ids) if cell is not None]
        with self._lock:
            self._mixed = len(cells) < len(ids)
            if len(cells) != self.state.selected:  # every worker tells the same
                self.state.select(cells)

    def _take(self, cell: Cell, report: pytest.TestReport) -> None:
        """Take what a report says of its cell, and tell how that ended once its last phase is there."""
        attempt = self._attempts.setdefault(cell, _Attempt())
        for bundle in map(json.loads, getattr(report, ATTRIBUTE, ())):
            if bundle["kind"] == "record":
                attempt.record = bundle["record"]
                self.state.record(cell, attempt.record)
        attempt.rerun |= str(report.outcome) == "rerun"
        if report.failed:
            attempt.ending = "failed" if report.when == "call" else "error"
        elif report.skipped:
            attempt.ending = "skipped"
        if str(report.when) == "???":  # the controller's own report of a worker that died, and the last one
            attempt.ending = str(Outcome.INFRA)
        elif report.when != "teardown":
            return
        del self._attempts[cell]
        self._ended(cell, attempt)

    def _ended(self, cell: Cell, attempt: _Attempt) -> None:
        now_s, record = time.time(), attempt.record
        outcome = str(record.get("outcome", attempt.ending))
        ending = ending_of(outcome, record)
        if attempt.rerun:
            seconds = self.state.again(cell, now_s)
            ending += ", tried again"
        else:
            seconds = self.state.finish(cell, outcome, now_s)
        if self._display is not None:
            line = finished_line(self.state, cell, ending, seconds, record, now_s)
            self._display.said(line, STYLES.get(outcome, ""))

    def _hooked(self) -> None:
        if self._display is not None and not self._paused:
            self._display.hooked()

    @contextmanager
    def _letters_left_out(self, cell: Cell | None) -> Iterator[None]:
        """Keep pytest from writing its letter for a cell, and its file's name, where our lines stand for them."""
        if cell is None or self._display is None or not self._display.replaces_letters:
            yield
            return
        self._muted = True
        try:
            with without_file_names(self._config):
                yield
        finally:
            self._muted = False


@dataclass(slots=True)
class _Attempt:
    """What the reports of an attempt have told so far; `ending` counts where it left no record."""

    record: dict[str, Any] = field(default_factory=dict)
    ending: str = "passed"
    rerun: bool = False
