"""pass@k and pass^k as curves over the number of tries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pytest_swebench.reporting.html.charts import WIDTH, drawing, short
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.passk import PassK

SERIES: Final = 7
"""How many curves can be told apart by colour and dashes."""

_HEIGHT: Final = 320


def tries(series: Sequence[tuple[str, Sequence[PassK]]], label: str) -> Markup:
    """Return for up to `SERIES` variants the share solved at least once in k tries, and below it in all of them."""
    left, right, bottom = 60, WIDTH - 16, _HEIGHT - 44
    most = max(one.k for _, found in series for one in found)

    def across(k: int) -> float:
        return round(left + 12 + (right - left - 24) * (k - 1) / max(1, most - 1), 1)

    def up(share: float) -> float:
        return round(bottom - (bottom - 14) * share, 1)

    parts: list[Markup | None] = []
    for mark in (0, 25, 50, 75, 100):
        parts.append(tag("line", x1=left, x2=right, y1=up(mark / 100), y2=up(mark / 100), class_="grid"))
        parts.append(tag("text", f"{mark} %", x=left - 8, y=up(mark / 100) + 4, class_="mark end"))
    for k in range(1, most + 1):
        parts.append(tag("text", str(k), x=across(k), y=bottom + 18, class_="mark middle"))
    parts.append(tag("text", "tries, k", x=(left + right) / 2, y=_HEIGHT - 6, class_="mark middle"))
    for place, (name, found) in enumerate(series[:SERIES]):
        kind = f"s{place % SERIES}"
        once = [(one.k, one.at_least_once, one.at_least_once_interval) for one in found]
        always = [(one.k, one.every_time, one.every_time_interval) for one in found]
        for what, values in (("at least once", once), ("every time", always)):
            shown = [(across(k), up(share), interval) for k, share, interval in values if share is not None]
            told = "; ".join(f"k = {k}: {100 * share:.1f} %" for k, share, _ in values if share is not None)
            path = "".join(f"{'L' if at else 'M'}{x} {y}" for at, (x, y, _) in enumerate(shown))
            parts.append(tag("path", d=path, class_=f"series {kind}"))
            for x, y, interval in shown:
                parts.append(_whisker(x + 3 * (place - (len(series) - 1) / 2), up, interval, kind))
                parts.append(
                    tag("circle", tag("title", f"{name}, {what}: {told}"), cx=x, cy=y, r=4, class_=f"point {kind}")
                )
    legend = [
        tag("li", tag("span", "", class_=f"swatch line s{place % SERIES}"), short(name, 40))
        for place, (name, _) in enumerate(series[:SERIES])
    ]
    return join(tag("ul", *legend, class_="legend"), drawing(parts, _HEIGHT, label))


def _whisker(x: float, up: Callable[[float], float], interval: Interval | None, kind: str) -> Markup | None:
    if interval is None:
        return None
    return tag(
        "line", x1=round(x, 1), x2=round(x, 1), y1=up(interval.low), y2=up(interval.high), class_=f"whisker {kind}"
    )
