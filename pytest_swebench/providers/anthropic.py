"""The Anthropic Messages format (https://docs.anthropic.com/en/api/messages), through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.gate import OPEN, Gate
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.providers.refusals import CACHING
from pytest_swebench.providers.retry import OnWait, RetryPolicy, quiet
from pytest_swebench.providers.sse import Response, decode_arguments, token_count
from pytest_swebench.providers.structured import NAME, instruction
from pytest_swebench.secrets import Key

_STOP_REASONS: Final = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "tool_use": StopReason.TOOL_USE,
    "refusal": StopReason.REFUSAL,
}


def anthropic_provider(
    name: str,
    *,
    base_url: str,
    key: Key,
    policy: RetryPolicy | None = None,
    gate: Gate = OPEN,
    on_wait: OnWait = quiet,
) -> HttpProvider:
    """Return a provider for any endpoint of this format; the SDK is imported on its first call."""
    return HttpProvider(name, AnthropicWire(), base_url=base_url, key=key, policy=policy, gate=gate, on_wait=on_wait)


class AnthropicWire:
    """Requests and event streams of `POST /v1/messages`."""

    def connect(self, key: str, base_url: str) -> AnthropicConnection:
        """Make the SDK's client."""
        return AnthropicConnection(key, base_url)

    def body(self, request: Request, refused: frozenset[str]) -> dict[str, Any]:
        """Return the request's JSON body."""
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.max_tokens,
            "messages": _turns(request.messages),
        }
        if system := self._system(request, refused):
            body["system"] = system
        if request.temperature is not None and "temperature" not in refused:
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in request.tools
            ]
            if CACHING not in refused:
                body["messages"] = _cached(body["messages"])
        if request.schema is not None:
            body |= _shape(request.schema, body.get("tools", []), refused)
        return body

    def count_body(self, request: Request) -> dict[str, Any]:
        """Return the body of `POST /v1/messages/count_tokens`, which takes no limit and no temperature."""
        body = self.body(request, frozenset({"temperature"}))
        del body["max_tokens"]
        return body

    @staticmethod
    def _system(request: Request, refused: frozenset[str]) -> str:
        if request.schema is not None and {"output_config", "tool_choice"} <= refused:
            return instruction(request)
        return request.system

    def read(self, events: Iterator[dict[str, Any]]) -> Answer:
        """Assemble the answer from `message_start` to `message_stop`."""
        stream = _Stream()
        for event in events:
            if event.get("type") == "message_stop":
                return stream.answer()
            stream.take(event)
        raise ProviderError("the answer ended early, without 'message_stop'")


class AnthropicConnection:
    """The SDK's client. `temperature` is no argument of its newer versions, so the body's rest goes in as it is."""

    def __init__(self, key: str, base_url: str) -> None:
        import anthropic

        self.status_error: type[Exception] = anthropic.APIStatusError
        self.sdk_error: type[Exception] = anthropic.AnthropicError
        self._client = anthropic.Anthropic(api_key=key, base_url=base_url, max_retries=0)

    def stream(self, body: dict[str, Any], timeout: Any) -> AbstractContextManager[Response]:
        """Post `body` and open the event stream."""
        named = {name: body[name] for name in ("model", "max_tokens", "messages")}
        rest = {name: value for name, value in body.items() if name not in named}
        create: Any = self._client.messages.with_streaming_response.create
        response: AbstractContextManager[Response] = create(**named, stream=True, extra_body=rest, timeout=timeout)
        return response

    def models(self, after: str, timeout: Any) -> str:
        """Return a page of `GET /v1/models`."""
        list_models: Any = self._client.models.with_raw_response.list
        page = {"after_id": after} if after else {}
        text: str = list_models(limit=1000, timeout=timeout, **page).text()
        return text

    def count(self, body: dict[str, Any], timeout: Any) -> str:
        """Return the answer of `POST /v1/messages/count_tokens`."""
        count: Any = self._client.messages.with_raw_response.count_tokens
        text: str = count(**body, timeout=timeout).text()
        return text

    def close(self) -> None:
        """Close all sockets."""
        self._client.close()


class _Stream:
    """What has arrived so far of one answer."""

    def __init__(self) -> None:
        self.model = ""
        self.usage: dict[str, Any] = {}
        self.stop_reason: str | None = None
        self.blocks: dict[int, dict[str, Any]] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Add one event; unknown kinds are left out, as the API's versioning policy asks of clients."""
        kind = event.get("type")
        try:
            if kind == "message_start":
                self.model = event["message"]["model"]
                self.usage |= event["message"]["usage"]
            elif kind == "content_block_start":
                self.blocks[event["index"]] = {"type": "", "text": "", **event["content_block"], "json": ""}
            elif kind == "content_block_delta":
                self._extend(self.blocks[event["index"]], event["delta"])
            elif kind == "message_delta":
                self.stop_reason = event["delta"]["stop_reason"]
                self.usage |= {name: value for name, value in event["usage"].items() if value is not None}
        except (KeyError, TypeError, AttributeError) as error:
            raise ProviderError(f"malformed {kind!r} event ({type(error).__name__}: {error}): {event!r}") from None

    @staticmethod
    def _extend(block: dict[str, Any], delta: dict[str, Any]) -> None:
        if delta["type"] == "text_delta":
            block["text"] += delta["text"]
        elif delta["type"] == "input_json_delta":
            block["json"] += delta["partial_json"]

    def answer(self) -> Answer:
        """Return the validated answer."""
        if self.stop_reason not in _STOP_REASONS:
            raise ProviderError(f"unknown stop reason {self.stop_reason!r}; known: {', '.join(_STOP_REASONS)}")
        stop_reason = _STOP_REASONS[self.stop_reason]
        blocks = list(self.blocks.values())
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        # A call that the token limit cut is no call; the stop reason tells what happened.
        cut = stop_reason is StopReason.MAX_TOKENS
        used = [] if cut else [block for block in blocks if block["type"] == "tool_use"]
        decoded = [(str(block.get("id", "")), *decode_arguments(block["json"])) for block in used]
        names = [str(block.get("name", "")) for block in used]
        calls = tuple(ToolCall(id, name, given) for name, (id, given, _) in zip(names, decoded, strict=True))
        usage = Usage(
            input=token_count(self.usage, "input_tokens", required=True),
            output=token_count(self.usage, "output_tokens", required=True),
            cache_read=token_count(self.usage, "cache_read_input_tokens"),
            cache_write=token_count(self.usage, "cache_creation_input_tokens"),
        )
        for call in calls:
            if call.name == NAME:  # the tool that stands in for a structured answer
                text, calls, stop_reason = json.dumps(call.arguments, ensure_ascii=False), (), StopReason.END
        return Answer(
            text=text,
            model=self.model,
            stop_reason=stop_reason,
            usage=usage,
            tool_calls=calls,
            malformed={id: wrong for id, _, wrong in decoded if wrong},
        )


def _shape(schema: dict[str, Any], tools: list[dict[str, Any]], refused: frozenset[str]) -> dict[str, Any]:
    """Return what asks for an answer of the shape `schema`: https://docs.anthropic.com/en/docs/structured-outputs.

    Where that is refused, a tool that takes it must be called; where that is refused too, the system text asks.
    """
    if "output_config" not in refused:
        return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    if "tool_choice" in refused:
        return {}
    stand_in = {"name": NAME, "description": "Give the final answer.", "input_schema": schema}
    forced = {"type": "any"} if tools else {"type": "tool", "name": NAME}
    return {"tools": [*tools, stand_in], "tool_choice": {**forced, "disable_parallel_tool_use": True}}


def _cached(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the end of a conversation with tools: the next turn reads all before it from the cache, at a tenth.

    https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
    """
    *before, last = turns
    blocks = [{"type": "text", "text": last["content"]}] if isinstance(last["content"], str) else last["content"]
    marked = {**blocks[-1], CACHING: {"type": "ephemeral"}}
    return [*before, {**last, "content": [*blocks[:-1], marked]}]


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Return the turns; results of tools that ran side by side must share one user turn."""
    turns: list[dict[str, Any]] = []
    previous = ""
    for message in messages:
        if message.role == "tool":
            result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}
            if previous == "tool":
                turns[-1]["content"].append(result)
            else:
                turns.append({"role": "user", "content": [result]})
        elif message.tool_calls:
            # A text block without words is rejected, so it is left out.
            text = [{"type": "text", "text": message.content}] if message.content.strip() else []
            calls = [
                {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
                for call in message.tool_calls
            ]
            turns.append({"role": "assistant", "content": [*text, *calls]})
        else:
            turns.append({"role": message.role, "content": message.content})
        previous = message.role
    return turns
