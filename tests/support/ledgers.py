"""Ledgers whose sums are read off at a glance, and calls to book in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pytest_swebench.providers.budget import Reservation
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.tokens import upper_bound

ONE_EACH: Final = "1000000,1000000"  # a dollar a token
Make = Callable[..., Ledger]


def request(max_tokens: int = 10, model: str = "m") -> Request:
    return Request(model=model, messages=(Message("user", "hello"),), max_tokens=max_tokens)


INPUT = upper_bound(request())
"""What every request here may read, in tokens, and so in dollars."""


def answer(usage: Usage, model: str = "m") -> Answer:
    return Answer(text="hi", model=model, stop_reason=StopReason.END, usage=usage)


def reserve(ledger: Ledger, max_tokens: int = 10, cell: str = "c/v/r1", variant: str = "v") -> Reservation:
    return ledger.reserve(ledger.account(cell, variant, "openai"), request(max_tokens), timeout_s=0.0)
