"""What earlier gradings taught about the instances of a run: the ledgers that are kept beside the runs."""

from __future__ import annotations

from pytest_swebench.records.flakes import Ledger
from pytest_swebench.reporting.reading import RunView


def ledgers_of(view: RunView) -> dict[str, Ledger]:
    """Return instance id -> ledger for those of a run's instances that `gold` or `null` ever ran on."""
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.selfcheck import TOPIC

    if not (view.layout.root / "instances").is_dir():
        return {}
    known = Known.beside_runs(view.layout.root)
    there = [one for one in view.instances() if known.any(one.instance_id)]
    return {one.instance_id: Ledger.from_json(fact) for one in there if (fact := known.get(one, TOPIC))}
