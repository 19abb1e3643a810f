"""What stands before every request that may cost money: a turn under the rate limit, and room in the budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.protocol import Answer, Provider, Request


class Pass(Protocol):
    """Leave to send one request once. Exactly one of `answered` and `failed` ends it."""

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

        Raises BudgetExhausted where a cap has no room left, ProviderError where no turn comes within `timeout_s`.
        """


class OpenPass:
    """A pass that nobody counts."""

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
        self._provider = provider
        self._gate = gate

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer as the wrapped provider does. Raises what it raises, and what the gate raises."""
        turn = self._gate.enter(request, timeout_s=timeout_s)
        try:
            answer = self._provider.complete(request, timeout_s=timeout_s)
        except BaseException as error:
            turn.failed(billed=isinstance(error, ProviderError) or not isinstance(error, Exception))
            raise
        turn.answered(answer)
        return answer

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()
