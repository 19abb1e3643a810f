"""Scripted answers in two wire formats, whole and as streams: Anthropic's messages and OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.support.llm_behaviours import ScriptedAnswer

ANTHROPIC_STOPS = {
    "end": "end_turn",
    "max_tokens": "max_tokens",
    "tool_use": "tool_use",
    "refusal": "refusal",
}
OPENAI_STOPS = {
    "end": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def anthropic_message(body: dict[str, Any], answer: ScriptedAnswer) -> dict[str, Any]:
    """Return `answer` as a Messages API response."""
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}
        for number, (name, arguments) in enumerate(answer.tool_calls, start=1)
    ]
    message = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": content,
        "stop_reason": ANTHROPIC_STOPS.get(answer.stop_word, answer.stop_word),
        "stop_sequence": None,
    }
    if answer.usage is not None:
        message["usage"] = {
            "input_tokens": answer.usage.get("input", 0),
            "output_tokens": answer.usage.get("output", 0),
            "cache_read_input_tokens": answer.usage.get("cache_read", 0),
            "cache_creation_input_tokens": answer.usage.get("cache_write", 0),
        }
    return message


def anthropic_events(body: dict[str, Any], answer: ScriptedAnswer) -> list[str]:
    """Return `answer` as the events of a Messages API stream."""
    whole = anthropic_message(body, answer)
    usage = whole.pop("usage", None)
    start = {**whole, "content": [], "stop_reason": None}
    if usage is not None:
        start["usage"] = {**usage, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            opening: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": part} for part in _halves(block["text"])]
        else:
            opening = {**block, "input": {}}
            arguments = answer.raw_arguments if answer.raw_arguments is not None else json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in _halves(arguments)]
        events.append({"type": "content_block_start", "index": index, "content_block": opening})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ending: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
    }
    if usage is not None:
        ending["usage"] = {"output_tokens": usage["output_tokens"]}
    events += [ending, {"type": "message_stop"}]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


def openai_usage(usage: dict[str, int]) -> dict[str, Any]:
    """Return usage in this format, where the prompt includes what the cache held."""
    cached, written = usage.get("cache_read", 0), usage.get("cache_write", 0)
    prompt = usage.get("input", 0) + cached + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.get("output", 0),
        "total_tokens": prompt + usage.get("output", 0),
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }


def openai_tool_calls(answer: ScriptedAnswer) -> list[dict[str, Any]]:
    """Return the tool calls of `answer` in this format."""
    return [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": answer.raw_arguments if answer.raw_arguments is not None else json.dumps(arguments),
            },
        }
        for number, (name, arguments) in enumerate(answer.tool_calls, start=1)
    ]


def openai_completion(body: dict[str, Any], answer: ScriptedAnswer) -> dict[str, Any]:
    """Return `answer` as a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tool_calls:
        message["tool_calls"] = openai_tool_calls(answer)
    stop = OPENAI_STOPS.get(answer.stop_word, answer.stop_word)
    completion = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
    }
    return completion if answer.usage is None else {**completion, "usage": openai_usage(answer.usage)}


def openai_events(body: dict[str, Any], answer: ScriptedAnswer) -> list[str]:
    """Return `answer` as the events of a chat-completion stream; usage comes only if the request asks for it."""
    base = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": body.get("model")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in _halves(answer.text)]
    for index, call in enumerate(openai_tool_calls(answer)):
        first, second = _halves(call["function"]["arguments"])
        head = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": first}}
        deltas += [{"tool_calls": [head]}, {"tool_calls": [{"index": index, "function": {"arguments": second}}]}]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    stop = OPENAI_STOPS.get(answer.stop_word, answer.stop_word)
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]})
    if answer.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": openai_usage(answer.usage)})
    return [*(f"data: {json.dumps({**base, **chunk})}\n\n" for chunk in chunks), "data: [DONE]\n\n"]


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


def model_list(models: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return `models` as `GET /models` of OpenAI's format answers."""
    base = {"object": "model", "created": 0, "owned_by": "tests"}
    return {"object": "list", "data": [{**base, **model} for model in models]}


def model_page(models: Sequence[dict[str, Any]], after: str, limit: int) -> dict[str, Any]:
    """Return `models` as Anthropic's `GET /v1/models` answers: at most `limit` of them, after the id `after`."""
    ids = [model["id"] for model in models]
    start = ids.index(after) + 1 if after else 0
    page = [{"type": "model", "display_name": model["id"], **model} for model in models[start : start + limit]]
    return {
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(models),
    }
