"""Retries within a wall-clock deadline: the only retry loop around model calls, those of the SDKs are off.

Two kinds of failures. What came back and is no answer may have been paid for: it counts, and after `attempts` of
them the call fails. An outage or a rate limit (`Busy`) says nothing about the request and is waited out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.limits import LONGEST_WAIT_S, honoured_s

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
OnWait = Callable[[float, str], None]

LONGEST_SHARE: Final = 0.4  # of the whole time: no single wait takes more, so that nothing a server asks ends a call
FIRST_SHARE: Final = 0.6  # of the whole time: what an attempt may take while others could follow it
LEAST_SHARE: Final = 0.05  # of the whole time: with less than that left, another attempt would only be cut, and paid


class Busy(ProviderError):
    """The endpoint is down or out of turns, and may ask to come back after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many bad answers to take and how long to wait in between; waits double, with jitter."""

    attempts: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0

    def wait_s(self, failed: int, error: BaseException | None) -> float:
        """Return the wait after `failed` failures (1 or more), the last of them being `error`."""
        backoff_s = min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failed - 1, 30))
        backoff_s *= random.uniform(0.75, 1.25)  # so that parallel workers do not come back at the same moment
        asked_s = honoured_s(error.retry_after_s) if isinstance(error, Busy) else 0.0
        return min(LONGEST_WAIT_S, max(backoff_s, asked_s * random.uniform(1.0, 1.05)))


@dataclass(slots=True)
class Deadline:
    """When a call must be over, on the monotonic clock."""

    at: float

    @property
    def left_s(self) -> float:
        """Return the seconds until then, never less than 0."""
        return max(0.0, self.at - time.monotonic())


@dataclass(frozen=True, slots=True)
class Allowance:
    """The time of one attempt. The exchange itself may take `longest_s`."""

    deadline: Deadline
    longest_s: float

    @property
    def left_s(self) -> float:
        """Return the seconds until the whole call must be over."""
        return self.deadline.left_s

    @property
    def exchange_s(self) -> float:
        """Return the seconds that an exchange may take if it begins now."""
        return min(self.left_s, self.longest_s)

    def extend(self, not_counted_s: float) -> None:
        """Give the call back time that was none of its own."""
        self.deadline.at += not_counted_s


def quiet(wait_s: float, reason: str) -> None:
    """Tell nobody of a wait."""


def retrying(attempt: Callable[[Allowance], T], *, timeout_s: float, policy: RetryPolicy, on_wait: OnWait = quiet) -> T:
    """Call `attempt` until it succeeds or fails for good, all within `timeout_s` seconds.

    What its allowance is extended by is added to them. Only ProviderError is tried again, Busy without end; a wait that
    would not leave time for another attempt is not begun. `on_wait(wait_s, reason)` is called before each wait. Raises
    the last failure, saying how long was tried.
    """
    import tenacity

    deadline = Deadline(time.monotonic() + timeout_s)
    bad_answers = 0

    def counted() -> T:
        nonlocal bad_answers
        last = bad_answers + 1 >= policy.attempts
        try:
            return attempt(Allowance(deadline, timeout_s if last else timeout_s * FIRST_SHARE))
        except Busy:
            raise
        except ProviderError:
            bad_answers += 1
            raise

    def hopeless(state: RetryCallState) -> bool:
        left_s = deadline.left_s - state.upcoming_sleep
        return bad_answers >= policy.attempts or left_s < timeout_s * LEAST_SHARE

    def give_up(state: RetryCallState) -> T:
        error = _failure(state)
        tried = "once" if state.attempt_number == 1 else f"{state.attempt_number} times"
        why = "" if bad_answers >= policy.attempts else f"; no time is left to wait {state.upcoming_sleep:.1f} s"
        note = (
            f"tried {tried} in {time.monotonic() - state.start_time:.1f} s, {state.idle_for:.1f} s of it waiting{why}"
        )
        if isinstance(error, Busy):
            raise Busy(f"{error} ({note})", error.retry_after_s) from None
        raise ProviderError(f"{error} ({note})") from None

    loop = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(ProviderError),
        wait=lambda state: min(timeout_s * LONGEST_SHARE, policy.wait_s(state.attempt_number, _failure(state))),
        stop=hopeless,
        before_sleep=lambda state: on_wait(state.upcoming_sleep, str(_failure(state))),
        sleep=time.sleep,
        retry_error_callback=give_up,
    )
    return loop(counted)


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
