"""The conversation of one agent: it only grows, so that endpoints can keep its beginning, until it is too long."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final, overload

from pytest_swebench.providers.protocol import Answer, Message, ToolCall

_KEPT: Final = 2  # of the latest results stay whole: a model that has just read something needs it
_SHARE: Final = 0.7  # of what was too long
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_NAME_CHARS: Final = 64
_ELIDED: Final = "[output left out: the conversation has become too long]"


class History:
    """All messages so far."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self._messages)

    def say(self, text: str) -> None:
        """Add what the model is told."""
        self._messages.append(Message("user", clean(text)))

    def answered(self, answer: Answer) -> tuple[ToolCall, ...]:
        """Add what the model answered and return its calls."""
        calls = tuple(
            dataclasses.replace(call, name=_fit(call.name), arguments=clean(call.arguments))
            for call in answer.tool_calls
        )
        text = clean(answer.text)
        if not calls and not text.strip():
            text = "(no answer)"  # endpoints refuse empty turns
        self._messages.append(Message("assistant", text, calls))
        return calls

    def result(self, call: ToolCall, text: str) -> None:
        """Add what a call came to."""
        self._messages.append(Message("tool", clean(text) or "(no output)", tool_call_id=call.id))

    def shorten(self) -> bool:
        """Leave out old outputs, the oldest first, until a good part is gone; say whether there were any left."""
        size = sum(len(message.content) for message in self._messages)
        goal = size * _SHARE
        results = [place for place, message in enumerate(self._messages) if message.role == "tool"]
        long = [place for place in results[:-_KEPT] if len(self._messages[place].content) > len(_ELIDED)]
        for place in long:
            message = self._messages[place]
            self._messages[place] = dataclasses.replace(message, content=_ELIDED)
            size -= len(message.content) - len(_ELIDED)
            if size <= goal:
                break
        return bool(long)


def _fit(name: str) -> str:
    """Return the name of a tool as endpoints take it: they refuse a conversation with any other, made up or not."""
    return _UNFIT.sub("_", name)[:_NAME_CHARS] or "_"


@overload
def clean(value: str) -> str: ...


@overload
def clean(value: Any) -> Any: ...


def clean(value: Any) -> Any:
    """Return `value` with its lone surrogates made `?`: JSON can hold them, requests and commands cannot."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in value.items()}
    return value
