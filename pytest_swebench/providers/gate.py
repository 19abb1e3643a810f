"""What stands before every request that may cost money: a turn under the rate limit, and room in the budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, Protocol

from pytest_swebench.errors import BudgetExhausted, InputError, RefusedError, ReplayMiss
from pytest_swebench.providers.protocol import Answer, Provider, Request
from pytest_swebench.providers.tokens import count_tokens

KEPT_SHARE: Final = 0.2
"""Of a call's time: a turn that comes later would leave too little for the answer it pays for."""

_NOTHING_SENT: Final = (RefusedError, BudgetExhausted, InputError, ReplayMiss)  # or turned down: nobody charges for it


class Pass(Protocol):
    """Leave to send one request once. Exactly one of `answered` and `failed` ends it.

    `rate_s` were waited for it because of the rate alone, which is no time of the call's.
    """

    @property
    def rate_s(self) -> float:
        """Return the seconds to add to the time of the call."""

    def limits(self, status: int, headers: Mapping[str, str]) -> None:
        """Take note of what a response says about the endpoint's limits; names of headers are case-insensitive."""

    def answered(self, answer: Answer) -> None:
        """Settle for what `answer` used."""

    def failed(self, *, billed: bool) -> None:
        """End without an answer; `billed` says that the endpoint may charge for it all the same."""


class Gate(Protocol):
    """Lets requests through, one attempt at a time."""

    def enter(self, request: Request, *, timeout_s: float) -> Pass:
        """Wait for a turn and reserve the worst case.

        Raises BudgetExhausted where a cap has no room left, ProviderError where no turn comes within `timeout_s`, in
        which waiting for the rate alone does not count.
        """


class OpenPass:
    """A pass that nobody counts."""

    rate_s = 0.0

    def limits(self, status: int, headers: Mapping[str, str]) -> None:
        """Do nothing."""

    def answered(self, answer: Answer) -> None:
        """Do nothing."""

    def failed(self, *, billed: bool) -> None:
        """Do nothing."""


class OpenGate:
    """Lets everything through at once."""

    def enter(self, request: Request, *, timeout_s: float) -> Pass:
        """Return a pass that nobody counts."""
        return OpenPass()


OPEN: Final = OpenGate()


class Gated:
    """A provider that knows no gates behind one: a whole call, its own retries included, counts as one request."""

    def __init__(self, provider: Provider, gate: Gate) -> None:
        self.name = provider.name
        self.base_url: str = getattr(provider, "base_url", "")
        self._provider = provider
        self._gate = gate

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer as the wrapped provider does. Raises what it raises, and what the gate raises."""
        deadline = time.monotonic() + timeout_s
        turn = self._gate.enter(request, timeout_s=(1.0 - KEPT_SHARE) * timeout_s)
        try:
            left_s = deadline + turn.rate_s - time.monotonic()
            answer = self._provider.complete(request, timeout_s=max(0.0, left_s))
        except BaseException as error:  # somebody else's code may raise anything, at any stage of the call
            turn.failed(billed=not isinstance(error, _NOTHING_SENT))
            raise
        turn.answered(answer)
        return answer

    def count_tokens(self, request: Request, *, timeout_s: float) -> int | None:
        """Return what the wrapped provider counts; see `tokens.count_tokens`."""
        return count_tokens(self._provider, request, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()
