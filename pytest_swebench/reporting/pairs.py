"""Variants held against each other, as lines: difference, interval, instances won and lost, p, the verdict's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.wrapping import fold
from pytest_swebench.statistics.analysis import Analysis
from pytest_swebench.statistics.comparison import Comparison, Word, p_text, signed, too_few
from pytest_swebench.statistics.data import GO_ON
from pytest_swebench.statistics.exactpower import fewest_instances

_ALL: Final = 6
_MOST: Final = 9
_NONE: Final = "none"


def pair_lines(
    analysis: Analysis, names: Mapping[str, str], width: int, run: str = "RUN", *, by_gate: bool = False
) -> list[str]:
    """Return the comparisons: up to six all of them, else those with the best variant or the baseline; [] without any.

    p is adjusted for all of them, those that are not shown as well. Nobody is told to go on with a run that ended
    `by_gate`.
    """
    chosen = _chosen(analysis)
    if not chosen or not any(one.rate.attempted for one in analysis.variants):
        return []
    tested = [one.numbers for one in analysis.comparisons if one.numbers is not None]
    comparable = [one for one in chosen if one.word is not Word.NOT_COMPARABLE]
    lines = []
    if comparable:
        used = sorted({numbers.instances for numbers in tested})
        on = count(used[0], "instance") if len(used) == 1 else f"{used[0]} to {used[-1]} instances"
        lines += fold(f"paired on {on}, in pp; exact sign-flip p, Holm over {count(len(tested), 'pair')}", width)
    lines += _rows(comparable, names, width)
    for one in chosen:
        if one.word is Word.NOT_COMPARABLE:
            lines += fold(f"{names[one.variant]} vs {names[one.baseline]}: {_obstacle(one, names, by_gate)}", width, 2)
    lines += _seen(chosen, width, len(tested))
    lines += _bounds(chosen, names, width)
    if more := len(analysis.comparisons) - len(chosen):
        lines += fold(f"... {count(more, 'more pair')}: swebench-runner compare {run}", width, 2)
    return lines


def _chosen(analysis: Analysis) -> list[Comparison]:
    pairs = sorted(analysis.comparisons, key=_largest)
    if len(pairs) <= _ALL or analysis.against:  # then all of them are with one baseline
        return pairs[:_MOST]
    best = max(
        (one.rate for one in analysis.variants if one.sample.variant not in analysis.apart),
        key=lambda rate: (-1.0 if rate.rate is None else rate.rate, rate.variant),
    ).variant
    return [one for one in pairs if best in (one.variant, one.baseline)][:_MOST]


def _largest(one: Comparison) -> tuple[bool, float]:
    return one.numbers is None, -abs(one.numbers.difference) if one.numbers else 0.0


def _rows(pairs: Sequence[Comparison], names: Mapping[str, str], width: int) -> list[str]:
    """Return a line a pair, or two where names and numbers do not fit into one."""
    cells = []
    for one in pairs:
        assert one.numbers is not None
        assert one.numbers.interval is not None
        low, high = map(signed, one.numbers.interval.as_json())
        word = _NONE if one.word is Word.NONE else str(one.word)
        approximate = " (t)" * (one.numbers.test.method == "t")
        numbers = (
            signed(one.numbers.difference),
            f"[{low}, {high}]",
            f"{len(one.won)} won {len(one.lost)} lost",
            f"p={p_text(one.numbers.adjusted_p)}{approximate}",
            word,
        )
        cells.append((names[one.variant], names[one.baseline], *numbers))
    if not cells:
        return []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [
        (a, b, f"{difference:>{widths[2]}} {ends:<{widths[3]}} {flips:<{widths[4]}} {p:<{widths[5]}} {word}")
        for a, b, difference, ends, flips, p, word in cells
    ]
    if widths[0] + widths[1] + sum(widths[2:]) + 12 <= width:
        return [f"  {a:<{widths[0]}} vs {b:<{widths[1]}}  {numbers}" for a, b, numbers in rows]
    if len({a for a, *_ in rows}) == 1 and widths[1] + sum(widths[2:]) + 10 <= width:
        return [f"  {rows[0][0]} vs", *(f"    {b:<{widths[1]}}  {numbers}" for _, b, numbers in rows)]
    return [line for a, b, numbers in rows for line in (f"  {a} vs {b}", f"    {numbers}")]


def _seen(pairs: Sequence[Comparison], width: int, tested: int) -> list[str]:
    """Say what it means that no difference was shown; what could be seen is that of a pair alone, not one of many."""
    effects = [
        one.numbers.minimal_effect
        for one in pairs
        if one.word is Word.NONE and one.numbers is not None and one.numbers.minimal_effect is not None
    ]
    if not any(one.word is Word.NONE for one in pairs):
        return []
    text = f"{_NONE}: no difference shown"
    if effects:
        low, high = f"{100 * min(effects):.1f}", f"{100 * max(effects):.1f}"
        seen = low if low == high else f"{low} to {high}"
        text += f"; {'' if tested == 1 else 'alone, '}{seen} pp or more would show in 4 of 5 runs"
    elif all(one.numbers is None or one.numbers.instances < fewest_instances(tested) for one in pairs):
        text += f"; {too_few(tested)}"
    return fold(text, width, 2)


def _bounds(pairs: Sequence[Comparison], names: Mapping[str, str], width: int) -> list[str]:
    """Say what is left of differences that may be claimed if all that is missing spoke against them, or for them."""
    claimed = [one for one in pairs if one.word in {Word.BETTER, Word.WORSE} and one.extremes is not None]
    lines = []
    for one in claimed:
        assert one.extremes is not None
        ends = f"{signed(one.extremes.low)} to {signed(one.extremes.high)} pp"
        who = f"{names[one.variant]} vs {names[one.baseline]}"
        lines += fold(f"{who}: {ends} if all that is missing spoke against it, or for it", width, 2)
    return lines


def _obstacle(one: Comparison, names: Mapping[str, str], by_gate: bool) -> str:
    sentence = one.sentence.removesuffix(GO_ON) if by_gate else one.sentence
    for name in sorted((one.variant, one.baseline), key=len, reverse=True):
        sentence = sentence.replace(name, names[name])
    return sentence
