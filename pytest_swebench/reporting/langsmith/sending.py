"""The client of LangSmith, as one thread uses it: an attempt begun, an attempt ended.

Its own batching stays off: its threads outlive any deadline and log tracebacks, and a handful of requests a cell needs
no batches.
"""

from __future__ import annotations

import logging
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.reporting.langsmith.account import Account, without_user_info
from pytest_swebench.reporting.langsmith.attempt import Attempt, Ending

if TYPE_CHECKING:
    import langsmith

_TIMEOUT_MS: Final = (3_000, 10_000)  # connecting, reading
_MESSAGE_CHARS: Final = 200
_LOGGERS: Final = ("langsmith.client", "langsmith.utils", "urllib3.connectionpool")


class Sender:
    """A client and its project's id, both of which take time to get. Used by one thread."""

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

    def begin(self, attempt: Attempt) -> None:
        """Tell that an attempt began; one that is known already stays as it is."""
        self._client.create_run(
            attempt.name,
            attempt.inputs,
            "chain",
            project_name=self._account.project,
            id=attempt.id,
            start_time=attempt.started_at,
            extra={"metadata": dict(attempt.inputs)},
            **attempt.order,
        )

    def end(self, attempt: Attempt, ending: Ending) -> None:
        """Tell how it ended. What was told of that before is replaced."""
        self._client.update_run(
            attempt.id, end_time=ending.at, outputs=ending.outputs, error=ending.error, **attempt.order
        )
        for key, said in ending.feedback:
            self._give(attempt, key, said)

    def close(self) -> None:
        """Let go of the client."""
        self._client.close(timeout=0)

    def _give(self, attempt: Attempt, key: str, said: dict[str, Any]) -> None:
        from langsmith.utils import LangSmithConflictError

        try:
            self._client.create_feedback(
                attempt.id,
                key,
                trace_id=attempt.id,
                feedback_id=attempt.feedback_id(key),
                session_id=self._project(),
                start_time=attempt.started_at,
                stop_after_attempt=3,
                **said,
            )
        except LangSmithConflictError:
            self._client.update_feedback(attempt.feedback_id(key), **said)

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


def said_of(error: Exception) -> str:
    """Return an error of the client in one line, without what its address may hold of a password."""
    told, _, _ = without_user_info(str(error)).partition("\n")
    return f"{type(error).__name__}: {told[:_MESSAGE_CHARS]}"


def load_client() -> None:
    """Import langsmith with its warnings off.

    Done in the caller's thread: filters are the whole process's, and under `-W error` a mere warning, such as that of
    urllib3 about a missing PySocks, would break an import in a sending thread.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import langsmith.client  # noqa: F401  # the package alone loads nothing


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what the client logs from this thread: who sends tells failures itself, once and without traceback."""
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
