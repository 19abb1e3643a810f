"""The row of page numbers below a list."""

from __future__ import annotations


def window(current: int, pages: int, around: int = 2) -> list[int | None]:
    """Return the numbers to show: the first, the last, and those near `current`; None stands for a gap."""
    near = range(max(1, current - around), min(pages, current + around) + 1)
    shown: list[int | None] = []
    for number in sorted({1, pages, *near}):
        if shown and number - (shown[-1] or 0) > 1:
            shown.append(None)
        shown.append(number)
    return shown
