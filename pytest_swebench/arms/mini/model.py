"""The model that mini-swe-agent's agent asks: our way to the models, by its protocol `Model`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from pytest_swebench.arms.agent.clock import Clock, complete_within
from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.agent.loop import ANSWER_TOKENS
from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.tools import cut
from pytest_swebench.arms.mini.environment import exit_message, type_of
from pytest_swebench.arms.mini.library import NAME, Library, Settings
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.errors import LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Tool, ToolCall
from pytest_swebench.records.trace import EventType

_KEPT_CHARS: Final = 50_000  # of an output in the trajectory; the model is shown less
_FINISH_REASONS: Final = {
    StopReason.END: "stop",
    StopReason.MAX_TOKENS: "length",
    StopReason.TOOL_USE: "tool_calls",
    StopReason.REFUSAL: "content_filter",
}


class ProviderModel:
    """Asks the provider of a cell, with the library's one tool by native tool calling.

    Messages are the library's own dicts, in the form of chat completions; what is beyond that lies in `extra`.
    """

    def __init__(
        self, context: SolveContext, clock: Clock, settings: Settings, library: Library, progress: Progress
    ) -> None:
        self.config: Mapping[str, Any] = {
            "model_name": context.variant.model,
            "model_kwargs": {"temperature": context.variant.temperature, "max_tokens": ANSWER_TOKENS},
        }
        self._context = context
        self._clock = clock
        self._settings = settings
        self._library = library
        self._progress = progress

    def request(self, messages: Sequence[Mapping[str, Any]]) -> Request:
        """Return the request that asks for the next answer."""
        return Request(
            model=self._context.variant.model,
            messages=tuple(_messages(messages)),
            system="\n".join(message["content"] for message in messages if message["role"] == "system"),
            max_tokens=ANSWER_TOKENS,
            temperature=self._context.variant.temperature,
            tools=(Tool(**self._library.tool),),
            sample=self._context.rep,
            agent=NAME,
        )

    def query(self, messages: Sequence[Mapping[str, Any]], **unused: Any) -> dict[str, Any]:
        """Return the next answer as a message.

        Raises the library's TimeExceeded, and its FormatError for an answer that calls its tool wrongly or not at
        all; else what the provider raises.
        """
        self._context.leave(self._progress.draft)
        before_usd = _spent_usd(self._context)
        answer = self._ask(self.request(messages))
        self._progress.answered(answer, answer.tool_calls)
        paid = {"response": _response(answer), "cost": _spent_usd(self._context) - before_usd}
        try:
            actions = self._actions(answer)
        except self._library.format_error as error:
            message: dict[str, Any] = error.messages[0]  # type: ignore[attr-defined]  # each of them has some
            message["extra"] |= paid
            self._progress.tell(EventType.NOTE, f"not taken: {message['content']}")
            raise
        return {
            "role": "assistant",
            "content": clean(answer.text),
            "tool_calls": [_as_dict(call) for call in answer.tool_calls],
            "extra": {"actions": actions, **paid, "timestamp": time.time()},
        }

    def format_message(self, **message: Any) -> dict[str, Any]:
        """Return `message` as the library keeps it."""
        return message

    def format_observation_messages(
        self,
        message: Mapping[str, Any],
        outputs: list[dict[str, Any]],
        template_vars: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return what the model is told of the `outputs` of the actions in `message`."""
        told = self._library.observations_of(
            actions=message["extra"]["actions"],
            outputs=outputs,
            observation_template=self._settings.observation_template,
            template_vars=template_vars,
        )
        for observation in told:
            observation["content"] = clean(observation["content"])
            observation["extra"]["raw_output"] = cut(observation["extra"]["raw_output"], _KEPT_CHARS)
        return told

    def get_template_vars(self, **more: Any) -> dict[str, Any]:
        """Return what templates may name."""
        return {**self.config, **more}

    def serialize(self) -> dict[str, Any]:
        """Return what a trajectory says of the model."""
        return {"info": {"config": {"model": dict(self.config), "model_type": type_of(self)}}}

    def _ask(self, request: Request) -> Answer:
        try:
            return complete_within(self._context.provider, request, self._clock)
        except LimitReached as limit:
            if limit.stop is not Stop.TIME:
                raise
            raise self._library.time_exceeded(exit_message("TimeExceeded", content=str(limit))) from limit

    def _actions(self, answer: Answer) -> list[dict[str, Any]]:
        """Return the commands that an answer calls for. Raises the library's FormatError."""
        return self._library.actions_of(
            [_as_object(call) for call in answer.tool_calls],
            format_error_template=self._settings.format_error_template,
            template_kwargs={"finish_reason": _FINISH_REASONS[answer.stop_reason]},
        )


def _messages(messages: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
    """Yield the turns of a conversation; how it ended is none of them."""
    for message in messages:
        role = message["role"]
        if role == "tool":
            yield Message("tool", message["content"], tool_call_id=message["tool_call_id"])
        elif role == "assistant":
            calls = (
                ToolCall(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
                for call in message["tool_calls"]
            )
            yield Message("assistant", message["content"], tuple(calls))
        elif role == "user":
            yield Message("user", clean(message["content"]))


def _as_dict(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(clean(call.arguments))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _as_object(call: ToolCall) -> SimpleNamespace:
    """Return a call as the library's parser takes it; a command that is no text would pass there, so it is left out."""
    texts = {name: value for name, value in clean(call.arguments).items() if isinstance(value, str)}
    return SimpleNamespace(id=call.id, function=SimpleNamespace(name=call.name, arguments=json.dumps(texts)))


def _response(answer: Answer) -> dict[str, Any]:
    """Return of an answer what readers of trajectories look for."""
    usage = answer.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "model": answer.model,
        "choices": [{"finish_reason": _FINISH_REASONS[answer.stop_reason]}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": usage.output, "total_tokens": prompt + usage.output},
    }


def _spent_usd(context: SolveContext) -> float:
    """Return what the cell has cost so far, 0 where nobody knows."""
    return float(getattr(context.provider, "cost_usd", None) or 0.0)
