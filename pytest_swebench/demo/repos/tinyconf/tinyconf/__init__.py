"""A small configuration format."""

from .errors import ConfigError, InterpolationError, ParseError
from .interpolate import resolve
from .parser import parse
from .writer import dumps

__all__ = ["ConfigError", "InterpolationError", "ParseError", "dumps", "loads", "parse"]


def loads(text: str) -> dict[str, dict[str, str]]:
    """Return the values of a configuration text by section and key, all references resolved."""
    return resolve(parse(text))
