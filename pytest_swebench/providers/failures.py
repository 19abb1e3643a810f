"""Exchanges that failed: which errors the SDKs let through, and what a broken connection means."""

from __future__ import annotations

from typing import Any, Final

from pytest_swebench.errors import ProviderError, ProviderRefused, SwebenchError
from pytest_swebench.providers.protocol import Answer
from pytest_swebench.providers.retry import Busy
from pytest_swebench.providers.wire import Connection

CONNECT_TIMEOUT_S: Final = 10.0


class Failed(Exception):
    """An exchange without a good answer; `billed` if the endpoint may charge for it, `answer` if that says how much."""

    def __init__(self, error: SwebenchError, *, billed: bool, answer: Answer | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.billed = billed
        self.answer = answer


def sdk_timeout(timeout_s: float) -> Any:
    """Return the `httpx2.Timeout` of one read, and a shorter one to connect."""
    import httpx2

    return httpx2.Timeout(timeout_s, connect=min(timeout_s / 2, CONNECT_TIMEOUT_S))


def sdk_errors(connection: Connection) -> tuple[type[Exception], ...]:
    """Return the errors that an SDK lets through."""
    import httpx2

    return (connection.status_error, connection.sdk_error, httpx2.HTTPError, httpx2.StreamError)


def unreached(cause: BaseException, message: str, answering: bool) -> Failed:
    """Say what a broken connection means, before (not `answering`) or in the middle of an answer."""
    import httpx2

    never_sent = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.WriteError,
        httpx2.WriteTimeout,
    )
    if answering:
        return Failed(ProviderError(message), billed=True)
    if "CERTIFICATE_VERIFY_FAILED" in message:
        advice = "check the address, and which certificates this machine trusts"
        return Failed(ProviderRefused(f"{message}; {advice}", run_wide=True), billed=False)
    if isinstance(cause, never_sent):
        return Failed(Busy(message), billed=False)
    if isinstance(cause, (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
        return Failed(ProviderRefused(message, run_wide=True), billed=False)
    # silence, or hung up on us: it had the request and may have begun, so to ask without end could cost without end
    return Failed(ProviderError(message), billed=True)
