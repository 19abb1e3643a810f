"""What a cell sends is counted by the minute, and so is what a rate limit turns away."""

from __future__ import annotations

import re

import pytest

from pytest_swebench.errors import BudgetExhausted
from pytest_swebench.providers.sent import Sent
from tests.support.asking import FINE, QUESTION, NotingGate, ask
from tests.support.llm_server import Status


def counted(gate: Sent) -> tuple[int, int]:
    return sum(sent for sent, _ in gate.by_minute.values()), sum(limited for _, limited in gate.by_minute.values())


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_every_attempt_counts_and_a_429_among_them(kind: str) -> None:
    inner = NotingGate()
    gate = Sent(inner)
    asked = ask(kind, [Status(429), Status(500), Status(429), FINE], gate=gate)
    assert asked.answer.text == "Because."
    assert counted(gate) == (len(asked.requests), 2) == (4, 2)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", minute) for minute in gate.by_minute)
    assert inner.notes == [
        *("enter", "limits 429", "failed", "enter", "limits 500", "failed"),
        *("enter", "limits 429", "failed", "enter", "limits 200", "answered"),
    ]
    assert inner.answers == [asked.answer]


def test_the_last_429_counts_though_nothing_follows_it() -> None:
    gate = Sent(NotingGate())
    asked = ask("openai", [Status(429, headers={"retry-after": "60"})] * 9, gate=gate, timeout_s=1.0)
    assert "HTTP 429" in str(asked.outcome)
    assert counted(gate) == (len(asked.requests), len(asked.requests))


def test_what_does_not_get_through_was_not_sent() -> None:
    gate = Sent(NotingGate(refusals=[BudgetExhausted("run", "no room")], rate_s=1.5))
    with pytest.raises(BudgetExhausted):
        gate.enter(QUESTION, timeout_s=1.0)
    assert gate.by_minute == {}
    assert gate.enter(QUESTION, timeout_s=1.0).rate_s == 1.5
