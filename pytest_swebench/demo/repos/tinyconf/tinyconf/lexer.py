"""From raw lines to logical lines: comments dropped, continuations joined."""

from __future__ import annotations

from collections.abc import Iterator


def strip_comment(line: str) -> str:
    """Return the line without its comment; `#` opens one at the margin or after a blank."""
    for index, char in enumerate(line):
        if char == "#" and (index == 0 or line[index - 1].isspace()):
            return line[:index].rstrip()
    return line.rstrip()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, content) for every line that is not empty."""
    number = 0
    pending = ""
    for raw in text.splitlines():
        content = strip_comment(raw)
        if pending:
            content = pending + content.lstrip()
            pending = ""
        if content.endswith("\\"):
            pending = content[:-1]
            continue
        number += 1
        if content.strip():
            yield number, content.strip()
    if pending.strip():
        yield number + 1, pending.strip()
