"""Progress in words: sums of money, spans of time, and the lines that stand where there is no terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff
from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.traceline import shortened
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.reasons import reason_of

_EXPLAINED: Final = frozenset({Outcome.NO_PATCH, Outcome.LIMIT, Outcome.INFRA, Outcome.ERROR})
_DOUBTED: Final = frozenset({IntegrityState.SUSPECT, IntegrityState.TAMPERED})
_LONGEST: Final = 120  # characters of a reason
_SHOWN_CELLS: Final = 8


def money(usd: float) -> str:
    """Return an amount with as many digits as matter: `$12.30`, `$0.123`, `$0.0012`."""
    if 0 < usd < 0.0001:
        return "<$0.0001"
    digits = 2 if usd >= 1 or not usd else 3 if usd >= 0.01 else 4
    return f"${usd:.{digits}f}"


def span(seconds: float) -> str:
    """Return a time as a person says it: `0.4 s`, `34 s`, `3 min`, `2 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return `text` on one line, cut to `longest` characters, without any that a terminal would act upon."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    return shortened(line, longest)


def total(state: ProgressState) -> str:
    """Return the cost of the run so far; "" for one that pays nothing."""
    known = money(state.cost_usd) if state.cost_usd else ""
    return " + ".join(filter(None, [known, "unknown cost" if state.unpriced else ""]))


def eta(state: ProgressState, now_s: float) -> str:
    """Return when the run will be done; "" while nobody knows, as when every call waits, or once it is."""
    if state.stalled(now_s):
        return ""
    left_s = state.eta_s(now_s)
    return "" if left_s is None or state.done >= state.selected else f"ETA {span(left_s)}"


def finished_line(
    state: ProgressState, cell: Cell, ending: str, seconds: float, record: Mapping[str, Any], now_s: float
) -> str:
    """Return what is said when a cell ends: `[12/40] <cell> resolved $0.012 34 s (total $0.43, ETA 3 min)`."""
    usd = record.get("cost_usd")
    parts = [_position(state), str(cell), ending, money(usd) if usd else "", span(seconds), _whole(state, now_s)]
    return " ".join(filter(None, parts))


def ending_of(outcome: str, record: Mapping[str, Any]) -> str:
    """Return how a cell ended, with the reason where the outcome alone does not tell, and any doubt."""
    words = outcome.replace("_", " ")
    if outcome in _EXPLAINED and (reason := plain(reason_of(record)) if record else ""):
        return f"{words} ({reason})"
    verdict = record.get("verdict") or {}
    if why := verdict.get("reason"):  # which no test tells
        return f"{words} ({plain(reason_of(record) or why)})"
    if warning := verdict.get("warning"):
        return f"{words} ({warning})"
    state = (record.get("integrity") or {}).get("state")
    return f"{words} ({state})" if state in _DOUBTED else words


def waiting_lines(waits: Sequence[BackedOff], glyph: str) -> list[str]:
    """Return one line a reason, with the longest wait and the cells it holds up."""
    by_reason: dict[str, list[BackedOff]] = {}
    for wait in waits:
        by_reason.setdefault(plain(wait.reason), []).append(wait)
    lines = []
    for reason, held in by_reason.items():
        cells = list(dict.fromkeys(str(wait.cell) for wait in held))
        more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
        longest_s = max(wait.wait_s for wait in held)
        lines.append(f"{glyph} backing off {span(longest_s)}: {reason} ({cells[0]}{more})")
    return lines


def at_work_line(state: ProgressState, now_s: float) -> str:
    """Return who is at work, longest first: said when nothing else was for a while."""
    oldest = sorted(state.working.items(), key=lambda pair: pair[1].started_s)
    shown = [f"{cell} {working.phase} {span(now_s - working.phase_s)}" for cell, working in oldest[:_SHOWN_CELLS]]
    more = [f"{len(oldest) - _SHOWN_CELLS} more"] if len(oldest) > _SHOWN_CELLS else []
    return " ".join(filter(None, [_position(state), "at work:", ", ".join(shown + more), _whole(state, now_s)]))


def _position(state: ProgressState) -> str:
    return f"[{state.done:>{len(str(state.selected))}}/{state.selected}]"


def _whole(state: ProgressState, now_s: float) -> str:
    cost = total(state)
    words = ", ".join(filter(None, [f"total {cost}" if cost else "", eta(state, now_s)]))
    return f"({words})" if words else ""
