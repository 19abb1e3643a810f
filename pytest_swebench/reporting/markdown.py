"""Text of models, tests and datasets in markdown, where none of it is markup: one line, escaped, or as code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_MARKS: Final = frozenset("\\`*_[]<>|#~")


def one_line(text: str) -> str:
    """Return text without what a terminal or an editor would act upon, line ends among it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escaped(text: str) -> str:
    """Return text in one line that markdown shows as it is."""
    return "".join(f"\\{char}" if char in _MARKS else char for char in one_line(text))


def code(text: str) -> str:
    """Return text in one line as code."""
    return f"`{one_line(text).replace('`', chr(39))}`"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of a table; cells are escaped, the head is not."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(escaped(str(value)) for value in row)} |"
