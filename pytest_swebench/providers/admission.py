"""The gate of a run: first a turn under the rate limits, then room in the budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pytest_swebench.errors import RecordError
from pytest_swebench.providers.budget import Account, Reservation
from pytest_swebench.providers.gate import Gate, Pass
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.protocol import Answer, Request, Usage
from pytest_swebench.providers.rate import Limiter, Turn, lane_name

PATIENCE_S: Final = 3600.0
"""How late a turn under a rate may come; one further away is under a limit per day that is used up."""


def make_gate(
    ledger: Ledger,
    limiter: Limiter,
    cell: str,
    variant: str,
    provider_name: str,
    base_url: str = "",
    *,
    own_cap_usd: float | None = None,
) -> Gate:
    """Return what every request of a cell to one address passes; `own_cap_usd` is as in `Account`."""
    account = ledger.account(cell, variant, provider_name, base_url, own_cap_usd)
    return _Admission(ledger, limiter, account, base_url)


class _Admission:
    def __init__(self, ledger: Ledger, limiter: Limiter, account: Account, base_url: str) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._account = account
        self._base_url = base_url

    def enter(self, request: Request, *, timeout_s: float) -> Pass:
        """Wait for a turn, then reserve: no reservation keeps others waiting while its call has no turn."""
        deadline = time.monotonic() + timeout_s
        lane = lane_name(self._account.provider_name, self._base_url, request.model)
        turn = self._limiter.take(lane, request, timeout_s=timeout_s, patience_s=PATIENCE_S)
        try:
            left_s = deadline + turn.rate_s - time.monotonic()
            reservation = self._ledger.reserve(self._account, request, timeout_s=left_s)
        except BaseException:
            with suppress(RecordError):
                self._limiter.settle(turn, None)
            raise
        return _Ticket(self._ledger, self._limiter, turn, reservation)


class _Ticket:
    """Leave for one attempt. Money is settled first: what fails after that concerns the pace only."""

    def __init__(self, ledger: Ledger, limiter: Limiter, turn: Turn, reservation: Reservation) -> None:
        self._ledger = ledger
        self._limiter = limiter
        self._turn = turn
        self._reservation = reservation
        self.rate_s = turn.rate_s

    def limits(self, status: int, headers: Mapping[str, str]) -> None:
        """Let all processes keep to what the endpoint says."""
        with suppress(RecordError):  # of the file; the next call is refused if it still fails then
            self._limiter.heard(self._turn, status, headers)

    def answered(self, answer: Answer) -> None:
        """Settle for what `answer` used."""
        self._ledger.settle(self._reservation, answer)
        self._correct(answer.usage)

    def failed(self, *, billed: bool) -> None:
        """Count the worst case where the endpoint may charge, nothing otherwise."""
        self._ledger.fail(self._reservation, billed=billed)
        if not billed:
            self._correct(None)

    def _correct(self, usage: Usage | None) -> None:
        with suppress(RecordError):
            self._limiter.settle(self._turn, usage)
