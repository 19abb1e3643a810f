"""The time that an arm has for all of solving."""

from __future__ import annotations

import time

from pytest_swebench.errors import LimitReached
from pytest_swebench.outcome import Stop


class Clock:
    """Runs from when it is made."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Return the seconds that are left, more than 0. Raises LimitReached once there are none."""
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise LimitReached(
                Stop.TIME, f"the {self._timeout_s:g} s for solving are over; --generation-timeout gives more"
            )
        return left_s
