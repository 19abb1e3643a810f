"""Text tables with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence


class Table:
    """Rows of text under headings; `align` holds `<` or `>` for each column."""

    def __init__(self, headings: Sequence[str], align: str = "") -> None:
        self.headings = tuple(headings)
        self.align = align or "<" * len(self.headings)
        self.rows: list[tuple[str, ...]] = []

    def add(self, *cells: str) -> None:
        """Append a row."""
        if len(cells) != len(self.headings):
            raise ValueError(f"expected {len(self.headings)} cells, found {len(cells)}")
        self.rows.append(cells)

    def widths(self) -> list[int]:
        """Return the width of every column."""
        columns = zip(self.headings, *self.rows)
        return [max(len(cell) for cell in column) for column in columns]

    def render(self) -> str:
        """Return the table as text, headings and a rule first."""
        widths = self.widths()
        lines = [self._line(self.headings, widths), "  ".join("-" * width for width in widths)]
        lines += [self._line(row, widths) for row in self.rows]
        return "\n".join(lines)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [
            cell.rjust(width) if side == ">" else cell.ljust(width)
            for cell, width, side in zip(cells, widths, self.align)
        ]
        return "  ".join(padded).rstrip()
