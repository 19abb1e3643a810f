"""Unified diffs as models write them, found in prose and made such that `git apply` can read them.

Where they stand: between `<patch>` or `<diff>` tags, else in a fence (of backticks or tildes, in any language or none,
indented or not), else anywhere. What is mended, and nothing beyond it:

* prose before, between and after is left out, a missing end of the last line added;
* hunk lengths that the lines do not bear out are counted again (as `git apply --recount` does); lengths that are
  borne out are believed, so what follows a right diff is not taken for part of it;
* `--- x` without `a/` gets it, and an absolute path becomes the one it means inside the repository;
* a hunk without line numbers gets the first place where its old lines stand, after the line that its `@@` quotes;
* line ends follow the file where the whole diff came with others, or where the file has CR LF throughout.

Wrong line numbers and inexact context stay: the official commands look for the place themselves, and judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_TAGGED: Final = re.compile(r"<(?P<tag>patch|diff)>(?P<body>.*?)(?:</(?P=tag)>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCED: Final = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>(?P<mark>[`~])(?P=mark){2,})[^`\n]*\n(?P<body>.*?)"
    r"(?:^(?P=indent)(?P=fence)(?P=mark)*[ \t]*\r?$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_HUNK: Final = re.compile(r"@@ -(?P<old>\d+)(?:,(?P<olds>\d+))? \+(?P<new>\d+)(?:,(?P<news>\d+))? @@(?P<rest>.*)")
_UNNUMBERED: Final = re.compile(r"@@(?: (?P<quoted>.*))?")
_GIT: Final = re.compile(r"diff --git \S.* \S.*")
_EXTENDED: Final = re.compile(
    r"index [0-9a-f]+\.\.[0-9a-f]+.*|(?:old|new|deleted file|new file) mode \d+|"
    r"(?:dis)?similarity index \d+%|(?:rename|copy) (?:from|to) .+|Binary files .+ differ"
)
_BINARY: Final = "GIT binary patch"
_BINARY_DATA: Final = re.compile(r"(?:literal|delta) \d+|[A-Za-z][!-~]+|")
_SIDE: Final = re.compile(r"(?P<sign>---|\+\+\+) (?P<path>[^\t]+?) *(?P<rest>\t.*)?")
_PREFIXED: Final = re.compile(r"\"?[ab]/.")
_ITEM: Final = re.compile(r"[-+*] \S|-- ?$")
"""What starts an item of a list in prose, or a signature under a mailed patch."""

_SIGNS: Final = frozenset({" ", "+", "-", "\\", ""})
_NOWHERE: Final = "/dev/null"
_CARRIED: Final = re.compile(r"^(?:diff --git |\+\+\+ )[^\n]*\r$", re.MULTILINE)
_BORDERS: Final = ("```", "~~~", "</patch>", "</diff>")

Read = Callable[[str], str]


@dataclass(slots=True)
class _FileDiff:
    """The lines before the first hunk of one file, and its hunks, each a header and its lines."""

    head: list[str]
    hunks: list[tuple[str, list[str]]] = field(default_factory=list)


def diffs_in(text: str, read: Read) -> str:
    """Return the unified diffs in an answer as one, "" if it holds none; one that stands there twice counts once.

    `read` gives the present content of a file and raises FileNotFoundError.
    """
    for region in (_tagged, _fenced, _whole):
        found = [diff for part in region(text) for diff in _file_diffs(part)]
        if found:
            return "".join(dict.fromkeys(_written(diff, read) for diff in found))
    return ""


def _tagged(text: str) -> list[str]:
    return [part for match in _TAGGED.finditer(text) for part in (_fenced(match["body"]) or [match["body"]])]


def _fenced(text: str) -> list[str]:
    return [_dedented(match["body"], match["indent"]) for match in _FENCED.finditer(text)]


def _whole(text: str) -> list[str]:
    return [text]


def _dedented(body: str, indent: str) -> str:
    return re.sub(rf"^{re.escape(indent)}", "", body, flags=re.MULTILINE) if indent else body


def _file_diffs(text: str) -> list[_FileDiff]:
    """Return the diffs of single files in a part of an answer, without what stands around them."""
    lines = text.removesuffix("\n").split("\n")
    if _CARRIED.search(text):  # the way here ended every line so, not the file
        lines = [line.removesuffix("\r") for line in lines]
    found: list[_FileDiff] = []
    at = 0
    while at < len(lines):
        if _starts_file(lines, at):
            head = _head(lines, at)
            found.append(_FileDiff(head))
            at += len(head)
        elif found and _starts_hunk(lines, at):
            body = _body(lines, at)
            found[-1].hunks.append((lines[at], body))
            at += 1 + len(body)
        else:
            at += 1
    return [diff for diff in found if diff.hunks or any(map(_EXTENDED.fullmatch, diff.head)) or _BINARY in diff.head]


def _starts_file(lines: list[str], at: int, *, sure: bool = False) -> bool:
    """Say whether a file's diff starts here; `sure` asks for names that no removed line is likely to hold."""
    if _GIT.fullmatch(lines[at]):
        return True
    if len(lines) <= at + 2 or not lines[at + 2].startswith("@@"):
        return False
    sides = [_SIDE.fullmatch(line) for line in lines[at : at + 2]]
    if not (sides[0] and sides[1] and sides[0]["sign"] == "---" and sides[1]["sign"] == "+++"):
        return False
    return not sure or all(side and (side["path"] == _NOWHERE or _PREFIXED.match(side["path"])) for side in sides)


def _starts_hunk(lines: list[str], at: int) -> bool:
    return bool(_HUNK.fullmatch(lines[at]) or _UNNUMBERED.fullmatch(lines[at]))


def _head(lines: list[str], start: int) -> list[str]:
    """Return the lines of a file's diff up to its first hunk, binary data included."""
    at = start + bool(_GIT.fullmatch(lines[start]))
    while at < len(lines) and _EXTENDED.fullmatch(lines[at]):
        at += 1
    if at < len(lines) and lines[at] == _BINARY:
        at += 1
        while at < len(lines) and _BINARY_DATA.fullmatch(lines[at]):
            at += 1
        while not lines[at - 1] and not lines[at - 2]:
            at -= 1  # one blank line ends the data
    elif len(lines) > at + 1 and lines[at].startswith("--- ") and lines[at + 1].startswith("+++ "):
        at += 2
    return lines[start:at]


def _body(lines: list[str], header_at: int) -> list[str]:
    """Return the lines of the hunk whose header is given; as many as that tells, if they bear it out."""
    start = header_at + 1
    told = _HUNK.fullmatch(lines[header_at])
    olds, news = (int(told["olds"] or 1), int(told["news"] or 1)) if told else (0, 0)
    exact = _exact_end(lines, start, olds, news) if told else None
    if exact is not None:
        rest = lines[exact : _reach(lines, exact)]
        if not (_changes(rest) or "".join(rest[:1]).startswith(" ")):
            return _without_gap(lines[start:exact])
    end = _reach(lines, start if exact is None else exact, 0 if exact else max(olds, news))
    while end > start and not lines[end - 1]:
        end -= 1  # blank lines part a hunk from what follows
    return [line if line[:1] in _SIGNS else f" {line}" for line in lines[start:end]]


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
        if at == len(lines) or lines[at][:1] not in _SIGNS or _starts_file(lines, at, sure=True):
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
    at = gap = start
    listed = False
    while at < len(lines) and not _ends(lines, at):
        if lines[at][:1] not in _SIGNS and not _changes(lines[at : max(at, start + slack)]):
            break
        if not lines[at]:
            gap, listed = at, True
        elif not _ITEM.match(lines[at]):
            listed = False
        at += 1
    return gap if listed else at


def _ends(lines: list[str], at: int) -> bool:
    """Say whether a hunk whose length is unknown must have ended before this line."""
    return lines[at].startswith(("@@ ", *_BORDERS)) or lines[at] == "@@" or _starts_file(lines, at)


def _changes(lines: list[str]) -> bool:
    """Say whether lines add or remove anything."""
    return any(line[:1] in {"+", "-"} and not _ITEM.match(line) for line in lines)


def _written(diff: _FileDiff, read: Read) -> str:
    """Return the diff of one file as text that git can read."""
    head, path = _named(diff.head, read)
    content = _content(path, read)
    crlf = 0 < content.count("\n") == content.count("\r\n")
    crlf = crlf and not any(line.endswith("\r") for _, lines in diff.hunks for line in lines)
    out, shift = head, 0
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
    told = _HUNK.fullmatch(header)
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
    sides = [match for match in map(_SIDE.fullmatch, head[-2:]) if match]
    if len(sides) != 2:
        return list(head), ""
    names = [side["path"] for side in sides]
    if all(name == _NOWHERE or _PREFIXED.match(name) for name in names):
        real = [name for name in names if name != _NOWHERE]
        return list(head), real[0][2:] if real else ""
    plain = [name if name == _NOWHERE else _plain(name, read) for name in names]
    path = next((name for name in plain if name != _NOWHERE), "")
    out = [f"diff --git a/{path} b/{plain[1] if plain[1] != _NOWHERE else path}"] if _GIT.fullmatch(head[0]) else []
    out += [line for line in head[:-2] if not _GIT.fullmatch(line)]
    for side, name, prefix in zip(sides, plain, "ab", strict=True):
        shown = name if name == _NOWHERE else f"{prefix}/{name}"
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
    return name[2:] if _PREFIXED.match(name) else name


def _content(path: str, read: Read) -> str:
    try:
        return read(path) if path else ""
    except FileNotFoundError:
        return ""
