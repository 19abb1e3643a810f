"""Search/replace blocks found in an answer; one that is no edit is told, never left out.

A block's path stands on the line above it, with or without blank lines and the start of a fence between, or in the
fence's own line; a block without one has the path of the block before. As many `=` as there are `<` part the halves:
where several such lines are there (headings of reStructuredText) each gives a reading, and the file says which is
meant. Only a last block without its end is left out: there the answer was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_swebench.patch import EditError

_START: Final = re.compile(r"(?P<marks><{5,9}) SEARCH[ \t]*")
_END: Final = re.compile(r"(?P<marks>>{5,9}) REPLACE")
_FENCE: Final = re.compile(r"[ \t]*(?:`{3,}|~{3,})(?P<info>[^`]*)")
_BARE_NEWLINE: Final = re.compile(r"(?<!\r)\n")
_NAMED: Final = re.compile(r"[/.]\w")  # some word looks like a path
_WORD: Final = re.compile(r"[^\s:=\"'{}]+")
_QUOTED: Final = re.compile(r"`([^`]+)`")
_NUMBER: Final = re.compile(r"^(?:\d+[.)]|[-+•]|//)[ \t]+")
_LABEL: Final = re.compile(r"^(?:[a-z]+ )?(?:file ?(?:name|path)?|path)[ \t]*:[ \t]*", re.IGNORECASE)
_REMARK: Final = re.compile(r"[ \t]\([^()]*\)$")
_DECORATION: Final = "`*#:\"' \t"  # Markdown that models put around a path


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the one place where the lines `search` stand in `path` by the lines `replace`.

    `otherwise` holds what a block with several dividing lines may mean as well: search and replace parts.
    """

    path: str
    search: str
    replace: str
    otherwise: tuple[tuple[str, str], ...] = ()


def parse_edits(text: str) -> list[Edit]:
    """Return the search/replace blocks of an answer, in order.

    Raises EditError for a block without a path, a dividing line or, unless it is the last one, an end.
    """
    lines = _unix(text).split("\n")
    starts = [at for at, line in enumerate(lines) if _START.fullmatch(line)]
    edits: list[Edit] = []
    after = 0  # the line after the last block
    for at in starts:
        if at < after:  # text of the block before
            continue
        marks = len(lines[at]) - len(lines[at].lstrip("<"))
        end = _end(lines, at, marks)
        if end is None:
            if at != starts[-1]:
                raise EditError(f"{_block(at)} has no `{'>' * marks} REPLACE` line before the next one")
            break
        path = _path_above(lines, at, after, edits[-1].path if edits else "")
        if not path:
            raise EditError(f"{_block(at)} has no path; the file's path belongs on the line above it")
        readings = _readings(lines[at + 1 : end], marks)
        if not readings:
            raise EditError(f"{_block(at)} of {path} has no line of {marks} `=` between its parts")
        edits.append(Edit(path, *readings[0], tuple(readings[1:])))
        after = end + 1
    return edits


def _block(at: int) -> str:
    return f"the SEARCH block in line {at + 1} of the answer"


def _unix(text: str) -> str:
    """Return an answer that ends all its lines with CR LF as one that does not; another stays as it is."""
    return text if _BARE_NEWLINE.search(text) else text.replace("\r\n", "\n")


def _is_start(line: str, marks: int) -> bool:
    found = _START.fullmatch(line)
    return found is not None and len(found["marks"]) == marks


def _end(lines: list[str], start: int, marks: int) -> int | None:
    """Return the line that ends a block, rather one with as many marks; None if the next block comes before it."""
    other = None
    for at in range(start + 1, len(lines)):
        if _is_start(lines[at], marks):
            break
        if found := _END.match(lines[at]):
            if len(found["marks"]) == marks:
                return at
            other = at if other is None else other
    return other


def _readings(body: list[str], marks: int) -> list[tuple[str, str]]:
    """Return search and replace part for each line that may part them."""
    dividers = [at for at, line in enumerate(body) if line.rstrip(" \t") == "=" * marks]
    return [(_text(body[:at]), _text(body[at + 1 :])) for at in dividers]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _path_above(lines: list[str], start: int, floor: int, before: str) -> str:
    """Return the path of the block that starts at a line, "" for none; lines from `floor` on are no other block's.

    Words between two blocks stand for the path of the first unless they seem to name a file.
    """
    at = _up(lines, start - 1, floor)
    if at >= floor and (fence := _FENCE.fullmatch(lines[at])):
        if named := next(filter(_NAMED.search, _WORD.findall(fence["info"])), ""):
            return named
        at = _up(lines, at - 1, floor)
    between = [line for line in lines[floor : at + 1] if line.strip() and not _FENCE.fullmatch(line)]
    if not between:
        return before
    if not _FENCE.fullmatch(lines[at]) and (path := _path_in(lines[at])):
        return path
    return "" if any(map(_NAMED.search, between)) else before


def _up(lines: list[str], at: int, floor: int) -> int:
    """Return the number of the last line up to `at` that is not blank."""
    while at >= floor and not lines[at].strip():
        at -= 1
    return at


def _path_in(line: str) -> str:
    """Return the path that a line consists of, whatever models put around it; "" if it is none."""
    if "<" in line or ">" in line:
        return ""
    quoted: list[str] = _QUOTED.findall(line)
    quoted = [text for text in quoted if _NAMED.search(text)] or quoted
    if len(quoted) == 1:
        return quoted[0].strip(_DECORATION)
    plain = line.replace("**", "").strip(_DECORATION)
    plain = _LABEL.sub("", _NUMBER.sub("", plain).lstrip(_DECORATION))
    plain = _REMARK.sub("", plain.rstrip(_DECORATION)).strip(_DECORATION)
    return plain if _NAMED.search(plain) or not re.search(r"\s", plain) else ""
