"""Why a cell ended as it did, in one line that is safe to print."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.outcome import Stop

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CAP: Final = re.compile(  # see `providers.ledger`
    r"((?:--max-[a-z-]+|the arm's own limit) (?:\$[\d.,]*\d|[\d,]+ tokens))(?: of \S+)?: "
)


def reason_of(record: Mapping[str, Any]) -> str:
    """Return in one line why a cell ended as it did: the error, the limit, the arm's or the grader's word.

    Of a cap only its name and amount: what it left no room for is told once, at the end.
    """
    reason = printable(_first_line(_told_of(record)))
    if cap := _CAP.match(reason):
        return f"stopped by {cap[1]}"
    stopped = f"stopped by {record['stop']}" if record["stop"] not in {None, Stop.SUBMITTED} else ""
    return "; ".join(filter(None, [stopped, reason]))


def printable(text: str) -> str:
    """Return `text` with escapes for what would move the cursor of a terminal; models and tests write such things."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _told_of(record: Mapping[str, Any]) -> str:
    return str((record["error"] or {}).get("message") or record["notes"] or "")


def _first_line(reason: str) -> str:
    """Return the first line; of one that leads over to the next, what stands before that."""
    first, _, rest = reason.strip().partition("\n")
    whole, leads, _ = first.rstrip().rpartition("; ")
    return whole if rest and leads and first.rstrip().endswith(":") else first
