"""Charts as SVG that a page shows without any script: intervals in rows, points with intervals, and shares by time.

They carry classes and no styles, so the page's own style colours them, light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_swebench.reporting.html.markup import Markup, join, tag

WIDTH: Final = 620
WIDE: Final = 900
ROW: Final = 26
DRAWN: Final = 30
"""How many variants a chart has room for."""

_LABEL: Final = 0.3  # share of the width that is for names
_RIGHT: Final = 0.2  # for numbers
_WIDE_LABEL: Final = 0.34
_WIDE_RIGHT: Final = 0.24
_FOOT: Final = 26
_PLOT: Final = 300  # height of a chart with two axes


@dataclass(frozen=True, slots=True)
class Interval:
    """A row: a value with its bounds, None where there are none, what is written beside it, and its class."""

    name: str
    value: float
    low: float | None
    high: float | None
    told: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A point: x and y, with the bounds of y where there are any."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def intervals(
    rows: Sequence[Interval], label: str, span: tuple[float, float], *, zero: bool = False, width: int = WIDTH
) -> Markup:
    """Return one row a value with its interval, over `span`; `zero` marks the line of no difference.

    A wide chart has room for two names a row.
    """
    height = ROW * len(rows) + _FOOT
    shares_of_width = (_LABEL, _RIGHT) if width == WIDTH else (_WIDE_LABEL, _WIDE_RIGHT)
    left, right = (round(width * share) for share in shares_of_width)

    def at(value: float) -> float:
        share = (value - span[0]) / (span[1] - span[0])
        return round(left + (width - left - right) * min(1.0, max(0.0, share)), 1)

    parts = []
    for mark in ticks(*span):
        x = at(mark)
        parts.append(tag("line", x1=x, x2=x, y1=0, y2=height - _FOOT, class_="grid"))
        parts.append(tag("text", f"{mark:g}", x=x, y=height - 8, class_="mark middle"))
    if zero:
        parts.append(tag("line", x1=at(0), x2=at(0), y1=0, y2=height - _FOOT, class_="zero"))
    for place, row in enumerate(rows):
        y = ROW * place + ROW / 2
        title = tag("title", f"{row.name}: {row.told}")
        parts.append(tag("text", title, short(row.name, left // 7), x=left - 10, y=y + 4, class_="end"))
        if row.low is not None and row.high is not None:
            parts.append(
                tag("line", x1=at(row.low), x2=at(row.high), y1=y, y2=y, class_=f"interval {row.kind}".strip())
            )
        parts.append(tag("circle", cx=at(row.value), cy=y, r=5, class_=f"dot {row.kind}".strip()))
        parts.append(tag("text", row.told, x=width - right + 12, y=y + 4, class_="told"))
    return drawing(parts, height, label, width)


def forest(rows: Sequence[Interval], label: str) -> Markup:
    """Return differences in percentage points beside the line of none, over a span that holds all of them."""
    ends = [end for row in rows for end in (row.low, row.high, row.value) if end is not None]
    span = (min(-5.0, 5.0 * math.floor(min(ends) / 5)), max(5.0, 5.0 * math.ceil(max(ends) / 5)))
    return intervals(rows, label, span, zero=True, width=WIDE)


def points(rows: Sequence[Point], label: str, x_name: str, y_name: str) -> Markup:
    """Return points by x (logarithmic where all are above 0) and y in per cent, each with its name."""
    low, high = min(row.x for row in rows), max(row.x for row in rows)
    logarithmic = low > 0
    ends = [end for row in rows for end in (row.low, row.high, row.y) if end is not None]
    floor, top = 10.0 * math.floor(min(ends) / 10), min(100.0, 10.0 * math.ceil(max(ends) / 10 + 1e-9))
    if floor == top:
        floor, top = max(0.0, floor - 10), min(100.0, top + 10)
    left, bottom, right = 60, _PLOT - 44, WIDTH - 140
    marks = decades(low, high) if logarithmic else ticks(0.0, high or 1.0)
    start, end = (math.log10(marks[0]), math.log10(marks[-1])) if logarithmic else (0.0, high or 1.0)

    def across(value: float) -> float:
        scaled = math.log10(value) if logarithmic else value
        return round(left + (right - left) * (scaled - start) / (end - start), 1)

    def up(value: float) -> float:
        return round(bottom - (bottom - 20) * (value - floor) / (top - floor), 1)

    parts = []
    for mark in ticks(floor, top):
        parts.append(tag("line", x1=left, x2=right, y1=up(mark), y2=up(mark), class_="grid"))
        parts.append(tag("text", f"{mark:g} %", x=left - 8, y=up(mark) + 4, class_="mark end"))
    for number in marks:
        parts.append(tag("text", f"{number:g}", x=across(number), y=bottom + 18, class_="mark middle"))
    parts.append(tag("text", x_name, x=(left + right) / 2, y=_PLOT - 6, class_="mark middle"))
    parts.append(tag("text", y_name, x=left, y=10, class_="mark"))
    best = frontier(rows)
    if len(best) > 1:
        line = "".join(f"{'L' if at else 'M'}{across(row.x)} {up(row.y)}" for at, row in enumerate(best))
        parts.append(tag("path", tag("title", "nothing here is both cheaper and better"), d=line, class_="frontier"))
    taken: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda one: (-one.y, one.x, one.name)):
        x, y = across(row.x), up(row.y)
        if row.low is not None and row.high is not None:
            parts.append(tag("line", x1=x, x2=x, y1=up(row.low), y2=up(row.high), class_="interval"))
        parts.append(tag("circle", cx=x, cy=y, r=5, class_="dot"))
        name_y = y + 4
        while any(abs(x - known) < 150 and abs(name_y - above) < 14 for known, above in taken):
            name_y += 14
        taken.append((x, name_y))
        parts.append(tag("text", tag("title", row.name), short(row.name, 20), x=x + 10, y=name_y, class_="name"))
    return drawing(parts, _PLOT, label)


def frontier(rows: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats in both x and y, from the least x on."""
    best: list[Point] = []
    for row in sorted(rows, key=lambda one: (one.x, -one.y)):
        if not best or row.y > best[-1].y:
            best.append(row)
    return best


def shares(series: Sequence[tuple[str, Sequence[float]]], label: str, x_name: str) -> Markup:
    """Return for every series of positive values which share of them is at most x, on a logarithmic axis."""
    values = [max(value, 0.01) for _, one in series for value in one]
    marks = decades(min(values), max(values))
    start, end = math.log10(marks[0]), math.log10(marks[-1])
    left, bottom, right = 60, _PLOT - 44, WIDTH - 170

    def across(value: float) -> float:
        return round(left + (right - left) * (math.log10(max(value, 0.01)) - start) / (end - start), 1)

    def up(share: float) -> float:
        return round(bottom - (bottom - 10) * share, 1)

    parts = []
    for mark in (0.0, 0.5, 1.0):
        parts.append(tag("line", x1=left, x2=right, y1=up(mark), y2=up(mark), class_="grid"))
        parts.append(tag("text", f"{100 * mark:.0f} %", x=left - 8, y=up(mark) + 4, class_="mark end"))
    for number in marks:
        parts.append(tag("text", f"{number:g}", x=across(number), y=bottom + 18, class_="mark middle"))
    parts.append(tag("text", x_name, x=(left + right) / 2, y=_PLOT - 6, class_="mark middle"))
    for place, (name, one) in enumerate(series):
        ordered = sorted(one)
        steps = ordered if len(ordered) <= 200 else [ordered[int(at * (len(ordered) - 1) / 199)] for at in range(200)]
        line = "".join(
            f"{'L' if at else 'M'}{across(value)} {up((at + 1) / len(steps))}" for at, value in enumerate(steps)
        )
        colour = f"series s{place % 7}"
        parts.append(tag("path", d=line, class_=colour))
        y = 16 + 18 * place
        parts.append(tag("line", x1=right + 12, x2=right + 30, y1=y - 4, y2=y - 4, class_=colour))
        parts.append(tag("text", tag("title", name), short(name, 18), x=right + 36, y=y, class_="name"))
    return drawing(parts, max(_PLOT, 16 + 18 * len(series)), label)


def ticks(start: float, end: float) -> list[float]:
    """Return about five round numbers from `start` to `end`."""
    raw = (end - start) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= raw)
    first = math.ceil(start / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(end / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return round numbers that hold two positive values between them: 1, 2, 5, or over far values powers of ten."""
    far = high / low > 300
    steps = [1.0] if far else [1.0, 2.0, 5.0]
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = [float(f"{step * 10.0**exponent:.12g}") for exponent in exponents for step in steps]
    first = max(place for place, number in enumerate(every) if number <= low * (1 + 1e-9))
    last = min(place for place, number in enumerate(every) if number >= high * (1 - 1e-9))
    return every[first : max(last, first + 1) + 1]


def short(name: str, length: int) -> str:
    """Return a name cut in its middle: names of variants differ at their ends."""
    if len(name) <= length:
        return name
    head = (length - 1) // 2
    return f"{name[:head]}…{name[head + 1 - length :]}"


def drawing(parts: Sequence[Markup | None], height: float, label: str, width: int = WIDTH) -> Markup:
    """Return a figure of what was drawn; `label` tells it to those who do not see it."""
    kind = "chart wide" if width > WIDTH else "chart"
    drawn = tag("svg", *parts, viewBox=f"0 0 {width} {height:g}", role="img", aria_label=label, class_=kind)
    return join(tag("figure", drawn))
