"""Make `answers.jsonl` from the hand-written table: `python -m tool_variants.record` in the folder `experiments`.

No model is asked and no price is paid. Tokens are a quarter of the characters of request and answer, so that the
records have plausible sizes; they are nobody's count.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_swebench.providers.protocol import Answer, Request, StopReason, ToolCall, Usage
from pytest_swebench.providers.replay import write_recordings

from .abilities import ABILITIES, BASELINE, VARIANTS, wire_call
from .answers import ANSWERS, Said
from .arms import request_for

MODEL: Final = "handwritten"
TEMPERATURE: Final = 0.2
HERE: Final = Path(__file__).parent
_CHARS_PER_TOKEN: Final = 4


def prompts() -> dict[str, str]:
    """Return the prompt of every scenario by its id."""
    lines = (HERE / "scenarios.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["scenario_id"]: row["prompt"] for row in rows}


def exchanges() -> Iterator[tuple[Request, Answer]]:
    """Yield every request of the experiment with its answer: 20 scenarios x 2 tool sets x 3 samples."""
    for scenario_id, prompt in prompts().items():
        answers = ANSWERS[scenario_id]
        for variant in VARIANTS:
            samples = answers.baseline if variant == BASELINE else answers.applike
            for sample, said in enumerate(samples, start=1):
                request = request_for(variant, prompt, model=MODEL, temperature=TEMPERATURE, sample=sample)
                yield request, _answer(variant, request, said)


def _answer(variant: str, request: Request, said: Said) -> Answer:
    abilities = {ability.tool: ability for ability in ABILITIES}
    calls = []
    for number, call in enumerate(said.calls, start=1):
        name, arguments = wire_call(variant, abilities[call.tool], call.arguments)
        calls.append(ToolCall(f"call_{number}", name, arguments))
    content = dataclasses.asdict(request)
    asked = json.dumps([content["system"], content["messages"], content["tools"]])
    answered = said.text + "".join(json.dumps(dataclasses.asdict(call)) for call in calls)
    return Answer(
        text=said.text,
        model=MODEL,
        stop_reason=StopReason.TOOL_USE if calls else StopReason.END,
        usage=Usage(input=len(asked) // _CHARS_PER_TOKEN, output=len(answered) // _CHARS_PER_TOKEN),
        tool_calls=tuple(calls),
    )


if __name__ == "__main__":
    write_recordings(HERE / "answers.jsonl", exchanges())
