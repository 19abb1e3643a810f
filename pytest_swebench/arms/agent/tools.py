"""Tools that a model may call: their contract, the check of their arguments, and how much of an output is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.providers.protocol import Tool

OUTPUT_CHARS: Final = 10_000
"""What a model is shown of one output."""

STATEMENT_CHARS: Final = 100_000
"""What an agent is shown of a problem's statement."""

_SHOWN: Final = 300  # characters of what is wrong with an argument


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to: `text` for the model, whether it `ends` the work, the shell `commands` that it ran."""

    text: str
    ends: bool = False
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool and what a call of it does. `run` is given arguments that match the tool's JSON Schema.

    Whatever a model can do wrong is a result that tells it so; `run` raises LimitReached, InfraError or RefusedError.
    """

    tool: Tool
    run: Callable[[Mapping[str, Any]], ToolResult]

    def call(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Run the tool, or say what is wrong with `arguments`."""
        if wrong := self._wrong(arguments):
            return ToolResult(f"error: {wrong}")
        return self.run(arguments)

    def _wrong(self, arguments: Mapping[str, Any]) -> str:
        import jsonschema

        if _has_nul(arguments):
            return "an argument holds a NUL character, which neither commands nor paths can"
        schema = self.tool.parameters
        errors = jsonschema.validators.validator_for(schema)(schema).iter_errors(arguments)
        worst = jsonschema.exceptions.best_match(errors)
        if worst is None:
            return ""
        place = "".join(f" {part!r}" for part in worst.absolute_path)
        accepted = ", ".join(schema.get("properties", {})) or "none"
        return (
            f"wrong arguments for {self.tool.name!r}:{place and f'{place}:'} {worst.message:.{_SHOWN}}; "
            f"it takes: {accepted}"
        )


def object_schema(properties: Mapping[str, Mapping[str, Any]], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments: an object of these properties and no others."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def cut(text: str, limit: int = OUTPUT_CHARS) -> str:
    """Return at most `limit` characters: all of `text`, or its head and tail with a word on what lies between."""
    if len(text) <= limit:
        return text
    mark = f"\n[... {len(text) - limit} or more characters left out ...]\n"
    room = max(0, limit - len(mark))
    head = room - room // 2
    return f"{text[:head]}{mark}{text[len(text) - room // 2 :]}"[:limit]


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, Mapping) and any(map(_has_nul, value.values()))
