"""Token counts: estimates, bounds and the endpoints' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import ProviderError, ProviderRefused
from pytest_swebench.providers.protocol import Message, Request, Tool, ToolCall
from pytest_swebench.providers.replay import ReplayProvider, write_recordings
from pytest_swebench.providers.tokens import count_tokens, estimate_tokens, upper_bound
from tests.support.asking import FINE, QUESTION, connect
from tests.support.llm_server import LLMServer

TOOL = Tool("list_files", "List a folder.", {"type": "object", "properties": {"path": {"type": "string"}}})
CONVERSATION = Request(
    model="m-1",
    system="Be brief.",
    messages=(
        Message("user", "Look around please."),
        Message("assistant", "Yes.", (ToolCall("c1", "list_files", {"path": "ä"}),)),
        Message("tool", "a.py b.py", tool_call_id="c1"),
    ),
    tools=(TOOL,),
    temperature=0.2,
    schema={"type": "object"},
)


def test_estimate_is_a_third_of_the_bytes_rounded_up() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abc", "abcd", "日本")] == [0, 1, 1, 2, 2]


@given(st.text(), st.text(), st.text())
def test_bound_covers_every_byte_that_is_sent(system: str, question: str, result: str) -> None:
    request = replace(
        CONVERSATION,
        system=system,
        messages=(
            Message("user", question),
            Message("assistant", "", (ToolCall("c1", "list_files", {"path": question}),)),
            Message("tool", result, tool_call_id="c1"),
        ),
    )
    sent = system, question, question, result, TOOL.name, TOOL.description, str(TOOL.parameters), str(request.schema)
    assert upper_bound(request) >= sum(len(text.encode()) for text in sent)


@given(st.text(min_size=1))
def test_bound_grows_with_the_request(text: str) -> None:
    longer = replace(QUESTION, messages=(*QUESTION.messages, Message("user", text)))
    assert upper_bound(longer) >= upper_bound(QUESTION) + len(text.encode())


def test_text_that_is_no_unicode_is_bounded_too() -> None:
    assert upper_bound(replace(QUESTION, system="\udcff")) > upper_bound(QUESTION)


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_endpoint_counts_without_answering(kind: str) -> None:
    with LLMServer([FINE]) as server:
        provider = connect(kind, server.url, counts=True)
        assert count_tokens(provider, QUESTION, timeout_s=30) == 1
        assert count_tokens(provider, replace(QUESTION, system="Be very brief."), timeout_s=30) == 4
        counted = count_tokens(provider, CONVERSATION, timeout_s=30)
        provider.close()
        assert server.requests == []
    assert counted is not None
    assert 5 <= counted <= upper_bound(CONVERSATION)


def test_openai_counts_a_conversation_in_its_responses_format() -> None:
    with LLMServer([FINE]) as server:
        provider = connect("openai", server.url, counts=True)
        provider.count_tokens(CONVERSATION, timeout_s=30)
        provider.close()
        body: dict[str, Any] = server.counted[0].body
    assert body == {
        "model": "m-1",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Look around please."},
            {"role": "assistant", "content": "Yes."},
            {"type": "function_call", "call_id": "c1", "name": "list_files", "arguments": '{"path": "\\u00e4"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "a.py b.py"},
        ],
        "tools": [
            {
                "type": "function",
                "name": "list_files",
                "description": "List a folder.",
                "parameters": TOOL.parameters,
                "strict": False,
            }
        ],
        "text": {
            "format": {
                "type": "json_schema",
                "name": "structured_answer",
                "schema": {"type": "object"},
                "strict": False,
            }
        },
    }


def test_anthropic_counts_what_would_be_sent_without_limits() -> None:
    with LLMServer([FINE]) as server:
        provider = connect("anthropic", server.url)
        provider.count_tokens(CONVERSATION, timeout_s=30)
        provider.close()
        body = server.counted[0].body
    assert set(body) == {"model", "messages", "system", "tools", "output_config"}


def test_nobody_else_counts(tmp_path: Path) -> None:
    with LLMServer([FINE]) as server:
        provider = connect("openai", server.url)
        assert count_tokens(provider, QUESTION, timeout_s=30) is None
        provider.close()
        assert server.counted == []
    path = tmp_path / "recorded.jsonl"
    write_recordings(path, [])
    assert count_tokens(ReplayProvider(path), QUESTION, timeout_s=30) is None


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_count_that_fails_is_an_error_and_no_number(kind: str) -> None:
    with LLMServer([FINE], key="another key") as server:
        provider = connect(kind, server.url, counts=True)
        with pytest.raises(ProviderRefused, match="HTTP 401"):
            count_tokens(provider, QUESTION, timeout_s=30)
    with pytest.raises(ProviderError, match="refused"):
        count_tokens(provider, QUESTION, timeout_s=30)
    provider.close()
