"""Cost and time of the page: what cells took, what it bought, where tokens went, what a rate limit turned away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_swebench.reporting.html import bars, charts
from pytest_swebench.reporting.html.charts import DRAWN
from pytest_swebench.reporting.html.figures import Figures
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.reporting.html.tables import moment, side_by_side, table
from pytest_swebench.reporting.progress.words import money, span
from pytest_swebench.reporting.tree import count

_PARTS: Final = 7
"""How many parts of a bar have a colour of their own; further ones are put together."""

_LINES: Final = 80  # of a table, so that a browser has little to keep in order


def cost(figures: Figures) -> Markup:
    """Return what cells took, in money, tokens and time."""
    return join(
        _table(figures),
        side_by_side(_cost_and_rate(figures), _times(figures)),
        side_by_side(
            _parts(figures.per_step, "Tokens by step, mean of a cell"),
            _parts(figures.per_kind, "Tokens by kind, mean of a cell"),
        ),
        _limited(figures),
    )


def _table(figures: Figures) -> Markup:
    head = (
        "variant", "total", "cell, median", "cell, p95", "per resolved", "its 95 % interval", "on broken cells",
        "tokens, median", "time, median", "time, p95",
    )  # fmt: skip
    rows = []
    for one in figures.variants.values():
        usd, tokens, seconds = (one.spreads.get(amount) for amount in ("cost_usd", "tokens", "seconds"))
        each, wasted = one.cost, one.sample.wasted_usd
        whole = (usd.total if usd else 0.0) + wasted
        rows.append(
            (
                one.rate.variant,
                money(usd.total) if usd else "unknown",
                money(usd.median) if usd else "-",
                money(usd.p95) if usd else "-",
                "not estimable" if each.usd is None else money(each.usd),
                f"{money(each.interval.low)} to {money(each.interval.high)}" if each.interval else "-",
                f"{money(wasted)}, {100 * wasted / whole:.1f} %" if wasted and whole else money(wasted),
                f"{tokens.median:,.0f}" if tokens else "-",
                span(seconds.median) if seconds else "-",
                span(seconds.p95) if seconds else "-",
            )
        )
    return table("What attempted cells took", head, rows) if rows else tag("p", "Nothing of this run is graded.")


def _cost_and_rate(figures: Figures) -> Markup | None:
    found = []
    for name, one in figures.variants.items():
        rate, spent = one.rate, one.spreads.get("cost_usd")
        if rate.rate is not None and spent and spent.mean > 0:
            low, high = (100 * end for end in rate.interval.as_json()) if rate.interval else (None, None)
            found.append(charts.Point(name, spent.mean, 100 * rate.rate, low, high))
    if len(found) < 2:
        return None
    label = "Rate against mean cost of a cell: " + "; ".join(
        f"{one.name} {one.y:.1f} % at ${one.x:.3g}" for one in found
    )
    drawn = charts.points(found[:DRAWN], label, "mean cost of a cell, $", "rate, with its 95 % interval")
    note = "The line joins the variants that no other one beats in both cost and rate."
    return join(tag("h2", "Rate against cost"), drawn, tag("p", note, class_="soft"))


def _times(figures: Figures) -> Markup | None:
    series = [
        (name, values) for name, one in figures.variants.items() if (values := one.sample.amounts.get("seconds"))
    ][:DRAWN]
    if not any(value > 0 for _, values in series for value in values):
        return None
    label = "Share of cells that ended within a time, by variant; the numbers stand in the table"
    return join(
        tag("h2", "Time of cells"), charts.shares(series, label, "seconds of a cell; share that had ended by then")
    )


def _parts(found: Mapping[str, Mapping[str, float]], title: str) -> Markup | None:
    """Return means by part as bars, with the numbers in a table below."""
    weights: dict[str, float] = {}
    for parts in found.values():
        for name, amount in parts.items():
            weights[name] = weights.get(name, 0.0) + amount
    names = [name for name in weights if weights[name]]
    if not names:
        return None
    own = sorted(names, key=lambda name: -weights[name])[: _PARTS - 1] if len(names) > _PARTS else names
    kinds = {name: f"f{place}" for place, name in enumerate(name for name in names if name in own)}
    rows = []
    for variant, parts in found.items():
        shown = [
            bars.Part(name.replace("_", " "), kinds[name], parts[name], _thousands(parts[name]))
            for name in kinds
            if name in parts
        ]
        if rest := sum(amount for name, amount in parts.items() if name not in kinds):
            shown.append(bars.Part("others", f"f{_PARTS - 1}", rest, _thousands(rest)))
        rows.append(bars.Stack(variant, tuple(shown), _thousands(sum(parts.values()))))
    lines = [(variant, part, f"{amount:,.0f}") for variant, parts in found.items() for part, amount in parts.items()]
    numbers = tag(
        "details", tag("summary", "the numbers"), table(title, ("variant", "part", "tokens"), lines, words=["part"])
    )
    return join(tag("h2", title), bars.stacks(rows[:DRAWN], f"{title}; the numbers stand below"), numbers)


def _thousands(amount: float) -> str:
    return f"{amount / 1000:.1f}k" if amount >= 1000 else f"{amount:.0f}"


def _limited(figures: Figures) -> Markup | None:
    found = figures.limited
    if found is None:
        return None
    title = tag("h2", "Requests that a rate limit turned away")
    why = "after a 429, from an overloaded or failing endpoint, or over a lost connection"
    again = f"{found.again:,} were sent again: {why}."
    untold = f"Records of {count(found.untold, 'cell')} do not tell of their requests, only of {found.calls:,} answers."
    notes = [again if found.again else "", untold if found.untold else ""]
    rest = [tag("p", note, class_="soft") for note in notes if note]
    if not found.limited:
        none = tag("p", f"None of {found.sent:,} requests got a 429.") if found.sent else None
        return join(title, none, *rest)
    told = f"{found.limited:,} of {found.sent:,} requests ({100 * found.limited / found.sent:.1f} %) got a 429"
    label = f"Share of requests that got a 429 over the time of the run: {told}"
    ends = (moment(found.began), moment(found.ended))
    drawn = bars.columns(found.shares, label, ends, "share")
    return join(title, drawn, tag("p", f"{told}. They are counted by the minute.", class_="soft"), *rest)
