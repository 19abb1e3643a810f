"""What differs between wire formats, for `HttpProvider`; kept by `anthropic.py` and `openai.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.providers.sse import Response


class Connection(Protocol):
    """An open client of one SDK, its own retries switched off. `timeout` is an `httpx2.Timeout`."""

    status_error: type[Exception]  # has `status_code`, `body` and `response.headers`
    sdk_error: type[Exception]

    def stream(self, body: dict[str, Any], timeout: Any) -> AbstractContextManager[Response]:
        """Post `body` and open the event stream."""

    def models(self, after: str, timeout: Any) -> str:
        """Return the JSON text of the list of models, its page after the model `after` where the list has pages."""

    def count(self, body: dict[str, Any], timeout: Any) -> str:
        """Return the JSON text of the count of tokens in `body`, with the field `input_tokens`."""

    def close(self) -> None:
        """Close all sockets."""


class Wire(Protocol):
    """A wire format: how to connect, how a request is written, how an answer is read."""

    def connect(self, key: str, base_url: str) -> Connection:
        """Import the SDK and make its client."""

    def body(self, request: Request, refused: frozenset[str]) -> dict[str, Any]:
        """Return the JSON body for `request` without the parameters in `refused`."""

    def count_body(self, request: Request) -> dict[str, Any] | None:
        """Return the JSON body that asks how many tokens `request` has, or None where nobody counts."""

    def read(self, events: Iterator[dict[str, Any]]) -> Answer:
        """Assemble the answer. Raises ProviderError unless it is complete and makes sense."""
