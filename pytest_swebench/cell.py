"""Variants and cells: what is run, how it is named, and the key under which it is done once.

Ids read `<instance>/<variant>/r<rep>`. All three parts keep to characters that `-k` and node ids accept
(`[A-Za-z0-9._+-]`), so `-k django__django-11099/s1_tdd/r2` selects exactly one cell.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

FRAME: Final = frozenset({"gold", "null"})
"""Arms that say what the others can reach at most and at least; not held against them."""
IMPORTED: Final = "predictions"
"""The arm whose answers another tool made: running it again grades the same patches again."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+-]+")
_CELL_ID: Final = re.compile(r"(?P<instance>[^/\[\]]+)/(?P<variant>[^/\[\]]+)/r(?P<rep>[1-9]\d*)")


def digest(value: Any) -> str:
    """Return 16 hex digits of SHA-256 over `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def slug(text: str) -> str:
    """Return `text` with every run of characters unsafe in ids and file names made one dash."""
    return _UNSAFE.sub("-", text).strip("-")


@dataclass(frozen=True, slots=True)
class Variant:
    """An arm bound to a model and settings; `name` is unique within a run and is also the file name.

    `turns` bounds the model calls of an arm that takes turns; None stands for the arm's own limit.
    """

    name: str
    arm: str
    model: str = ""
    temperature: float | None = None
    turns: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One pytest item: instance x variant x repetition (1-based). Holds names only, so it is cheap to copy."""

    instance_id: str
    variant: str
    rep: int

    def __str__(self) -> str:
        return f"{self.instance_id}/{self.variant}/r{self.rep}"


def parse_cell(text: str) -> Cell | None:
    """Return the cell named by a cell id or by a node id that ends in `[<cell id>]`, or None."""
    inner = text[text.rindex("[") + 1 : -1] if text.endswith("]") and "[" in text else text
    match = _CELL_ID.fullmatch(inner)
    if match is None:
        return None
    return Cell(match["instance"], match["variant"], int(match["rep"]))
