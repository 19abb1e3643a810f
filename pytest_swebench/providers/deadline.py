"""A call that ends when its time is up, whatever the other side does."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pytest_swebench.errors import ProviderError

T = TypeVar("T")
News = TypeVar("News")


@dataclass(frozen=True, slots=True)
class _Told(Generic[News]):
    news: News


@dataclass(frozen=True, slots=True)
class _Returned(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class Stopped(KeyboardInterrupt):
    """Ctrl-C while a call was in flight that was answered all the same: `value` is paid for, and worth keeping.

    `interrupt` is what is to be raised once it is kept.
    """

    def __init__(self, value: Any, interrupt: KeyboardInterrupt) -> None:
        super().__init__(*interrupt.args)
        self.value = value
        self.interrupt = interrupt


def within(
    call: Callable[[Callable[[News], None]], T],
    *,
    timeout_s: float,
    abandon: Callable[[], None],
    hear: Callable[[News], None] = lambda news: None,
    linger_s: float = 0.0,
    what: str,
) -> T:
    """Return what `call(tell)` returns or raise what it raises, but never later than `timeout_s` seconds from now.

    Timeouts of the SDKs count from the last byte received, so an endpoint that drips one byte at a time outlives
    them. The call therefore runs in a thread of its own; when time is up, or on Ctrl-C, `abandon` cuts its
    connection and the thread is left to die. What it hands to `tell` meanwhile, `hear` gets in the calling thread.
    Raises ProviderError when time is up, and Stopped for what comes within `linger_s` seconds after a first Ctrl-C.
    """
    box: queue.SimpleQueue[_Told[News] | _Returned[T] | _Raised] = queue.SimpleQueue()

    def run() -> None:
        try:
            box.put(_Returned(call(lambda news: box.put(_Told(news)))))
        except BaseException as error:  # handed over to the waiting thread, whatever it is
            box.put(_Raised(error))

    def ended(deadline_s: float) -> _Returned[T] | _Raised:
        while isinstance(item := box.get(timeout=max(0.0, deadline_s - time.monotonic())), _Told):
            hear(item.news)
        return item

    thread = threading.Thread(target=run, name=what, daemon=True)
    deadline_s = time.monotonic() + timeout_s
    finished, stop = False, None
    try:
        try:
            thread.start()
            item = ended(deadline_s)
        except KeyboardInterrupt as interrupt:
            if not linger_s:
                raise
            stop = interrupt
            item = ended(min(deadline_s, time.monotonic() + linger_s))
        finished = True
    except queue.Empty:
        if stop is not None:
            raise stop from None
        raise ProviderError(f"{what}: no complete answer within {timeout_s:.1f} s") from None
    finally:
        if not finished:
            abandon()
    if stop is not None:
        raise Stopped(item.value, stop) if isinstance(item, _Returned) else stop
    if isinstance(item, _Raised):
        raise item.error
    return item.value
