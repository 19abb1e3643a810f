"""Small instances, variants and records for tests that need some of each."""

from __future__ import annotations

from typing import Any

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.outcome import Outcome, Verdict
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.records.schema import Record


def made_instance(instance_id: str, *, image: str = "", language: str = "", kind: Kind = Kind.ISSUE) -> Instance:
    problem = Problem(instance_id=instance_id, statement=f"The issue of {instance_id}.", language=language)
    return Instance(problem=problem, image=image, kind=kind)


def made_record(cell: Cell, outcome: Outcome = Outcome.RESOLVED, **fields: Any) -> dict[str, Any]:
    """Return a stored line of `cell`; `fields` replace those of `Record`."""
    oracle = bool(fields.pop("oracle", False))
    given: dict[str, Any] = {
        "run_id": "run-1",
        "key": "0123456789abcdef",
        "cell": cell,
        "variant": Variant(cell.variant, cell.variant.partition("+")[0], "m-1", 0.2),
        "kind": Kind.ISSUE,
        "attempt": 1,
        "oracle": oracle,
        "provider": "replay",
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "finished_at": "2026-01-01T00:00:02.000+00:00",
        "host": "here",
        "outcome": outcome,
        "patch": f"diff --git a/{cell.instance_id} b/{cell.instance_id}\n",
        "usage": Usage(input=1000, output=200, cache_read=50),
        "cost_usd": 0.25,
        "seconds": {"total": 2.0},
        "verdict": Verdict(outcome is Outcome.RESOLVED, applied=True).as_json() if outcome.graded else None,
        "integrity": {"state": "clean", "reasons": []} if outcome.graded else None,
    }
    return Record(**(given | fields)).as_json()
