"""The OpenAI chat-completions format, spoken by OpenAI, OpenRouter, Hugging Face, Ollama, Chutes and many others.

Reference: https://platform.openai.com/docs/api-reference/chat. The official SDK carries it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.gate import OPEN, Gate
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.providers.retry import OnWait, RetryPolicy, quiet
from pytest_swebench.providers.sse import Response, decode_arguments, token_count
from pytest_swebench.providers.structured import NAME, instruction, strict
from pytest_swebench.secrets import Key

_FINISH_REASONS: Final = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.REFUSAL,
}


def openai_provider(
    name: str,
    *,
    base_url: str,
    key: Key,
    policy: RetryPolicy | None = None,
    gate: Gate = OPEN,
    on_wait: OnWait = quiet,
    counts: bool = False,
) -> HttpProvider:
    """Return a provider for any endpoint of this format; the SDK is imported on its first call.

    `counts` says that the endpoint counts tokens as OpenAI's own does.
    """
    wire = OpenAIWire(counts=counts)
    return HttpProvider(name, wire, base_url=base_url, key=key, policy=policy, gate=gate, on_wait=on_wait)


class OpenAIWire:
    """Requests and event streams of `POST /chat/completions`."""

    def __init__(self, *, counts: bool = False) -> None:
        self._counts = counts

    def connect(self, key: str, base_url: str) -> OpenAIConnection:
        """Make the SDK's client."""
        return OpenAIConnection(key, base_url)

    def body(self, request: Request, refused: frozenset[str]) -> dict[str, Any]:
        """Return the request's JSON body.

        `max_tokens` is what every endpoint of this format knows; newer models of OpenAI refuse it and take
        `max_completion_tokens` instead.
        """
        shaped = request.schema is not None and "response_format" not in refused
        text = request.system if request.schema is None or shaped else instruction(request)
        system = [{"role": "system", "content": text}] if text else []
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
        if shaped:
            shape = {"name": NAME, "schema": request.schema, "strict": strict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        return body

    def count_body(self, request: Request) -> dict[str, Any] | None:
        """Return the body of OpenAI's `POST /responses/input_tokens`, None for an endpoint that is not theirs."""
        if not self._counts:
            return None
        body: dict[str, Any] = {
            "model": request.model,
            "input": [item for message in request.messages for item in _response_items(message)],
        }
        if request.system:
            body["instructions"] = request.system
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": False,
                }
                for tool in request.tools
            ]
        if request.schema is not None:
            shape = {"type": "json_schema", "name": NAME, "schema": request.schema, "strict": strict(request.schema)}
            body["text"] = {"format": shape}
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

    def models(self, after: str, timeout: Any) -> str:
        """Return `GET /models`, which has no pages."""
        text: str = self._client.models.with_raw_response.list(timeout=timeout).text
        return text

    def count(self, body: dict[str, Any], timeout: Any) -> str:
        """Return the answer of `POST /responses/input_tokens`."""
        count: Any = self._client.responses.input_tokens.with_raw_response.count
        text: str = count(**body, timeout=timeout).text
        return text

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
        self.calls: list[dict[str, str]] = []
        self._slots: dict[int, dict[str, str]] = {}  # the newest call at each index that the endpoint names

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
                for part in delta.get("tool_calls") or ():
                    self._extend(part)
        except (KeyError, TypeError, AttributeError) as error:
            raise ProviderError(f"malformed chunk ({type(error).__name__}: {error}): {chunk!r}") from None

    def _extend(self, part: dict[str, Any]) -> None:
        """Add a piece of a tool call. Some endpoints leave out the index or give all calls the same, some have no ids.

        So a piece begins a call if it bears another id, or a name where nothing but arguments can follow.
        """
        function = part.get("function") or {}
        index = part.get("index")
        call = self._slots.get(index) if index is not None else (self.calls[-1] if self.calls else None)
        other_id = call is not None and part.get("id") and call["id"] and part["id"] != call["id"]
        named_again = call is not None and function.get("name") and not part.get("id") and call["arguments"]
        if call is None or other_id or named_again:
            call = {"id": "", "name": "", "arguments": ""}
            self.calls.append(call)
        if index is not None:
            self._slots[index] = call
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
        calls, malformed = ((), {}) if cut else _tool_calls(self.calls)
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
            malformed=malformed,
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


def _tool_calls(calls: list[dict[str, str]]) -> tuple[tuple[ToolCall, ...], dict[str, str]]:
    """Return the calls, each with an id of its own, so that results can name the call they answer.

    Beside them, by id, what is wrong with those whose arguments nobody can read.
    """
    taken: set[str] = set()
    decoded, malformed = [], dict[str, str]()
    for number, call in enumerate(calls, start=1):
        id = call["id"] if call["id"] and call["id"] not in taken else f"{call['id'] or 'call'}_{number}"
        taken.add(id)
        arguments, wrong = decode_arguments(call["arguments"])
        malformed |= {id: wrong} if wrong else {}
        decoded.append(ToolCall(id, call["name"], arguments))
    return tuple(decoded), malformed


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


def _response_items(message: Message) -> list[dict[str, Any]]:
    """Return a turn in the format of the Responses API, in which OpenAI counts."""
    if message.role == "tool":
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}]
    text = [{"role": message.role, "content": message.content}] if message.content else []
    calls = [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)}
        for call in message.tool_calls
    ]
    return [*text, *calls]
