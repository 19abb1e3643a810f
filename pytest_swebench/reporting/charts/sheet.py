"""What all charts share: figures and axes, and the name and colour that a variant has in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pytest_swebench.reporting.charts.material import Material
from pytest_swebench.statistics.analysis import VariantAnalysis
from pytest_swebench.statistics.data import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people with any colour vision tell apart
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#f0e442")
_LARGEST: Final = 40.0  # inches
_FAR: Final = 4.0  # times the smallest; below, a logarithmic axis may have no number on it


def colours_of(material: Material) -> dict[str, str]:
    """Return the colour of each variant, the same in every chart that tells variants by it."""
    return {one.rate.variant: COLOURS[place % len(COLOURS)] for place, one in enumerate(material.ranked)}


def name_of(material: Material, one: VariantAnalysis) -> str:
    """Return the name of a variant, with a star where it is not ranked."""
    return short(one.rate.variant) + ("*" if material.apart(one.rate.variant) else "")


def ends_of(one: VariantAnalysis) -> tuple[float, float]:
    """Return the ends of the interval of a rate, the rate itself where it has none."""
    interval, rate = one.rate.interval, one.rate.rate or 0.0
    return (interval.low, interval.high) if interval is not None else (rate, rate)


def legend_of_star(material: Material, shown: Sequence[VariantAnalysis]) -> str:
    """Return what the star means, as a line of its own, where one of those that are shown has it."""
    apart = any(material.apart(one.rate.variant) for one in shown)
    return "\n* sees more than the others, or frames them: not ranked" if apart else ""


def figure_of_one(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of so many inches, and its one chart."""
    figure, axes = figure_of(width, height)
    return figure, axes[0]


def figure_of(width: float, height: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many inches, and its charts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(min(width, _LARGEST), min(height, _LARGEST)), layout="constrained")
    found = figure.subplots(rows, columns, squeeze=False)
    return figure, [one for row in found for one in row]


def reach_of(value: float, interval: Interval, scale: float = 1.0) -> list[list[float]]:
    """Return how far an interval reaches below and above a value; one that lies beside it reaches 0 there."""
    return [[max(0.0, value - scale * interval.low)], [max(0.0, scale * interval.high - value)]]


def scale(axes: Axes, values: Sequence[float]) -> None:
    """Let x be logarithmic where values, all above 0, lie far apart, with ticks that are written as numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = min(values), max(values)
    if high < _FAR * low:
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 100 * low else (1.0,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def short(name: str, length: int = 28) -> str:
    """Return a name cut in its middle."""
    half = (length - 3) // 2
    return name if len(name) <= length else f"{name[:half]}...{name[-half:]}"
