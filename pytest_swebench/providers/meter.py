"""Counts what a cell spends, and keeps its transcript: a provider around another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pytest_swebench.providers.deadline import Stopped
from pytest_swebench.providers.earlier import alike_digest
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Provider, Request, Usage
from pytest_swebench.providers.replay import exchange_as_json
from pytest_swebench.providers.shortened import Shortener
from pytest_swebench.providers.tokens import count_tokens
from pytest_swebench.records.conversation import Conversation
from pytest_swebench.records.journal import seal
from pytest_swebench.records.lines import append_line
from pytest_swebench.redact import Redactor

FREE: Final = frozenset({"cache", "cassette"})
"""Where answers come from that nobody pays for; see `Answer.served`."""

Price = Callable[[str, str, Usage], float | None]
"""From the model asked for, the model that answered and what it used to USD, None where the price is unknown."""

CallListener = Callable[[Request, Answer, float | None], None]


class Meter:
    """Passes requests on and adds up `calls` answered, `usage` and `cost_usd`.

    `cost_usd` is None from the first call whose price is unknown; `price` is that of the list unless given. Answers
    from a cache or a cassette cost nothing; those of an earlier attempt at the same cell cost what they did. `served`
    counts answers by where they came from, `dropped` names the parameters that were left out of requests. `label`
    stands on every line of the transcript, which is there to serve the answers again; `conversation` is there to be
    read. `before_first_call` runs once, before anything is paid. `on_call` runs after an exchange is counted and
    written, so what it raises loses nothing. Raises RecordError if the transcript cannot be written.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        price: Price | None = None,
        on_call: CallListener | None = None,
        before_first_call: Callable[[], None] | None = None,
        transcript_path: Path | None = None,
        label: Mapping[str, Any] = MappingProxyType({}),
        conversation: Conversation | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.name = provider.name
        self.calls = 0
        self.usage = Usage()
        self.cost_usd: float | None = 0.0
        self.served: Counter[str] = Counter()
        self.dropped: set[str] = set()
        self._provider = provider
        self._price = price or Prices().at(provider.name, getattr(provider, "base_url", "")).usd
        self._on_call = on_call
        self._before_first_call = before_first_call
        self._transcript_path = transcript_path
        self._label = label
        self._conversation = conversation
        self._shortener = Shortener()
        self._redactor = redactor or Redactor()

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer as the wrapped provider does, and raise what it raises."""
        if self._before_first_call is not None:
            before, self._before_first_call = self._before_first_call, None
            before()
        try:
            answer = self._provider.complete(request, timeout_s=timeout_s)
        except Stopped as stopped:  # it is paid for, and the next attempt gets it
            self._count(request, stopped.value)
            raise stopped.interrupt from None
        self._count(request, answer)
        return answer

    def _count(self, request: Request, answer: Answer) -> None:
        """Count an answer, and keep it."""
        cost_usd = self._cost(request, answer)
        self.calls += 1
        self.served.update([answer.served] if answer.served else [])
        self.dropped.update(answer.dropped)
        self.usage += answer.usage
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd
        self._write(request, answer, cost_usd)
        if self._on_call is not None:
            self._on_call(request, answer, cost_usd)

    def count_tokens(self, request: Request, *, timeout_s: float) -> int | None:
        """Return what the endpoint counts; see `tokens.count_tokens`."""
        return count_tokens(self._provider, request, timeout_s=timeout_s)

    def conclude(self, request: Request) -> None:
        """Keep in the conversation what is new in a request that is not made any more; see `conclude`."""
        if self._conversation is not None:
            self._conversation.conclude(request)

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()

    def _cost(self, request: Request, answer: Answer) -> float | None:
        return 0.0 if answer.served in FREE else self._price(request.model, answer.model, answer.usage)

    def _write(self, request: Request, answer: Answer, cost_usd: float | None) -> None:
        if self._transcript_path is not None:
            exchange = {
                **self._shortener.shorten(exchange_as_json(request, answer)),
                "alike_digest": alike_digest(request, self._redactor),
                "provider": self.name,
                "cost_usd": cost_usd,
                **self._label,
            }
            append_line(self._transcript_path, seal(self._redactor.data(exchange)))
        if self._conversation is not None:
            self._conversation.exchange(request, answer)


def conclude(provider: Provider, request: Request) -> None:
    """Tell `provider`, if it keeps a conversation, what the last calls came to: the request that is not made."""
    concluded = getattr(provider, "conclude", None)
    if callable(concluded):
        concluded(request)
