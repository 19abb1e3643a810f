"""Conversations with tools are marked for Anthropic's cache, which asks to be told where they end."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from pytest_swebench.providers.protocol import Message, Provider, Request, Tool, ToolCall
from pytest_swebench.providers.registry import make_provider
from tests.support.llm_behaviours import Behaviour
from tests.support.llm_server import LLMServer, ScriptedAnswer, bad_request

MARK = {"type": "ephemeral"}
TOOLS = (Tool("ls", "Lists.", {"type": "object"}),)
FIRST = (Message("user", "look"),)
SECOND = (
    *FIRST,
    Message("assistant", "", (ToolCall("1", "ls", {}), ToolCall("2", "ls", {}))),
    Message("tool", "a", tool_call_id="1"),
    Message("tool", "b", tool_call_id="2"),
)


def provider(server: LLMServer) -> Provider:
    return make_provider("anthropic", base_url=server.anthropic_url, env={"LLM_API_KEY": "test-key-12345"})


def ask(asked: Provider, messages: tuple[Message, ...], tools: tuple[Tool, ...] = TOOLS) -> tuple[str, ...]:
    return asked.complete(Request(model="m", messages=messages, tools=tools), timeout_s=20.0).dropped


def test_the_end_of_a_conversation_with_tools_is_marked() -> None:
    with LLMServer([ScriptedAnswer("yes")]) as server, closing(provider(server)) as asked:
        ask(asked, FIRST)
        ask(asked, SECOND)
    bodies = [request.body for request in server.requests]
    assert bodies[0]["messages"][-1]["content"] == [{"type": "text", "text": "look", "cache_control": MARK}]
    assert [block.get("cache_control") for block in bodies[1]["messages"][-1]["content"]] == [None, MARK]
    assert json.dumps(bodies[1]).count("cache_control") == 1


def test_a_single_question_is_not() -> None:
    with LLMServer([ScriptedAnswer("yes")]) as server, closing(provider(server)) as asked:
        ask(asked, FIRST, tools=())
    assert "cache_control" not in json.dumps(server.requests[0].body)


def test_an_endpoint_that_knows_no_cache_is_asked_without() -> None:
    def strict(body: dict[str, Any]) -> Behaviour:
        refused = "cache_control" in json.dumps(body)
        return bad_request("messages.0.content.0.cache_control: unexpected") if refused else ScriptedAnswer("yes")

    with LLMServer(strict) as server, closing(provider(server)) as asked:
        assert ask(asked, FIRST) == ()
        assert ask(asked, SECOND) == ()
        assert len(server.requests) == 3
