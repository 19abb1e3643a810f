"""The arm of this experiment: one request with tools; the calls are captured, nothing is executed."""

from __future__ import annotations

import dataclasses
from typing import Final

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Message, Request, StopReason

from .abilities import tool_set

MAX_TOKENS: Final = 1024
SYSTEM: Final = (
    "You are a personal assistant with access to the user's tasks, calendar, notes and contacts. "
    "It is Tuesday, 3 March 2026, 09:00. Use the tools where they help, all calls at once; "
    "ask back where the request leaves open what to do. Keep answers short."
)
"""The time is fixed, so that "tomorrow" means the same day in every repetition."""


def request_for(variant: str, prompt: str, *, model: str, temperature: float | None, sample: int) -> Request:
    """Return the one request that the arm `variant` makes for `prompt`."""
    return Request(
        model=model,
        system=SYSTEM,
        messages=(Message("user", prompt),),
        max_tokens=MAX_TOKENS,
        temperature=temperature,
        tools=tool_set(variant),
        sample=sample,
    )


class ToolArm:
    """Answers a prompt scenario with one of the two tool sets."""

    paid = True
    oracle = False

    def __init__(self, name: str) -> None:
        self.name = name
        tools = [dataclasses.asdict(tool) for tool in tool_set(name)]
        self.version = digest([SYSTEM, MAX_TOKENS, tools])  # a changed prompt or tool is another experiment

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError unless all instances are prompt scenarios."""
        for instance in instances:
            if instance.kind is not Kind.SCENARIO:
                raise InputError(
                    f"arm {self.name!r}: {instance.instance_id!r} is of kind {str(instance.kind)!r}, and this arm "
                    f"only answers prompts; give a file of scenarios with --dataset"
                )

    def solve(self, context: SolveContext) -> Solution:
        """Ask once and hand back what the model said and which calls it wants."""
        request = request_for(
            self.name,
            context.problem.statement,
            model=context.variant.model,
            temperature=context.variant.temperature,
            sample=context.rep,
        )
        answer = context.provider.complete(request, timeout_s=context.timeout_s)
        return Solution(
            response_text=answer.text,
            tool_calls=tuple({"name": call.name, "args": call.arguments} for call in answer.tool_calls),
            stop=Stop.ANSWER_CUT if answer.stop_reason is StopReason.MAX_TOKENS else Stop.SUBMITTED,
            notes="the model refused" if answer.stop_reason is StopReason.REFUSAL else "",
        )
