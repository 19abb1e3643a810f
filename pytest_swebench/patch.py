"""Unified diffs as text: made from file contents, and asked which files they touch. Pure; nothing is run."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

_HEADER: Final = re.compile(r"^diff --git a/(?P<old>.+?) b/(?P<new>.+)$", re.MULTILINE)
_NEW_SIDE: Final = re.compile(r"^\+\+\+ (?:b/)?(?P<path>[^\t\n]+)", re.MULTILINE)
_OLD_SIDE: Final = re.compile(r"^--- (?:a/)?(?P<path>[^\t\n]+)", re.MULTILINE)
_HUNK: Final = re.compile(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", re.MULTILINE)


def changed_paths(patch: str) -> list[str]:
    """Return the paths a unified diff touches, sorted, without `a/` and `b/`, deleted files included."""
    paths = {name for match in _HEADER.finditer(patch) for name in (match["old"], match["new"])}
    for pattern in (_OLD_SIDE, _NEW_SIDE):
        paths.update(match["path"].strip() for match in pattern.finditer(patch))
    paths.discard("/dev/null")
    return sorted(paths)


def looks_like_diff(text: str) -> bool:
    """Say whether `text` holds at least one hunk with a file to apply it to, or a git-only change."""
    return bool(_HEADER.search(text) or (_HUNK.search(text) and _NEW_SIDE.search(text)))


def make_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return a git-style unified diff that turns the files `before` into `after`.

    Both map paths to contents; a path missing on one side is a new or deleted file. A last line without a newline
    is marked as git marks it.
    """
    parts = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        lines = [f"diff --git a/{path} b/{path}\n"]
        if old is None:
            lines.append("new file mode 100644\n")
        if new is None:
            lines.append("deleted file mode 100644\n")
        hunks = difflib.unified_diff(
            _lines(old),
            _lines(new),
            "/dev/null" if old is None else f"a/{path}",
            "/dev/null" if new is None else f"b/{path}",
        )
        for line in hunks:
            lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
        parts.append("".join(lines))
    return "".join(parts)


def _lines(text: str | None) -> list[str]:
    # git ends lines at \n alone; str.splitlines would also cut at form feeds and the like
    return [] if not text else re.findall(r"[^\n]*\n|[^\n]+\Z", text)
