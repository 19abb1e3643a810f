"""The time that an arm has for all of solving, and calls of the model within it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pytest_swebench.errors import LimitReached, ProviderError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Provider, Request

CALL_TIMEOUT_S: Final = 300.0

_HOPELESS_SHARE: Final = 0.1  # of a call's time: less is left only to a call that its time has ended


class Clock:
    """Runs from when it is made; `now` gives seconds that only grow."""

    def __init__(self, timeout_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._now = now
        self._end = now() + timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left, more than 0. Raises LimitReached once there are none."""
        left_s = self._end - self._now()
        if left_s <= 0:
            raise LimitReached(
                Stop.TIME, f"the {self._timeout_s:g} s for solving are over; --generation-timeout gives more"
            )
        return left_s


def complete_within(provider: Provider, request: Request, clock: Clock) -> Answer:
    """Ask with what is left of the time, at most `CALL_TIMEOUT_S`.

    Raises LimitReached for a call that the clock has cut, which is no fault of the endpoint; else what `provider` does.
    """
    timeout_s = min(CALL_TIMEOUT_S, clock.left_s())
    try:
        return provider.complete(request, timeout_s=timeout_s)
    except ProviderError as error:
        if timeout_s < CALL_TIMEOUT_S and clock.left_s() < timeout_s * _HOPELESS_SHARE:
            raise LimitReached(Stop.TIME, f"no time was left for another answer: {error}") from error
        raise
