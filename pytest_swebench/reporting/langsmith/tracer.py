"""Live tracing: every attempt at a cell becomes a run with feedback. Optional, and never in the way of a cell.

Asked for with `--langsmith` or LANGSMITH_TRACING=true. All talking is done by one daemon thread, so a slow or dead
endpoint delays no cell; what got lost is told once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError
from pytest_swebench.events import CellFinished, CellStarted, Event
from pytest_swebench.reporting.langsmith.account import Account, account_of
from pytest_swebench.reporting.langsmith.attempt import Attempt, Ending, attempt_of, ending_of
from pytest_swebench.reporting.langsmith.sending import Sender, load_client, quiet, said_of

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell

SILENCE_S: Final = 5.0
FLUSH_DEADLINE_S: Final = 30.0
_TRUE: Final = frozenset({"true", "1", "yes", "on"})

_Send = Callable[[Sender], None]


def make_tracer(env: Mapping[str, str], notify: Callable[[str], None], *, asked: bool = False) -> Tracer | None:
    """Return a subscriber for the events of a run, or None where tracing is not asked for or cannot be done.

    Only tracing that was asked for and cannot be done is worth a message to `notify`.
    """
    if not asked and env.get("LANGSMITH_TRACING", "").strip().lower() not in _TRUE:
        return None
    try:
        return Tracer(account_of(env), notify)
    except InputError as error:
        source = "--langsmith" if asked else "LANGSMITH_TRACING is on"
        notify(f"{source}: no traces: {error}")
        return None


class Tracer:
    """Sends the attempts of this process to LangSmith; `close` waits a limited time for what is under way."""

    def __init__(self, account: Account, notify: Callable[[str], None]) -> None:
        self._account = account
        self._notify = notify
        self._open: dict[Cell, Attempt] = {}
        self._queue: SimpleQueue[_Send | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._sent = self._queued = 0
        self._failures: list[str] = []
        self._told = False

    def __call__(self, event: Event) -> None:
        """Queue what `event` says; no network in the caller's thread."""
        self._tell()
        if isinstance(event, CellStarted):
            self._begin(event)
        elif isinstance(event, CellFinished):
            attempt = self._open.pop(event.cell, None)
            if attempt is not None:  # what is told is taken from the record at once: no patch waits in the queue
                self._put(partial(Sender.end, attempt=attempt, ending=ending_of(attempt, event.record)))

    def close(self, silence_s: float = SILENCE_S, deadline_s: float = FLUSH_DEADLINE_S) -> None:
        """Wait while messages arrive, and tell what did not; safe to call twice.

        That ends when none arrived for `silence_s` seconds, and after `deadline_s` or little more anyway.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for attempt in self._open.values():
            self._put(partial(Sender.end, attempt=attempt, ending=Ending(datetime.now(UTC), "interrupted")))
        self._open.clear()
        self._queue.put(None)
        end, before = time.monotonic() + deadline_s, -1
        while thread.is_alive() and self._sent > before and time.monotonic() < end:
            before = self._sent
            thread.join(silence_s)
        lost = self._queued - self._sent
        if lost:
            why = f"; {self._failures[0]}" if self._failures else ""
            self._notify(f"LangSmith: {lost} of {self._queued} messages did not reach {self._account.shown}{why}")

    def _begin(self, event: CellStarted) -> None:
        cell = event.cell
        inputs = {"instance_id": cell.instance_id, "variant": cell.variant, "rep": cell.rep, "attempt": event.attempt}
        attempt = attempt_of(self._account.project, str(cell), {**inputs, **event.inputs}, event.started_at)
        self._open[cell] = attempt
        if self._thread is None:
            load_client()
            # A daemon: a dead endpoint must not keep the process alive past the deadline of `close`.
            self._thread = threading.Thread(target=self._work, name="swebench-langsmith", daemon=True)
            self._thread.start()
        self._put(partial(Sender.begin, attempt=attempt))

    def _put(self, send: _Send) -> None:
        self._queued += 1
        self._queue.put(send)

    def _tell(self) -> None:
        # In the caller's thread: what `notify` writes to need not be safe to share.
        if self._failures and not self._told:
            self._told = True
            self._notify(f"LangSmith: traces are being lost: {self._failures[0]}")

    def _work(self) -> None:
        with quiet():
            sender: Sender | None = None
            while (send := self._queue.get()) is not None:
                try:
                    sender = sender or Sender(self._account)
                    send(sender)
                    self._sent += 1
                except Exception as error:  # told by `_tell` and `close`; a trace must never cost a cell
                    self._failures.append(said_of(error))
            if sender is not None:
                sender.close()
