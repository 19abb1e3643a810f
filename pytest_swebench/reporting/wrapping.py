"""Sentences on the lines of a terminal, cut between words."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap


def fold(text: str, width: int, indent: int = 0) -> list[str]:
    """Return `text` on lines of at most `width` columns, the later ones two further in."""
    space = " " * indent
    return wrap(text, width, initial_indent=space, subsequent_indent=f"{space}  ", break_on_hyphens=False)


def wrapped(lines: Iterable[str], width: int) -> list[str]:
    """Return lines of at most `width` columns, long words whole and each with an indent of its own."""
    found: list[str] = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        found += wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return found
