"""Counts what a cell spends, and keeps its transcript: a provider around another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pytest_swebench.providers import prices
from pytest_swebench.providers.protocol import Answer, Provider, Request, Usage
from pytest_swebench.providers.replay import exchange_as_json
from pytest_swebench.redact import Redactor

Price = Callable[[str, str, Usage], float | None]
CallListener = Callable[[Request, Answer, float | None], None]


class Meter:
    """Passes requests on and adds up `calls` answered, `usage` and `cost_usd`.

    `cost_usd` is None from the first call whose price is unknown; prices come from `prices.price` unless given.
    `before_first_call` runs once, before anything is paid. `on_call` runs after an exchange is counted and written,
    so what it raises loses nothing.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        price: Price | None = None,
        on_call: CallListener | None = None,
        before_first_call: Callable[[], None] | None = None,
        transcript_path: Path | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.name = provider.name
        self.calls = 0
        self.usage = Usage()
        self.cost_usd: float | None = 0.0
        self._provider = provider
        self._price = price or partial(prices.price, base_url=getattr(provider, "base_url", ""))
        self._on_call = on_call
        self._before_first_call = before_first_call
        self._transcript_path = transcript_path
        self._redactor = redactor or Redactor()

    @property
    def retries(self) -> int:
        """Return how many attempts the provider has repeated; 0 for one that does not count them."""
        retries = getattr(self._provider, "retries", 0)
        return retries if isinstance(retries, int) else 0

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer as the wrapped provider does, and raise what it raises."""
        if self._before_first_call is not None:
            before, self._before_first_call = self._before_first_call, None
            before()
        answer = self._provider.complete(request, timeout_s=timeout_s)
        cost_usd = self._cost(request, answer)
        self.calls += 1
        self.usage += answer.usage
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd
        self._write(request, answer, cost_usd)
        if self._on_call is not None:
            self._on_call(request, answer, cost_usd)
        return answer

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()

    def _cost(self, request: Request, answer: Answer) -> float | None:
        """Return the cost by the model that answered, or by the one asked for if the former is in no list."""
        cost_usd = self._price(self.name, answer.model, answer.usage)
        if cost_usd is None and answer.model != request.model:
            return self._price(self.name, request.model, answer.usage)
        return cost_usd

    def _write(self, request: Request, answer: Answer, cost_usd: float | None) -> None:
        if self._transcript_path is None:
            return
        exchange = {**exchange_as_json(request, answer), "provider": self.name, "cost_usd": cost_usd}
        line = json.dumps(self._redactor.data(exchange))
        self._transcript_path.parent.mkdir(parents=True, exist_ok=True)
        with self._transcript_path.open("a", encoding="utf-8") as transcript:
            transcript.write(f"{line}\n")
