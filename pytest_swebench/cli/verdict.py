"""What a program is told of a gate that does not pass: the type of the error, and what to do."""

from __future__ import annotations

from typing import Final

from pytest_swebench.cli.outcome import Trouble, fix_in

_TYPES: Final = {10: "Regressed", 11: "Inconclusive", 12: "NotComparable", 13: "BudgetEnded"}
_FIXES: Final = {
    10: "`lost` in the gate's result names the instances",
    13: "a higher --max-cost, and --resume, go on",
}


def verdict_trouble(code: int, words: str) -> Trouble | None:
    """Return what stands behind a gate's exit code, None behind 0; `words` are the gate's own, in one line."""
    if not code:
        return None
    from pytest_swebench.reporting.gate.text import WAYS_ON

    way_on = next((one for one in WAYS_ON.values() if one in words), "")  # before the numbers, in an open verdict
    return Trouble(type=_TYPES[code], message=words, fix=_FIXES.get(code) or way_on or fix_in(words))
