"""The closing summary as text: rates, comparisons, what to look at, how cells ended and why, where the files are."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.cell import FRAME
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.schema import cell_of
from pytest_swebench.reporting.broken import warned, ways_out
from pytest_swebench.reporting.doubts import doubted_cells, without_quarantined
from pytest_swebench.reporting.patches import ValidationStats
from pytest_swebench.reporting.reasons import printable, reason_of

if TYPE_CHECKING:
    from rich.console import Console

    from pytest_swebench.inbox import Inbox
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import Merged

_MEANING: Final = {
    Outcome.RESOLVED: "every hidden test passes",
    Outcome.UNRESOLVED: "graded, but some hidden test fails, or the patch does not apply",
    Outcome.NO_PATCH: "the answer holds nothing to grade",
    Outcome.LIMIT: "a limit stopped it before there was a patch",
    Outcome.CAPTURED: "the answer is recorded; nothing was graded",
    Outcome.INFRA: "broken infrastructure or a stopped run; in no rate",
    Outcome.ERROR: "a fault of the arm or of this tool; in no rate",
}
_EXAMPLES: Final = 5


def render(
    inbox: Inbox,
    *,
    width: int,
    colour: bool,
    fail_under: float | None = None,
    interrupted: bool = False,
    short: bool = False,
) -> str:
    """Return the summary of a run that has ended; its tables are at most `width` columns wide.

    `short` leaves a line a variant of what was found.
    """
    from rich.markup import escape

    from pytest_swebench.reporting.rates import Table

    console = _console(width, colour)
    if inbox.merged is not None and short:
        for line in Table(inbox.merged.summaries, inbox.merged.analysis, width).in_short():
            console.print(escape(line), soft_wrap=True)
    elif inbox.merged is not None:
        _print_results(console, inbox.merged, inbox.quarantined, inbox.handle.layout)
    for variant in inbox.below(fail_under):
        console.print(f"--fail-under {fail_under}: {variant} is below, or has broken cells", style="red")
    console.print(_tests(inbox))
    for line in [*map(escape, inbox.told), *_resuming(inbox, interrupted=interrupted), *_places(inbox)]:
        console.print(line, soft_wrap=True)
    return _text(console)


def render_results(
    merged: Merged, quarantined: Mapping[str, str], *, width: int, colour: bool, layout: RunLayout | None = None
) -> str:
    """Return the summary of what a run's journals hold: its rates and how its cells ended."""
    console = _console(width, colour)
    _print_results(console, merged, quarantined, layout)
    return _text(console)


def encodable(text: str, encoding: str | None) -> str:
    """Return `text` with what a terminal or file of this encoding (None: UTF-8) cannot show as escapes."""
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")


def _console(width: int, colour: bool) -> Console:
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        highlight=False,
        emoji=False,
        color_system="standard" if colour else None,
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _print_results(
    console: Console,
    merged: Merged,
    quarantined: Mapping[str, str],
    layout: RunLayout | None = None,
) -> None:
    from rich.markup import escape

    from pytest_swebench.reporting.grid import grid

    if merged.summaries:
        names = _print_analysis(console, merged, quarantined, layout.run_id if layout else "RUN")
        for number, line in enumerate(grid(merged.records, console.width)):
            console.print(escape(line), style="" if number else "bold", soft_wrap=True)
        records = merged.records
        broken = [escape(f"    {line}") for line in ways_out(records, layout)]
        lines = [
            *_endings(records, names, console.width),
            *broken,
            *warned(records),
            *doubted_cells(records),
            *without_quarantined(records, quarantined),
        ]
        for line in lines:
            _print_wrapped(console, line)
        if patches := str(ValidationStats.of(merged.records)):
            _print_wrapped(console, escape(patches))
    if merged.damaged:
        console.print(f"damaged lines of the journals, left out: {merged.damaged}", style="yellow")


def _print_wrapped(console: Console, markup: str) -> None:
    """Print a line, broken between words if it is too long for `console`; paths and ids stay whole."""
    from rich.text import Text

    rest = Text.from_markup(printable(markup), emoji=False)
    indent = first = len(rest.plain) - len(rest.plain.lstrip())
    while rest.cell_len > console.width:
        at = rest.plain.rfind(" ", indent, console.width + 1)
        word, _, _ = rest.plain[at + 1 :].partition(" ")
        if at < 0 or first + 2 + len(word) > console.width:  # then a line of its own would not help it
            at = rest.plain.find(" ", max(at + 1, indent))
        if at < 0:
            break
        console.print(rest[:at], soft_wrap=True)
        indent = first + 2
        rest = Text(" " * indent) + rest[at + 1 :]
    console.print(rest, soft_wrap=True)


def _print_analysis(console: Console, merged: Merged, quarantined: Mapping[str, str], run: str) -> dict[str, str]:
    """Print rates, comparisons, and what to look at before they are believed; return the short names of variants."""
    from rich.markup import escape

    from pytest_swebench.reporting.attention import points_to_look_at, sentences
    from pytest_swebench.reporting.pairs import pair_lines
    from pytest_swebench.reporting.rates import Table
    from pytest_swebench.reporting.totals import missing_lines, repetition_line, total_line
    from pytest_swebench.reporting.wrapping import fold

    width, analysis, summaries = console.width, merged.analysis, merged.summaries
    table = Table(summaries, analysis, width)
    for line in table.head():
        console.print(escape(line), style="bold")
    lines = table.rows()
    if any(summary.oracle for summary in summaries):
        lines += fold("* oracle: sees hidden tests or the reference patch; not ranked, not compared", width)
    single = [total_line(summaries), *missing_lines(table.shown, table.names, running=merged.running > 0)]
    single.append(repetition_line(table.shown, analysis, table.names))
    single += sentences(summaries, analysis, table.names, run)
    lines += [line for one in single for line in fold(one, width)]
    for line in [*lines, *pair_lines(analysis, table.names, width, run, by_gate=merged.left_by_gate > 0)]:
        console.print(escape(line), soft_wrap=True)
    for point in points_to_look_at(merged.records, summaries, quarantined, analysis, run):
        for line in fold(point, width):
            console.print(escape(line), style="yellow", soft_wrap=True)
    return table.names


def _endings(records: Sequence[dict[str, Any]], names: Mapping[str, str], width: int) -> list[str]:
    """Return, for each outcome that happened, its count, its meaning and a few reasons with the cells they befell."""
    from rich.markup import escape

    lines = []
    for outcome, meaning in _MEANING.items():
        ended = [record for record in records if record["outcome"] == str(outcome)]
        if not ended:
            continue
        lines.append(f"[bold]{outcome}[/bold] {len(ended)}: {meaning}")
        if outcome in {Outcome.RESOLVED, Outcome.CAPTURED}:
            continue
        reasons: dict[str, list[dict[str, Any]]] = {}
        for record in _ranked(ended):
            reasons.setdefault(reason_of(record) or "no reason given", []).append(record)
        for reason, befallen in list(reasons.items())[:_EXAMPLES]:
            cell = _cell_within(befallen[0], names, width - len("      :"))
            many = f"{reason} ({len(befallen)} cells), e.g. {cell}"
            lines.append(escape(f"    {many if len(befallen) > 1 else f'{cell}: {reason}'}"))
        if left_out := sum(map(len, list(reasons.values())[_EXAMPLES:])):
            lines.append(f"    ... and {left_out} more")
    return lines


def _cell_within(record: Mapping[str, Any], names: Mapping[str, str], room: int) -> str:
    """Return the id of a cell, with the short name of its variant where it would be wider than `room`."""
    cell = cell_of(dict(record))
    if len(str(cell)) <= room:
        return str(cell)
    return f"{cell.instance_id}/{names.get(cell.variant, cell.variant)}/r{cell.rep}"


def _tests(inbox: Inbox) -> str:
    counts = inbox.counts
    names = ("passed", "failed", "error", "rerun", "skipped", "xfailed", "xpassed")
    shown = [f"{counts[name]} {name}" for name in names if counts[name] or name in {"passed", "failed", "rerun"}]
    return f"tests: {', '.join(shown)}, {inbox.collected} collected"


def _resuming(inbox: Inbox, *, interrupted: bool) -> list[str]:
    """Say what a resumed run left out, and how to go on with one that is not complete."""
    lines = []
    selected = sum(inbox.selected.values())
    if inbox.left_out:
        all_done = len(inbox.left_out) == selected
        nothing = "all" if all_done else f"{len(inbox.left_out)} of"
        lines.append(f"resumed: {nothing} {selected} selected cells were done before" + ", nothing was run" * all_done)
    if inbox.changed:
        lines.append(
            f"resumed: {inbox.changed} cells had been done by another model, arm, prompt or patch; those results are "
            "kept in the journal and count no more"
        )
    merged = inbox.merged
    if merged is not None and (left := merged.left_by_gate):
        way = f"the command without --sequential, with --resume={inbox.handle.run_id}, runs them as well"
        return [*lines, f"left out:    {left} of {selected} cells, by the gate once it was decided; {way}"]
    if merged is None or interrupted:  # then the last line of all tells how to go on
        return lines
    # an error is not mended by trying again
    if merged.not_run or any(one.count(Outcome.INFRA) for one in merged.summaries):
        lines.append(f"to go on:    the same command with --resume={inbox.handle.run_id}")
    return lines


def _places(inbox: Inbox) -> list[str]:
    from rich.markup import escape

    lines = []
    if inbox.files:
        first = escape(os.path.relpath(inbox.files[0]))
        more = f" ... ({len(inbox.files)} files)" if len(inbox.files) > 1 else ""
        lines.append(f"per variant: {first}{more}")
    if inbox.merged is not None:
        folder = escape(os.path.relpath(inbox.handle.layout.folder))
        lines.append(f"all of it:   {folder}/ (results.jsonl, summary.csv, predictions/, cells/)")
    return lines


def _ranked(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the arms under test first, their variants taking turns, so that the first few speak for all of them."""
    turns: Counter[str] = Counter()
    ranked = []
    for record in records:
        turns[record["variant"]] += 1
        ranked.append((record["arm"] in FRAME, turns[record["variant"]], record))
    return [record for *_, record in sorted(ranked, key=lambda ranks: ranks[:2])]
