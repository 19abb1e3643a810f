"""Answers that are none for most who ask, and something to reply to for an agent."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import pytest

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.protocol import Message, Provider, Request, StopReason, Tool
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.providers.replay import answer_from_json, exchange_as_json
from tests.support.llm_server import LLMServer, ScriptedAnswer

ASKED = Request(
    model="m",
    messages=(Message("user", "look"),),
    tools=(Tool("ls", "Lists.", {"type": "object"}), Tool("cat", "Shows.", {"type": "object"})),
    binding=False,
)


def provider(wire: str, server: LLMServer) -> Provider:
    url = server.anthropic_url if wire == "anthropic" else server.openai_url
    return make_provider(wire, base_url=url, env={"LLM_API_KEY": "test-key-12345"})


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_an_answer_that_says_nothing_comes_back_at_once(wire: str) -> None:
    with LLMServer([ScriptedAnswer("")]) as server, closing(provider(wire, server)) as asked:
        answer = asked.complete(ASKED, timeout_s=20.0)
    assert (answer.text, answer.tool_calls, answer.stop_reason) == ("", (), StopReason.END)
    assert len(server.requests) == 1


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
@pytest.mark.parametrize("raw", ["{not json", "[1, 2]"])
def test_calls_that_nobody_can_read_come_back_with_what_is_wrong(wire: str, raw: str) -> None:
    broken = ScriptedAnswer("", (("ls", {}), ("cat", {})), raw_arguments=raw)
    with LLMServer([broken]) as server, closing(provider(wire, server)) as asked:
        answer = asked.complete(ASKED, timeout_s=20.0)
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("ls", {}), ("cat", {})]
    assert list(answer.malformed) == [call.id for call in answer.tool_calls]
    assert all(raw in wrong for wrong in answer.malformed.values())
    recorded = exchange_as_json(ASKED, answer)["answer"]
    assert answer_from_json(recorded) == dataclasses.replace(answer, served="")
    assert len(server.requests) == 1


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_what_it_promised_and_lacks_is_no_answer_all_the_same(wire: str) -> None:
    told = pytest.raises(ProviderError, match="calls none")
    with LLMServer([ScriptedAnswer("", stop="tool_use")]) as server, closing(provider(wire, server)) as asked, told:
        asked.complete(ASKED, timeout_s=20.0)
