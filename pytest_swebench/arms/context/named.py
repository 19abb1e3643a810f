"""The files that a statement names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"[\w./-]+")
_AMBIGUOUS: Final = 3  # `models.py` names no file where there are a hundred of them


def named_files(statement: str, tracked: Sequence[str]) -> list[str]:
    """Return the tracked files a statement names: by path, by the end of a path, by module or by definition name.

    Exact names come first, in the order of the statement; then modules named like `package.module`. A name that more
    than three files end in names none of them.
    """
    found: dict[str, None] = {}
    words = [word.strip("./-") for word in _WORD.findall(statement)]
    by_tail: dict[str, list[str]] = {}
    for path in tracked:
        parts = path.split("/")
        for start in range(len(parts)):
            by_tail.setdefault("/".join(parts[start:]), []).append(path)
    for word in words:
        if len(hits := by_tail.get(word, ())) <= _AMBIGUOUS:
            found.update(dict.fromkeys(hits))
    for word in words:
        pieces = word.split(".")
        for end in range(len(pieces), 0, -1):
            stem = "/".join(pieces[:end])
            hits = [*by_tail.get(f"{stem}.py", ()), *by_tail.get(f"{stem}/__init__.py", ())]
            # a single part names a file only if more comes after it, and `e.g.` is no file
            if hits and (end > 1 or (len(pieces) > 1 and len(stem) > 2)):
                if len(hits) <= _AMBIGUOUS:
                    found.update(dict.fromkeys(hits))
                break
    return list(found)
