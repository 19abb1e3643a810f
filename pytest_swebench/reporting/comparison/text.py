"""A comparison as text of at most 80 columns: rates, pairs, what to be careful about, instances won and lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_swebench.reporting.comparison.across import Across, labels_of
from pytest_swebench.reporting.comparison.naming import shown_names
from pytest_swebench.reporting.comparison.source import RUN, Source
from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.wrapping import fold
from pytest_swebench.statistics.analysis import VariantAnalysis
from pytest_swebench.statistics.comparison import Comparison, Word, p_text, points
from pytest_swebench.statistics.data import GO_ON

WIDTH: Final = 80
_NUMBERS: Final = 58  # columns that the numbers of a variant take
_LISTED: Final = 20
_HEAD: Final = "variant"
_LABEL: Final = re.compile(r"@([A-Za-z0-9._+-]+)")
_LEAST: Final = 14  # columns of a name, however narrow the terminal


def lines_of(across: Across, *, width: int = WIDTH, listed: int = _LISTED) -> list[str]:
    """Return the lines; `listed` instances are named for each side of a pair."""
    labels = labels_of(across.sources)
    starred = any(one.sample.oracle for one in across.analysis.variants)
    room = max(_LEAST, width - _NUMBERS - starred)
    shown = shown_names([one.sample.variant for one in across.analysis.variants], labels, room)
    column = max(map(len, (_HEAD, *shown.names.values()))) + starred
    level = f"{100 * across.analysis.confidence:.0f}%"
    read = [_source(label, shown.letters, one) for label, one in zip(labels, across.sources, strict=True)]
    read += [_lettered(one, shown.letters) for one in shown.meant]
    lines = [line for told in read for line in fold(told, width)]
    lines += [
        "",
        *fold(_common(across), width),
        f"{_HEAD:<{column}} resolved/attempted/planned   rate  {level} interval    $/res",
    ]
    lines += [
        _rate_line(one, shown.names[one.sample.variant] + "*" * one.sample.oracle, column) for one in _ordered(across)
    ]
    pairs = across.analysis.comparisons
    tested = sum(one.numbers is not None for one in pairs)
    over = f"; exact sign-flip p, Holm over {count(tested, 'pair')}" if tested else ""
    over += "; x2: twice as much" * any(_ratios(pair) for pair in pairs)
    lines += ["", *fold(f"paired by instance{over}", width)]
    for pair in pairs:
        lines += fold(f"{shown.names[pair.variant]} vs {shown.names[pair.baseline]}", width)
        sentence = (
            pair.sentence if any(one.kind == RUN for one in across.sources) else pair.sentence.removesuffix(GO_ON)
        )
        lines += _pair_lines(pair, _lettered(sentence, shown.letters), width, listed)
    analysis = across.analysis
    lines += [""] * bool(across.drift or across.cautions or across.changed or analysis.apart or analysis.hints)
    if across.changed:
        lines += fold(f"left out, not the same in all: {_some(across.changed, listed)}", width)
    for drift in across.drift:
        lines += fold(f"differs: {drift}", width)
    for caution in (*across.cautions, *_apart(across), *across.analysis.hints):
        lines += fold(_lettered(caution, shown.letters), width)
    return lines


def _lettered(text: str, letters: Mapping[str, str]) -> str:
    """Return a note with the letters of sources: after an @, and before the colon that it begins with."""
    who, colon, said = text.partition(": ")
    if letters and all(part in letters for part in who.split(", ")):
        text = ", ".join(letters[part] for part in who.split(", ")) + colon + said
    return _LABEL.sub(lambda found: "@" + letters.get(found[1], found[1]), text)


def _common(across: Across) -> str:
    """Say which instances the rates are on, where a source has others."""
    if not across.alone:
        return ""
    number = len({name for one in across.analysis.variants for name in one.sample.tallies})
    who = "both have" if len(across.sources) == 2 else "two or more have"
    samples = [one.sample for one in across.analysis.variants]
    more = any(sample.planned > sample.attempted + sample.lost for sample in samples)
    more_told = "; planned are also cells that did not run" * more
    return f"rates are on the {count(number, 'instance')} that {who}{more_told}:"


def _ordered(across: Across) -> list[VariantAnalysis]:
    """Return the variants of a run as its summary has them, those under test by their rate; of several by name.

    What is held against nothing comes last.
    """
    apart = across.analysis.apart
    if len(across.sources) > 1:
        return sorted(across.analysis.variants, key=lambda one: one.sample.variant in apart)
    return sorted(
        across.analysis.variants,
        key=lambda one: (one.sample.variant in apart, 1.0 if one.rate.rate is None else -one.rate.rate),
    )


def _apart(across: Across) -> list[str]:
    names = sorted(across.analysis.apart)
    return [f"{', '.join(names)}: held against nothing, unless --baseline-variant names one"] if names else []


def _source(label: str, letters: Mapping[str, str], source: Source) -> str:
    instances = len(source.instance_ids)
    name = f"{letters[label]} is {label}" if label in letters else label
    return f"{name}: {source.kind}, {count(instances, 'instance')}, {count(len(source.cells), 'cell')}"


def _rate_line(one: VariantAnalysis, name: str, column: int) -> str:
    rate, cost = one.rate, one.cost.usd
    share = "-" if rate.rate is None else f"{100 * rate.rate:.1f}%"
    interval = "-" if rate.interval is None else f"{100 * rate.interval.low:.1f} - {100 * rate.interval.high:.1f}"
    counts = f"{rate.resolved}/{rate.attempted}/{rate.planned}"
    return f"{name:<{column}} {counts:<26} {share:>6}  {interval:<14} {_usd(cost):>7}"


def _pair_lines(pair: Comparison, sentence: str, width: int, listed: int) -> list[str]:
    lines: list[str] = []
    numbers = pair.numbers
    if numbers is not None:
        shown = f"{points(numbers.difference)}"
        if numbers.interval is not None:
            low, high = (f"{100 * end:+.1f}" for end in numbers.interval.as_json())
            shown += f" [{low}, {high}]" + " over repositories" * numbers.clustered
        shown += f"  {len(pair.won)} won {len(pair.lost)} lost"
        approximate = " (t)" * (numbers.test.method == "t")
        shown += f"  p={p_text(numbers.test.p)}{approximate} Holm {p_text(numbers.adjusted_p)}"
        lines += fold(shown + f"  {pair.word}" * (pair.word in (Word.BETTER, Word.WORSE)), width, 2)
    if pair.word in (Word.NONE, Word.NOT_COMPARABLE):
        lines += fold(sentence, width, 2)
    if pair.word is not Word.NOT_COMPARABLE:
        lines += _details(pair, width, listed)
    return lines


def _details(pair: Comparison, width: int, listed: int) -> list[str]:
    assert pair.numbers is not None
    lines, repositories = fold(_ratios(pair), width, 2), pair.numbers.repositories
    if repositories.left_out is not None and repositories.sign_changes:
        low, high = points(repositories.left_out.low), points(repositories.left_out.high)
        lines += fold(f"rests on single repositories: without one it is {low} to {high}", width, 2)
    if pair.dropped:
        told = f"{count(len(pair.dropped), 'instance')} dropped"
        if pair.others_on_dropped is not None:
            there, here = pair.others_on_dropped
            told += f"; other variants resolve {there:.0%} of them, against {here:.0%} of the rest"
        lines += fold(told, width, 2)
    if pair.extremes is not None:
        low, high = points(pair.extremes.low), points(pair.extremes.high)
        lines += fold(f"if all that is missing spoke against it, or for it: {low} to {high}", width, 2)
    for word, names in (("won", pair.won), ("lost", pair.lost)):
        if names and listed:
            lines += fold(f"{word}: {_some(names, listed)}", width, 2)
    return lines


def _ratios(pair: Comparison) -> str:
    """Return how many times as much the variant takes, for what is known of both sides; "" where nothing may be said.

    The intervals are for instances like these, so one for other repositories has none of them beside it.
    """
    numbers = pair.numbers
    if numbers is None or pair.word is Word.NOT_COMPARABLE:
        return ""
    found = (
        ("cost", numbers.ratios["cost_usd"]),
        ("time", numbers.ratios["seconds"]),
        ("$/res", numbers.cost_per_resolved),
    )
    return "  ".join(
        f"{name} x{_times(one.ratio)}"
        + f" [{_times(one.interval.low)}, {_times(one.interval.high)}]" * (not numbers.clustered)
        + f" on {one.pairs}" * (one.pairs < numbers.instances)
        for name, one in found
        if one is not None
    )


def _times(ratio: float) -> str:
    """Return a ratio with two decimals around 1, with three digits above that, and with two below .1."""
    if ratio >= 99.5:
        return f"{ratio:.0f}"
    return f"{ratio:#.3g}" if ratio >= 1 else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:#.2g}"


def _some(names: Sequence[str], listed: int) -> str:
    more = f" ... and {len(names) - listed} more" if len(names) > listed else ""
    return " ".join(names[:listed]) + more


def _usd(cost: float | None) -> str:
    return "-" if cost is None else f"{cost:.2f}"
