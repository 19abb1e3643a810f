"""What guards say, in one form. Times are for whoever asks a guard to take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_swebench.records.trace import GuardReport

FEW: Final = 3
"""How many offenders a message names where nothing else is said."""

_NAME_CHARS: Final = 200


def passed(guard: str) -> GuardReport:
    """Return a yes."""
    return GuardReport(passed=True, guard=guard)


def rejected(guard: str, feedback: str) -> GuardReport:
    """Return a no, with what the model is told."""
    return GuardReport(passed=False, guard=guard, feedback=feedback)


def fatal(guard: str, feedback: str) -> GuardReport:
    """Return a no that no other answer could change."""
    return GuardReport(passed=False, fatal=True, guard=guard, feedback=feedback)


def judged(guard: str, objections: Iterable[str]) -> GuardReport:
    """Return a no with all `objections`, a yes if there are none."""
    lines = list(objections)
    return rejected(guard, "\n".join(lines)) if lines else passed(guard)


def few(names: Iterable[str], most: int = FEW) -> str:
    """Return the first names, quoted, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(quoted, listed[:most])) + more


def quoted(name: str) -> str:
    """Return a name as messages show it, the end of a very long one left out."""
    return repr(name) if len(name) <= _NAME_CHARS else f"{name[:_NAME_CHARS]!r}..."
