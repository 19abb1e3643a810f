"""Tables of the page, and numbers as they stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from pytest_swebench.reporting.html.markup import Markup, tag
from pytest_swebench.statistics.data import Interval

_VERDICTS: Final = {"better": "verdict good", "worse": "verdict bad", "no difference shown": "verdict"}


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str | Markup]], *, words: Sequence[str] = ()
) -> Markup:
    """Return a table whose first column names its rows; columns named in `words` hold text, the others numbers."""
    kinds = ["words" if name in words else None for name in head[1:]]
    top = tag(
        "tr", *(tag("th", name, scope="col", class_=kind) for name, kind in zip(head, [None, *kinds], strict=True))
    )
    body = [
        tag("tr", tag("th", first, scope="row"), *(_cell(value, kind) for value, kind in zip(rest, kinds, strict=True)))
        for first, *rest in rows
    ]
    shown = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body))
    return tag("div", shown, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(value: str | Markup, kind: str | None) -> Markup:
    return tag("td", value, class_=" ".join(filter(None, [kind, _VERDICTS.get(value)])) or None)


def percent(share: float | None) -> str:
    """Return a share in per cent, `-` where there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def ends(interval: Interval | None) -> str:
    """Return an interval of shares in per cent."""
    return "-" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def signed(interval: Interval | None) -> str:
    """Return an interval of differences in percentage points."""
    return "-" if interval is None else f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"


def p_value(p: float) -> str:
    """Return a p value with two digits, and never as 0."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def instance_link(name: str) -> Markup:
    """Return an instance's id as a link to its row of the matrix."""
    return tag("a", name, href=f"#/matrix?text={quote(name, safe='')}")


def cells(shown: int | str, variant: str, **filters: str) -> str | Markup:
    """Return what counts cells of a variant as a link to them; nothing leads to none."""
    if shown in {0, "0", "-", "0.0 %"}:
        return str(shown)
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in {"variant": variant, **filters}.items())
    return tag("a", str(shown), href=f"#/matrix?{asked}")


def moment(told: str) -> str:
    """Return a time of a record as a person reads it: `2026-01-01 12:00:03 UTC`."""
    parsed = datetime.fromisoformat(told).astimezone(UTC)
    return f"{parsed:%Y-%m-%d %H:%M:%S} UTC"


def side_by_side(*parts: Markup | None) -> Markup | None:
    """Return what there is of the parts, in columns where there is room."""
    there = [tag("div", part) for part in parts if part]
    return tag("div", *there, class_="halves") if there else None
