"""Answers of a model that plays the roles of a team, for `Scripted`, which keys its script by who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_swebench.providers.protocol import Answer, Request, StopReason, ToolCall, Usage


def call(name: str, **arguments: Any) -> Callable[[Request], Answer]:
    """Return a line that calls one tool; its id is that of the request it answers."""

    def answer(request: Request) -> Answer:
        made = ToolCall(f"{request.agent}-{len(request.messages)}", name, arguments)
        return Answer(
            text="",
            model=request.model,
            stop_reason=StopReason.TOOL_USE,
            usage=Usage(input=10, output=5),
            tool_calls=(made,),
        )

    return answer


def over(message: str, *, done: bool = True) -> Callable[[Request], Answer]:
    """Return a line that hands over."""
    return call("hand_over", message=message, done=done)
