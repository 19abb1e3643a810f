"""Charts of parts: rows of stacked bars, and columns over time, as SVG that a page shows without any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_swebench.reporting.html.charts import WIDTH, drawing, short, ticks
from pytest_swebench.reporting.html.markup import Markup, join, tag

_LABEL: Final = 190
_RIGHT: Final = 64
_ROW: Final = 28
_BAR: Final = 18
_LEAST_WIDTH: Final = 26  # of a part that holds its number


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: what it is, its class, how much, and what stands in it where there is room."""

    name: str
    kind: str
    amount: float
    told: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar: its name, its parts, and what stands behind it."""

    name: str
    parts: tuple[Part, ...]
    told: str = ""


def stacks(rows: Sequence[Stack], label: str) -> Markup:
    """Return one bar a row, all to the scale of the longest, with a legend of the parts above them."""
    longest = max(sum(part.amount for part in row.parts) for row in rows) or 1.0
    inner = WIDTH - _LABEL - _RIGHT
    names = {part.name: part.kind for row in rows for part in row.parts if part.amount}
    parts = []
    for place, row in enumerate(rows):
        y = _ROW * place + (_ROW - _BAR) / 2
        parts.append(tag("text", tag("title", row.name), short(row.name, 26), x=_LABEL - 10, y=y + 13, class_="end"))
        x = float(_LABEL)
        for part in row.parts:
            if not part.amount:
                continue
            width = inner * part.amount / longest
            title = tag("title", f"{row.name}: {part.name} {part.told}")
            parts.append(tag("rect", title, x=round(x, 1), y=y, width=round(max(width, 0.5), 1), height=_BAR,
                             class_=f"part {part.kind}"))  # fmt: skip
            if width > max(_LEAST_WIDTH, 8 * len(part.told)):
                parts.append(tag("text", part.told, x=round(x + width / 2, 1), y=y + 13, class_="within middle"))
            x += width
        if row.told:
            parts.append(tag("text", row.told, x=round(x + 8, 1), y=y + 13, class_="mark"))
    legend = [tag("li", tag("span", "", class_=f"swatch {kind}"), name) for name, kind in names.items()]
    return join(tag("ul", *legend, class_="legend"), drawing(parts, _ROW * len(rows), label))


def columns(shares: Sequence[float | None], label: str, ends: tuple[str, str], y_name: str) -> Markup:
    """Return one column a share between 0 and 1, none where it is None; `ends` stand below the first and the last."""
    left, right, bottom = 60, WIDTH - 20, 150
    reach = max([share for share in shares if share is not None], default=0.0) or 0.01
    step = (right - left) / len(shares)

    def up(share: float) -> float:
        return round(bottom - (bottom - 20) * share / reach, 1)

    parts = [tag("text", y_name, x=left, y=10, class_="mark")]
    for mark in ticks(0.0, reach):
        parts.append(tag("line", x1=left, x2=right, y1=up(mark), y2=up(mark), class_="grid"))
        parts.append(tag("text", f"{100 * mark:g} %", x=left - 8, y=up(mark) + 4, class_="mark end"))
    for place, share in enumerate(shares):
        if share:
            title = tag("title", f"{100 * share:.1f} %")
            x, y = round(left + place * step + 0.5, 1), up(share)
            height = round(bottom - y, 1)
            parts.append(tag("rect", title, x=x, y=y, width=round(step - 1, 1), height=height, class_="column"))
    parts.append(tag("text", ends[0], x=left, y=bottom + 18, class_="mark"))
    parts.append(tag("text", ends[1], x=right, y=bottom + 18, class_="mark end"))
    return drawing(parts, bottom + 36, label)
