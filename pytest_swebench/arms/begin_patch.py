"""The `*** Begin Patch` format that OpenAI's models write, turned into a unified diff.

Files are added, deleted, updated and moved by lines of three stars; an update holds hunks without line numbers, each
found by its own lines, optionally after the line that `@@ ...` quotes. The format is described with OpenAI's tool
`apply_patch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pytest_swebench.patch import EditError, make_diff, meant_path, split_lines

_BEGIN: Final = "*** Begin Patch"
_END: Final = "*** End Patch"
_FILE: Final = re.compile(r"\*\*\* (?P<what>Add|Update|Delete) File: (?P<path>.+)")
_MOVE: Final = re.compile(r"\*\*\* Move to: (?P<path>.+)")
_END_OF_FILE: Final = "*** End of File"
_SHOWN: Final = 10  # lines of a hunk in a message


@dataclass(slots=True)
class _Hunk:
    """Lines without their ends: `old` gives way to `new`, somewhere after the lines that `anchors` quote."""

    anchors: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False


@dataclass(slots=True)
class _Section:
    """What is asked of one file."""

    what: str
    path: str
    moved_to: str = ""
    hunks: list[_Hunk] = field(default_factory=list)


def diff_of_begin_patch(text: str, read: Callable[[str], str]) -> str:
    """Return the unified diff that the `*** Begin Patch` parts of an answer ask for, "" where there are none.

    `read` gives the present content of a file and raises FileNotFoundError. Raises EditError for a hunk that does
    not fit its file.
    """
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for section in _sections(text):
        path = meant_path(section.path, read)
        if path not in after:
            try:
                before[path] = after[path] = read(path)
            except FileNotFoundError:
                if section.what != "Add":
                    raise EditError(f"{path}: no such file") from None
        if section.what == "Add":
            after[path] = "".join(f"{line}\n" for hunk in section.hunks for line in hunk.new)
        elif section.what == "Delete":
            del after[path]
        else:
            content = _updated(path, after.pop(path), section.hunks)
            after[meant_path(section.moved_to or path, read)] = content
    return make_diff(before, after)


def _sections(text: str) -> Iterator[_Section]:
    """Yield the files of every patch in `text`; one that was cut off ends with it."""
    inside, section = False, None
    for raw in text.split("\n"):
        line = raw.removesuffix("\r")
        if line.strip() == _BEGIN:
            inside = True
        elif inside and line.strip() == _END:
            inside = False
        elif inside and (found := _FILE.match(line)):
            if section is not None:
                yield section
            section = _Section(found["what"], found["path"].strip())
        elif inside and section is not None:
            _take(section, line)
    if section is not None:
        yield section


def _take(section: _Section, line: str) -> None:
    """Add one line of the body of `section`; what no body holds is left out."""
    if moved := _MOVE.match(line):
        section.moved_to = moved["path"].strip()
        return
    if section.what != "Update" and not line.startswith("+"):
        return
    fresh = not section.hunks
    if fresh or (line.startswith("@@") and (section.hunks[-1].old or section.hunks[-1].new)):
        section.hunks.append(_Hunk())
    hunk = section.hunks[-1]
    if line.startswith("@@"):
        hunk.anchors += [anchor] if (anchor := line[2:].strip().removesuffix("@@").strip()) else []
    elif line == _END_OF_FILE:
        hunk.at_end = True
    elif line[:1] in {" ", ""}:
        hunk.old.append(line[1:])
        hunk.new.append(line[1:])
    elif line[0] == "-":
        hunk.old.append(line[1:])
    elif line[0] == "+":
        hunk.new.append(line[1:])


def _updated(path: str, content: str, hunks: list[_Hunk]) -> str:
    newline = "\r\n" if "\r\n" in content else "\n"
    lines = [line.removesuffix("\n").removesuffix("\r") for line in split_lines(content)]
    start = 0
    for hunk in hunks:
        for anchor in hunk.anchors:
            start = _place(lines, [anchor], start) + 1 or start
        place = _hunk_place(lines, hunk, start)
        if place < 0:
            shown = "\n".join([*hunk.old[:_SHOWN], *(["..."] if len(hunk.old) > _SHOWN else [])])
            raise EditError(f"{path}: these lines of a hunk are not in the file, or not in this order:\n{shown}")
        kept = _with_the_files_own(lines[place : place + len(hunk.old)], hunk)
        lines[place : place + len(hunk.old)] = kept
        start = place + len(kept)
    ended = newline if not content or content.endswith("\n") else ""
    return newline.join(lines) + (ended if lines else "")


def _hunk_place(lines: list[str], hunk: _Hunk, start: int) -> int:
    """Return the number of the line at which the old lines of `hunk` stand, -1 for none."""
    while hunk.old and not hunk.old[-1] and hunk.new and not hunk.new[-1] and _place(lines, hunk.old, start) < 0:
        hunk.old.pop()  # a blank line that parts hunks belongs to none of them
        hunk.new.pop()
    if not hunk.old:
        return start if hunk.anchors else len(lines)
    if hunk.at_end and (place := _place(lines, hunk.old, len(lines) - len(hunk.old))) >= 0:
        return place
    place = _place(lines, hunk.old, start)
    return place if place >= 0 else _place(lines, hunk.old, 0)


def _place(lines: list[str], wanted: list[str], start: int) -> int:
    """Return where `wanted` stands first from `start` on, exactly or but for the space around lines; -1 for nowhere."""
    for plain in (str, str.rstrip, str.strip):
        there, sought = [plain(line) for line in lines], [plain(line) for line in wanted]
        for place in range(max(0, start), len(lines) - len(wanted) + 1):
            if there[place : place + len(wanted)] == sought:
                return place
    return -1


def _with_the_files_own(there: list[str], hunk: _Hunk) -> list[str]:
    """Return the new lines of `hunk`, those that it only quotes as they stand in the file."""
    quoted = dict(zip(hunk.old, there, strict=True))
    return [quoted.get(line, line) for line in hunk.new]
