"""One provider for all HTTP endpoints: connection, gate, deadline, retries, and what becomes of every failure.

What differs between wire formats is behind `Wire`; see `anthropic.py` and `openai.py`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.deadline import Stopped, within
from pytest_swebench.providers.failures import Failed, sdk_errors, sdk_timeout, unreached
from pytest_swebench.providers.gate import KEPT_SHARE, OPEN, Gate, Pass
from pytest_swebench.providers.protocol import Answer, Request, StopReason
from pytest_swebench.providers.refusals import CACHING, MAY_CHARGE, ParameterRefused, status_failure
from pytest_swebench.providers.retry import Allowance, Busy, OnWait, RetryPolicy, quiet, retrying
from pytest_swebench.providers.sse import decode_object, read_events, token_count
from pytest_swebench.providers.structured import check_schema, with_data
from pytest_swebench.providers.wire import Connection, Wire
from pytest_swebench.redact import Redactor, address_secrets
from pytest_swebench.secrets import Key

NO_KEY: Final = Key("none", "placeholder")  # the SDKs insist on a key where the endpoint wants none
_SHOWN: Final = 1000  # characters of an error's text
_LINGER_S: Final = 3.5
"""After a first Ctrl-C an answer that is on its way is paid for, and waited for, so long; the whole stop takes five."""


@dataclass(frozen=True, slots=True)
class _Head:
    """Status and headers of a response, known before its body."""

    status: int
    headers: Mapping[str, str]


class HttpProvider:
    """A model endpoint reached over HTTP. Not shared between threads.

    Every request passes `gate` first; `on_wait(wait_s, reason)` hears of every back-off before it begins.
    """

    def __init__(
        self,
        name: str,
        wire: Wire,
        *,
        base_url: str,
        key: Key,
        policy: RetryPolicy | None = None,
        gate: Gate = OPEN,
        on_wait: OnWait = quiet,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self._wire = wire
        self._key = key
        self._policy = policy or RetryPolicy()
        self._gate = gate
        self._on_wait = on_wait
        self._redactor = Redactor([key.value, *address_secrets(base_url)])
        self._shown_url = shown(base_url)
        self._connection: Connection | None = None
        self._refused: dict[str, frozenset[str]] = {}  # model -> parameters it turned down before

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, base_url={self._shown_url!r}, key={self._key!r})"

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer `request`.

        Raises ProviderError, ProviderRefused (ContextOverflow is one), InputError for a schema that is none, and what
        the gate raises; never anything of an SDK.
        """
        if request.schema is not None:
            check_schema(request.schema)

        return retrying(
            lambda allowance: self._attempt(request, allowance, KEPT_SHARE * timeout_s),
            timeout_s=timeout_s,
            policy=self._policy,
            on_wait=self._on_wait,
        )

    def models(self, *, timeout_s: float, after: str = "") -> dict[str, Any]:
        """Return the endpoint's list of models as it is, one page of it. Raises ProviderError or ProviderRefused."""
        return self._fetch("models", {}, lambda connection, timeout: connection.models(after, timeout), timeout_s)

    def count_tokens(self, request: Request, *, timeout_s: float) -> int | None:
        """Return the input tokens of `request` by the endpoint's own count, None if it has none. It costs nothing.

        Raises ProviderError or ProviderRefused.
        """
        body = self._wire.count_body(request)
        if body is None:
            return None
        counted = self._fetch("count", body, lambda connection, timeout: connection.count(body, timeout), timeout_s)
        return token_count(counted, "input_tokens", required=True)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        self._connection = self._connection or self._wire.connect(self._key.value, self.base_url)
        return self._connection

    def _attempt(self, request: Request, allowance: Allowance, kept_s: float) -> Answer:
        """Send `request`, again without each parameter that the model turns down."""
        while True:
            refused = self._refused.get(request.model, frozenset())
            connection = self._connected()  # importing an SDK takes a second, which is not to run with a turn taken
            try:
                turn = self._gate.enter(request, timeout_s=max(0.0, allowance.left_s - kept_s))
            except ProviderError as error:
                raise Busy(str(error)) from None
            allowance.extend(turn.rate_s)
            try:
                answer = self._passed(turn, connection, request, refused, allowance.exchange_s)
            except ParameterRefused as error:
                self._refused[request.model] = refused | {error.parameter}
            else:
                return dataclasses.replace(answer, dropped=_dropped(request, refused))

    def _passed(
        self, turn: Pass, connection: Connection, request: Request, refused: frozenset[str], timeout_s: float
    ) -> Answer:
        """Make one exchange and settle its pass, whatever happens."""

        def exchange(tell: Callable[[_Head], None]) -> Answer:
            return self._exchange(connection, request, refused, timeout_s, tell)

        def hear(head: _Head) -> None:
            turn.limits(head.status, head.headers)

        what = f"{self.name} {request.model!r}"
        try:
            answer = within(exchange, timeout_s=timeout_s, abandon=self.close, hear=hear, linger_s=_LINGER_S, what=what)
        except Stopped as stopped:
            turn.answered(stopped.value)
            raise
        except Failed as failed:
            if failed.answer is None:
                turn.failed(billed=failed.billed)
            else:
                turn.answered(failed.answer)
            raise failed.error from None
        except BaseException:  # the deadline, Ctrl-C: nobody knows how far the endpoint came
            turn.failed(billed=True)
            raise
        turn.answered(answer)
        return answer

    def _exchange(
        self,
        connection: Connection,
        request: Request,
        refused: frozenset[str],
        timeout_s: float,
        tell: Callable[[_Head], None],
    ) -> Answer:
        """Send one request and read its answer."""
        body = self._wire.body(request, refused)
        answering = False
        answer = None
        try:
            with connection.stream(body, sdk_timeout(timeout_s)) as response:
                answering = True
                tell(_Head(response.status_code, response.headers))
                answer = self._wire.read(read_events(response))
            answer = dataclasses.replace(answer, model=answer.model or request.model)
            checked(answer, request)
            return with_data(answer, request)
        except Busy as error:
            raise Failed(Busy(self._say(body, str(error))), billed=False) from None
        except ProviderError as error:
            raise Failed(ProviderError(self._say(body, str(error))), billed=True, answer=answer) from None
        except sdk_errors(connection) as error:
            raise self._translated(error, connection, body, answering, tell) from None

    def _fetch(
        self, what: str, body: dict[str, Any], ask: Callable[[Connection, Any], str], timeout_s: float
    ) -> dict[str, Any]:
        """Return the JSON object that `ask` gets, tried once, within `timeout_s` seconds."""
        connection = self._connected()

        def call(tell: Callable[[_Head], None]) -> dict[str, Any]:
            try:
                return decode_object(ask(connection, sdk_timeout(timeout_s)), what)
            except ProviderError as error:
                raise ProviderError(self._say(body, str(error))) from None
            except sdk_errors(connection) as error:
                raise self._translated(error, connection, body, False, tell).error from None

        return within(call, timeout_s=timeout_s, abandon=self.close, what=f"{self.name} {what}")

    def _translated(
        self,
        error: Exception,
        connection: Connection,
        body: dict[str, Any],
        answering: bool,
        tell: Callable[[_Head], None],
    ) -> Failed:
        """Turn an SDK's error into text and not chain it: its request and response carry the key."""
        if isinstance(error, connection.status_error):
            status: int = error.status_code  # type: ignore[attr-defined]  # every status error of both SDKs has it
            headers: Mapping[str, str] = error.response.headers  # type: ignore[attr-defined]
            tell(_Head(status, headers))
            # One SDK's text leaves out the error code, so the answer's own body is shown.
            content = getattr(error, "body", None)
            message = self._say(body, f"HTTP {status}: {json.dumps(content) if content else error}")
            if status in {401, 403}:
                message += f"; {self._key_advice()}"
            elif status == 404 and "model" in body:
                message += f"; which models there are says: swebench-runner models {self.name}"
            return Failed(status_failure(status, message, headers, body), billed=status in MAY_CHARGE)
        cause = error.__cause__ or error  # "Connection error." alone says little
        return unreached(cause, self._say(body, f"{type(error).__name__}: {cause}"), answering)

    def _key_advice(self) -> str:
        if self._key is NO_KEY:
            return "no key was sent; set LLM_API_KEY or the provider's own variable"
        return f"it does not take the {self._key}; correct that one, or set another"

    def _say(self, body: dict[str, Any], message: str) -> str:
        # a piece of a key would not be known for one, so nothing is cut before
        short = " ".join(self._redactor.text(message).split())[:_SHOWN]
        model = f" {body['model']!r}" if "model" in body else ""
        return self._redactor.text(f"{self.name}{model} at {self._shown_url}: {short}")


def checked(answer: Answer, request: Request) -> None:
    """Raise ProviderError unless `answer` holds what its stop reason promises; silence is no answer if one is owed."""
    if answer.stop_reason is StopReason.TOOL_USE and not answer.tool_calls:
        raise ProviderError("the answer stops to use a tool but calls none")
    if any(not call.name for call in answer.tool_calls):
        raise ProviderError("the answer holds a tool call without a name")
    if request.binding and answer.malformed:
        raise ProviderError(next(iter(answer.malformed.values())))
    if request.binding and answer.stop_reason is StopReason.END and not answer.text:
        raise ProviderError("empty answer: neither text nor tool calls")


def _dropped(request: Request, refused: frozenset[str]) -> tuple[str, ...]:
    """Return those of the `refused` parameters that `request` would have had; `max_tokens` only changes its name."""
    asked = set() if request.temperature is None else {"temperature"}
    if request.schema is not None:
        asked |= refused - {"temperature", "max_tokens", CACHING}
    return tuple(sorted(refused & asked))
