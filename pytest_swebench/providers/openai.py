"""The OpenAI chat-completions format, spoken by OpenAI, OpenRouter, Hugging Face, Ollama, Chutes and many others.

Reference: https://platform.openai.com/docs/api-reference/chat. The official SDK carries it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.http import HttpProvider, Response, decode_object, token_count
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.providers.retry import RetryPolicy
from pytest_swebench.secrets import Key

_FINISH_REASONS: Final = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.REFUSAL,
}


def openai_provider(name: str, *, base_url: str, key: Key, policy: RetryPolicy | None = None) -> HttpProvider:
    """Return a provider for any endpoint of this format; the SDK is imported on its first call."""
    return HttpProvider(name, OpenAIWire(), base_url=base_url, key=key, policy=policy)


class OpenAIWire:
    """Requests and event streams of `POST /chat/completions`."""

    def connect(self, key: str, base_url: str) -> OpenAIConnection:
        """Make the SDK's client."""
        return OpenAIConnection(key, base_url)

    def body(self, request: Request, refused: frozenset[str]) -> dict[str, Any]:
        """Return the request's JSON body.

        `max_tokens` is what every endpoint of this format knows; newer models of OpenAI refuse it and take
        `max_completion_tokens` instead.
        """
        system = [{"role": "system", "content": request.system}] if request.system else []
        limit = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        body: dict[str, Any] = {
            "model": request.model,
            limit: request.max_tokens,
            "messages": [*system, *map(_turn, request.messages)],
            "stream_options": {"include_usage": True},
        }
        if request.temperature is not None and "temperature" not in refused:
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in request.tools
            ]
        return body

    def read(self, events: Iterator[dict[str, Any]]) -> Answer:
        """Assemble the answer from its chunks; usage comes last, after the choice has finished."""
        stream = _Stream()
        for event in events:
            stream.take(event)
        return stream.answer()


class OpenAIConnection:
    """The SDK's client."""

    def __init__(self, key: str, base_url: str) -> None:
        import openai

        self.status_error: type[Exception] = openai.APIStatusError
        self.sdk_error: type[Exception] = openai.OpenAIError
        self._client = openai.OpenAI(api_key=key, base_url=base_url, max_retries=0)

    def stream(self, body: dict[str, Any], timeout: Any) -> AbstractContextManager[Response]:
        """Post `body` and open the event stream."""
        create: Any = self._client.chat.completions.with_streaming_response.create
        response: AbstractContextManager[Response] = create(**body, stream=True, timeout=timeout)
        return response

    def close(self) -> None:
        """Close all sockets."""
        self._client.close()


class _Stream:
    """What has arrived so far of one answer."""

    def __init__(self) -> None:
        self.model = ""
        self.text = ""
        self.refusal = ""
        self.usage: dict[str, Any] | None = None
        self.finish_reason: str | None = None
        self.calls: dict[int, dict[str, str]] = {}

    def take(self, chunk: dict[str, Any]) -> None:
        """Add one chunk; `null` stands for "nothing new" in every field."""
        try:
            self.model = chunk.get("model") or self.model
            self.usage = chunk.get("usage") or self.usage
            for choice in chunk.get("choices") or ():
                self.finish_reason = choice.get("finish_reason") or self.finish_reason
                delta = choice.get("delta") or {}
                self.text += delta.get("content") or ""
                self.refusal += delta.get("refusal") or ""
                for position, part in enumerate(delta.get("tool_calls") or ()):
                    self._extend(part.get("index", position), part)
        except (KeyError, TypeError, AttributeError) as error:
            raise ProviderError(f"malformed chunk ({type(error).__name__}: {error}): {chunk!r:.300}") from None

    def _extend(self, index: int, part: dict[str, Any]) -> None:
        call = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        function = part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["name"] = function.get("name") or call["name"]
        call["arguments"] += function.get("arguments") or ""

    def answer(self) -> Answer:
        """Return the validated answer."""
        if self.finish_reason is None:
            raise ProviderError("the answer ended early, without a finish reason")
        if self.finish_reason not in _FINISH_REASONS:
            raise ProviderError(f"unknown finish reason {self.finish_reason!r}; known: {', '.join(_FINISH_REASONS)}")
        stop_reason = _FINISH_REASONS[self.finish_reason]
        # A call that the token limit cut is no call; the stop reason tells what happened.
        cut = stop_reason is StopReason.MAX_TOKENS
        calls = () if cut else tuple(_tool_call(call) for call in self.calls.values())
        if calls:
            stop_reason = StopReason.TOOL_USE  # some endpoints say "stop" all the same
        elif self.refusal:
            stop_reason = StopReason.REFUSAL
        return Answer(
            text=self.text or self.refusal,
            model=self.model,
            stop_reason=stop_reason,
            usage=self._usage(),
            tool_calls=calls,
        )

    def _usage(self) -> Usage:
        """Return the usage; `prompt_tokens` includes what was read from or written to a cache."""
        usage = self.usage or {}
        details = usage.get("prompt_tokens_details") or {}
        cache_read = token_count(details, "cached_tokens")
        cache_write = token_count(details, "cache_write_tokens")
        prompt = token_count(usage, "prompt_tokens", required=True)
        return Usage(
            input=max(0, prompt - cache_read - cache_write),
            output=token_count(usage, "completion_tokens", required=True),
            cache_read=cache_read,
            cache_write=cache_write,
        )


def _tool_call(call: dict[str, str]) -> ToolCall:
    return ToolCall(call["id"], call["name"], decode_object(call["arguments"] or "{}", "arguments of a tool call"))


def _turn(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["content"] = message.content or None
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in message.tool_calls
        ]
    return turn
