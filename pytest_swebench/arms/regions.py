"""The parts of an answer in which diffs may stand: between `<patch>` or `<diff>` tags, in fences, anywhere.

A fence is of backticks or tildes, in any language or none, indented or not. Tags and fences inside hunks are text of
the files that the diff is about. Parts come as one text, with a fence line between them, so that a hunk in a later
part goes on with the file of an earlier one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_swebench.arms.hunks import HUNK, body_at

_TAG: Final = re.compile(r"<(?P<end>/?)(?P<name>patch|diff)>", re.IGNORECASE)
_OPENING: Final = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[^`]*")
_INDENTED_HUNK: Final = re.compile(r"(?P<indent>[ \t]*)@@ -\d")
_BORDER: Final = "```"


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    ends: bool
    start: int
    """Its first character, and after `end` its last one, in the answer."""
    end: int
    line: int
    inside: bool
    """Whether it stands in a hunk."""


def tagged(text: str) -> str:
    """Return what stands between tags, fences there without indentation, "" without tags; the last may lack its end."""
    hunks = _hunk_lines(text.split("\n"))
    last_hunk_line = max(hunks, default=-1)
    tags = _tags(text, hunks)
    parts: list[str] = []
    done = 0
    for number, opening in enumerate(tags):
        if opening.start < done or opening.ends or opening.inside:
            continue
        end = _closing(opening, tags[number + 1 :], last_hunk_line)
        parts.append(opened(text[opening.end : end.start if end else len(text)]))
        done = end.end if end else len(text)
    return f"{_BORDER}\n".join(parts)


def fenced(text: str) -> str:
    """Return what stands in fences, without their indentation, "" if there are none; the last may lack its end."""
    return _joined([part for part, inside in _fences(text) if inside])


def opened(text: str) -> str:
    """Return the whole text, what stands in fences without their indentation."""
    return _joined([part for part, _ in _fences(text)])


def _joined(parts: list[list[str]]) -> str:
    return f"{_BORDER}\n".join("".join(f"{line}\n" for line in part) for part in parts)


def _tags(text: str, hunks: set[int]) -> list[_Tag]:
    found = []
    line = counted = 0
    for match in _TAG.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        name = match["name"].lower()
        found.append(_Tag(name, bool(match["end"]), match.start(), match.end(), line, line in hunks))
    return found


def _closing(opening: _Tag, later: list[_Tag], last_hunk_line: int) -> _Tag | None:
    """Return the one of the `later` tags that ends what `opening` starts, None if that goes on to the end.

    It may also stand directly behind the last line of a hunk; then no hunk comes after it before the next opening.
    """
    attached: _Tag | None = None
    again = False
    for tag in later:
        if tag.name != opening.name:
            continue
        if tag.ends and not tag.inside:
            return attached if again and attached else tag
        again = again or not (tag.ends or tag.inside)
        if tag.ends and tag.inside and not again:
            attached = tag
    return attached if attached and (again or attached.line >= last_hunk_line) else None


def _fences(text: str) -> list[tuple[list[str], bool]]:
    """Cut the lines of `text` into those outside and inside of fences, in order."""
    lines = text.removesuffix("\n").split("\n")
    hunks = _hunk_lines(lines)
    parts: list[tuple[list[str], bool]] = []
    start = 0
    closing: re.Pattern[str] | None = None
    indent = ""
    for at, line in enumerate(lines):
        if at in hunks:
            continue
        opening = _OPENING.fullmatch(line) if closing is None else None
        if opening:
            parts.append((lines[start:at], False))
            indent, fence = opening["indent"], opening["fence"]
            closing, start = re.compile(rf"{indent}{fence}{fence[0]}*[ \t]*\r?"), at + 1
        elif closing is not None and closing.fullmatch(line):
            parts.append((_dedented(lines[start:at], indent), True))
            closing, start, indent = None, at + 1, ""
    parts.append((_dedented(lines[start:], indent), closing is not None))
    return parts


def _dedented(lines: list[str], indent: str) -> list[str]:
    return [line.removeprefix(indent) for line in lines]


def _hunk_lines(carried: list[str]) -> set[int]:
    """Return the numbers of the lines inside of hunks with numbers, also of those that are indented."""
    lines = [line.removesuffix("\r") for line in carried]
    inside: set[int] = set()
    at = 0
    while at < len(lines):
        size = _hunk_size(lines, at)
        inside.update(range(at + 1, at + 1 + size))
        at += 1 + size
    return inside


def _hunk_size(lines: list[str], at: int) -> int:
    """Return the number of lines of the hunk whose header, maybe indented, stands at `at`; 0 if none does."""
    found = _INDENTED_HUNK.match(lines[at])
    if found is None or not HUNK.fullmatch(lines[at], found.end("indent")):
        return 0
    indent = found["indent"]
    if not indent:
        return len(body_at(lines, at))
    end = at + 1
    while end < len(lines) and _may_go_on(lines[end], indent):
        end += 1
    return len(body_at(_dedented(lines[at:end], indent), 0))


def _may_go_on(line: str, indent: str) -> bool:
    return not line.strip() or line.startswith((f"{indent} ", f"{indent}+", f"{indent}-", f"{indent}\\"))
