"""One provider for all HTTP endpoints: connection, deadline, retries, and the meaning of every failure.

What differs between wire formats is behind `Wire`; see `anthropic.py` and `openai.py`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pytest_swebench.errors import ProviderError, ProviderRefused, SwebenchError
from pytest_swebench.providers.protocol import Answer, Request, StopReason
from pytest_swebench.providers.retry import Busy, RetryPolicy, retrying, within
from pytest_swebench.redact import Redactor
from pytest_swebench.secrets import Key

CONNECT_TIMEOUT_S: Final = 10.0
_TRANSIENT_STATUS: Final = frozenset({408, 409, 425, 429})
_REFUSES: Final = re.compile(r"unsupported|not supported|does not support|deprecated|not allowed|only the default")


class Response(Protocol):
    """The part of an SDK's streaming response that is read here."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the HTTP headers; names are case-insensitive."""

    def iter_lines(self) -> Iterator[str]:
        """Yield the body line by line."""


class Connection(Protocol):
    """An open client of one SDK, its own retries switched off."""

    status_error: type[Exception]  # has `status_code`, `message` and `response.headers`
    sdk_error: type[Exception]

    def stream(self, body: dict[str, Any], timeout: Any) -> AbstractContextManager[Response]:
        """Post `body`; `timeout` is an `httpx2.Timeout`."""

    def close(self) -> None:
        """Close all sockets."""


class Wire(Protocol):
    """A wire format: how to connect, how a request is written, how an answer is read."""

    def connect(self, key: str, base_url: str) -> Connection:
        """Import the SDK and make its client."""

    def body(self, request: Request, refused: frozenset[str]) -> dict[str, Any]:
        """Return the JSON body for `request` without the parameters in `refused`."""

    def read(self, events: Iterator[dict[str, Any]]) -> Answer:
        """Assemble the answer. Raises ProviderError unless it is complete and makes sense."""


class ParameterRefused(ProviderRefused):
    """The model does not take `parameter`, and may answer without it."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class HttpProvider:
    """A model endpoint reached over HTTP. Not shared between threads. `retries` counts repeated attempts."""

    def __init__(self, name: str, wire: Wire, *, base_url: str, key: Key, policy: RetryPolicy | None = None) -> None:
        self.name = name
        self.base_url = base_url
        self.retries = 0
        self._wire = wire
        self._key = key
        self._policy = policy or RetryPolicy()
        self._redactor = Redactor([key.value])
        self._shown_url = re.sub(r"//[^/@]*@", "//", base_url)  # an address may hold a password
        self._connection: Connection | None = None
        self._refused: dict[str, frozenset[str]] = {}  # model -> parameters it turned down before

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self._shown_url!r}, key={self._key!r})"

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer `request`; raises ProviderError or ProviderRefused, never anything of an SDK."""

        def count() -> None:
            self.retries += 1

        return retrying(
            lambda left_s: self._attempt(request, left_s), timeout_s=timeout_s, policy=self._policy, on_retry=count
        )

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _attempt(self, request: Request, timeout_s: float) -> Answer:
        connection = self._connection or self._wire.connect(self._key.value, self.base_url)
        self._connection = connection

        def call() -> Answer:
            return self._call(connection, request, timeout_s)

        return within(call, timeout_s=timeout_s, abandon=self.close, what=f"{self.name} {request.model!r}")

    def _call(self, connection: Connection, request: Request, timeout_s: float) -> Answer:
        """Send `request`, again without each parameter that the model turns down."""
        while True:
            refused = self._refused.get(request.model, frozenset())
            try:
                answer = self._exchange(connection, self._wire.body(request, refused), timeout_s)
            except ParameterRefused as error:
                self._refused[request.model] = refused | {error.parameter}
            else:
                dropped = ("temperature",) if "temperature" in refused and request.temperature is not None else ()
                return dataclasses.replace(answer, dropped=dropped)

    def _exchange(self, connection: Connection, body: dict[str, Any], timeout_s: float) -> Answer:
        """Send one request and read its answer.

        Errors of the SDK are turned into text and not chained: their requests and responses carry the key.
        """
        import httpx2

        timeout = httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        try:
            with connection.stream(body, timeout) as response:
                answer = self._wire.read(read_events(response))
                return checked(dataclasses.replace(answer, model=answer.model or body["model"]))
        except ProviderError as error:
            raise ProviderError(self._say(body, str(error))) from None
        except connection.status_error as error:
            status: int = error.status_code  # type: ignore[attr-defined]  # every status error of both SDKs has it
            headers: Mapping[str, str] = error.response.headers  # type: ignore[attr-defined]
            # One SDK's text leaves out the error code, so the answer's own body is shown.
            content = getattr(error, "body", None)
            message = self._say(body, f"HTTP {status}: {json.dumps(content) if content else error}")
            raise status_failure(status, message, headers, body) from None
        except (connection.sdk_error, httpx2.HTTPError, httpx2.StreamError) as error:
            cause = error.__cause__ or error  # "Connection error." alone says little
            raise ProviderError(self._say(body, f"{type(error).__name__}: {cause}")) from None

    def _say(self, body: dict[str, Any], message: str) -> str:
        short = " ".join(message.split())[:1000]
        return self._redactor.text(f"{self.name} {body['model']!r} at {self._shown_url}: {short}")


def checked(answer: Answer) -> Answer:
    """Return `answer` if it holds what its stop reason promises; raises ProviderError otherwise."""
    if answer.stop_reason is StopReason.TOOL_USE and not answer.tool_calls:
        raise ProviderError("the answer stops to use a tool but calls none")
    if any(not call.name for call in answer.tool_calls):
        raise ProviderError("the answer holds a tool call without a name")
    if answer.stop_reason is StopReason.END and not answer.text:
        raise ProviderError("empty answer: neither text nor tool calls")
    return answer


def status_failure(status: int, message: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> SwebenchError:
    """Return what an HTTP status means: trouble that may heal, or a refusal that will not.

    An exhausted quota comes as 429 (`insufficient_quota` in OpenAI's list of error codes), but no wait refills it.
    """
    if "insufficient_quota" in message or (400 <= status < 500 and status not in _TRANSIENT_STATUS):
        parameter = refused_parameter(message, body) if status == 400 else ""
        return ParameterRefused(message, parameter) if parameter else ProviderRefused(message)
    retry_after_s = _retry_after_s(headers)
    if retry_after_s is None:
        return ProviderError(message)
    return Busy(f"{message} (asks to wait {retry_after_s:g} s)", retry_after_s)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `retry-after-ms` or `Retry-After` (RFC 9110, the form in seconds) ask to wait."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if re.fullmatch(r"\d+(\.\d+)?", value := headers.get(name, "").strip()):
            return float(value) * unit_s
    return None


def refused_parameter(message: str, body: Mapping[str, Any]) -> str:
    """Name the parameter of `body` that the model does not take at all, by the words of its refusal, or "".

    A value out of range is the caller's mistake and stays an error.
    """
    text = message.lower()
    if not _REFUSES.search(text):
        return ""
    if "max_completion_tokens" in text and "max_tokens" in body:
        return "max_tokens"
    return "temperature" if "temperature" in text and "temperature" in body else ""


def read_events(response: Response) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a server-sent event stream (WHATWG HTML, section 9.2), up to `[DONE]`.

    The SDKs' own readers accept an HTML page or `{}` as an answer, and a stream that ends early. Raises
    ProviderError for whatever is no stream of JSON objects and for an error event.
    """
    content_type = response.headers.get("content-type", "")
    if "text/event-stream" not in content_type:
        start = "".join(_first_lines(response.iter_lines()))[:200]
        raise ProviderError(f"answered {content_type!r} where an event stream was expected: {start!r}")
    for data in _event_data(response.iter_lines()):
        if data == "[DONE]":
            return
        event = decode_object(data, "event")
        if error := event.get("error"):
            raise ProviderError(f"error in the middle of the answer: {json.dumps(error)[:500]}")
        yield event


def decode_object(text: str, what: str) -> dict[str, Any]:
    """Decode a JSON object; raises ProviderError naming `what` and how it begins."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ProviderError(f"{what} is not JSON ({error}): {text[:200]!r}") from None
    if not isinstance(value, dict):
        raise ProviderError(f"{what} is not a JSON object: {text[:200]!r}")
    return value


def token_count(usage: Mapping[str, Any], name: str, *, required: bool = False) -> int:
    """Return `usage[name]`; an optional count may be missing or null. Raises ProviderError for anything else."""
    value = usage.get(name)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or value < 0:
        raise ProviderError(f"usage without a valid {name!r}: {json.dumps(usage)[:300]}")
    return value


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
