"""Where the diff of a file and its hunks start and end among the lines of an answer.

Hunk lengths that the lines do not bear out are counted again (as `git apply --recount` does); lengths that are borne
out are believed, so what follows a right diff is not taken for part of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

HUNK: Final = re.compile(r"@@ -(?P<old>\d+)(?:,(?P<olds>\d+))? \+(?P<new>\d+)(?:,(?P<news>\d+))? @@(?P<rest>.*)")
GIT: Final = re.compile(r"diff --git \S.* \S.*")
SIDE: Final = re.compile(r"(?P<sign>---|\+\+\+) (?P<path>[^\t]*[^\t ]) *(?P<rest>\t.*)?")
EXTENDED: Final = re.compile(
    r"index [0-9a-f]+\.\.[0-9a-f]+.*|(?:old|new|deleted file|new file) mode \d+|"
    r"(?:dis)?similarity index \d+%|(?:rename|copy) (?:from|to) .+|Binary files .+ differ"
)
PREFIXED: Final = re.compile(r"\"?[ab]/.")
BINARY: Final = "GIT binary patch"
NOWHERE: Final = "/dev/null"

_UNNUMBERED: Final = re.compile(r"@@(?: (?P<quoted>.*))?")
_BINARY_DATA: Final = re.compile(r"(?:literal|delta) \d+|[A-Za-z][!-~]+|")
_ITEM: Final = re.compile(r"[-+*] \S|-- ?$")
"""What starts an item of a list in prose, or a signature under a mailed patch."""

_SIGNS: Final = frozenset({" ", "+", "-", "\\", ""})
_BORDERS: Final = ("```", "~~~", "</patch>", "</diff>")


def starts_file(lines: list[str], at: int, *, sure: bool = False) -> bool:
    """Say whether a file's diff starts here; `sure` asks for names that no removed line is likely to hold."""
    if GIT.fullmatch(lines[at]):
        return True
    if len(lines) <= at + 2 or not lines[at + 2].startswith("@@"):
        return False
    sides = [SIDE.fullmatch(line) for line in lines[at : at + 2]]
    if not (sides[0] and sides[1] and sides[0]["sign"] == "---" and sides[1]["sign"] == "+++"):
        return False
    return not sure or all(side and (side["path"] == NOWHERE or PREFIXED.match(side["path"])) for side in sides)


def starts_hunk(line: str) -> bool:
    """Say whether a line is the header of a hunk, with or without numbers."""
    return bool(HUNK.fullmatch(line) or _UNNUMBERED.fullmatch(line))


def head_at(lines: list[str], start: int) -> list[str]:
    """Return the lines of a file's diff up to its first hunk, binary data included."""
    at = start + bool(GIT.fullmatch(lines[start]))
    while at < len(lines) and EXTENDED.fullmatch(lines[at]):
        at += 1
    if at < len(lines) and lines[at] == BINARY:
        at += 1
        while at < len(lines) and _BINARY_DATA.fullmatch(lines[at]):
            at += 1
        while not lines[at - 1] and not lines[at - 2]:
            at -= 1  # one blank line ends the data
    elif len(lines) > at + 1 and lines[at].startswith("--- ") and lines[at + 1].startswith("+++ "):
        at += 2
    return lines[start:at]


def body_at(lines: list[str], header_at: int, there: Sequence[str] = ()) -> list[str]:
    """Return the lines of the hunk whose header is given; as many as that tells, if they bear it out.

    `there` are the lines of the file without space at their ends, none if it is not known. Where the old lines that
    the header tells stand in the file, the file also says what follows them.
    """
    start = header_at + 1
    told = HUNK.fullmatch(lines[header_at])
    olds, news = (int(told["olds"] or 1), int(told["news"] or 1)) if told else (0, 0)
    exact = _exact_end(lines, start, olds, news) if told else None
    if exact is not None:
        rest = lines[exact : _reach(lines, exact)]
        empty = told is not None and told["old"] == "0"  # a file without lines has none for context
        if not _changes(rest) and (empty or not "".join(rest[:1]).startswith(" ")):
            return _without_gap(lines[start:exact])
        end = _borne_out(lines[start:exact], rest, there) if olds else None
        if end is not None:
            return lines[start : exact + end] if end else _without_gap(lines[start:exact])
    end = _reach(lines, start if exact is None else exact, 0 if exact else max(olds, news))
    while end > start and not lines[end - 1]:
        end -= 1  # blank lines part a hunk from what follows
    return [line if line[:1] in _SIGNS else f" {line}" for line in lines[start:end]]


def _borne_out(hunk: list[str], rest: list[str], there: Sequence[str]) -> int | None:
    """Return how many lines of `rest` go on with `hunk`, as the file `there` has it; None if that cannot be said.

    Told lengths can be too short. What the file does not have is prose: an indented note, or a paragraph that starts
    with `+`. It is none if it holds context and changes: then the hunk is inexact, which is for others to judge.
    """
    old = _old(hunk)
    places = [at for at in range(len(there) - len(old) + 1) if there[at : at + len(old)] == old]
    if not places:
        return None
    end = max(_follows(rest, there[at + len(old) :]) for at in places)
    return end if all(map(_is_prose, _paragraphs(rest[end:]))) else None


def _follows(rest: list[str], there: Sequence[str]) -> int:
    """Return how many lines of `rest` the file bears out; after an empty line only context or removal does."""
    at = end = 0
    gap = False
    for number, line in enumerate(rest, 1):
        if line[:1] in {" ", "-", ""}:
            if at == len(there) or there[at] != line[1:].rstrip():
                break
            at += 1
            gap = not line
        if not gap:
            end = number
    return end


def _paragraphs(lines: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        else:
            found.append([])
    return found


def _is_prose(paragraph: list[str]) -> bool:
    context = any(line.startswith(" ") for line in paragraph)
    added, removed = (_changes([line for line in paragraph if line.startswith(sign)]) for sign in "+-")
    return not (removed or (added and context))


def _old(hunk: list[str]) -> list[str]:
    return [line[1:].rstrip() for line in hunk if line[:1] not in {"+", "\\"}]


def _without_gap(hunk: list[str]) -> list[str]:
    """Return a hunk without blank lines at its end that follow context: they rather part it from prose."""
    end = len(hunk)
    while end and not hunk[end - 1]:
        end -= 1
    return hunk[:end] if end and hunk[end - 1].startswith(" ") else hunk


def _exact_end(lines: list[str], start: int, olds: int, news: int) -> int | None:
    """Return the number of the line after a hunk of `olds` old and `news` new lines, None if there is none such."""
    at = start
    while olds > 0 or news > 0:
        if at == len(lines) or lines[at][:1] not in _SIGNS or starts_file(lines, at, sure=True):
            return None
        olds -= lines[at][:1] not in {"+", "\\"}
        news -= lines[at][:1] not in {"-", "\\"}
        at += 1
    if olds or news:
        return None
    return at + (at < len(lines) and lines[at].startswith("\\"))


def _reach(lines: list[str], start: int, slack: int = 0) -> int:
    """Return the number of the line after the last from `start` on that may belong to a hunk; no list after a gap.

    Among the first `slack` lines one without a sign, before changes, is taken for context that lost its space.
    """
    last_change: int | None = None
    at = gap = start
    listed = False
    while at < len(lines) and not _ends(lines, at):
        if lines[at][:1] not in _SIGNS:
            if last_change is None:
                near = range(at, min(len(lines), start + slack))
                last_change = max((after for after in near if _changes(lines[after : after + 1])), default=-1)
            if at > last_change:
                break
        if not lines[at]:
            gap, listed = at, True
        elif not _ITEM.match(lines[at]):
            listed = False
        at += 1
    return gap if listed else at


def _ends(lines: list[str], at: int) -> bool:
    """Say whether a hunk whose length is unknown must have ended before this line."""
    return lines[at].startswith(("@@ ", *_BORDERS)) or lines[at] == "@@" or starts_file(lines, at)


def _changes(lines: list[str]) -> bool:
    """Say whether lines add or remove anything."""
    return any(line[:1] in {"+", "-"} and not _ITEM.match(line) for line in lines)
