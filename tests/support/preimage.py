"""The tree before a change, as far as diffs tell: their old lines where their headers say they stand, filler between.

What a check on such a tree proves: the official commands and ours read a patch alike, and find a place for it in a
file that agrees with every line the reference patch tells of the true one. It does not prove that the true file agrees
with lines that only the patch itself tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_CONTEXT: Final = 3
_FILLER_AFTER: Final = 8


@dataclass(slots=True)
class _Known:
    lines: dict[int, str] = field(default_factory=dict)
    ended: bool = False
    unended: bool = False


def tree_before(patches: Iterable[str]) -> dict[str, bytes]:
    """Return path -> content before any of `patches`; of two that differ about a line the first is believed."""
    known: dict[str, _Known] = {}
    for patch in patches:
        _read(patch, known)
    return {path: _content(path, one) for path, one in known.items() if one.lines}


def _read(patch: str, known: dict[str, _Known]) -> None:
    path, file, lines = "", _Known(), patch.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("--- ") and lines[at : at + 1] and lines[at].startswith("+++ "):
            path = line[4:].split("\t")[0].strip().removeprefix("a/")
            file = _Known() if path == "/dev/null" else known.setdefault(path, _Known())
            at += 1
        elif moved := re.fullmatch(r"(?:rename|copy) from (.+)", line):
            known.setdefault(moved[1], _Known()).lines.setdefault(1, "moved")
        elif hunk := _HUNK.match(line):
            at = _take(file, lines, at, hunk)


def _take(file: _Known, lines: list[str], at: int, hunk: re.Match[str]) -> int:
    number, olds, news = int(hunk[1]), int(hunk[2] or 1), int(hunk[3] or 1)
    trailing = 0
    while at < len(lines) and (olds > 0 or news > 0):
        line = lines[at]
        trailing = trailing + 1 if line[:1] in {" ", ""} else 0
        if line[:1] in {" ", "-", ""}:
            file.lines.setdefault(number, line[1:])
            number, olds = number + 1, olds - 1
        news -= line[:1] in {" ", "+", ""}
        at += 1
        if line[:1] in {" ", "-", ""} and lines[at : at + 1] and lines[at].startswith("\\"):
            file.unended = True
        at += at < len(lines) and lines[at].startswith("\\")
    file.ended = file.ended or (number > 0 and trailing < _CONTEXT)
    return at


def _content(path: str, file: _Known) -> bytes:
    last = max(file.lines) + (0 if file.ended else _FILLER_AFTER)
    lines = [file.lines.get(number, f"filler {path} {number}") for number in range(1, last + 1)]
    text = "\n".join(lines) + ("" if file.unended else "\n")
    return text.encode("utf-8", "surrogateescape")
