"""How many tokens a request has: an estimate, a bound that nothing exceeds, and the endpoint's own count."""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_swebench.providers.protocol import Provider, Request

BYTES_PER_TOKEN: Final = 3.0
"""UTF-8 bytes (ASCII: characters) a token of code and English prose holds, on the low side: most hold 3 to 4.5."""

_REQUEST_OVERHEAD: Final = 1024  # what endpoints put around a request; with tools Anthropic adds up to 600 tokens
_PART_OVERHEAD: Final = 32  # roles and marks around each message, tool and tool call
_RENDERED: Final = 2  # schemas are rewritten into the model's own notation: at most so many times as long


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` has, rather too many than too few; 0 for the empty text."""
    return -int(-_size(text) // BYTES_PER_TOKEN)


def upper_bound(request: Request) -> int:
    """Return a number of input tokens that `request` cannot exceed; what it may write is `max_tokens`, not in here.

    Tokenizers that work on bytes, as those of all models at hand do, never make more tokens than there are bytes.
    """
    size = _REQUEST_OVERHEAD + _size(request.system)
    for message in request.messages:
        size += _PART_OVERHEAD + _size(message.content) + _size(message.tool_call_id)
        for call in message.tool_calls:
            size += _PART_OVERHEAD + _size(call.id) + _size(call.name) + _size(_json(call.arguments))
    for tool in request.tools:
        schema = _size(tool.name) + _size(tool.description) + _size(_json(tool.parameters))
        size += _PART_OVERHEAD + _RENDERED * schema
    if request.schema is not None:
        size += _PART_OVERHEAD + _RENDERED * _size(_json(request.schema))
    return size


def count_tokens(provider: Provider, request: Request, *, timeout_s: float) -> int | None:
    """Return the input tokens of `request` as the endpoint counts them, for nothing; None where it does not count.

    Raises ProviderError or ProviderRefused where it should have and did not.
    """
    counter = getattr(provider, "count_tokens", None)
    counted = counter(request, timeout_s=timeout_s) if callable(counter) else None
    return counted if isinstance(counted, int) else None


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="surrogatepass"))
