"""From what a model writes to a unified diff: search/replace blocks first, then whatever else models use.

`EDIT_FORMAT` tells a model how to write them; the block is the one models know from aider. The first line of as many
`=` as there are `<` parts the two halves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_swebench.arms.begin_patch import diff_of_begin_patch
from pytest_swebench.arms.diffs import diffs_in
from pytest_swebench.patch import EditError, make_diff, repository_path, split_lines

__all__ = ["EDIT_FORMAT", "Edit", "EditError", "apply_edits", "diff_from_answer", "parse_edits"]

EDIT_FORMAT: Final = """\
Answer with a short explanation, then the change as one or more search/replace blocks:

path/to/file.py
<<<<<<< SEARCH
lines exactly as they stand in the file, enough of them to be unique
=======
the lines that take their place
>>>>>>> REPLACE

An empty SEARCH part creates a new file. A unified diff in a ```diff fence is accepted as well."""
"""What to put into a prompt so that `diff_from_answer` can read the answer."""

_BLOCK: Final = re.compile(
    r"^(?!```|~~~)(?P<path>[^\s<>][^\n<>]*?)[ \t]*\n(?:[ \t]*\n)?(?:(?:```|~~~)[^\n]*\n)?"
    r"(?P<marks><{5,9}) SEARCH[ \t]*\n(?P<body>.*?)^>{5,9} REPLACE",
    re.MULTILINE | re.DOTALL,
)
_DECORATION: Final = "`*#: \t"  # Markdown that models put around a path
_BARE_NEWLINE: Final = re.compile(r"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the one place where the lines `search` stand in `path` by the lines `replace`."""

    path: str
    search: str
    replace: str


def parse_edits(text: str) -> list[Edit]:
    """Return the search/replace blocks of an answer, in order; what has no dividing line is none."""
    edits = []
    for match in _BLOCK.finditer(_unix(text)):
        divider = re.search(rf"^={{{len(match['marks'])}}}[ \t]*\n", match["body"], re.MULTILINE)
        if divider is not None:
            search, replace = match["body"][: divider.start()], match["body"][divider.end() :]
            edits.append(Edit(match["path"].strip(_DECORATION), search, replace))
    return edits


def diff_from_answer(text: str, read: Callable[[str], str]) -> str:
    """Return the unified diff that an answer asks for, "" if it asks for none.

    `read` gives the present content of a file and raises FileNotFoundError. Blocks win over the `*** Begin Patch`
    format, and that over unified diffs. Raises EditError for an edit that does not fit its file; whether a unified
    diff applies is for the official commands to say.
    """
    edits = parse_edits(text)
    if edits:
        return apply_edits(edits, read)
    return diff_of_begin_patch(text, read) or diffs_in(text, read)


def apply_edits(edits: list[Edit], read: Callable[[str], str]) -> str:
    """Make `edits` one after another and return the whole as a diff. Raises EditError."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for edit in edits:
        path = repository_path(edit.path)
        if path not in after:
            try:
                before[path] = after[path] = read(path)
            except FileNotFoundError:
                if edit.search.strip():
                    raise EditError(f"{path}: no such file") from None
                after[path] = ""
        after[path] = _replaced(after[path], edit)
    return make_diff(before, after)


def _replaced(content: str, edit: Edit) -> str:
    if not edit.search.strip():
        if content.strip():
            raise EditError(f"{edit.path}: the SEARCH part is empty, but the file exists and is not")
        return edit.replace
    lines, wanted, instead = (split_lines(text) for text in (content, edit.search, edit.replace))
    newline = "\r\n" if "\r\n" in content else "\n"
    unended = bool(lines) and not content.endswith("\n")
    if unended:  # a block cannot say that the last line has no end
        lines[-1] += newline
    places = _places(lines, wanted)
    if not places and newline != "\n":  # nor do models see what ends a line
        wanted, instead = (split_lines(_BARE_NEWLINE.sub("\r\n", text)) for text in (edit.search, edit.replace))
        places = _places(lines, wanted)
    if not places:
        raise EditError(
            f"{edit.path}: the SEARCH text is not in the file; the nearest lines are:\n{_nearest(content, edit)}"
        )
    if len(places) > 1:
        raise EditError(f"{edit.path}: the SEARCH text stands there {len(places)} times, it must be unique")
    start = places[0]
    text = "".join((*lines[:start], *instead, *lines[start + len(wanted) :]))
    return text.removesuffix(newline) if unended else text


def _places(lines: list[str], wanted: list[str]) -> list[int]:
    """Return the numbers of the lines at which `wanted` stands, whole lines only."""
    last = len(lines) - len(wanted)
    return [start for start in range(last + 1) if lines[start : start + len(wanted)] == wanted]


def _nearest(content: str, edit: Edit) -> str:
    wanted, lines = edit.search.splitlines(), content.splitlines()
    best = max(
        range(max(1, len(lines) - len(wanted) + 1)),
        key=lambda start: difflib.SequenceMatcher(
            None, "\n".join(lines[start : start + len(wanted)]), edit.search
        ).quick_ratio(),
    )
    return "\n".join(lines[best : best + len(wanted)])


def _unix(text: str) -> str:
    """Return an answer that ends all its lines with CR LF as one that does not; another stays as it is."""
    return text if _BARE_NEWLINE.search(text) else text.replace("\r\n", "\n")
