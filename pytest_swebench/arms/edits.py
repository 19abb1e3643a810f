"""From what a model writes to a unified diff: search/replace blocks first, then whatever else models use.

`EDIT_FORMAT` tells a model how to write them; the block is the one models know from aider. `blocks` finds them.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from pytest_swebench.arms.begin_patch import diff_of_begin_patch
from pytest_swebench.arms.blocks import Edit, parse_edits
from pytest_swebench.arms.change import changed
from pytest_swebench.arms.diffs import diffs_in
from pytest_swebench.patch import EditError, split_lines

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

_BARE_NEWLINE: Final = re.compile(r"(?<!\r)\n")
_SHOWN: Final = 10  # lines of a file in a message
_SHOWN_WIDTH: Final = 200
_COMPARED: Final = 10_000  # lines of a file in which something similar is looked for


def diff_from_answer(text: str, read: Callable[[str], str]) -> str:
    """Return the unified diff that an answer asks for, "" if it asks for none.

    `read` gives the present content of a file and raises FileNotFoundError. Blocks win over the `*** Begin Patch`
    format, and that over unified diffs. Raises EditError for a block that is no edit and for an edit that does not fit
    its file; whether a unified diff applies is for the official commands to say.
    """
    edits = parse_edits(text)
    if edits:
        return apply_edits(edits, read)
    return diff_of_begin_patch(text, read) or diffs_in(text, read)


def apply_edits(edits: list[Edit], read: Callable[[str], str]) -> str:
    """Make `edits` one after another and return the whole as a diff. Raises EditError."""
    steps = ((edit.path, edit.search, partial(_made, edit)) for edit in edits)
    return changed(steps, read).diff


def _made(edit: Edit, _path: str, content: str) -> str:
    return _replaced(content, _meant(content, edit))


def _meant(content: str, edit: Edit) -> Edit:
    """Return the reading of `edit` whose search part stands in the file, the longest one if several do."""
    best = edit
    for search, instead in ((edit.search, edit.replace), *edit.otherwise):
        reading = replace(edit, search=search, replace=instead)
        if search.strip() and not _found(content, reading)[0]:
            break  # each search part starts with the one before
        best = reading
    return best


def _replaced(content: str, edit: Edit) -> str:
    if not edit.search.strip():
        if content.strip():
            raise EditError(f"{edit.path}: the SEARCH part is empty, but the file exists and is not")
        return edit.replace
    places, wanted, instead = _found(content, edit)
    if not places:
        raise EditError(
            f"{edit.path}: the SEARCH text is not in the file; the nearest lines are:\n{_nearest(content, edit.search)}"
        )
    if len(places) > 1:
        raise EditError(f"{edit.path}: the SEARCH text stands there {len(places)} times, it must be unique")
    newline = _newline(content)
    lines, start = _ended(content, newline), places[0]
    text = "".join((*lines[:start], *instead, *lines[start + len(wanted) :]))
    return text if content.endswith("\n") else text.removesuffix(newline)


def _found(content: str, edit: Edit) -> tuple[list[int], list[str], list[str]]:
    """Return the numbers of the lines at which the search part stands, and both parts with the file's line ends."""
    newline = _newline(content)
    lines, wanted, instead = _ended(content, newline), split_lines(edit.search), split_lines(edit.replace)
    places = _places(lines, wanted)
    if not places and newline != "\n":  # nor do models see what ends a line
        wanted, instead = (split_lines(_BARE_NEWLINE.sub("\r\n", text)) for text in (edit.search, edit.replace))
        places = _places(lines, wanted)
    return places, wanted, instead


def _newline(content: str) -> str:
    return "\r\n" if "\r\n" in content else "\n"


def _ended(content: str, newline: str) -> list[str]:
    """Return the lines, the last one with an end: a block cannot say that it has none."""
    lines = split_lines(content)
    if lines and not content.endswith("\n"):
        lines[-1] += newline
    return lines


def _places(lines: list[str], wanted: list[str]) -> list[int]:
    """Return the numbers of the lines at which `wanted` stands, whole lines only."""
    last = len(lines) - len(wanted)
    return [start for start in range(last + 1) if lines[start : start + len(wanted)] == wanted]


def _nearest(content: str, search: str) -> str:
    """Return a few lines of the file, from shortly before the first that is not as `search` has it."""
    lines, wanted = content.splitlines(), search.splitlines()
    start = _nearest_start([line.strip() for line in lines[:_COMPARED]], [line.strip() for line in wanted])
    there = lines[start : start + len(wanted)]
    differs = next((at for at, pair in enumerate(zip(there, wanted, strict=False)) if pair[0] != pair[1]), len(there))
    from_ = max(0, min(differs - _SHOWN // 2, len(there) - _SHOWN))
    shown = [line[:_SHOWN_WIDTH] for line in there[from_ : from_ + _SHOWN]]
    return "\n".join(shown)


def _nearest_start(lines: list[str], wanted: list[str]) -> int:
    """Return the line from which most of `wanted` stand where they should, else where its longest one is similar."""
    offsets: dict[str, int] = {line: at for at, line in enumerate(wanted) if line}
    starts = Counter(max(0, at - offsets[line]) for at, line in enumerate(lines) if line in offsets)
    if starts:
        return starts.most_common(1)[0][0]
    longest = max(wanted, key=len)[:_SHOWN_WIDTH]
    matcher = difflib.SequenceMatcher(b=longest)
    best, best_ratio = 0, -1.0
    for at, line in enumerate(lines):
        matcher.set_seq1(line[:_SHOWN_WIDTH])
        if matcher.real_quick_ratio() > best_ratio and (ratio := matcher.quick_ratio()) > best_ratio:
            best, best_ratio = at, ratio
    return max(0, best - wanted.index(max(wanted, key=len)))
