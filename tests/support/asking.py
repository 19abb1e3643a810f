"""Calls of real providers against the scripted endpoint, and what came of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_swebench.errors import SwebenchError
from pytest_swebench.providers.anthropic import anthropic_provider
from pytest_swebench.providers.gate import OPEN, Gate
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.openai import openai_provider
from pytest_swebench.providers.protocol import Answer, Message, Request
from pytest_swebench.providers.retry import OnWait, RetryPolicy, quiet
from pytest_swebench.secrets import Key
from tests.support.llm_server import AnswerFunction, Behaviour, LLMServer, Received, ScriptedAnswer

KEY = "sk-canary-0123456789"
QUICK = RetryPolicy(first_wait_s=0.001, longest_wait_s=0.05)
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), temperature=0.2)
FINE = ScriptedAnswer("Because.")


def connect(
    kind: str,
    url: str,
    policy: RetryPolicy = QUICK,
    *,
    gate: Gate = OPEN,
    on_wait: OnWait = quiet,
    counts: bool = False,
) -> HttpProvider:
    """Return a provider for the server at `url`, its SDK loaded."""
    importlib.import_module(kind)  # takes seconds, which no deadline of a test is to pay
    key = Key(KEY, "env:LLM_API_KEY")
    if kind == "anthropic":
        return anthropic_provider(kind, base_url=url, key=key, policy=policy, gate=gate, on_wait=on_wait)
    return openai_provider(
        kind, base_url=f"{url}/v1", key=key, policy=policy, gate=gate, on_wait=on_wait, counts=counts
    )


@dataclass(frozen=True)
class Asked:
    """What came of one call: an answer or an error, the requests it took, its waits."""

    outcome: Answer | SwebenchError
    requests: list[Received]
    waits: list[tuple[float, str]]

    @property
    def answer(self) -> Answer:
        assert isinstance(self.outcome, Answer), self.outcome
        return self.outcome


def ask(
    kind: str,
    behaviours: AnswerFunction | Sequence[Behaviour],
    *,
    request: Request = QUESTION,
    timeout_s: float = 60.0,
    policy: RetryPolicy = QUICK,
    gate: Gate = OPEN,
) -> Asked:
    """Ask once and say what came of it."""
    waits: list[tuple[float, str]] = []
    with LLMServer(behaviours) as server:
        provider = connect(
            kind, server.url, policy, gate=gate, on_wait=lambda wait_s, reason: waits.append((wait_s, reason))
        )
        outcome: Answer | SwebenchError
        try:
            outcome = provider.complete(request, timeout_s=timeout_s)
        except SwebenchError as error:
            outcome = error
        provider.close()
        return Asked(outcome, list(server.requests), waits)


@dataclass
class NotingGate:
    """Lets everything through until `refusal` is set, and notes what each pass is told, in order."""

    notes: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    timeouts_s: list[float] = field(default_factory=list)
    refusals: list[SwebenchError] = field(default_factory=list)
    rate_s: float = 0.0

    def enter(self, request: Request, *, timeout_s: float) -> NotingPass:
        self.timeouts_s.append(timeout_s)
        if self.refusals:
            raise self.refusals.pop(0)
        self.notes.append("enter")
        return NotingPass(self, self.rate_s)


@dataclass
class NotingPass:
    """A pass of `NotingGate`."""

    gate: NotingGate
    rate_s: float = 0.0

    def limits(self, status: int, headers: Mapping[str, str]) -> None:
        self.gate.notes.append(f"limits {status}")
        self.gate.headers.append(headers)

    def answered(self, answer: Answer) -> None:
        self.gate.notes.append("answered")
        self.gate.answers.append(answer)

    def failed(self, *, billed: bool) -> None:
        self.gate.notes.append("failed, billed" if billed else "failed")
