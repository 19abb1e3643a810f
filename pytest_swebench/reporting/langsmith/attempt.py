"""What LangSmith is told of an attempt at a cell: the same while it happens and afterwards, down to its id."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pytest_swebench.records.schema import cell_of

_OUTPUTS: Final = ("outcome", "stop", "resolved", "cost_usd", "tokens", "response_text", "tool_calls")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as LangSmith knows it: `inputs` hold variant, run id, rep, attempt, arm, model and instance."""

    id: uuid.UUID
    name: str
    inputs: dict[str, Any]
    started_at: datetime

    @property
    def order(self) -> dict[str, Any]:
        """Place the attempt as the root of its own trace."""
        return {"trace_id": self.id, "dotted_order": f"{self.started_at:%Y%m%dT%H%M%S%fZ}{self.id}"}

    def feedback_id(self, key: str) -> uuid.UUID:
        """Return the id of the attempt's feedback of that key; there is one of each."""
        return uuid.uuid5(self.id, key)


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told of an attempt that ended, without the patch itself."""

    at: datetime
    error: str | None
    outputs: dict[str, Any] = field(default_factory=dict)
    feedback: tuple[tuple[str, dict[str, Any]], ...] = ()


def attempt_of(project: str, cell: str, inputs: Mapping[str, Any], started_at: str) -> Attempt:
    """Return the attempt at `cell` which began at that time (ISO 8601) and goes into `project`.

    Its id is made from just this, in the form that LangSmith asks for (version 7, RFC 9562: milliseconds, then what
    is random elsewhere), so that nothing that is sent twice is there twice.
    """
    began = datetime.fromisoformat(started_at).astimezone(UTC)
    told = "\0".join([project, str(inputs["run_id"]), cell, str(inputs["attempt"]), started_at])
    tail = int.from_bytes(hashlib.sha256(told.encode()).digest()[:10], "big")
    number = int(began.timestamp() * 1000) << 80 | tail
    number = number & ~(0xF000 << 64) | 0x7000 << 64  # version 7
    number = number & ~(0xC000 << 48) | 0x8000 << 48  # the variant of RFC 9562
    return Attempt(uuid.UUID(int=number), cell, dict(inputs), began)


def recorded(project: str, record: Mapping[str, Any]) -> tuple[Attempt, Ending]:
    """Return the attempt that a record tells of, and how it ended."""
    cell = cell_of(record)
    inputs = {
        "instance_id": cell.instance_id,
        "variant": cell.variant,
        "rep": cell.rep,
        "attempt": record["attempt"],
        **{name: record[name] for name in ("run_id", "arm", "model")},
    }
    began = record["started_at"] or record["finished_at"]  # a cell whose worker died before it has no time of its own
    attempt = attempt_of(project, str(cell), inputs, began)
    return attempt, ending_of(attempt, record)


def ending_of(attempt: Attempt, record: Mapping[str, Any]) -> Ending:
    """Return how an attempt ended, as its record tells it."""
    error = record.get("error")
    text = f"{error['type']}: {error['message']}" if error else None
    at = datetime.fromisoformat(record["finished_at"]) if record.get("finished_at") else datetime.now(UTC)
    return Ending(at, text, outputs_of(record), feedback_of(attempt.inputs, record))


def outputs_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a record: how it ended and what it took, not the patch itself."""
    return {name: record.get(name) for name in _OUTPUTS} | {"patch_chars": len(record.get("patch") or "")}


def feedback_of(inputs: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return (key, {"score": number} or {"value": text}) for each feedback key that has something to say."""
    said = {
        "variant": inputs.get("variant"),
        "run_id": inputs.get("run_id"),
        "rep": inputs.get("rep"),
        "outcome": record.get("outcome"),
        "resolved": record.get("resolved"),
    }
    return tuple(
        (key, {"score": float(value)} if isinstance(value, (bool, int, float)) else {"value": str(value)})
        for key, value in said.items()
        if value is not None
    )
