"""Summary of the page, which needs no script: what the run says, in a sentence, in numbers and as charts.

A count is a link to the cells that it counts; the page's scripts follow it, and print leaves it as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_swebench.outcome import Outcome
from pytest_swebench.records.summary import VariantSummary
from pytest_swebench.reporting.html import against, bars, charts
from pytest_swebench.reporting.html.charts import DRAWN
from pytest_swebench.reporting.html.figures import Figures
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.reporting.html.pagedata import PageData
from pytest_swebench.reporting.html.tables import cells, ends, percent, side_by_side, table
from pytest_swebench.reporting.progress.words import money
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.comparison import Comparison, Word, points
from pytest_swebench.statistics.rate import Rate

_NAMED: Final = 3
_JOINTS: Final = (
    (Word.BETTER, "better than"),
    (Word.WORSE, "worse than"),
    (Word.NONE, "no difference shown from"),
    (Word.NOT_COMPARABLE, "not comparable with"),
)
_TURNED: Final = {Word.BETTER: Word.WORSE, Word.WORSE: Word.BETTER}
_KINDS: Final = {Word.BETTER: "good", Word.WORSE: "bad"}


def summary(data: PageData, figures: Figures) -> Markup:
    """Return what a reader sees first."""
    apart = figures.analysis.apart
    warnings = [tag("li", text) for text in data.warnings(apart)]
    facts = [join(tag("dt", name), tag("dd", value)) for name, value in data.facts()]
    leading = lead(figures)
    found = [one.rate for one in figures.variants.values()]
    rates = sorted(found, key=lambda rate: (rate.variant in apart, -(rate.rate or 0.0)))
    return join(
        tag("p", leading, class_="lead") if leading else None,
        tag("p", data.gate.line) if data.gate else None,
        _tiles(data, figures),
        tag("ul", *warnings, class_="warnings") if warnings else None,
        side_by_side(_rates(rates), _endings(data.summaries, rates)),
        _results(data.summaries, figures),
        against.told(data.against, data.gate) if data.against else None,
        _forest(figures.analysis.comparisons),
        _reasons(data),
        tag("h2", "The run"),
        tag("dl", *facts, class_="facts"),
    )


def lead(figures: Figures) -> str:
    """Return in a sentence what may be said of the variant with the highest rate, and no more than that.

    Oracles and the frame are ranked with none.
    """
    apart = figures.analysis.apart
    rated = [one.rate for name, one in figures.variants.items() if one.rate.rate is not None and name not in apart]
    if not rated:
        return ""
    if len(rated) == 1:
        (only,) = rated
        if only.interval is None:
            return f"{only.variant} resolved {only.resolved} of {only.attempted}; one instance says nothing of others."
        within = f"(95 % interval {ends(only.interval)})"
        return f"{only.variant} resolves {percent(only.rate)} of instances like these {within}."
    best = max(rate.rate or 0.0 for rate in rated)
    if not best:
        return f"None of {len(rated)} variants resolved anything."
    first, *others = [rate.variant for rate in rated if math.isclose(rate.rate or 0.0, best)]
    share = f"{_some([first, *others])} share" if others else f"{first} has"
    words = _words(figures.analysis.comparisons, first, others)
    joined = [f"{joint} {_some(names)}" for word, joint in _JOINTS if (names := words.get(word))]
    if all(rate.instances == 1 for rate in rated):
        joined.append("one instance says nothing of others")
    return "; ".join([f"{share} the highest rate, {percent(best)}", *joined]) + "."


def _words(comparisons: Sequence[Comparison], first: str, alike: Sequence[str]) -> dict[Word, list[str]]:
    """Return what may be claimed of `first` against each other variant that has not the same rate."""
    words: dict[Word, list[str]] = {}
    for one in comparisons:
        other = one.baseline if one.variant == first else one.variant if one.baseline == first else ""
        if other and other not in alike:
            word = one.word if one.variant == first else _TURNED.get(one.word, one.word)
            words.setdefault(word, []).append(other)
    return words


def _some(names: Sequence[str]) -> str:
    shown = names[:_NAMED]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown) + more


def _tiles(data: PageData, figures: Figures) -> Markup | None:
    """Return the run in a few large numbers."""
    summaries = data.summaries
    if not summaries:
        return None
    judged = [one for one in summaries if not one.unjudged]
    held = [one for one in judged if one.variant not in figures.analysis.apart] or judged
    resolved, attempted = sum(one.count(Outcome.RESOLVED) for one in held), sum(one.attempted for one in held)
    whose = f" of {_some([one.variant for one in held])}" if held and len(held) < len(summaries) else ""
    done = sum(one.done for one in summaries)
    selected = sum(one.selected for one in summaries)
    reps = max((record["rep"] for record in data.records), default=0)
    asked = f"{count(len(summaries), 'variant')}, {count(reps, 'repetition')}"
    tiles = [
        (f"{len(data.view.instance_ids):,}", "instances", asked),
        (f"{resolved:,}" if attempted else "-", "resolved", f"of {attempted:,} attempted cells{whose}"),
        (percent(done / selected) if selected else "-", "coverage", f"{done:,} of {selected:,} cells"),
        _spent(data, sum(one.sample.wasted_usd for one in figures.variants.values())),
    ]
    shown = [
        tag("div", tag("dt", name), tag("dd", tag("strong", number), tag("span", told))) for number, name, told in tiles
    ]
    return tag("dl", *shown, class_="tiles")


def _spent(data: PageData, wasted_usd: float) -> tuple[str, str, str]:
    """Return what the cells cost as far as it is known, and how much of that broken cells took."""
    costs = [record["cost_usd"] for record in data.records]
    known = math.fsum(cost for cost in costs if cost is not None)
    if None not in costs:
        told = f"{money(wasted_usd)} of it on broken cells" if known else "nothing was paid"
        return money(known), "cost", told
    return f"{money(known)} + unknown" if known else "unknown", "cost", "not every price is known"


def _endings(summaries: Sequence[VariantSummary], rates: Sequence[Rate]) -> Markup | None:
    """Return how the cells of each variant ended, as bars in the order of `rates`."""
    order = {rate.variant: place for place, rate in enumerate(rates)}
    rows = []
    for one in sorted(summaries, key=lambda one: order.get(one.variant, len(order))):
        parts = [
            bars.Part(str(outcome).replace("_", " "), str(outcome), one.count(outcome), str(one.count(outcome)))
            for outcome in Outcome
        ]
        without = {"missing": one.not_run, "left out by the gate": one.left_by_gate}
        parts += [bars.Part(name, "missing", cells, str(cells)) for name, cells in without.items()]
        rows.append(bars.Stack(one.variant, tuple(parts)))
    if not rows:
        return None
    return join(tag("h2", "How cells ended"), bars.stacks(rows[:DRAWN], "How cells ended; the table has the numbers"))


def _results(summaries: Sequence[VariantSummary], figures: Figures) -> Markup:
    if not summaries:
        return tag("p", "This run has no cells yet.")
    shown = [outcome for outcome in Outcome if any(one.count(outcome) for one in summaries)]
    left = any(one.left_by_gate for one in summaries)
    head = ("variant", "rate", "95 % interval", *(str(outcome).replace("_", " ") for outcome in shown), "missing",
            *(("left out by the gate",) if left else ()), "of graded", "coverage", "cost")  # fmt: skip
    rows = []
    for one in summaries:
        found = figures.variants.get(one.variant)
        rows.append((
            one.variant + ("*" if one.oracle else ""),
            percent(found.rate.rate if found else None),
            ends(found.rate.interval if found else None),
            *(cells(one.count(outcome), one.variant, outcome=str(outcome)) for outcome in shown),
            str(one.not_run),
            *((str(one.left_by_gate),) if left else ()),
            percent(one.rate_of_graded),
            percent(one.coverage),
            "unknown" if one.cost_usd is None else money(one.cost_usd),
        ))  # fmt: skip
    return table("Results by variant", head, rows)


def _forest(comparisons: Sequence[Comparison]) -> Markup | None:
    """Return the differences as a chart, those that may be claimed and those that may not."""
    rows = [
        charts.Interval(
            f"{charts.short(one.variant, 18)} vs {charts.short(one.baseline, 18)}",
            100 * one.numbers.difference,
            100 * one.numbers.interval.low,
            100 * one.numbers.interval.high,
            f"{points(one.numbers.difference)}  {one.word}",
            _KINDS.get(one.word, ""),
        )
        for one in comparisons
        if one.numbers is not None and one.numbers.interval is not None
    ][:DRAWN]
    if not rows:
        return None
    label = "Paired differences in percentage points with 95 % intervals: " + "; ".join(
        f"{row.name} {row.told}" for row in rows
    )
    more = len(comparisons) - len(rows)
    return join(
        tag("h2", "Paired differences, percentage points"),
        charts.forest(rows, label),
        tag("p", f"{more} more: see Statistics") if more else None,
    )


def _rates(rates: Sequence[Rate]) -> Markup | None:
    rows = [
        charts.Interval(
            rate.variant,
            100 * rate.rate,
            100 * rate.interval.low if rate.interval else None,
            100 * rate.interval.high if rate.interval else None,
            f"{100 * rate.rate:.1f} %  {rate.resolved}/{rate.attempted}",
        )
        for rate in rates[:DRAWN]
        if rate.rate is not None
    ]
    if not rows:
        return None
    label = "Rates in per cent with 95 % intervals: " + "; ".join(f"{row.name} {row.told}" for row in rows)
    return join(
        tag("h2", "Rates with 95 % intervals"), charts.intervals(rows, label, (0.0, 100.0)), _left_out(len(rates))
    )


def _left_out(variants: int) -> Markup | None:
    return tag("p", f"... and {variants - DRAWN} more variants, in the table") if variants > DRAWN else None


def _reasons(data: PageData) -> Markup | None:
    rows = [(reason, str(number)) for reason, number in data.reasons()]
    return table("Why cells broke", ("reason", "cells"), rows) if rows else None
