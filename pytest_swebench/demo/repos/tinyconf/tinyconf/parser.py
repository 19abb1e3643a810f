"""From logical lines to sections of raw values."""

from __future__ import annotations

import re

from .errors import ParseError
from .lexer import logical_lines
from .values import unquote

_SECTION = re.compile(r"\[([A-Za-z0-9_-]+)\]")
_KEY = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str) -> dict[str, dict[str, str]]:
    """Return the values by section and key, references left as they are written."""
    sections: dict[str, dict[str, str]] = {}
    first_lines: dict[tuple[str, str], int] = {}
    name = ""
    for number, content in logical_lines(text):
        if content.startswith("["):
            match = _SECTION.fullmatch(content)
            if match is None:
                raise ParseError(number, f"bad section header {content!r}")
            name = match[1]
            sections.setdefault(name, {})
            continue
        key, equals, value = content.partition("=")
        key = key.strip()
        if not equals or not _KEY.fullmatch(key):
            raise ParseError(number, f"expected 'key = value', found {content!r}")
        if not name:
            raise ParseError(number, f"{key!r} stands before any section")
        if key in sections[name]:
            raise ParseError(first_lines[name, key], f"duplicate key {key!r}")
        first_lines[name, key] = number
        sections[name][key] = unquote(value.strip())
    return sections
