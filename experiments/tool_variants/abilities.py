"""What the assistant can do, and the two tool sets that express it.

Both sets are made from one table, so neither can do what the other cannot. `tools_baseline` has a tool for every
ability; `tools_applike` has a tool for every app, with the ability as its `action`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.providers.protocol import Tool

BASELINE: Final = "tools_baseline"
APPLIKE: Final = "tools_applike"
VARIANTS: Final = (BASELINE, APPLIKE)

FIELDS: Final[dict[str, dict[str, Any]]] = {
    "title": {"type": "string"},
    "text": {"type": "string"},
    "query": {"type": "string"},
    "name": {"type": "string", "description": "Full name, or as much of it as is known"},
    "to": {"type": "string", "description": "Name of a contact"},
    "email": {"type": "string"},
    "phone": {"type": "string"},
    "due": {"type": "string", "description": "YYYY-MM-DD"},
    "day": {"type": "string", "description": "YYYY-MM-DD"},
    "start": {"type": "string", "description": "YYYY-MM-DDTHH:MM, local time"},
    "minutes": {"type": "integer", "minimum": 5},
    "attendees": {"type": "array", "items": {"type": "string"}},
    "priority": {"type": "string", "enum": ["low", "normal", "high"]},
    "status": {"type": "string", "enum": ["open", "done", "all"]},
}
"""JSON Schema of every argument; a name means the same in all tools, so tools can share it."""

APPS: Final = {
    "tasks": "The task list.",
    "calendar": "The calendar.",
    "notes": "The notebook.",
    "people": "Contacts and messages to them.",
}


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing the assistant can do: `tool` names it in the baseline set, `app` and `action` in the other."""

    tool: str
    app: str
    action: str
    description: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        return self.required + self.optional


ABILITIES: Final = (
    Ability("add_task", "tasks", "add", "Add a task.", ("title",), ("due", "priority")),
    Ability("list_tasks", "tasks", "list", "List tasks.", (), ("status", "due")),
    Ability("complete_task", "tasks", "complete", "Tick off a task.", ("title",)),
    Ability("reschedule_task", "tasks", "reschedule", "Give a task another due day.", ("title", "due")),
    Ability("delete_task", "tasks", "delete", "Delete a task.", ("title",)),
    Ability("create_event", "calendar", "create", "Put an event in.", ("title", "start"), ("minutes", "attendees")),
    Ability("list_events", "calendar", "list", "List the events of a day.", ("day",)),
    Ability("move_event", "calendar", "move", "Give an event another start.", ("title", "start")),
    Ability("cancel_event", "calendar", "cancel", "Cancel an event.", ("title",), ("day",)),
    Ability("find_free_time", "calendar", "find_free", "Find a gap on a day.", ("day", "minutes")),
    Ability("write_note", "notes", "write", "Write a new note.", ("title", "text")),
    Ability("append_to_note", "notes", "append", "Add text to a note.", ("title", "text")),
    Ability("search_notes", "notes", "search", "Search all notes.", ("query",)),
    Ability("delete_note", "notes", "delete", "Delete a note.", ("title",)),
    Ability("find_contact", "people", "find", "Look a contact up.", ("name",)),
    Ability("add_contact", "people", "add", "Save a contact.", ("name",), ("email", "phone")),
    Ability("send_message", "people", "message", "Send a message to a contact.", ("to", "text")),
)


def tool_set(variant: str) -> tuple[Tool, ...]:
    """Return the tools of `tools_baseline` or `tools_applike`."""
    if variant == BASELINE:
        return tuple(_narrow_tool(ability) for ability in ABILITIES)
    return tuple(_app_tool(app) for app in APPS)


def wire_call(variant: str, ability: Ability, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return tool name and arguments that express `ability` in the tool set of `variant`."""
    if variant == BASELINE:
        return ability.tool, arguments
    return ability.app, {"action": ability.action, **arguments}


def _narrow_tool(ability: Ability) -> Tool:
    return Tool(ability.tool, ability.description, _schema(ability.fields, ability.required))


def _app_tool(app: str) -> Tool:
    abilities = [ability for ability in ABILITIES if ability.app == app]
    lines = [APPS[app], "Actions:"]
    for ability in abilities:
        needs = [*ability.required, *(f"[{name}]" for name in ability.optional)]
        lines.append(f"- {ability.action}({', '.join(needs)}): {ability.description}")
    fields = tuple(dict.fromkeys(name for ability in abilities for name in ability.fields))
    schema = _schema(fields, ())
    action = {"type": "string", "enum": [ability.action for ability in abilities]}
    return Tool(
        app,
        "\n".join(lines),
        {**schema, "properties": {"action": action, **schema["properties"]}, "required": ["action"]},
    )


def _schema(fields: tuple[str, ...], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: FIELDS[name] for name in fields},
        "required": list(required),
        "additionalProperties": False,
    }
