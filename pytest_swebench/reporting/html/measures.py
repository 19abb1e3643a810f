"""Statistics of the page: what the analysis says, as tables and charts, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from pytest_swebench.reporting.html import charts, curves
from pytest_swebench.reporting.html.figures import Figures
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.reporting.html.pagedata import PageData
from pytest_swebench.reporting.html.tables import cells, ends, p_value, percent, side_by_side, signed, table
from pytest_swebench.reporting.reading import by_numbers
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.comparison import Comparison, points

_PAIRS: Final = 30  # in the table; Compare has all
_TRIED: Final = 20  # variants in the table of tries
_FORESTS: Final = 4  # comparisons whose repositories are drawn
_REPOSITORIES: Final = 24  # of them, the largest first
_NUMBERS: Final = 240  # of rates by repository, so that a browser has little to keep in order
_DEFINED: Final = (
    ("rate", "Share of attempted cells that are resolved, averaged over instances, so that each instance weighs alike. "
     "Attempted are resolved, unresolved, no patch and limit; infra and error are missing and count nowhere."),
    ("95 % interval", "Wilson's interval on the effective number of cells: for instances like these. Intervals of two "
     "variants may overlap although the paired comparison tells them apart."),
    ("coverage", "Share of the selected cells that were attempted."),
    (
        "paired difference",
        "Mean over instances of the variant's share minus the baseline's, with an augmented t interval that is not "
        "adjusted for other pairs; p is the exact sign-flip test, Holm adjusts it for all pairs. Better or worse is "
        "said only if both agree; otherwise no difference is shown, which is not the same as none.",
    ),
    (
        "cost per resolved",
        "Mean cost of a cell over the rate, with what unresolved cells cost; the interval is on the logarithm. Cells "
        "that broke are counted apart.",
    ),
    (
        "could see",
        "The minimal detectable effect: a true difference of this size would have been found with a power of 80 %, as "
        "much as the instances differ here. A smaller one may be there unseen.",
    ),
    (
        "without one repository",
        "Between what the difference moves if any one repository is left out. If its sign changes, it rests on that "
        "repository.",
    ),
    (
        "pass@k, pass^k",
        "The chance that at least one of k tries resolves an instance, and that all of them do, averaged over "
        "instances with k tries or more, without bias. Both are the rate at k = 1.",
    ),
    ("rerun sd", "How far the rate would move if the same instances were run again as often; needs repetitions."),
    ("flaky", "Share of repeated instances that a variant neither always nor never resolves."),
)  # fmt: skip


def statistics(data: PageData, figures: Figures) -> Markup:
    """Return rates and paired comparisons with all that belongs to them, and what each number means."""
    rates = [one.rate for one in figures.variants.values()]
    head = ("variant", "rate", "95 % interval", "resolved", "attempted", "coverage", "rerun sd", "flaky")
    rows = [
        (
            rate.variant,
            percent(rate.rate),
            ends(rate.interval),
            cells(rate.resolved, rate.variant, outcome="resolved"),
            str(rate.attempted),
            percent(rate.coverage),
            "-" if rate.rerun_sd is None else f"{100 * rate.rerun_sd:.1f} pp",
            cells(percent(rate.consistency), rate.variant, only="flaky"),
        )
        for rate in rates
    ]
    meanings = [tag("details", tag("summary", name), tag("p", text)) for name, text in _DEFINED]
    return join(
        table("Rates", head, rows) if rows else tag("p", "Nothing of this run is graded."),
        _pairs(figures.analysis.comparisons),
        tag("ul", *(tag("li", hint) for hint in hints), class_="notes") if (hints := figures.analysis.hints) else None,
        _tries(figures),
        forests(figures.analysis.comparisons),
        _repositories(data, figures),
        tag("h2", "What these numbers mean"),
        *meanings,
    )


def _tries(figures: Figures) -> Markup | None:
    """Return pass@k and pass^k of variants with repetitions."""
    rows = [
        (
            one.rate.variant,
            str(one.passes.k),
            percent(one.passes.at_least_once),
            ends(one.passes.at_least_once_interval),
            percent(one.passes.every_time),
            ends(one.passes.every_time_interval),
            str(one.passes.dropped),
        )
        for one in figures.variants.values()
        if one.passes is not None
    ]
    head = (
        "variant",
        "k",
        "at least once (pass@k)",
        "95 % interval",
        "every time (pass^k)",
        "95 % interval",
        "left out",
    )
    if not rows:
        return None
    found = figures.curves
    label = "Share solved at least once in k tries, rising, and in all of k, falling: " + "; ".join(
        f"{name}, k = {curve[-1].k}: {percent(curve[-1].at_least_once)} and {percent(curve[-1].every_time)}"
        for name, curve in found[: curves.SERIES]
    )
    more = len(found) - curves.SERIES
    return join(
        tag("h2", "More tries: solved at least once, and every time"),
        side_by_side(
            join(
                curves.tries(found[: curves.SERIES], label),
                tag("p", "Rising: at least once (pass@k). Falling: every time (pass^k).", class_="soft"),
                tag("p", f"{more} more in the table") if more > 0 else None,
            ),
            join(
                table("With all tries", head, rows[:_TRIED]),
                tag("p", f"... and {count(len(rows) - _TRIED, 'variant')} more") if len(rows) > _TRIED else None,
            ),
        ),
    )


def _pairs(comparisons: Sequence[Comparison]) -> Markup | None:
    """Return every comparison with its verdict; who is held against whom is for a reader to choose on Compare."""
    if not comparisons:
        return None
    head = ("variant", "against", "verdict", "difference", "95 % interval", "could see", "won / lost / alike",
            "p", "p, Holm", "left out", "without one repository")  # fmt: skip
    rows = []
    for one in comparisons[:_PAIRS]:
        numbers = one.numbers
        address = f"#/compare/{quote(one.baseline, safe='')}/{quote(one.variant, safe='')}"
        rows.append(
            (
                one.variant,
                one.baseline,
                one.sentence if one.obstacle else str(one.word),
                points(numbers.difference) if numbers else "-",
                signed(numbers.interval if numbers else None),
                f"{100 * numbers.minimal_effect:.1f} pp" if numbers and numbers.minimal_effect else "-",
                tag("a", f"{len(one.won)} / {len(one.lost)} / {one.ties}", href=address),
                p_value(numbers.test.p) if numbers else "-",
                p_value(numbers.adjusted_p) if numbers else "-",
                str(len(one.dropped)),
                _without_one(one),
            )
        )
    shown = table(
        "Paired comparisons, on the instances that both have answers for", head, rows, words=["against", "verdict"]
    )
    more = len(comparisons) - len(rows)
    return join(
        shown,
        tag("p", f"... and {count(more, 'pair')} more: see Compare") if more else None,
        _missing([note for one in comparisons[:_PAIRS] for note in _left_out(one)]),
    )


def _missing(notes: Sequence[str]) -> Markup | None:
    if not notes:
        return None
    lines = tag("ul", *(tag("li", note) for note in notes), class_="notes")
    return tag("details", tag("summary", "what the missing cells may change"), lines)


def _without_one(one: Comparison) -> str:
    """Return between what the difference moves if any one repository is left out, and whether it turns round."""
    if one.numbers is None or one.numbers.repositories.left_out is None:
        return "-"
    turned = ", the sign changes" if one.numbers.repositories.sign_changes else ""
    return f"{signed(one.numbers.repositories.left_out)}{turned}"


def _left_out(one: Comparison) -> Iterator[str]:
    """Yield what is to be known of the instances that a comparison had to leave out."""
    pair = f"{one.variant} against {one.baseline}"
    if one.others_on_dropped is not None:
        there, elsewhere = map(percent, one.others_on_dropped)
        dropped = count(len(one.dropped), "instance")
        yield f"{pair}: on the {dropped} left out the other variants resolve {there}, elsewhere {elsewhere}"
    if one.extremes is not None:
        yield f"{pair}: if all that is missing spoke for one of them, {signed(one.extremes)} pp"


def forests(comparisons: Sequence[Comparison]) -> Markup | None:
    """Return for each comparison how it stands in every repository, and without it."""
    shown: list[Markup] = []
    for one in [one for one in comparisons if one.numbers is not None and one.numbers.interval is not None]:
        assert one.numbers is not None
        lines = one.numbers.repositories.lines
        if len(lines) < 2:
            continue
        rows = [
            charts.Interval(
                f"{line.repository.replace('__', '/', 1)} ({line.instances})",
                100 * line.difference,
                100 * line.interval.low if line.interval else None,
                100 * line.interval.high if line.interval else None,
                f"{points(line.difference)}; without {'-' if line.without is None else points(line.without)}",
            )
            for line in lines[:_REPOSITORIES]
        ]
        name = f"{one.variant} against {one.baseline}"
        label = f"{name}, by repository, in percentage points: " + "; ".join(f"{row.name} {row.told}" for row in rows)
        whole = f"{name}: {points(one.numbers.difference)}, without one repository {_without_one(one)} pp"
        more = len(lines) - len(rows)
        shown.append(
            tag("details", tag("summary", whole), charts.forest(rows, label),
                tag("p", f"... and {more} smaller repositories") if more else None, open=None if shown else "")
        )  # fmt: skip
        if len(shown) == _FORESTS:
            break
    if not shown:
        return None
    note = "In brackets: instances. Without: the whole difference, had that repository been left out."
    return join(tag("h2", "Differences by repository"), tag("p", note, class_="soft"), *shown)


def _repositories(data: PageData, figures: Figures) -> Markup | None:
    samples = {name: found.sample for name, found in figures.variants.items()}
    names = sorted({data.repository(one) for sample in samples.values() for one in sample.tallies}, key=by_numbers)
    if len(names) < 2:
        return None
    shown = dict(list(samples.items())[: max(2, _NUMBERS // len(names))])
    rows = []
    for name in names:
        row: list[str] = [name]
        for sample in shown.values():
            means = [tally.mean for one, tally in sample.answered.items() if data.repository(one) == name]
            row.append(f"{100 * sum(means) / len(means):.0f} % of {len(means)}" if means else "-")
        rows.append(row)
    more = len(samples) - len(shown)
    return join(
        table("Rates by repository, of instances", ("repository", *shown), rows),
        tag("p", f"... and {count(more, 'variant')} more") if more else None,
    )
