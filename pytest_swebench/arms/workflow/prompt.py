"""The prompts of steps: Markdown templates with one heading a part, and how what goes into them is written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any, Final

from pydantic import BaseModel

from pytest_swebench.arms.agent.history import clean
from pytest_swebench.errors import InputError, unknown

FEEDBACK: Final = "Your answer was rejected:\n\n$feedback\n\nAnswer again, and mend this."
ESCALATION: Final = "An earlier attempt built on your answer failed:\n\n$summary"
ALWAYS: Final = frozenset({"specification", "files"})
"""Placeholders that every step may use; others are keys of shapes."""

_HEADING: Final = re.compile(r"^# (\w+)[ \t]*$", re.MULTILINE)
_ANSWER_CHARS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The templates of a step, with `$specification`, `$files` and `$<key of a required shape>` to fill in.

    `feedback` wraps a rejection (`$feedback`), `escalation` what led back here (`$summary`). A literal dollar sign is
    written `$$`.
    """

    role: str
    task: str
    constraints: str = ""
    feedback: str = FEEDBACK
    escalation: str = ESCALATION

    @property
    def placeholders(self) -> frozenset[str]:
        """What a request needs to be filled in."""
        return frozenset(
            name for text in (self.role, self.constraints, self.task) for name in Template(text).get_identifiers()
        )


def load_prompt(folder: str, name: str) -> Prompt:
    """Read `arms/prompts/<folder>/<name>.md`. Raises InputError for one that is not there or not whole."""
    root = files("pytest_swebench.arms.prompts")
    path = root.joinpath(folder, f"{name}.md")
    if not path.is_file():
        folders = [one for one in root.iterdir() if one.is_dir()]
        known = [f"{one.name}/{file.name}" for one in folders for file in one.iterdir() if file.name.endswith(".md")]
        raise InputError(unknown("prompt", f"{folder}/{name}", (path.removesuffix(".md") for path in known)))
    return parse_prompt(path.read_text(encoding="utf-8"), where=f"{folder}/{name}.md")


def parse_prompt(text: str, *, where: str) -> Prompt:
    """Return the prompt that Markdown with the headings `# role`, `# task` and so on describes. Raises InputError."""
    known = [field.name for field in dataclasses.fields(Prompt)]
    before, *rest = _HEADING.split(text)
    parts = dict(zip(rest[::2], (part.strip() for part in rest[1::2]), strict=True))
    if before.strip():
        raise InputError(f"prompt {where}: text before the first heading: {before.strip()[:40]!r}")
    for name in rest[::2]:
        if name not in known:
            raise InputError(f"prompt {where}: {unknown('part', name, known)}")
        if rest[::2].count(name) > 1:
            raise InputError(f"prompt {where}: the part {name!r} is there twice")
    for name in ("role", "task"):
        if not parts.get(name):
            raise InputError(f"prompt {where}: no text under the heading '# {name}'; a prompt needs role and task")
    return Prompt(**parts)


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return `template` with its placeholders replaced; bytes that are no text become `?`, no endpoint takes them."""
    return clean(Template(template).substitute(values))


def shortened(text: str, limit: int) -> str:
    """Return at most the first `limit` characters, with a word on how many more there are."""
    return text if len(text) <= limit else f"{text[:limit]}\n[... {len(text) - limit} more characters ...]"


def as_text(value: Any) -> str:
    """Return an answer as a prompt shows it: a line a field, lists as bullets, several lines of text as a block."""
    return shortened("\n".join(_lines(value)), _ANSWER_CHARS)


def _lines(value: Any) -> list[str]:
    if isinstance(value, BaseModel):
        lines: list[str] = []
        for name in type(value).model_fields:
            inner = _lines(getattr(value, name))
            lines += [f"{name}: {inner[0]}"] if len(inner) == 1 else [f"{name}:", *inner]
        return lines
    if isinstance(value, list | tuple):
        return [line for item in value for line in _bullet(_lines(item))] or ["(none)"]
    text = str(value)
    return ["```", *text.rstrip("\n").split("\n"), "```"] if "\n" in text.strip() else [text]


def _bullet(lines: list[str]) -> list[str]:
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]
