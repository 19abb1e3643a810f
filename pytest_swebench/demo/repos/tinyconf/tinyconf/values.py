"""How one value is written in a file."""

from __future__ import annotations


def is_quoted(value: str) -> bool:
    """Tell whether a raw value stands in double quotes."""
    return len(value) >= 2 and value[0] == value[-1] == '"'


def unquote(value: str) -> str:
    """Return a raw value without its quotes, if it has them."""
    return value[1:-1] if is_quoted(value) else value
