"""Cut a long list into pages that a person can leaf through."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page: its 1-based number, its items, and whether there is one before and one after."""

    number: int
    items: tuple[str, ...]
    has_previous: bool
    has_next: bool


def count_pages(total: int, size: int) -> int:
    """Return how many pages `total` items need; an empty list has one empty page."""
    if size < 1:
        raise ValueError(f"size {size!r} must be 1 or more")
    return total // size + 1


def page(items: list[str], number: int, size: int) -> Page:
    """Return page `number`. Raises IndexError for a page that does not exist."""
    pages = count_pages(len(items), size)
    if not 1 <= number <= pages:
        raise IndexError(f"page {number!r} of {pages}")
    start = number * size
    return Page(number, tuple(items[start : start + size]), number > 1, number < pages)
