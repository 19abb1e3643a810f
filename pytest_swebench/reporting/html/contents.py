"""What the page of one cell shows, read from its record and its folder, each piece cut to what a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.records.conversation import read_conversation
from pytest_swebench.records.layout import CONVERSATION_FILE, LOG_FILE, RunLayout
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.tracereader import read_traces

PATCH_LENGTH: Final = 200_000  # characters
MESSAGE_LENGTH: Final = 20_000
LOG_BYTES: Final = 24_000
STATEMENT_LENGTH: Final = 30_000
TESTS_NAMED: Final = 200  # of each group
_SAID: Final = ("role", "agent_id", "content", "tool_calls", "tool_name", "tool_result", "usage")


def in_short(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for its page: whole, but for long texts and for names of tests beyond the first."""
    told = dict(record)
    told["patch"] = cut(record["patch"], PATCH_LENGTH)
    told["response_text"] = cut(record["response_text"], MESSAGE_LENGTH)
    told["tool_calls"] = cut(repr(record["tool_calls"]), MESSAGE_LENGTH) if record["tool_calls"] else ""
    for name in ("notes", "error", "integrity"):
        told[name] = _shortened(record[name])
    if record["verdict"] and record["verdict"]["tests"]:
        tests = {name: _tests(group) for name, group in record["verdict"]["tests"].items()}
        told["verdict"] = {**record["verdict"], "tests": tests}
    return told


def what_was_said(layout: RunLayout, record: Mapping[str, Any], *, traced: bool) -> dict[str, Any] | None:
    """Return a cell's conversation, the events of its traces, and the end of its test log; None where there is none.

    `traced` says whether the run has any traces.
    """
    cell = cell_of(record)
    folder = layout.cell_folder(cell)
    said = [_message(line) for line in read_conversation(folder / CONVERSATION_FILE)]
    events = [
        [str(told.event.type), told.event.step, told.event.guard, str(told.event.verdict or ""),
         told.event.attempt, told.event.summary, told.event.agent]
        for trace in (read_traces(layout, cell) if traced else [])
        for told in trace.events
    ]  # fmt: skip
    log = tail(folder / LOG_FILE)
    return {"said": said, "events": events, "log": log} if said or events or log else None


def of_instance(instance: Instance) -> dict[str, Any]:
    """Return the issue and the reference patch of an instance."""
    return {
        "statement": cut(instance.problem.statement, STATEMENT_LENGTH),
        "gold": cut(instance.hidden.gold_patch, PATCH_LENGTH),
    }


def tail(path: Path) -> str:
    """Return the last `LOG_BYTES` of a file as text, "" where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            content = file.read()
    except OSError:
        return ""
    text = content.decode(errors="replace")
    return text if size <= LOG_BYTES else f"[{size - LOG_BYTES:,} bytes before this are left out]\n{text}"


def cut(text: str, length: int) -> str:
    """Return `text`, or its beginning and a word on how much was left out."""
    return text if len(text) <= length else f"{text[:length]}\n[cut: {len(text) - length:,} more characters]"


def _shortened(value: Any) -> Any:
    """Return JSON data whose texts are no longer than a message."""
    if isinstance(value, str):
        return cut(value, MESSAGE_LENGTH)
    if isinstance(value, Mapping):
        return {name: _shortened(part) for name, part in value.items()}
    return [_shortened(part) for part in value] if isinstance(value, list) else value


def _tests(group: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return names of failed tests before those that passed, and how many there are of each."""
    return {
        **{state: [cut(name, 500) for name in names[:TESTS_NAMED]] for state, names in group.items()},
        "counts": {state: len(names) for state, names in group.items()},
    }


def _message(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a message that say something."""
    told = {name: line[name] for name in _SAID if line[name]}
    for name in ("content", "tool_result"):
        if name in told:
            told[name] = cut(str(told[name]), MESSAGE_LENGTH)
    if "tool_calls" in told:
        told["tool_calls"] = [
            [str(call.get("tool_name", "")), cut(_arguments(call.get("tool_args")), MESSAGE_LENGTH)]
            for call in told["tool_calls"]
        ]
    return told


def _arguments(given: Any) -> str:
    """Return arguments of a call as a person reads them: `name: value`, a long value on lines of its own."""
    if not isinstance(given, Mapping):
        return str(given)
    parts = [f"{name}:\n{value}" if "\n" in str(value) else f"{name}: {value}" for name, value in given.items()]
    return "\n".join(parts)
