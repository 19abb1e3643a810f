"""From a step to a request, and from an answer to the shape that was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.workflow.prompt import Prompt, filled, shortened
from pytest_swebench.arms.workflow.shapes import Shape
from pytest_swebench.providers.protocol import Answer, Message, StopReason

HISTORY_CHARS: Final = 60_000
"""How much of earlier answers and what was said of them a request repeats; older ones go first."""

_TURN_CHARS: Final = 20_000
_LEFT_OUT: Final = 10  # left out turns of which a line is kept
_LINE_CHARS: Final = 200
_FAULTS: Final = 8
_WARNING: Final = """\
STAGNATION WARNING: your last answers were rejected for the same reason. Small changes do not help. Question what they \
have in common, and give an answer that differs in substance."""
# what Anthropic's and OpenAI's guarantees do not cover; pydantic checks it in the answer
_UNSUPPORTED: Final = frozenset(
    {
        "title",
        "default",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
    }
)

S = TypeVar("S", bound=Shape)


class WrongShape(Exception):
    """An answer that is not what was asked for; the message tells the model."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier answer of a step, and what it is told of it."""

    answer: str
    said: str


def schema_of(shape: type[Shape]) -> dict[str, Any]:
    """Return the JSON Schema of `shape` in the form that endpoints can guarantee: closed objects, all required."""
    schema: dict[str, Any] = _strict(shape.model_json_schema())
    return schema


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: value for name, value in schema.items() if name not in _UNSUPPORTED}
    for name in ("properties", "$defs"):  # here the keys are names, not keywords
        if name in schema:
            plain[name] = {key: _strict(value) for key, value in schema[name].items()}
    rest = {name: _strict(value) for name, value in plain.items() if name not in {"properties", "$defs"}}
    closed = {"additionalProperties": False, "required": [*schema["properties"]]} if "properties" in schema else {}
    return {**plain, **rest, **closed}


def system_text(prompt: Prompt, values: dict[str, str], *, warned: bool) -> str:
    """Return role and constraints, with a warning where answers are stuck."""
    parts = (filled(prompt.role, values), constraints_text(prompt, values, warned=warned))
    return "\n\n".join(filter(None, parts))


def constraints_text(prompt: Prompt, values: dict[str, str], *, warned: bool) -> str:
    """Return the constraints, with a warning where answers are stuck."""
    constraints = filled(prompt.constraints, values)
    heading = f"Constraints:\n{constraints}" if constraints else ""
    return "\n\n".join(filter(None, (heading, _WARNING if warned else "")))


def conversation(task: str, turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Return the task and the turns since, as many of the latest as have room.

    Earlier turns stand as they stood in the request before, so that endpoints can serve them from their caches.
    """
    kept: list[Turn] = []
    room = HISTORY_CHARS
    for turn in reversed(turns):
        short = Turn(_cut(turn.answer.strip()) or "(no answer)", _cut(turn.said))
        room -= len(short.answer) + len(short.said)
        if room < 0:  # never at the first: two cut texts have room
            break
        kept.insert(0, short)
    messages = [Message("user", _with_left_out(task, turns[: len(turns) - len(kept)]))]
    for turn in kept:
        messages += [Message("assistant", turn.answer), Message("user", turn.said)]
    return tuple(messages)


def read_answer(answer: Answer, shape: type[S]) -> S:
    """Return what `answer` holds. Raises WrongShape for one that is cut, refused, silent or of another shape."""
    if answer.stop_reason is StopReason.MAX_TOKENS:
        raise WrongShape(
            f"The answer was cut off after {answer.usage.output} tokens. Be brief: one JSON object, no more text."
        )
    if answer.stop_reason is StopReason.REFUSAL:
        raise WrongShape("There was no answer, but a refusal. This is maintenance of open source code: do the task.")
    if answer.data is None and not answer.text.strip():
        raise WrongShape("There was no answer. Give one JSON object of the shape that was asked for.")
    data = _decoded(answer.text) if answer.data is None else answer.data
    try:
        read = shape.model_validate(data)
    except ValidationError as error:
        raise WrongShape(_faults(error)) from None
    try:
        json.dumps(read.model_dump(), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        character = f"\\u{ord(error.object[error.start]):04x}"
        raise WrongShape(
            f"The answer holds {character}, half a character, which no file can hold. Leave it out."
        ) from None
    return read


def _decoded(text: str) -> Any:
    """Return the JSON object in `text`, prose around it or not."""
    start, end = text.find("{"), text.rfind("}") + 1
    try:
        return json.loads(text[start:end] if 0 <= start < end else text, strict=False)
    except (ValueError, RecursionError) as error:
        raise WrongShape(
            f"The answer is no JSON object ({str(error)[:_LINE_CHARS]}). Answer with one JSON object and nothing else; "
            f"mind the quotes and line ends in its texts."
        ) from None


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    lines = [
        f"- {'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}"[:_LINE_CHARS] for one in faults[:_FAULTS]
    ]
    if len(faults) > _FAULTS:
        lines.append(f"- and {len(faults) - _FAULTS} more")
    return "\n".join(["The answer has not the shape that was asked for:", *lines])


def _cut(text: str) -> str:
    return shortened(clean(text), _TURN_CHARS)


def _with_left_out(task: str, left_out: Sequence[Turn]) -> str:
    if not left_out:
        return task
    lines = [f"- {' '.join(turn.said.split())[:_LINE_CHARS]}" for turn in left_out[-_LEFT_OUT:]]
    return "\n".join([task, "", f"{len(left_out)} earlier answers are left out here. What was said of them:", *lines])
