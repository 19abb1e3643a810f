"""A run as reports read it: the last record of every cell, one after another, however large the run is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InputError
from pytest_swebench.records.journal import unseal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.results import planned_cells, read_plans
from pytest_swebench.records.settle import read_asked, selected_cells

_RECORD: Final = b'{"kind":"record"'  # how the journal begins such a line
_NUMBER: Final = re.compile(r"(\d+)")
_KEPT: Final = (
    "type", "instance_id", "scenario_id", "variant", "arm", "model", "provider", "rep", "attempt", "oracle", "outcome",
    "stop", "resolved", "tokens", "calls", "cost_usd", "provider_retries", "requests", "cap",
    "wall_time_seconds", "per_step_tokens", "failed_step", "failed_guard", "retry_count", "integrity", "image_digest",
    "started_at", "finished_at", "host", "run_id", "key",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where the last record of a cell stands: a line of a journal, by its offset and size in bytes."""

    cell: Cell
    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class RunView:
    """A run's cells in order, without their records, which `records` reads from disk as they are asked for.

    `selected` is variant -> selected cells, `instance_ids` are all that were selected, `damaged` counts lines of
    journals that were left out.
    """

    layout: RunLayout
    places: tuple[Place, ...]
    selected: dict[str, int]
    instance_ids: tuple[str, ...]
    plans: tuple[dict[str, Any], ...]
    damaged: int

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the last record of every cell, in the order of `places`."""
        path, file = None, None
        try:
            for place in self.places:
                if place.path != path:
                    if file is not None:
                        file.close()
                    path, file = place.path, place.path.open("rb")
                assert file is not None
                file.seek(place.offset)
                entry = unseal(file.read(place.size))
                if entry is not None:  # as it was a moment ago
                    yield entry["record"]
        finally:
            if file is not None:
                file.close()

    @property
    def described(self) -> dict[str, dict[str, Any]]:
        """What the run's plans say of every variant."""
        return {name: data for plan in self.plans for name, data in plan["variants"].items()}

    def instances(self) -> Iterator[Instance]:
        """Yield those of the run's instances that its manifests still hold, in the order of `instance_ids`."""
        from pytest_swebench.datasets.manifest import read_manifest

        manifests = [read_manifest(index) for index in sorted((self.layout.folder / "manifests").glob("*.json"))]
        for name in self.instance_ids:
            holder = next((one for one in manifests if name in one.places and one.path.exists()), None)
            if holder is not None:
                yield holder.instance(name)


def view_run(folder: Path) -> RunView:
    """Find the last record of every cell of the run in `folder`. Raises InputError for a folder that holds no run."""
    layout = RunLayout(folder.absolute().parent, folder.absolute().name, "")
    if not any(layout.journals.glob("*.jsonl")):
        raise InputError(
            f"{str(folder)!r} is no folder of a run: it has no journal/*.jsonl; give results/<run id>, as the last "
            "line of a run's summary names it"
        )
    places, damaged = _places(layout)
    plans = tuple(read_plans(layout))
    planned = planned_cells(layout)
    selected = selected_cells(layout) or planned
    ids = {place.cell.instance_id for place in places}
    if selected == planned:  # otherwise the manifests hold more than was selected
        ids.update(_manifest_ids(layout))
    return RunView(layout, tuple(places), selected, tuple(sorted(ids, key=by_numbers)), plans, damaged)


def slim(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its texts and lists of tests: what numbers are made from."""
    return {name: record[name] for name in _KEPT if name in record}


def repository(instance_id: str, told: str = "") -> str:
    """Return the repository of an instance: as its row told, else from an id of the form `owner__name-number`."""
    if told:
        return told
    owner, sep, rest = instance_id.removeprefix("instance_").partition("__")
    return f"{owner}/{rest.rpartition('-')[0] or rest}" if sep else "(none)"


def by_numbers(name: str) -> list[str | int]:
    """Return what puts `repo-9` before `repo-10`."""
    return [int(part) if place % 2 else part for place, part in enumerate(_NUMBER.split(name))]


def _places(layout: RunLayout) -> tuple[list[Place], int]:
    """Return the places of the last records by cell, and the count of damaged lines.

    Of two records of one attempt the later one stands, as in `records.results`; a resumed run tells of what it was
    last asked for.
    """
    last: dict[str, tuple[tuple[int, str], Place]] = {}
    damaged = 0
    asked = read_asked(layout)
    for path in sorted(layout.journals.glob("*.jsonl")):
        offset = 0
        with path.open("rb") as file:
            for line in file:
                here, offset = offset, offset + len(line)
                if not line.startswith(_RECORD):
                    damaged += bool(line.strip()) and not line.startswith(b'{"kind":"')
                    continue
                entry = unseal(line)
                if entry is None:
                    damaged += 1
                    continue
                record, name = entry["record"], entry["cell"]
                cell = parse_cell(name)
                rank = (record["attempt"], record["finished_at"])
                if cell is not None and (name not in last or rank >= last[name][0]):
                    last[name] = rank, Place(cell, path, here, len(line))
    if asked is not None:
        last = {name: found for name, found in last.items() if found[0][0] >= asked.get(name, math.inf)}
    return sorted((place for _, place in last.values()), key=lambda place: place.cell), damaged


def _manifest_ids(layout: RunLayout) -> Iterator[str]:
    from pytest_swebench.datasets.manifest import read_manifest

    for index in (layout.folder / "manifests").glob("*.json"):
        yield from read_manifest(index).places
