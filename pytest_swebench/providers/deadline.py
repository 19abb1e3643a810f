"""A call that ends when its time is up, whatever the other side does."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

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


def within(
    call: Callable[[Callable[[News], None]], T],
    *,
    timeout_s: float,
    abandon: Callable[[], None],
    hear: Callable[[News], None] = lambda news: None,
    what: str,
) -> T:
    """Return what `call(tell)` returns or raise what it raises, but never later than `timeout_s` seconds from now.

    Timeouts of the SDKs count from the last byte received, so an endpoint that drips one byte at a time outlives
    them. The call therefore runs in a thread of its own; when time is up, or on Ctrl-C, `abandon` cuts its
    connection and the thread is left to die. What it hands to `tell` meanwhile, `hear` gets in the calling thread.
    Raises ProviderError when time is up.
    """
    box: queue.SimpleQueue[_Told[News] | _Returned[T] | _Raised] = queue.SimpleQueue()

    def run() -> None:
        try:
            box.put(_Returned(call(lambda news: box.put(_Told(news)))))
        except BaseException as error:  # handed over to the waiting thread, whatever it is
            box.put(_Raised(error))

    deadline = time.monotonic() + timeout_s
    threading.Thread(target=run, name=what, daemon=True).start()
    finished = False
    try:
        while True:
            item = box.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(item, _Told):
                hear(item.news)
                continue
            finished = True
            if isinstance(item, _Raised):
                raise item.error
            return item.value
    except queue.Empty:
        raise ProviderError(f"{what}: no complete answer within {timeout_s:.1f} s") from None
    finally:
        if not finished:
            abandon()
