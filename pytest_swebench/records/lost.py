"""Records of attempts that nobody could end: their process is gone, or the run was stopped."""

from __future__ import annotations

from enum import Enum

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.results import Entry, read_plans


class Loss(Enum):
    """Why an attempt has no record of its own: type and message of the error that stands for it."""

    WORKER_DIED = ("WorkerLost", "the worker process died")
    PROCESS_GONE = ("WorkerLost", "the process that ran it is gone")
    STOPPED = ("RunStopped", "the run was stopped")


def lost_record(opening: Entry, loss: Loss, finished_at: str) -> Entry:
    """Return the record of an attempt whose process is gone, from the one it opened with."""
    error_type, message = loss.value
    return {
        **opening,
        "outcome": str(Outcome.INFRA),
        "error": {"type": error_type, "message": message},
        "finished_at": finished_at,
    }


def opening_from_plan(layout: RunLayout, nodeid: str) -> Entry | None:
    """Return what a cell's first record would say, for a cell that died before it could open one."""
    cell = parse_cell(nodeid)
    for plan in read_plans(layout):
        metadata = plan["variants"].get(cell.variant) if cell else None
        if cell is not None and metadata is not None:
            return _blank(layout.run_id, cell, metadata)
    return None


def _blank(run_id: str, cell: Cell, metadata: Entry) -> Entry:
    from pytest_swebench.cell import Variant
    from pytest_swebench.datasets.instance import Kind
    from pytest_swebench.records.schema import Record

    variant = Variant(cell.variant, metadata["arm"], metadata["model"], metadata["temperature"])
    return Record(
        run_id=run_id,
        key="",
        cell=cell,
        variant=variant,
        kind=Kind.ISSUE,
        attempt=1,
        oracle=metadata["oracle"],
        provider=metadata["provider"],
        started_at="",
        host="",
    ).as_json()
