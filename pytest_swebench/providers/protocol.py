"""The contract every model provider keeps: one request in, one validated answer out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from pytest_swebench.cell import digest


class StopReason(StrEnum):
    """Why the model stopped writing, in one vocabulary for all wire formats."""

    END = "end"
    MAX_TOKENS = "max_tokens"
    TOOL_USE = "tool_use"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; `arguments` is the decoded JSON object."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A `tool` message answers the call `tool_call_id`; an assistant turn may carry `tool_calls`."""

    role: Literal["user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them; `input` excludes what was read from or written to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )

    @property
    def total(self) -> int:
        """All tokens, those from and for caches included."""
        return self.input + self.output + self.cache_read + self.cache_write

    def as_json(self) -> dict[str, int]:
        """Return the shape stored in records and recordings."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that shapes an answer. `sample` tells repetitions of the same question apart (1-based).

    With a `schema` (a JSON Schema of an object) the answer must be one such object, which `Answer.data` then holds;
    where it is not `binding`, one that does not match, or says nothing, is an answer too, without `data`, and so is one
    with calls that are `malformed`. `agent` says who asks, where an arm has several; it shapes nothing.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    max_tokens: int = 4096
    temperature: float | None = None
    tools: tuple[Tool, ...] = ()
    sample: int = 1
    schema: dict[str, Any] | None = None
    binding: bool = True
    agent: str = ""

    @property
    def digest(self) -> str:
        """Return a digest of the content without `sample` and `agent`: the same question has the same digest."""
        content = dataclasses.asdict(self)
        del content["sample"], content["agent"]
        if self.binding:  # requests that do not need a field keep the digest they had before there was one
            del content["binding"]
        if self.schema is None:
            del content["schema"]
        return digest(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete, validated answer.

    Text and tool calls are both missing only if the model refused or was cut off, or the request was not binding. Then
    `malformed` may say of calls, by id, why their arguments are no JSON object; `ToolCall.arguments` is empty there.
    `served` says where an answer came from that nobody paid for now: `cache`, `cassette`, or `earlier`, an attempt of
    the same cell that was cut short; "" for one that came from the endpoint.
    """

    text: str
    model: str
    stop_reason: StopReason
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()
    dropped: tuple[str, ...] = ()  # parameters the model refuses, left out of the request
    data: dict[str, Any] | None = None
    served: str = ""
    malformed: dict[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """One model endpoint. Not shared between threads; cheap to make, heavy SDKs load on the first call."""

    name: str

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer `request` within `timeout_s` seconds of wall-clock time.

        Raises ProviderError for what may heal, ProviderRefused for what will not, ReplayMiss where only
        recordings are served and none matches.
        """

    def close(self) -> None:
        """Release connections; safe to call twice."""


def pass_over(provider: Provider, request: Request) -> None:
    """Tell `provider`, if it counts questions, that one before it has answered `request`."""
    passed_over = getattr(provider, "pass_over", None)
    if callable(passed_over):
        passed_over(request)
