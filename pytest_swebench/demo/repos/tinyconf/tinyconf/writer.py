"""Writing a mapping back as text."""

from __future__ import annotations

from collections.abc import Mapping


def dumps(sections: Mapping[str, Mapping[str, str]]) -> str:
    """Return configuration text for values by section and key, sections parted by an empty line."""
    blocks = []
    for name, keys in sections.items():
        lines = [f"[{name}]"]
        lines += [f"{key} = {value.replace('$', '$$')}" for key, value in keys.items()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)
