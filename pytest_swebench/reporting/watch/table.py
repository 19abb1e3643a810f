"""The live table: a line a variant, one for all of them, and below it who is at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.reporting.progress.region import at_work, draw, printed, waiting
from pytest_swebench.reporting.progress.state import ProgressState, Tally
from pytest_swebench.reporting.progress.words import money, span

if TYPE_CHECKING:
    from rich.table import Table

TITLE: Final = "Experiment Progress"
_LEFT_ROWS: Final = 4  # of the terminal, for what pytest writes
_FRAME_ROWS: Final = 7  # title, two of header, two rules, two of the total
_SHARE: Final = 3  # of the terminal's height, cells at work take one part in three at most
_NAME: Final = 14  # columns that a variant's name has at least: `TOTAL (45 min)`
_NARROW, _LOW = 40, 14  # columns and rows, below which no table fits
_BAR: Final = 40
_ROW_BAR: Final = (8, 20)  # what a variant's own bar has at least and at most, where there is room
_SHORT: Final = 6
_COST: Final = 8
_PLAIN: Final = str.maketrans("━─…", "=-~")


@dataclass(frozen=True, slots=True)
class _Row:
    """What the columns are made from: a variant, or all of them."""

    name: str
    tally: Tally
    usd: float
    grading: int


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: its header, how wide it is, and its text; the ones of higher `rank` go first where room is short."""

    header: str
    width: int
    text: Callable[[_Row], str]
    rank: int = 0
    style: str = ""

    def told(self, row: _Row) -> Any:
        from rich.text import Text

        text = self.text(row)
        return Text(text, "dim" if self.style and text in {"0", "0/0"} else self.style)


def _time(seconds: float | None) -> str:
    """Return a time in six columns, of two hours for example as `2h05m`."""
    text = "-" if seconds is None else span(seconds)
    return text if len(text) <= _SHORT else text.replace(" h ", "h").replace(" min", "m")


def _cost(row: _Row) -> str:
    """Return what is known of the cost, in eight columns below $100,000; `+?` stands for more of unknown price."""
    more = "+?" if row.tally.unpriced else ""
    known = money(row.usd) if row.usd or not more else ""
    return f"{known if len(known) + len(more) <= _COST else f'${row.usd:.0f}'}{more}"


def _patched(row: _Row) -> str:
    return f"{row.tally.patched + row.grading}/{row.tally.ungraded + row.grading}"


_COLUMNS: Final = (
    _Column("Progress", 8, lambda row: f"{row.tally.done}/{row.tally.selected}"),
    _Column("Patched/\npending", 8, _patched, rank=3),
    _Column("Resolved", 8, lambda row: str(row.tally.resolved), style="green"),
    _Column("Captured", 8, lambda row: str(row.tally.captured), style="green"),
    _Column("Failed", 6, lambda row: str(row.tally.failed), style="yellow"),
    _Column("Errors", 6, lambda row: str(row.tally.errors), rank=1, style="red"),
    _Column("Retries", 7, lambda row: str(row.tally.retries), rank=5),
    _Column("Avg\ntime", 6, lambda row: _time(row.tally.mean_s), rank=4),
    _Column("Cost", _COST, _cost, rank=2),
)


def draw_table(
    state: ProgressState, now_s: float, *, width: int, height: int, colour: bool, unicode: bool
) -> list[str]:
    """Return the lines of the table, none wider than `width` columns, and so many that others have room above.

    Below it stand cells at work and what calls wait for. A terminal too small for a table gets the status lines.
    """
    if width < _NARROW or height < _LOW:
        return draw(state, now_s, width=width, height=height, colour=colour, unicode=unicode)
    waits = waiting(state, now_s, width, unicode)
    room = height - _LEFT_ROWS - len(waits)
    told = [_title(state, width), to_rich_table(state, now_s, width=width, room=room - _FRAME_ROWS)]
    table = printed(told, width=width, colour=colour)
    workers = at_work(state, now_s, max(1, min(height // _SHARE, room - len(table)))) if room > len(table) else []
    for text in workers:
        text.truncate(width, overflow="ellipsis" if unicode else "crop")
    lines = [*table, *printed([*workers, *waits], width=width, colour=colour)]
    return lines if unicode else [line.translate(_PLAIN) for line in lines]


def whole_table(
    state: ProgressState, now_s: float, *, width: int, colour: bool, unicode: bool, over: bool = False
) -> list[str]:
    """Return the table alone with every variant, to be left standing; of a run that is `over` without time left."""
    width = max(_NARROW, width)
    told = [_title(state, width), to_rich_table(state, now_s, width=width, room=len(state.variants), over=over)]
    lines = [line.rstrip() for line in printed(told, width=width, colour=colour)]
    return lines if unicode else [line.translate(_PLAIN) for line in lines]


def _title(state: ProgressState, width: int) -> Any:
    from rich.text import Text

    share = min(1.0, state.done / state.selected) if state.selected else 0.0
    bar = min(_BAR, width - len(TITLE) - 7)
    filled = int(share * bar)
    return Text.assemble((TITLE, "bold"), " ", ("━" * filled, "green"), "─" * (bar - filled), f" {share:4.0%}")


def to_rich_table(state: ProgressState, now_s: float, *, width: int, room: int, over: bool = False) -> Table:
    """Return the table for `width` columns, with `room` rows for variants at most; those with work left come first.

    A run that is `over` has no time left, however many cells it lacks.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = sorted(state.variants)
    rows = [_Row(name, state.variants[name], state.usd_of(name), state.grading(name)) for name in names]
    shown = rows
    if len(rows) > max(1, room):
        shown = sorted(rows, key=lambda row: row.tally.done >= row.tally.selected)[: max(0, room - 1)]
    columns, total = _that_fit(_columns(rows), width), _total(rows)
    label = f"TOTAL ({_elapsed(state, now_s)})"
    free = width - sum(column.width + 1 for column in columns)
    name_width = min(free, max(_NAME, len(label), *map(len, names)))
    columns = _with_bars(columns, free - name_width)
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, padding=0, show_footer=True)
    table.add_column("Variant", Text(label + ("" if over else _left(state, now_s)), "bold"), width=name_width)
    for column in columns:
        table.add_column(column.header, column.told(total), justify="right", width=column.width)
    for row in shown:
        table.add_row(shortened(row.name, name_width), *(column.told(row) for column in columns))
    if len(shown) < len(rows):
        table.add_row(Text(f"and {len(rows) - len(shown)} more", "dim"))
    return table


def shortened(name: str, width: int) -> str:
    """Return a variant's name in `width` columns; what tells two apart stands at either end."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _columns(rows: Sequence[_Row]) -> list[_Column]:
    """Return the columns that have something to tell: only some runs have answers that nobody grades."""
    captured = any(row.tally.captured for row in rows)
    hidden = "Resolved" if captured and not any(row.tally.resolved + row.tally.failed for row in rows) else ""
    unseen = {hidden, "" if captured else "Captured"}
    return [column for column in _COLUMNS if column.header not in unseen]


def _that_fit(columns: Sequence[_Column], width: int) -> list[_Column]:
    kept = list(columns)
    while sum(column.width + 1 for column in kept) > width - _NAME and any(column.rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def _with_bars(columns: Sequence[_Column], free: int) -> list[_Column]:
    """Return the columns with a bar beside the cells that are done, if `free` columns are room for one."""
    least, most = _ROW_BAR
    if free <= least:
        return [*columns]
    done, bar = columns[0], min(most, free - 1)

    def text(row: _Row) -> str:
        filled = int(min(1.0, row.tally.done / row.tally.selected) * bar) if row.tally.selected else 0
        return f"{done.text(row)} {'━' * filled}{'─' * (bar - filled)}"

    return [replace(done, width=done.width + 1 + bar, text=text), *columns[1:]]


def _total(rows: Sequence[_Row]) -> _Row:
    total = Tally()
    for tally in (row.tally for row in rows):
        total.outcomes.update(tally.outcomes)
        total.unpriced |= tally.unpriced
        for name in ("selected", "done", "seconds", "reruns", "repeats", "patched", "ungraded"):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
    return _Row("", total, sum(row.usd for row in rows), sum(row.grading for row in rows))


def _elapsed(state: ProgressState, now_s: float) -> str:
    return _time(max(0.0, now_s - state.started_s)) if state.started_s else "-"


def _left(state: ProgressState, now_s: float) -> str:
    """Return the line of the total that says when the run will be done; none once it is."""
    if state.done >= state.selected:
        return ""
    left_s = None if state.stalled(now_s) else state.eta_s(now_s)
    return f"\nETA: {_time(left_s)}"
