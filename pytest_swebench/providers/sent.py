"""Counts the requests of a cell, minute by minute, and those of them that a rate limit turned away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from pytest_swebench.providers.gate import Gate, Pass
from pytest_swebench.providers.protocol import Answer, Request

TURNED_AWAY: Final = 429

ByMinute = dict[str, list[int]]
"""Minute (ISO 8601, UTC) -> [requests sent in it, 429 answers to them]; a record's `requests`."""


class Sent:
    """A gate around another one; it counts every attempt that gets through, so those that are made again as well.

    Who calls by a client of its own, as providers of plugins do, tells of no 429.
    """

    def __init__(self, gate: Gate) -> None:
        self.by_minute: ByMinute = {}
        self._gate = gate

    def enter(self, request: Request, *, timeout_s: float) -> Pass:
        """Let through what the other gate does, and raise what it raises."""
        turn = self._gate.enter(request, timeout_s=timeout_s)
        minute = datetime.fromtimestamp(time.time() // 60 * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
        counts = self.by_minute.setdefault(minute, [0, 0])
        counts[0] += 1
        return _Counted(turn, counts)


class _Counted:
    """A pass whose 429 counts where its request does."""

    def __init__(self, turn: Pass, counts: list[int]) -> None:
        self.rate_s = turn.rate_s
        self._turn = turn
        self._counts = counts

    def limits(self, status: int, headers: Mapping[str, str]) -> None:
        self._counts[1] += status == TURNED_AWAY
        self._turn.limits(status, headers)

    def answered(self, answer: Answer) -> None:
        self._turn.answered(answer)

    def failed(self, *, billed: bool) -> None:
        self._turn.failed(billed=billed)
