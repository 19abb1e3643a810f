"""Calls end when their time is up, and what they tell meanwhile arrives in the caller's thread."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.deadline import Stopped, within


def test_value_and_news_arrive_in_the_calling_thread() -> None:
    heard: list[tuple[str, threading.Thread]] = []
    abandoned: list[bool] = []

    def call(tell: Callable[[str], None]) -> threading.Thread:
        tell("first")
        tell("second")
        return threading.current_thread()

    worker = within(
        call,
        timeout_s=30,
        abandon=lambda: abandoned.append(True),
        hear=lambda news: heard.append((news, threading.current_thread())),
        what="a call",
    )
    assert worker.name == "a call"
    assert heard == [("first", threading.current_thread()), ("second", threading.current_thread())]
    assert abandoned == []


def test_error_of_the_call_is_raised_and_nothing_abandoned() -> None:
    abandoned: list[bool] = []

    def call(tell: Callable[[str], None]) -> None:
        raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError, match="inside"):
        within(call, timeout_s=30, abandon=lambda: abandoned.append(True), what="a call")
    assert abandoned == []


def test_call_that_takes_too_long_is_abandoned() -> None:
    abandoned = threading.Event()

    def call(tell: Callable[[str], None]) -> None:
        for _ in range(10_000):
            tell("still here")
            if abandoned.wait(0.01):
                return

    with pytest.raises(ProviderError, match=r"a call: no complete answer within 0\.2 s"):
        within(call, timeout_s=0.2, abandon=abandoned.set, what="a call")
    assert abandoned.is_set()


def test_listener_that_fails_ends_the_call() -> None:
    abandoned = threading.Event()

    def call(tell: Callable[[str], None]) -> bool:
        tell("news")
        return abandoned.wait(30)

    def hear(news: str) -> None:
        raise OSError(f"no room for {news}")

    with pytest.raises(OSError, match="no room for news"):
        within(call, timeout_s=30, abandon=abandoned.set, hear=hear, what="a call")
    assert abandoned.is_set()


@pytest.fixture
def heard() -> Iterator[threading.Event]:
    """Set once this process has heard Ctrl-C, right before what waits in its main thread is interrupted."""
    event = threading.Event()

    def hear(signum: int, frame: FrameType | None) -> None:
        event.set()
        raise KeyboardInterrupt("by hand")

    before = signal.signal(signal.SIGINT, hear)
    yield event
    signal.signal(signal.SIGINT, before)


def test_answer_that_comes_soon_after_ctrl_c_is_handed_over(heard: threading.Event) -> None:
    abandoned: list[bool] = []

    def call(tell: Callable[[str], None]) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(30)
        tell("first")
        return "paid for"

    with pytest.raises(Stopped, match="by hand") as stopped:
        within(call, timeout_s=60, abandon=lambda: abandoned.append(True), linger_s=30, what="a call")
    assert stopped.value.value == "paid for"
    assert type(stopped.value.interrupt) is KeyboardInterrupt
    assert abandoned == []


def test_call_that_fails_after_ctrl_c_is_an_interrupt(heard: threading.Event) -> None:
    def call(tell: Callable[[str], None]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(30)
        raise ProviderError("gone")

    with pytest.raises(KeyboardInterrupt) as stopped:
        within(call, timeout_s=60, abandon=lambda: None, linger_s=30, what="a call")
    assert type(stopped.value) is KeyboardInterrupt


@pytest.mark.parametrize(("linger_s", "signals"), [(0.0, 1), (0.2, 1), (60.0, 2)])
def test_call_is_abandoned_at_ctrl_c_unless_there_is_time_and_at_a_second_one(
    heard: threading.Event, linger_s: float, signals: int
) -> None:
    abandoned = threading.Event()

    def call(tell: Callable[[str], None]) -> None:
        for _ in range(signals):
            heard.clear()
            os.kill(os.getpid(), signal.SIGINT)
            assert heard.wait(30)
        assert abandoned.wait(30)

    with pytest.raises(KeyboardInterrupt) as stopped:
        within(call, timeout_s=60, abandon=abandoned.set, linger_s=linger_s, what="a call")
    assert type(stopped.value) is KeyboardInterrupt
    assert abandoned.is_set()
