"""HTML from Python: every text is escaped where it enters, and nothing else can."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

# what turns writing round or hides it, and control characters: shown by their numbers, so that text is what it seems
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff"
    "\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef]"
)
_VOID: Final = frozenset({"circle", "line", "path", "rect"})


class Markup(str):
    """Text that is HTML already; made by `tag` and `join` only."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | int | None"


def plain(text: str) -> str:
    """Return `text` with characters that nobody sees as `<U+202E>`, and lines that end as ours do."""
    return _UNSEEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text.replace("\r\n", "\n"))


def escape(text: str) -> Markup:
    """Return `text` so that HTML shows it as it is."""
    return Markup(html.escape(plain(text)))


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """Return an element; a child that is no Markup is escaped, and one that is None is left out.

    An attribute that is None is left out too. Of its name `_` becomes `-`, and one at the end is dropped (`class_`).
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not children:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Return the children one after another, escaped like those of `tag`."""
    parts = (child if isinstance(child, Markup) else escape(str(child)) for child in children if child is not None)
    return Markup("".join(parts))


def island(value: Any) -> Markup:
    """Return JSON data that may stand in a script element: ASCII, and without any `<`."""
    return Markup(as_json(value).replace("<", "\\u003c"))


def as_json(value: Any) -> str:
    """Return JSON as a browser reads it: ASCII, and null for a number that is none."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
