"""Files as edits leave them: each edit is made on what the one before it left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytest_swebench.patch import EditError, make_diff, meant_path

Step = tuple[str, str, Callable[[str, str], str]]
"""The path as it was written, the text to look for, and what makes the new content from path and content."""


@dataclass(frozen=True, slots=True)
class Change:
    """Files by path, `before` without those that are new."""

    before: dict[str, str]
    after: dict[str, str]

    @property
    def diff(self) -> str:
        """Return the unified diff, "" where nothing changes."""
        return make_diff(self.before, self.after)


def changed(steps: Iterable[Step], read: Callable[[str], str]) -> Change:
    """Make `steps` one after another.

    `read` gives the present content of a file and raises FileNotFoundError; an edit that looks for nothing may create
    its file. Raises EditError.
    """
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for written, search, make in steps:
        path = meant_path(written, read)
        if path not in after:
            try:
                before[path] = after[path] = read(path)
            except FileNotFoundError:
                if search.strip():
                    raise EditError(f"{path}: no such file") from None
        after[path] = make(path, after.get(path, ""))
    return Change(before, after)
