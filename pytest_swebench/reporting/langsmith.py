"""LangSmith tracing: every attempt at a cell becomes a run with feedback. Optional, and never in the way of a cell.

Asked for with LANGSMITH_TRACING=true and LANGSMITH_API_KEY; LANGSMITH_PROJECT, LANGSMITH_ENDPOINT and
LANGSMITH_WORKSPACE_ID are honoured. All talking is done by one daemon thread, so a slow or dead endpoint delays no
cell; what got lost is told once. The client's own batching stays off: its threads outlive any deadline and log
tracebacks, and a handful of requests a cell needs no batches.
"""

from __future__ import annotations

import logging
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.events import CellFinished, CellStarted, Event

if TYPE_CHECKING:
    import langsmith

    from pytest_swebench.cell import Cell

DEFAULT_PROJECT: Final = "pytest-swebench"
DEFAULT_ENDPOINT: Final = "https://api.smith.langchain.com"
FLUSH_DEADLINE_S: Final = 5.0
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_TIMEOUT_MS: Final = (3_000, 10_000)  # connecting, reading
_MESSAGE_CHARS: Final = 200
_LOGGERS: Final = ("langsmith.client", "langsmith.utils", "urllib3.connectionpool")


def make_tracer(env: Mapping[str, str], notify: Callable[[str], None]) -> Tracer | None:
    """Return a subscriber for the events of a run, or None where tracing is not asked for or cannot be done.

    Only tracing that was asked for and cannot be done is worth a message to `notify`.
    """
    if env.get("LANGSMITH_TRACING", "").strip().lower() not in _TRUE:
        return None
    key = env.get("LANGSMITH_API_KEY", "")
    if not key:
        notify("LANGSMITH_TRACING is on but LANGSMITH_API_KEY is not set: no traces; set the key or unset tracing")
        return None
    if find_spec("langsmith") is None:
        notify(
            "LANGSMITH_TRACING is on but the package langsmith is not installed: no traces; "
            "pip install 'pytest-swebench[langsmith]'"
        )
        return None
    account = Account(
        key=key,
        endpoint=env.get("LANGSMITH_ENDPOINT") or DEFAULT_ENDPOINT,
        project=env.get("LANGSMITH_PROJECT") or DEFAULT_PROJECT,
        workspace=env.get("LANGSMITH_WORKSPACE_ID", ""),
    )
    return Tracer(account, notify)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where traces go. The key stays out of `repr`."""

    key: str
    endpoint: str
    project: str
    workspace: str = ""

    def __repr__(self) -> str:
        return f"Account(endpoint={self.endpoint!r}, project={self.project!r})"


@dataclass(frozen=True, slots=True)
class _Run:
    """One attempt under way, as LangSmith knows it."""

    id: uuid.UUID
    name: str
    inputs: dict[str, Any]
    started_at: datetime

    @property
    def order(self) -> dict[str, Any]:
        """Place the run as the root of its own trace."""
        return {"trace_id": self.id, "dotted_order": f"{self.started_at:%Y%m%dT%H%M%S%fZ}{self.id}"}


@dataclass(frozen=True, slots=True)
class _Ending:
    """What is told of an attempt that ended. Taken from the record at once, so that no patch waits in the queue."""

    at: datetime
    error: str | None
    outputs: dict[str, Any] = field(default_factory=dict)
    feedback: tuple[tuple[str, dict[str, Any]], ...] = ()

    @classmethod
    def of(cls, run: _Run, record: Mapping[str, Any]) -> _Ending:
        error = record.get("error")
        text = f"{error['type']}: {error['message']}" if error else None
        return cls(datetime.now(UTC), text, outputs_of(record), feedback_of(run.inputs, record))


_Send = Callable[["_Session"], None]


class Tracer:
    """Sends the attempts of this process to LangSmith; `close` waits a limited time for what is under way."""

    def __init__(self, account: Account, notify: Callable[[str], None]) -> None:
        self._account = account
        self._notify = notify
        self._open: dict[Cell, _Run] = {}
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
            run = self._open.pop(event.cell, None)
            if run is not None:
                self._put(partial(_Session.end, run=run, ending=_Ending.of(run, event.record)))

    def close(self, deadline_s: float = FLUSH_DEADLINE_S) -> None:
        """Wait at most `deadline_s` seconds for the queue to drain and tell what did not arrive; safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        for run in self._open.values():
            self._put(partial(_Session.end, run=run, ending=_Ending(datetime.now(UTC), "interrupted")))
        self._open.clear()
        self._queue.put(None)
        thread.join(deadline_s)
        lost = self._queued - self._sent
        if lost:
            why = f"; {self._failures[0]}" if self._failures else ""
            self._notify(f"LangSmith: {lost} of {self._queued} messages did not reach {self._account.endpoint}{why}")

    def _begin(self, event: CellStarted) -> None:
        cell = event.cell
        inputs = {"instance_id": cell.instance_id, "variant": cell.variant, "rep": cell.rep, "attempt": event.attempt}
        run = _Run(uuid.uuid4(), str(cell), {**inputs, **event.inputs}, datetime.now(UTC))
        self._open[cell] = run
        if self._thread is None:
            _load_client()
            # A daemon: a dead endpoint must not keep the process alive past the deadline of `close`.
            self._thread = threading.Thread(target=self._work, name="swebench-langsmith", daemon=True)
            self._thread.start()
        self._put(partial(_Session.begin, run=run))

    def _put(self, send: _Send) -> None:
        self._queued += 1
        self._queue.put(send)

    def _tell(self) -> None:
        # In the caller's thread: what `notify` writes to need not be safe to share.
        if self._failures and not self._told:
            self._told = True
            self._notify(f"LangSmith: traces are being lost: {self._failures[0]}")

    def _work(self) -> None:
        with _quiet():
            session: _Session | None = None
            while (send := self._queue.get()) is not None:
                try:
                    session = session or _Session(self._account)
                    send(session)
                    self._sent += 1
                except Exception as error:  # told by `_tell` and `close`; a trace must never cost a cell
                    text = str(error).partition("\n")[0][:_MESSAGE_CHARS]
                    self._failures.append(f"{type(error).__name__}: {text}")
            if session is not None:
                session.close()


class _Session:
    """The LangSmith client and the project's id, both of which take time to get. Used by one thread."""

    def __init__(self, account: Account) -> None:
        from langsmith import Client

        self._account = account
        self._project_id: uuid.UUID | None = None
        self._client: langsmith.Client = Client(
            account.endpoint,
            api_key=account.key,
            workspace_id=account.workspace or None,
            timeout_ms=_TIMEOUT_MS,
            auto_batch_tracing=False,
            info={},
            disable_prompt_cache=True,
        )

    def begin(self, run: _Run) -> None:
        self._client.create_run(
            run.name,
            run.inputs,
            "chain",
            project_name=self._account.project,
            id=run.id,
            start_time=run.started_at,
            extra={"metadata": dict(run.inputs)},
            **run.order,
        )

    def end(self, run: _Run, ending: _Ending) -> None:
        self._client.update_run(run.id, end_time=ending.at, outputs=ending.outputs, error=ending.error, **run.order)
        for key, said in ending.feedback:
            self._client.create_feedback(
                run.id,
                key,
                trace_id=run.id,
                session_id=self._project(),
                start_time=run.started_at,
                stop_after_attempt=3,
                **said,
            )

    def close(self) -> None:
        self._client.close(timeout=0)

    def _project(self) -> uuid.UUID:
        """Return the project's id, without which some deployments cannot attach feedback."""
        from langsmith.utils import LangSmithNotFoundError

        if self._project_id is None:
            name = self._account.project
            try:
                self._project_id = self._client.read_project(project_name=name).id
            except LangSmithNotFoundError:
                # Not always upserted, which would blank an existing project's description: only for a race of workers.
                self._project_id = self._client.create_project(name, upsert=True).id
        return self._project_id


def outputs_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run shows of its record: how it ended and what it took, not the patch itself."""
    names = ("outcome", "stop", "resolved", "cost_usd", "tokens", "response_text", "tool_calls")
    return {name: record.get(name) for name in names} | {"patch_chars": len(record.get("patch") or "")}


def feedback_of(inputs: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return (key, {"score": number} or {"value": text}) for each feedback key that has something to say."""
    said = {
        "variant": inputs.get("variant"),
        "run_id": inputs.get("run_id"),
        "rep": inputs.get("rep"),
        "outcome": record.get("outcome"),
        "resolved": record.get("resolved"),
    }
    return tuple(
        (key, {"score": float(value)} if isinstance(value, (bool, int, float)) else {"value": str(value)})
        for key, value in said.items()
        if value is not None
    )


def _load_client() -> None:
    """Import langsmith with its warnings off.

    Done in the caller's thread: filters are the whole process's, and under `-W error` a mere warning, such as that of
    urllib3 about a missing PySocks, would break an import in the sending thread.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import langsmith.client  # noqa: F401  # the package alone loads nothing


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop what the client logs from this thread: the tracer tells failures itself, once and without traceback."""
    ours = threading.get_ident()

    def other_thread(entry: logging.LogRecord) -> bool:
        return entry.thread != ours

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(other_thread)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(other_thread)
