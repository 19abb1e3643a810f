"""The SQLite file that all processes of a run share: opened late, once a process, never kept over a fork."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import RecordError

if TYPE_CHECKING:
    import sqlite3

_BUSY_S: Final = 30.0
_RETRY_S: Final = 0.01


class Database:
    """One file with a `schema` (statements that may run again). What is written outlives the death of any process.

    May be used by several threads. Every method raises RecordError where the file cannot be read or written.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._watches_forks = False

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection within a transaction that no other process writes beside; an error undoes it.

        A `durable` one, and all before it, also outlives a power cut, for the price of waiting for the disk.
        """
        with self._opened() as connection:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file."""
        with self._opened() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close this process's connection; the next use opens another. Safe to call twice."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        import sqlite3

        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except sqlite3.Error as error:
                raise RecordError(f"cannot use {str(self.path)!r}: {type(error).__name__}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        if not self._watches_forks:
            _close_before_forks(self)
            self._watches_forks = True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # without transactions of Python's own; threads take turns by the lock
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL and make the tables; whoever is second in switching is told `busy` at once, and waits."""
        import sqlite3

        deadline = time.monotonic() + _BUSY_S
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_S)
        connection.executescript(f"BEGIN IMMEDIATE; {self._schema} COMMIT;")


def _close_before_forks(database: Database) -> None:
    """Let no child inherit a connection, nor what SQLite remembers of its locks; both sides open their own again.

    A child that used either could corrupt the file (https://sqlite.org/howtocorrupt.html, on forks).
    """
    known = weakref.ref(database)  # a hook stays for good, the database need not

    def before() -> None:
        if (alive := known()) is not None:
            alive._lock.acquire()  # whatever another thread is writing ends first
            alive.close()

    def after() -> None:
        if (alive := known()) is not None:
            alive._lock.release()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
