"""Retries within a wall-clock deadline: the only retry loop around model calls, those of the SDKs are off."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pytest_swebench.errors import ProviderError

T = TypeVar("T")

LONGEST_RETRY_AFTER_S: Final = 120.0  # a server that asks for more is treated as one that is down


class Busy(ProviderError):
    """The provider asks to come back after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try and how long to wait in between; waits double, with jitter."""

    attempts: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0

    def wait_s(self, failed: int, error: ProviderError) -> float:
        """Return the wait after `failed` failures (1 or more), the last of them being `error`."""
        backoff = min(self.longest_wait_s, self.first_wait_s * 2.0 ** (failed - 1))
        backoff *= random.uniform(0.75, 1.25)  # so that parallel workers do not come back at the same moment
        return max(backoff, error.retry_after_s) if isinstance(error, Busy) else backoff


def retrying(
    attempt: Callable[[float], T], *, timeout_s: float, policy: RetryPolicy, on_retry: Callable[[], None]
) -> T:
    """Call `attempt(remaining_s)` until it succeeds, `policy.attempts` times at most, all within `timeout_s`.

    Only ProviderError is retried, after a call of `on_retry`; the last one is raised. A wait that would not leave
    time for another attempt is not begun.
    """
    deadline = time.monotonic() + timeout_s
    failed = 0
    while True:
        try:
            return attempt(max(0.0, deadline - time.monotonic()))
        except ProviderError as error:
            failed += 1
            wait_s = policy.wait_s(failed, error)
            longest_s = min(LONGEST_RETRY_AFTER_S, deadline - time.monotonic())
            if failed >= policy.attempts or wait_s >= longest_s:
                raise
        time.sleep(wait_s)
        on_retry()


def within(call: Callable[[], T], *, timeout_s: float, abandon: Callable[[], None], what: str) -> T:
    """Return what `call` returns or raise what it raises, but never later than `timeout_s` seconds from now.

    Timeouts of the SDKs count from the last byte received, so an endpoint that drips one byte at a time outlives
    them. The call therefore runs in a thread of its own; when time is up, or on Ctrl-C, `abandon` cuts its
    connection and the thread is left to die. Raises ProviderError when time is up.
    """
    outcome: queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:  # handed over to the waiting thread, whatever it is
            outcome.put((None, error))

    threading.Thread(target=run, name=what, daemon=True).start()
    finished = False
    try:
        value, error = outcome.get(timeout=timeout_s)
        finished = True
    except queue.Empty:
        raise ProviderError(f"{what}: no complete answer within {timeout_s:.1f} s") from None
    finally:
        if not finished:
            abandon()
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # the queue holds a value or an error, never neither
