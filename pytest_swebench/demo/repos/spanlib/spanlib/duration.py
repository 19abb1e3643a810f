"""Durations as people write them: `1d2h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

from .errors import DurationError

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+)([dhms])")


def parse_duration(text: str) -> timedelta:
    """Read `90m`, `1h30m` or `1d`; blanks between the parts are fine."""
    compact = text.replace(" ", "")
    seconds = 0
    position = 0
    for match in _PART.finditer(compact):
        if match.start() != position:
            break
        seconds += int(match[1]) * UNITS[match[2]]
        position = match.end()
    if not compact or position != len(compact):
        raise DurationError(f"not a duration: {text!r}")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration with its largest units first, leaving out those that are zero."""
    rest = duration.seconds
    parts = []
    for unit in ("h", "m", "s"):
        count, rest = divmod(rest, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
