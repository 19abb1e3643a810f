"""Resolving `${key}` and `${section.key}`."""

from __future__ import annotations

import re

from .errors import InterpolationError

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")

Sections = dict[str, dict[str, str]]


def resolve(sections: Sections) -> Sections:
    """Return a copy of `sections` with all references replaced by what they refer to."""
    return {name: {key: _value(sections, name, key) for key in keys} for name, keys in sections.items()}


def _value(sections: Sections, name: str, key: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        section, dot, other = match[1].rpartition(".")
        if not dot:
            section = name
        if other not in sections.get(section, {}):
            raise InterpolationError(f"[{name}] {key}: unknown reference {match[0]!r}")
        return _value(sections, section, other)

    return _REFERENCE.sub(replacement, sections[name][key])
