"""The closing summary as text: rates with both denominators, how cells ended and why, where the files are."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.outcome import IntegrityState, Outcome, Stop
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.summary import VariantSummary, integrity_of, summarise
from pytest_swebench.reporting.broken import warned, ways_out
from pytest_swebench.reporting.grid import grid
from pytest_swebench.reporting.patches import ValidationStats
from pytest_swebench.reporting.tree import count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pytest_swebench.inbox import Inbox
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import Merged

_MEANING: Final = {
    Outcome.RESOLVED: "every hidden test passes",
    Outcome.UNRESOLVED: "graded, but some hidden test fails, or the patch does not apply",
    Outcome.NO_PATCH: "the answer holds nothing to grade",
    Outcome.LIMIT: "a limit stopped it before there was a patch",
    Outcome.CAPTURED: "the answer is recorded; nothing to grade",
    Outcome.INFRA: "broken infrastructure or a stopped run; in no rate",
    Outcome.ERROR: "a fault of the arm or of this tool; in no rate",
}
_DOUBT: Final = {
    IntegrityState.TAMPERED: "the verdict was forged, or the negative control proves that it could have been",
    IntegrityState.SUSPECT: "something in the patch or the log asks for a look",
    IntegrityState.NOT_CONTROLLED: "resolved, and no control says whether by honest means",
}
_EXAMPLES: Final = 5
_CAP: Final = re.compile(  # see `providers.ledger`
    r"((?:--max-[a-z-]+|the arm's own limit) (?:\$[\d.,]*\d|[\d,]+ tokens))(?: of \S+)?: "
)
_FRAME: Final = frozenset({"gold", "null"})  # what the arms under test are held against


def render(
    inbox: Inbox, *, width: int, colour: bool, fail_under: float | None = None, interrupted: bool = False
) -> str:
    """Return the summary of a run that has ended, at most `width` columns wide."""
    from rich.markup import escape

    console = _console(width, colour)
    if inbox.merged is not None:
        _print_results(console, inbox.merged, inbox.quarantined, inbox.handle.layout)
    for variant in inbox.below(fail_under):
        console.print(f"--fail-under {fail_under}: {variant} is below, or has broken cells", style="red")
    console.print(_tests(inbox))
    for line in [*map(escape, inbox.told), *_resuming(inbox, interrupted=interrupted), *_places(inbox)]:
        console.print(line, soft_wrap=True)
    return _text(console)


def render_results(merged: Merged, quarantined: Mapping[str, str], *, width: int, colour: bool) -> str:
    """Return the summary of what a run's journals hold: its rates and how its cells ended."""
    console = _console(width, colour)
    _print_results(console, merged, quarantined)
    return _text(console)


def _console(width: int, colour: bool) -> Console:
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        highlight=False,
        color_system="standard" if colour else None,
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _print_results(
    console: Console, merged: Merged, quarantined: Mapping[str, str], layout: RunLayout | None = None
) -> None:
    from rich.markup import escape

    if merged.summaries:
        _print_table(console, _table(merged.summaries))
        selected = sum(summary.selected for summary in merged.summaries)
        if missing := merged.not_run - merged.running:
            console.print(f"not run: {missing} of {selected} selected cells", style="yellow")
        if any(summary.oracle for summary in merged.summaries):
            console.print(
                "* oracle: sees the hidden tests or the reference patch; not to be ranked with the others",
                soft_wrap=True,
            )
        if (cells := grid(merged.records)) is not None:
            _print_table(console, cells)
        records = merged.records
        broken = [escape(f"    {line}") for line in ways_out(records, layout)]
        lines = [*_endings(records), *broken, *warned(records), *_integrity(records), *_without(records, quarantined)]
        for line in lines:
            console.print(line, soft_wrap=True)
        if patches := str(ValidationStats.of(merged.records)):
            console.print(escape(patches), soft_wrap=True)
    if merged.damaged:
        console.print(f"damaged lines of the journals, left out: {merged.damaged}", style="yellow")


def _print_table(console: Console, table: Table) -> None:
    """Print `table`, wider than the terminal rather than with cells cut off."""
    from rich.measure import Measurement

    needed = Measurement.get(console, console.options.update(max_width=1_000), table).minimum
    console.print(table, width=max(console.width, needed), crop=False, soft_wrap=False)


def _table(summaries: Sequence[VariantSummary]) -> Table:
    from rich.table import Table

    columns: dict[str, Callable[[VariantSummary], str]] = {
        "variant": lambda one: one.variant + ("*" if one.oracle else ""),
        "attempted": lambda one: f"{one.attempted}/{one.selected}",
        "graded": lambda one: str(one.graded),
        "resolved": lambda one: str(one.count(Outcome.RESOLVED)),
        "clean": lambda one: str(one.integrity.get(str(IntegrityState.CLEAN), 0)),
        "% of attempted": lambda one: _percent(one.rate_of_attempted),
        "% of graded": lambda one: _percent(one.rate_of_graded),
        "captured": lambda one: str(one.count(Outcome.CAPTURED)),
        "infra": lambda one: str(one.count(Outcome.INFRA)),
        "error": lambda one: str(one.count(Outcome.ERROR)),
        "cost": lambda one: "unknown" if one.cost_usd is None else f"${one.cost_usd:.2f}",
        "tokens": lambda one: _tokens(one.input_tokens + one.output_tokens),
        "time": lambda one: f"{one.seconds / max(1, one.recorded):.1f}s",
    }
    for rare in (Outcome.CAPTURED, Outcome.ERROR):
        if not any(summary.count(rare) for summary in summaries):
            del columns[str(rare)]
    if all(one.cost_usd == 0 and not one.input_tokens + one.output_tokens for one in summaries):
        del columns["cost"], columns["tokens"]
    if not any(summary.doubted for summary in summaries):
        del columns["clean"]
    if all(summary.count(Outcome.CAPTURED) == summary.selected for summary in summaries):
        for graded_only in ("attempted", "graded", "resolved", "% of attempted", "% of graded"):
            del columns[graded_only]
        columns["captured"] = lambda one: f"{one.count(Outcome.CAPTURED)}/{one.selected}"
    table, rows = Table(box=None, padding=(0, 1, 0, 0), header_style="bold"), []
    for heading, show in columns.items():
        values = list(map(show, summaries))
        widest = max(map(len, [*heading.split(), *values]))
        table.add_column(heading, justify="left" if heading == "variant" else "right", min_width=widest)
        rows.append(values)
    for row in zip(*rows, strict=True):
        table.add_row(*row)
    return table


def _endings(records: Sequence[dict[str, Any]]) -> list[str]:
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
        reasons: dict[str, list[str]] = {}
        for record in _ranked(ended):
            reasons.setdefault(reason_of(record) or "no reason given", []).append(str(cell_of(record)))
        for reason, cells in list(reasons.items())[:_EXAMPLES]:
            shown = f"{cells[0]}: {reason}" if len(cells) == 1 else f"{reason} ({len(cells)} cells), e.g. {cells[0]}"
            lines.append(escape(f"    {shown}"))
        if left_out := sum(map(len, list(reasons.values())[_EXAMPLES:])):
            lines.append(f"    ... and {left_out} more")
    return lines


def _integrity(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return what stands beside the verdicts: flagged cells, and resolved ones that nothing controlled."""
    from rich.markup import escape

    lines = []
    for state, meaning in _DOUBT.items():
        cells = [record for record in records if integrity_of(record) == state and _shown(record, state)]
        if not cells:
            continue
        lines.append(f"[bold]{state}[/bold] {len(cells)}: {meaning}")
        for record in cells[:_EXAMPLES]:
            reason = "; ".join(record["integrity"]["reasons"]) or "no reason given"
            lines.append(escape(f"    {cell_of(record)}: {reason}"))
        if len(cells) > _EXAMPLES:
            lines.append(f"    ... and {len(cells) - _EXAMPLES} more")
    return lines


def _without(records: Sequence[dict[str, Any]], quarantined: Mapping[str, str]) -> list[str]:
    """Return the rates without the instances that were found unfit to judge a patch, and why they were."""
    from rich.markup import escape

    if not quarantined:
        return []
    kept = [record for record in records if record.get("instance_id") not in quarantined]
    lines = [f"[bold]without {count(len(quarantined), 'quarantined instance')}[/bold] (validate-env tells more):"]
    for one in summarise(kept, {}):
        rates = f"{_percent(one.rate_of_attempted)} % of attempted, {_percent(one.rate_of_graded)} % of graded"
        lines.append(f"    {one.variant}: {one.count(Outcome.RESOLVED)} of {one.attempted} resolved, {rates}")
    shown = list(quarantined.items())[:_EXAMPLES]
    lines += [escape(f"    left out: {instance_id}: {reason}") for instance_id, reason in shown]
    if more := len(quarantined) - len(shown):
        lines.append(f"    ... and {more} more")
    return lines


def _shown(record: Mapping[str, Any], state: IntegrityState) -> bool:
    return bool(record["resolved"]) or state is not IntegrityState.NOT_CONTROLLED


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


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def _tokens(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 1000 else str(count)


def _ranked(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the arms under test first, their variants taking turns, so that the first few speak for all of them."""
    turns: Counter[str] = Counter()
    ranked = []
    for record in records:
        turns[record["variant"]] += 1
        ranked.append((record["arm"] in _FRAME, turns[record["variant"]], record))
    return [record for *_, record in sorted(ranked, key=lambda ranks: ranks[:2])]


def reason_of(record: Mapping[str, Any]) -> str:
    """Return in one line why a cell ended as it did: the error, the limit, the arm's or the grader's word.

    Of a cap only its name and amount: what it left no room for is told once, at the end.
    """
    reason = _first_line(str((record["error"] or {}).get("message") or record["notes"] or ""))
    if cap := _CAP.match(reason):
        return f"stopped by {cap[1]}"
    stopped = f"stopped by {record['stop']}" if record["stop"] not in {None, Stop.SUBMITTED} else ""
    return "; ".join(filter(None, [stopped, reason]))


def _first_line(reason: str) -> str:
    """Return the first line; of one that leads over to the next, what stands before that."""
    first, _, rest = reason.strip().partition("\n")
    whole, leads, _ = first.rstrip().rpartition("; ")
    return whole if rest and leads and first.rstrip().endswith(":") else first
