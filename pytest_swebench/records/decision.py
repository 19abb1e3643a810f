"""What a gate made of its run before the end: that no other cell is needed, and which ones were not run for that.

The first is stored when it is decided, and stops every process of the run; the second when the run ends, so that
nobody misses those cells later. The next invocation of the run forgets both, once its cells are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.records.layout import RunLayout, read_json, write_json, write_whole
from pytest_swebench.records.schema import cell_of

LEFT: Final = "left_by_gate.json"
_DECIDED: Final = "gate_decided.txt"


def keep_decision(layout: RunLayout, reason: str) -> None:
    """Store why no other cell is needed. Raises OSError."""
    write_whole(_decided(layout), reason)


def read_decision(layout: RunLayout) -> str:
    """Return why no other cell is needed, "" while one is."""
    try:
        return _decided(layout).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def keep_left(layout: RunLayout, cells: Iterable[Cell]) -> None:
    """Store which cells the decided gate has left out. Raises OSError."""
    write_json(layout.folder / LEFT, sorted(map(str, cells)))


def read_left(layout: RunLayout, records: Iterable[Mapping[str, Any]] = ()) -> frozenset[Cell]:
    """Return the cells that the gate has left out and that are not among `records`, as one that was cut off is.

    Raises RecordError for a damaged file.
    """
    if not (layout.folder / LEFT).exists():
        return frozenset()
    left = {cell for name in read_json(layout.folder / LEFT) if (cell := parse_cell(str(name))) is not None}
    return frozenset(left - set(map(cell_of, records)))


def left_by_variant(layout: RunLayout, records: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return variant -> how many cells of it the gate has left out."""
    return Counter(cell.variant for cell in read_left(layout, records))


def forget_decision(layout: RunLayout) -> None:
    """Remove what an earlier invocation of the run has decided, and left out for it."""
    for path in (_decided(layout), layout.folder / LEFT):
        path.unlink(missing_ok=True)


def _decided(layout: RunLayout) -> Path:
    return layout.folder / _DECIDED
