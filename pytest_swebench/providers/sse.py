"""Server-sent events read strictly, and the JSON in them.

Errors quote whole texts: a piece of one could be a piece of a key, which no redactor knows. `HttpProvider` cuts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.retry import Busy

_BUSY: Final = frozenset({429, 503, 529, "429", "503", "529", "overloaded_error", "rate_limit_error"})


class Response(Protocol):
    """The part of an SDK's streaming response that is read here."""

    @property
    def status_code(self) -> int:
        """Return the HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the HTTP headers; names are case-insensitive."""

    def iter_lines(self) -> Iterator[str]:
        """Yield the body line by line."""


def read_events(response: Response) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a server-sent event stream (WHATWG HTML, section 9.2), up to `[DONE]`.

    The SDKs' own readers accept an HTML page or `{}` as an answer, and a stream that ends early. Raises
    ProviderError for whatever is no stream of JSON objects and for an error event, Busy for one that comes first
    and says that the endpoint had no room.
    """
    content_type = response.headers.get("content-type", "")
    if "text/event-stream" not in content_type:
        start = "".join(_first_lines(response.iter_lines()))
        raise ProviderError(f"answered {content_type!r} where an event stream was expected: {start!r}")
    for number, data in enumerate(_event_data(response.iter_lines())):
        if data == "[DONE]":
            return
        event = decode_object(data, "event")
        if error := event.get("error"):
            if number == 0 and _says_busy(error):
                raise Busy(f"refused in an event stream: {json.dumps(error)}")
            raise ProviderError(f"error in the middle of the answer: {json.dumps(error)}")
        yield event


def decode_object(text: str, what: str) -> dict[str, Any]:
    """Decode a JSON object; raises ProviderError naming `what` and quoting it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProviderError(f"{what} is not JSON ({error}): {text!r}") from None
    if not isinstance(value, dict):
        raise ProviderError(f"{what} is not a JSON object: {text!r}")
    return value


def decode_arguments(text: str) -> tuple[dict[str, Any], str]:
    """Return the arguments of a tool call, and what is wrong with them: "" if nothing, else there are none."""
    try:
        return decode_object(text or "{}", "arguments of a tool call"), ""
    except ProviderError as error:
        return {}, str(error)


def token_count(usage: Mapping[str, Any], name: str, *, required: bool = False) -> int:
    """Return `usage[name]`; an optional count may be missing or null. Raises ProviderError for anything else."""
    value = usage.get(name)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or value < 0:
        raise ProviderError(f"usage without a valid {name!r}: {json.dumps(usage)}")
    return value


def _says_busy(error: Any) -> bool:
    return isinstance(error, dict) and any(
        isinstance(error.get(name), (str, int)) and error[name] in _BUSY for name in ("code", "type")
    )


def _event_data(lines: Iterator[str]) -> Iterator[str]:
    """Yield the data of each event; one that the end of the stream cuts off is dropped, as the standard says."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _first_lines(lines: Iterator[str], count: int = 5) -> list[str]:
    return [line for line, _ in zip(lines, range(count), strict=False)]
