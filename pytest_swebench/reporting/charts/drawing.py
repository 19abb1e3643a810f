"""The six charts. Each takes the material of a run and returns a figure of matplotlib, without its global state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.charts.material import KINDS, Material, mean_interval
from pytest_swebench.reporting.charts.sheet import (
    COLOURS,
    colours_of,
    ends_of,
    figure_of,
    figure_of_one,
    legend_of_star,
    name_of,
    reach_of,
    scale,
    short,
)
from pytest_swebench.reporting.reading import by_numbers, repository

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTCOME_COLOURS: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.RESOLVED: "#009e73",
        Outcome.UNRESOLVED: "#d55e00",
        Outcome.NO_PATCH: "#e69f00",
        Outcome.LIMIT: "#f0e442",
        Outcome.CAPTURED: "#0072b2",
        Outcome.INFRA: "#56b4e9",
        Outcome.ERROR: "#cc79a7",
    }
)
_LABELLED: Final = 150  # rows of the heat map; beyond, names would lie on each other
_STARS: Final = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
_DOT: Final = 6.0
_INSTANT_S: Final = 0.01  # the least that a logarithmic axis shows
_AIR: Final = 5.0  # percentage points above and below what is shown


def pass_rate_comparison(material: Material) -> Figure:
    """Draw the rate of each variant with Wilson's interval on the effective number of cells, the best on top.

    One that has no answer keeps its row, for nothing is to be read into its absence.
    """
    variants = [*material.answered, *material.unanswered]
    figure, axes = figure_of_one(7.0, 1.2 + 0.45 * len(variants))
    for place, one in enumerate(reversed(variants)):
        rate = 100 * (one.rate.rate or 0.0)
        axes.barh(place, rate, color=COLOURS[6 if material.apart(one.rate.variant) else 0], height=0.6)
        if one.rate.interval is not None:
            axes.errorbar(
                rate, place, xerr=reach_of(rate, one.rate.interval, 100), color="black", capsize=4, fmt="none"
            )
    labels = [
        f"{name_of(material, one)}\n{one.rate.resolved}/{one.rate.attempted}, {one.rate.coverage:.0%} covered"
        for one in reversed(variants)
    ]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_xlabel("resolved, %, the mean over instances, with 95 % intervals" + legend_of_star(material, variants))
    return figure


def token_cost_vs_pass_rate(material: Material) -> Figure:
    """Draw rate against mean cost of a cell (tokens where nothing is paid), with intervals both ways."""
    spreads = [one.spreads.get("cost_usd") for one in material.by_rate]
    paid = all(spreads) and any(spread.total for spread in spreads if spread is not None)
    amount, name = ("cost_usd", "mean cost of a cell, $") if paid else ("tokens", "mean tokens of a cell")
    points = []
    for one in material.by_rate:
        spent = mean_interval(one.sample, amount)
        if spent is not None and spent[0] > 0:
            points.append((one, *spent))
    if not points:
        raise InputError("no variant used a model, so there is no cost to draw the rates against")
    figure, axes = figure_of_one(7.0, 4.5)
    colours = colours_of(material)
    for one, mean, reach in points:
        rate = 100 * (one.rate.rate or 0.0)
        axes.errorbar(
            mean,
            rate,
            xerr=reach_of(mean, reach) if reach else None,
            yerr=reach_of(rate, one.rate.interval, 100) if one.rate.interval else None,
            fmt="o",
            markersize=_DOT,
            capsize=3,
            color=colours[one.rate.variant],
            label=name_of(material, one),
        )
    best = -1.0
    front = []
    ranked = [(mean, one.rate.rate or 0.0) for one, mean, _ in points if not material.apart(one.rate.variant)]
    for mean, rate in sorted((mean, 100 * rate) for mean, rate in ranked):
        if rate > best:
            front.append((mean, rate))
            best = rate
    if len(front) > 1:
        axes.plot(*zip(*front, strict=True), color="black", linewidth=0.8, linestyle="--", label="best at its cost")
    scale(axes, [mean for _, mean, _ in points])
    ends = [100 * end for one, _, _ in points for end in ends_of(one)]
    axes.set_ylim(max(0.0, min(ends) - _AIR), min(100.0, max(ends) + _AIR))
    axes.set_xlabel(name + legend_of_star(material, [one for one, _, _ in points]))
    axes.set_ylabel("resolved, %")
    figure.legend(fontsize=8, loc="outside upper center", ncols=3)
    return figure


def per_step_token_breakdown(material: Material) -> Figure:
    """Draw median tokens of a cell: by step, and by kind, where those read from and written to caches stand apart."""
    names = [one.rate.variant for one in reversed(material.answered)]
    labels = [name_of(material, one) for one in reversed(material.answered)]
    steps = {name: material.per_step(name) for name in names}
    kinds = {name: material.per_kind(name) for name in names}
    known = list(dict.fromkeys(step for own in steps.values() for step in own))
    panels = [("by step", known, steps)] if known else []
    panels.append(("by kind", list(KINDS), kinds))
    figure, axes = figure_of(7.0, (0.8 + 0.4 * len(names)) * len(panels), rows=len(panels))
    for panel, (title, parts, values) in zip(axes, panels, strict=True):
        left = [0.0] * len(names)
        for place, part in enumerate(parts):
            widths = [values[name].get(part, 0.0) for name in names]
            colour = COLOURS[place % len(COLOURS)]
            panel.barh(range(len(names)), widths, left=left, label=part.replace("_", " "), color=colour, height=0.6)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        panel.set_yticks(range(len(names)), labels, fontsize=8)
        panel.set_xlim(0, 1.05 * max(left) or 1)
        panel.set_title(title, fontsize=9, loc="left")
        panel.set_xlabel("tokens in a cell, the median of each part")
        panel.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def wall_time_distribution(material: Material) -> Figure:
    """Draw which share of cells was solved and graded within a time; a cross is a cell that a limit ended."""
    figure, axes = figure_of(8.0, 4.2, columns=2)
    colours = colours_of(material)
    shown = {}
    for panel, part in zip(axes, ("solve", "grade"), strict=True):
        drawn: list[float] = []
        for place, one in enumerate(material.answered):
            cells = material.seconds(one.rate.variant, part)
            if not cells:
                continue
            times = [max(seconds, _INSTANT_S) for seconds, _ in cells]
            drawn += times
            shares = [100 * (number + 1) / len(times) for number in range(len(times))]
            colour = colours[one.rate.variant]
            # thinner from one to the next, so that those that lie on each other are both seen
            (shown[name_of(material, one)],) = panel.step(
                [times[0], *times], [0.0, *shares], where="post", color=colour, linewidth=max(1.0, 3.0 - 0.7 * place)
            )
            ended = [point for point, (_, limit) in zip(zip(times, shares, strict=True), cells, strict=True) if limit]
            if ended:
                panel.plot(*zip(*ended, strict=True), "x", color="black", markersize=_DOT, zorder=3)
        panel.set_title(part if panel.has_data() else f"{part}: no cell has a time", fontsize=9, loc="left")
        panel.set_xlabel("seconds")
        panel.set_ylim(0, 100)
        if panel.has_data():
            scale(panel, drawn)
    axes[0].set_ylabel("cells, %")
    figure.legend(shown.values(), shown, loc="outside upper center", ncols=3, fontsize=8)
    return figure


def instance_outcome_heatmap(material: Material) -> Figure:
    """Draw how every cell ended: instances by repository and by difficulty, a column a variant and repetition."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    names = material.instances
    apart = material.apart
    columns = sorted(
        {(record["variant"], record["rep"]) for record in material.records},
        key=lambda one: (apart(one[0]), by_numbers(one[0]), one),
    )
    order = list(OUTCOME_COLOURS)
    rows = {name: place for place, name in enumerate(names)}
    places = {column: place for place, column in enumerate(columns)}
    grid = [[math.nan] * len(columns) for _ in names]
    for record in material.records:
        column = places[record["variant"], record["rep"]]
        grid[rows[record["instance_id"]]][column] = order.index(Outcome(record["outcome"]))
    labelled = len(names) <= _LABELLED
    figure, axes = figure_of_one(4.0 + 0.28 * len(columns), 2.0 + (0.14 * len(names) if labelled else 9.0))
    axes.imshow(
        grid,
        aspect="auto",
        interpolation="nearest",
        cmap=ListedColormap(list(OUTCOME_COLOURS.values())),
        vmin=-0.5,
        vmax=len(order) - 0.5,
    )
    if labelled:
        axes.set_yticks(range(len(names)), names, fontsize=6)
    else:
        starts: dict[str, int] = {}
        for place, name in enumerate(names):
            starts.setdefault(repository(name), place)
        axes.set_yticks(list(starts.values()), list(starts), fontsize=7)
    for place, name in enumerate(names[1:], 1):
        if repository(name) != repository(names[place - 1]):
            axes.axhline(place - 0.5, color="white", linewidth=1.2)
    for place, (variant, _) in enumerate(columns[1:], 1):
        if variant != columns[place - 1][0]:
            axes.axvline(place - 0.5, color="white", linewidth=1.2)
    reps = max(rep for _, rep in columns)
    labels = [
        short(variant) + ("*" if apart(variant) else "") + (f" r{rep}" if reps > 1 else "") for variant, rep in columns
    ]
    axes.set_xticks(range(len(columns)), labels, rotation=90, fontsize=7)
    axes.set_xlabel(legend_of_star(material, material.ranked).strip(), fontsize=7)
    there = {Outcome(record["outcome"]) for record in material.records}
    signs = [Patch(color=OUTCOME_COLOURS[one], label=str(one).replace("_", " ")) for one in order if one in there]
    figure.legend(handles=signs, loc="outside upper center", ncols=4, fontsize=7)
    return figure


def pairwise_effect_sizes(material: Material) -> Figure:
    """Draw the paired difference of every two variants with its interval; stars are p adjusted by Holm."""
    pairs = [one for one in material.analysis.comparisons if one.numbers is not None]
    if not pairs:
        raise InputError("no two variants can be compared, so there is no difference to draw")
    figure, axes = figure_of_one(8.0, 1.2 + 0.35 * len(pairs))
    for place, one in enumerate(reversed(pairs)):
        assert one.numbers is not None
        difference = 100 * one.numbers.difference
        if one.numbers.interval is not None:
            reach = reach_of(difference, one.numbers.interval, 100)
            axes.errorbar(difference, place, xerr=reach, fmt="o", markersize=_DOT, capsize=3, color=COLOURS[0])
        else:
            axes.plot(difference, place, "o", markersize=_DOT, color=COLOURS[0])
        stars = next((sign for bound, sign in _STARS if one.numbers.adjusted_p < bound), "")
        axes.annotate(stars, (difference, place), textcoords="offset points", xytext=(0, 4), ha="center")
    axes.axvline(0, color="black", linewidth=0.8)
    labels = [f"{short(one.variant)} vs {short(one.baseline)}" for one in reversed(pairs)]
    axes.set_yticks(range(len(pairs)), labels, fontsize=8)
    axes.set_ylim(-0.6, len(pairs) - 0.4)
    axes.set_xlabel(
        "paired difference, percentage points, with 95 % intervals\n* p < .05, ** p < .01, *** p < .001, after Holm"
    )
    return figure


CHARTS: Final[Mapping[str, Callable[[Material], Figure]]] = MappingProxyType(
    {
        draw.__name__: draw
        for draw in (
            pass_rate_comparison,
            token_cost_vs_pass_rate,
            per_step_token_breakdown,
            wall_time_distribution,
            instance_outcome_heatmap,
            pairwise_effect_sizes,
        )
    }
)
"""What draws each chart, by its name."""
