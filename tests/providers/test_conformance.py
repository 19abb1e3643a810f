"""What every provider must do, asked of the two HTTP formats through a real server and of recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.providers.replay import write_recordings
from tests.support.llm_server import LLMServer, ScriptedAnswer, prompt_text

QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), system="Be brief.", temperature=0.2)
LIST_FILES = Tool("list_files", "List a folder.", {"type": "object", "properties": {"path": {"type": "string"}}})
USAGE = {"input": 11, "output": 7, "cache_read": 5, "cache_write": 3}

Serve = Callable[[Request, ScriptedAnswer], Provider]


def as_recorded(answer: ScriptedAnswer) -> Answer:
    """Return what `answer` means in our own vocabulary."""
    return Answer(
        text=answer.text,
        model="m-1",
        stop_reason=StopReason(answer.stop_word),
        usage=Usage(**(answer.usage or {})),
        tool_calls=tuple(
            ToolCall(f"id-{number}", name, arguments) for number, (name, arguments) in enumerate(answer.tool_calls)
        ),
    )


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[Serve]:
    """Yield a function that returns a provider of `kind` which gives one answer to one request."""
    with ExitStack() as stack:

        def serve(request: Request, answer: ScriptedAnswer) -> Provider:
            if kind == "replay":
                path = folder / "recorded.jsonl"
                write_recordings(path, [(request, as_recorded(answer))])
                return make_provider(f"replay:{path}", env={})
            server = stack.enter_context(LLMServer([answer]))
            url = server.anthropic_url if kind == "anthropic" else server.openai_url
            provider = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-1"})
            stack.callback(provider.close)
            return provider

        yield serve


@pytest.fixture(params=["anthropic", "openai", "replay"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    with serving(request.param, tmp_path) as serve:
        yield serve


def test_text_usage_and_model_arrive(serve: Serve) -> None:
    provider = serve(QUESTION, ScriptedAnswer("Because of naïve ümlauts — ✓.\n", usage=USAGE))
    answer = provider.complete(QUESTION, timeout_s=30)
    assert answer == Answer(
        text="Because of naïve ümlauts — ✓.\n",
        model="m-1",
        stop_reason=StopReason.END,
        usage=Usage(input=11, output=7, cache_read=5, cache_write=3),
    )


@pytest.mark.parametrize("stop", ["end", "max_tokens", "refusal"])
def test_stop_reasons_share_one_vocabulary(serve: Serve, stop: str) -> None:
    answer = serve(QUESTION, ScriptedAnswer("So", stop=stop)).complete(QUESTION, timeout_s=30)
    assert answer.stop_reason is StopReason(stop)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal"])
def test_only_a_cut_or_a_refusal_may_be_empty(serve: Serve, stop: str) -> None:
    answer = serve(QUESTION, ScriptedAnswer("", stop=stop)).complete(QUESTION, timeout_s=30)
    assert (answer.text, answer.tool_calls, answer.stop_reason) == ("", (), StopReason(stop))


def test_tool_calls_come_decoded_and_in_order(serve: Serve) -> None:
    request = replace(QUESTION, tools=(LIST_FILES,))
    calls: tuple[tuple[str, dict[str, Any]], ...] = (("list_files", {"path": "a/ü"}), ("list_files", {}))
    answer = serve(request, ScriptedAnswer("Let me see.", calls)).complete(request, timeout_s=30)
    assert answer.text == "Let me see."
    assert answer.stop_reason is StopReason.TOOL_USE
    assert [(call.name, call.arguments) for call in answer.tool_calls] == list(calls)
    assert len({call.id for call in answer.tool_calls}) == 2


def test_tool_calls_need_no_text(serve: Serve) -> None:
    request = replace(QUESTION, tools=(LIST_FILES,))
    answer = serve(request, ScriptedAnswer("", (("list_files", {}),))).complete(request, timeout_s=30)
    assert (answer.text, len(answer.tool_calls)) == ("", 1)


def test_same_request_can_be_asked_again(serve: Serve) -> None:
    provider = serve(QUESTION, ScriptedAnswer("Yes."))
    assert [provider.complete(QUESTION, timeout_s=30).text for _ in range(3)] == ["Yes."] * 3


def test_closing_twice_is_fine_and_a_closed_provider_opens_again(serve: Serve) -> None:
    provider = serve(QUESTION, ScriptedAnswer("Yes."))
    provider.complete(QUESTION, timeout_s=30)
    provider.close()
    provider.close()
    assert provider.complete(QUESTION, timeout_s=30).text == "Yes."


CONVERSATION = Request(
    model="m-1",
    system="Be brief.",
    messages=(
        Message("user", "Look around."),
        Message("assistant", "", (ToolCall("c1", "list_files", {"path": "a"}), ToolCall("c2", "list_files", {}))),
        Message("tool", "a.py", tool_call_id="c1"),
        Message("tool", "b.py", tool_call_id="c2"),
        Message("user", "Go on."),
    ),
    max_tokens=77,
    temperature=0.0,
    tools=(LIST_FILES,),
)


def sent(kind: str, request: Request) -> dict[str, Any]:
    with LLMServer([ScriptedAnswer("ok")]) as server:
        url = server.anthropic_url if kind == "anthropic" else server.openai_url
        provider = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-1"})
        provider.complete(request, timeout_s=30)
        provider.close()
        assert "test-key-1" in str(server.requests[0].headers)
        return server.requests[0].body


def test_conversation_in_the_anthropic_format() -> None:
    assert sent("anthropic", CONVERSATION) == {
        "model": "m-1",
        "stream": True,
        "max_tokens": 77,
        "temperature": 0.0,
        "system": "Be brief.",
        "tools": [
            {"name": "list_files", "description": "List a folder.", "input_schema": LIST_FILES.parameters},
        ],
        "messages": [
            {"role": "user", "content": "Look around."},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c1", "name": "list_files", "input": {"path": "a"}},
                    {"type": "tool_use", "id": "c2", "name": "list_files", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "a.py"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "b.py"},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "text", "text": "Go on.", "cache_control": {"type": "ephemeral"}}],
            },
        ],
    }


def test_conversation_in_the_openai_format() -> None:
    def call(id: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": "list_files", "arguments": arguments}}

    assert sent("openai", CONVERSATION) == {
        "model": "m-1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 77,
        "temperature": 0.0,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "list_files",
                    "description": "List a folder.",
                    "parameters": LIST_FILES.parameters,
                },
            }
        ],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look around."},
            {"role": "assistant", "content": None, "tool_calls": [call("c1", '{"path": "a"}'), call("c2", "{}")]},
            {"role": "tool", "tool_call_id": "c1", "content": "a.py"},
            {"role": "tool", "tool_call_id": "c2", "content": "b.py"},
            {"role": "user", "content": "Go on."},
        ],
    }


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_optional_fields_are_left_out(kind: str) -> None:
    body = sent(kind, Request(model="m-1", messages=(Message("user", "Why?"),)))
    assert not {"temperature", "tools", "system"} & set(body)
    assert prompt_text(body) == "Why?"


def test_blank_text_beside_tool_calls_is_left_out_where_it_would_be_rejected() -> None:
    call = ToolCall("c1", "list_files", {})
    messages = (Message("user", "Look."), Message("assistant", "\n", (call,)), Message("tool", "", tool_call_id="c1"))
    body = sent("anthropic", replace(CONVERSATION, messages=messages))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]
    assert body["messages"][2]["content"][0]["content"] == ""
