"""Every request that may cost money passes the gate once, and its pass is ended once, as the money may have gone."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import pytest

from pytest_swebench.errors import BudgetExhausted, InputError, ProviderError
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.providers.retry import Busy
from tests.support.asking import FINE, QUESTION, NotingGate, ask, connect
from tests.support.llm_server import (
    Behaviour,
    Broken,
    Drip,
    LLMServer,
    RateLimit,
    ScriptedAnswer,
    Status,
    Stream,
    refusing,
)


@pytest.fixture(params=["anthropic", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_answer_ends_its_pass_with_what_it_used(kind: str) -> None:
    gate = NotingGate()
    answer = ask(kind, [FINE], gate=gate).answer
    assert gate.notes == ["enter", "limits 200", "answered"]
    assert gate.answers == [answer]
    assert gate.headers[0]["Content-Type"].startswith("text/event-stream")


FAILURES: dict[str, tuple[Behaviour, list[str]]] = {
    "server error": (Status(500), ["limits 500", "failed"]),
    **{f"gateway {code}": (Status(code), [f"limits {code}", "failed, billed"]) for code in (502, 504, 520, 522, 524)},
    "rate limit": (Status(429), ["limits 429", "failed"]),
    "html": (Status(200, "<html>", content_type="text/html"), ["limits 200", "failed, billed"]),
    "cut stream": (Broken("cut"), ["limits 200", "failed, billed"]),
    "early end": (Broken("early"), ["limits 200", "failed, billed"]),
    "hung up": (Broken("hang up"), ["failed, billed"]),
    "overloaded at once": (Stream(({"error": {"type": "overloaded_error"}},)), ["limits 200", "failed"]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_ends_its_pass_billed_only_where_the_endpoint_may_charge(kind: str, name: str) -> None:
    behaviour, notes = FAILURES[name]
    gate = NotingGate()
    assert ask(kind, [behaviour, FINE], gate=gate).answer.text == "Because."
    assert gate.notes == ["enter", *notes, "enter", "limits 200", "answered"]


def test_refused_connection_is_not_billed(kind: str) -> None:
    gate = NotingGate()
    with LLMServer([FINE]) as server:
        server.down(0.3)
        provider = connect(kind, server.url, gate=gate)
        provider.complete(QUESTION, timeout_s=30)
        provider.close()
    *failures, last = "; ".join(gate.notes).split("enter; ")[1:]
    assert set(failures) == {"failed; "}
    assert last == "limits 200; answered"


def test_bad_answer_that_tells_its_usage_is_settled_by_it(kind: str) -> None:
    gate = NotingGate()
    empty = ScriptedAnswer("", usage={"input": 7, "output": 2})
    ask(kind, [empty, FINE], gate=gate)
    assert gate.notes == ["enter", "limits 200", "answered"] * 2
    assert gate.answers[0].usage == Usage(input=7, output=2)


def test_deadline_is_billed(kind: str) -> None:
    gate = NotingGate()
    ask(kind, [Drip(), FINE], gate=gate, timeout_s=3.0)
    assert gate.notes == ["enter", "limits 200", "failed, billed", "enter", "limits 200", "answered"]


def test_request_without_a_refused_parameter_passes_again(kind: str) -> None:
    gate = NotingGate()
    ask(kind, refusing(["temperature"], lambda body: FINE), gate=gate)
    assert gate.notes == ["enter", "limits 400", "failed", "enter", "limits 200", "answered"]


def test_interrupt_in_the_middle_of_an_answer_hangs_up_and_is_billed(kind: str) -> None:
    gate = NotingGate()
    with LLMServer([Drip(interval_s=0.01)]) as server:
        provider = connect(kind, server.url, gate=gate)

        def interrupt() -> None:
            while not gate.notes[1:]:  # limits are heard while the answer is still coming
                threading.Event().wait(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            provider.complete(QUESTION, timeout_s=60)
        assert server.hung_up.wait(timeout=20)
        provider.close()
    assert gate.notes == ["enter", "limits 200", "failed, billed"]


def test_exhausted_budget_ends_the_call_untouched(kind: str) -> None:
    refusal = BudgetExhausted("run", "cap of the run: 1.00 $")
    asked = ask(kind, [FINE], gate=NotingGate(refusals=[refusal]))
    assert asked.outcome is refusal
    assert asked.requests == []


def test_turn_that_does_not_come_is_waited_for_like_an_outage(kind: str) -> None:
    gate = NotingGate(refusals=[ProviderError("no turn")] * 5)
    asked = ask(kind, [FINE], gate=gate)
    assert asked.answer.text == "Because."
    assert [reason for _, reason in asked.waits] == ["no turn"] * 5


def test_turn_that_never_comes_is_told(kind: str) -> None:
    gate = NotingGate(refusals=[ProviderError("no turn")] * 100_000)
    asked = ask(kind, [FINE], gate=gate, timeout_s=0.5)
    assert isinstance(asked.outcome, Busy)
    assert "no turn (tried " in str(asked.outcome)


def test_turn_must_come_while_there_is_time_for_the_answer(kind: str) -> None:
    gate = NotingGate()
    ask(kind, [FINE], gate=gate, timeout_s=100)
    assert 70 < gate.timeouts_s[0] <= 80


def test_time_waited_for_the_rate_alone_is_no_time_of_the_calls(kind: str) -> None:
    gate = NotingGate(rate_s=100)
    asked = ask(kind, [Status(500), FINE], gate=gate, timeout_s=50)
    assert asked.answer.text == "Because."
    first_s, second_s = gate.timeouts_s
    assert first_s == pytest.approx(40, abs=5)
    assert second_s == pytest.approx(140, abs=5)


def test_limits_can_be_read_under_names_in_any_case(kind: str) -> None:
    gate = NotingGate()
    with LLMServer([FINE], limit=RateLimit(5)) as server:
        provider = connect(kind, server.url, gate=gate)
        provider.complete(QUESTION, timeout_s=60)
        provider.close()
    assert gate.notes == ["enter", "limits 200", "answered"]
    name = {"anthropic": "Anthropic-RateLimit-Requests-Remaining", "openai": "X-RateLimit-Remaining-Requests"}[kind]
    assert gate.headers[0][name] == "4"


def test_schema_that_is_none_is_refused_before_the_gate(kind: str) -> None:
    gate = NotingGate()
    for schema, words in (({"type": "objekt"}, "no JSON Schema"), ({"type": "array"}, "must describe an object")):
        asked = ask(kind, [FINE], request=replace(QUESTION, schema=schema), gate=gate)
        assert isinstance(asked.outcome, InputError)
        assert words in str(asked.outcome)
    assert gate.timeouts_s == []
