"""From what a model writes to a unified diff: search/replace blocks or a fenced diff.

The block format is the one models know from aider: a line with the path, then

    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

An empty SEARCH part makes a new file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_swebench.patch import looks_like_diff, make_diff

_BLOCK: Final = re.compile(
    r"^(?P<path>[^\s`<>][^\n`<>]*?)[ \t]*\n(?:```[^\n]*\n)?<{5,9} SEARCH[ \t]*\n"
    r"(?P<search>.*?)^={5,9}[ \t]*\n(?P<replace>.*?)^>{5,9} REPLACE",
    re.MULTILINE | re.DOTALL,
)
_FENCED_DIFF: Final = re.compile(r"^```(?:diff|patch)[ \t]*\n(?P<diff>.*?)^```", re.MULTILINE | re.DOTALL)


class EditError(Exception):
    """An edit that cannot be made; the message says which, why, and what stands nearest in the file."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the one place where `search` stands in `path` by `replace`."""

    path: str
    search: str
    replace: str


def parse_edits(text: str) -> list[Edit]:
    """Return the search/replace blocks of an answer, in order."""
    return [Edit(match["path"].strip(), match["search"], match["replace"]) for match in _BLOCK.finditer(text)]


def diff_from_answer(text: str, read: Callable[[str], str]) -> str:
    """Return the unified diff that an answer asks for, "" if it asks for none.

    `read` gives the present content of a file and raises FileNotFoundError. Blocks win over a diff. Raises
    EditError for a block that does not fit its file.
    """
    edits = parse_edits(text)
    if edits:
        return apply_edits(edits, read)
    diffs = [match["diff"] for match in _FENCED_DIFF.finditer(text) if looks_like_diff(match["diff"])]
    return "".join(diffs)


def apply_edits(edits: list[Edit], read: Callable[[str], str]) -> str:
    """Make `edits` one after another and return the whole as a diff. Raises EditError."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for edit in edits:
        if edit.path not in after:
            try:
                before[edit.path] = after[edit.path] = read(edit.path)
            except FileNotFoundError:
                if edit.search.strip():
                    raise EditError(f"{edit.path}: no such file") from None
                after[edit.path] = ""
        after[edit.path] = _replaced(after[edit.path], edit)
    return make_diff(before, after)


def _replaced(content: str, edit: Edit) -> str:
    if not edit.search.strip():
        if content.strip():
            raise EditError(f"{edit.path}: the SEARCH part is empty, but the file exists and is not")
        return edit.replace
    found = content.count(edit.search)
    if found == 1:
        return content.replace(edit.search, edit.replace)
    if found > 1:
        raise EditError(f"{edit.path}: the SEARCH text stands there {found} times, it must be unique")
    raise EditError(
        f"{edit.path}: the SEARCH text is not in the file; the nearest lines are:\n{_nearest(content, edit)}"
    )


def _nearest(content: str, edit: Edit) -> str:
    wanted, lines = edit.search.splitlines(), content.splitlines()
    best = max(
        range(max(1, len(lines) - len(wanted) + 1)),
        key=lambda start: difflib.SequenceMatcher(
            None, "\n".join(lines[start : start + len(wanted)]), edit.search
        ).quick_ratio(),
    )
    return "\n".join(lines[best : best + len(wanted)])
