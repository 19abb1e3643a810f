"""Calls end when their time is up, and what they tell meanwhile arrives in the caller's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.deadline import within


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
