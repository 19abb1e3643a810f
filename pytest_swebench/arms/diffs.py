"""Unified diffs as models write them, found in prose and made such that `git apply` can read them.

Where they stand: between `<patch>` or `<diff>` tags, else in fences or, where that gives diffs of more files, anywhere
(`regions`). What is mended, and nothing beyond it:

* prose before, between and after is left out, a missing end of the last line added;
* hunk lengths that the lines do not bear out are counted again (`hunks`);
* `--- x` without `a/` gets it, and an absolute path becomes the one it means inside the repository;
* a hunk without line numbers gets the first place where its old lines stand, after the line that its `@@` quotes;
* line ends follow the file where the whole diff came with others, or where the file has CR LF throughout.

Wrong line numbers and inexact context stay: the official commands look for the place themselves, and judge.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pytest_swebench.arms.hunks import (
    BINARY,
    EXTENDED,
    GIT,
    HUNK,
    NOWHERE,
    PREFIXED,
    SIDE,
    body_at,
    head_at,
    starts_file,
    starts_hunk,
)
from pytest_swebench.arms.regions import fenced, opened, tagged
from pytest_swebench.patch import split_lines

_CARRIED: Final = re.compile(r"^(?:diff --git |\+\+\+ )[^\n]*\r$", re.MULTILINE)

Read = Callable[[str], str]


@dataclass(slots=True)
class _FileDiff:
    """The lines before the first hunk of one file, and its hunks, each a header and its lines."""

    head: list[str]
    path: str
    hunks: list[tuple[str, list[str]]] = field(default_factory=list)


def diffs_in(text: str, read: Read) -> str:
    """Return the unified diffs in an answer as one, "" if it holds none; one that stands there twice counts once.

    `read` gives the present content of a file and raises FileNotFoundError.
    """
    read = functools.cache(read)  # it may ask a container
    found = [_file_diffs(part, read) for part in (tagged(text), fenced(text), opened(text))]
    best = found[0] or max(found[1:], key=lambda diffs: len({diff.path or diff.head[0] for diff in diffs}))
    return "".join(dict.fromkeys(_written(diff, read) for diff in best))


def _file_diffs(text: str, read: Read) -> list[_FileDiff]:
    """Return the diffs of single files in a part of an answer, without what stands around them."""
    lines = text.removesuffix("\n").split("\n")
    if _CARRIED.search(text):  # the way here ended every line so, not the file
        lines = [line.removesuffix("\r") for line in lines]
    found: list[_FileDiff] = []
    there: list[str] = []
    at = 0
    while at < len(lines):
        if starts_file(lines, at):
            written = head_at(lines, at)
            head, path = _named(written, read)
            found.append(_FileDiff(head, path))
            at += len(written)
            there = [line.rstrip() for line in split_lines(_content(path, read))]
        elif found and starts_hunk(lines[at]):
            body = body_at(lines, at, there)
            found[-1].hunks.append((lines[at], body))
            at += 1 + len(body)
        else:
            at += 1
    return [diff for diff in found if diff.hunks or any(map(EXTENDED.fullmatch, diff.head)) or BINARY in diff.head]


def _written(diff: _FileDiff, read: Read) -> str:
    """Return the diff of one file as text that git can read."""
    content = _content(diff.path, read)
    crlf = 0 < content.count("\n") == content.count("\r\n")
    crlf = crlf and not any(line.endswith("\r") for _, lines in diff.hunks for line in lines)
    out, shift = list(diff.head), 0
    for header, lines in diff.hunks:
        olds = sum(line[:1] not in {"+", "\\"} for line in lines)
        news = sum(line[:1] not in {"-", "\\"} for line in lines)
        out.append(_header(header, lines, (olds, news), content, shift))
        out += [f"{line or ' '}\r" if crlf and line[:1] != "\\" else line for line in lines]
        shift += news - olds
    return "".join(f"{line}\n" for line in out)


def _header(header: str, lines: list[str], lengths: tuple[int, int], content: str, shift: int) -> str:
    """Return a hunk's header with the lengths that its lines have, at the place where they stand if it told none."""
    olds, news = lengths
    told = HUNK.fullmatch(header)
    if told and (int(told["olds"] or 1), int(told["news"] or 1)) == lengths:
        return header
    if told:
        return f"@@ -{told['old']},{olds} +{told['new']},{news} @@{told['rest']}"
    old = _line_number(header, [line[1:] for line in lines if line[:1] not in {"+", "\\"}], content)
    return f"@@ -{old},{olds} +{old + shift if old else 1},{news} @@"


def _line_number(header: str, wanted: list[str], content: str) -> int:
    """Return the line at which `wanted` stands first, after the line that the header quotes; 0 for an empty file."""
    there = [line.rstrip() for line in content.split("\n")] if content else []
    quoted = header.strip("@ ")
    from_ = next((at for at, line in enumerate(there) if quoted and quoted in line), 0)
    sought = [line.rstrip() for line in wanted]
    places = range(from_, len(there) - len(sought) + 1)
    return next((at + 1 for at in places if there[at : at + len(sought)] == sought), from_ + bool(there))


def _named(head: list[str], read: Read) -> tuple[list[str], str]:
    """Return the lines before the hunks with names that git strips of `a/` and `b/`, and the path of the file."""
    sides = [match for match in map(SIDE.fullmatch, head[-2:]) if match]
    if len(sides) != 2:
        return list(head), ""
    names = [side["path"] for side in sides]
    if all(name == NOWHERE or PREFIXED.match(name) for name in names):
        real = [name for name in names if name != NOWHERE]
        return list(head), real[0][2:] if real else ""
    plain = [name if name == NOWHERE else _plain(name, read) for name in names]
    path = next((name for name in plain if name != NOWHERE), "")
    out = [f"diff --git a/{path} b/{plain[1] if plain[1] != NOWHERE else path}"] if GIT.fullmatch(head[0]) else []
    out += [line for line in head[:-2] if not GIT.fullmatch(line)]
    for side, name, prefix in zip(sides, plain, "ab", strict=True):
        shown = name if name == NOWHERE else f"{prefix}/{name}"
        out.append(f"{side['sign']} {shown}{side['rest'] or ''}")
    return out, path


def _plain(name: str, read: Read) -> str:
    """Return the path in the repository that a name without a proper `a/` or `b/` means."""
    name = name.removeprefix("./")
    if _content(name, read):
        return name
    if name.startswith("/"):
        parts = name.strip("/").split("/")
        tails = ["/".join(parts[start:]) for start in range(len(parts))]
        return next((tail for tail in tails if _content(tail, read)), tails[0].removeprefix("testbed/"))
    return name[2:] if PREFIXED.match(name) else name


def _content(path: str, read: Read) -> str:
    try:
        return read(path) if path else ""
    except FileNotFoundError:
        return ""
