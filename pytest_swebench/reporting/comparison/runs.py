"""Runs of ours as sources: from their journals, so also while they are at work, or from `results.jsonl` alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import IMPORTED, digest
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.source import RESULTS, RUN, Source
from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.unjudged import captured, ungraded
from pytest_swebench.statistics.data import Observation, awaits_verdict, judged, observation_of

_RESULTS: Final = "results.jsonl"


def is_run(folder: Path) -> bool:
    """Say whether a folder is one of a run of ours."""
    return any((folder / "journal").glob("*.jsonl")) or (folder / _RESULTS).is_file()


def source_of_run(folder: Path) -> Source | None:
    """Return the last record of every cell of a run, with what it was made under; None if it has none."""
    from pytest_swebench.reporting.reading import view_run

    if not any((folder / "journal").glob("*.jsonl")):
        return source_of_results(folder / _RESULTS)
    view = view_run(folder)
    found = _Collected()
    found.add(view.records())
    for variant, described in view.described.items():
        for what in ("swebench", "pytest-swebench"):
            found.conditions[what].add(str(described.get("versions", {}).get(what, "")))
        if described.get("oracle"):
            found.oracles.add(variant)
    digests = {instance.instance_id: instance.digest for instance in view.instances()}
    notes = [_left_out(view.damaged, "of the journals ")] if view.damaged else []
    if not view.plans:
        notes.append("its plan is gone, so cells without a record do not show")
    return found.source(folder, folder.absolute().name, RUN, view.selected, digests, notes)


def _left_out(damaged: int, whose: str = "") -> str:
    return f"{count(damaged, 'damaged line')} {whose}{'is' if damaged == 1 else 'are'} left out"


def source_of_results(path: Path) -> Source | None:
    """Return the records in a file of lines; None for a file of other lines."""
    from pytest_swebench.records.results import read_object

    lines = [read_object(line) for line in path.read_bytes().splitlines() if line.strip()]
    records = [line for line in lines if line.get("type") in ("result", "scenario_result")]
    if not records:
        return None
    found = _Collected()
    found.add(records)
    damaged = sum(not line for line in lines)
    notes = [_left_out(damaged)] if damaged else []
    notes.append("the plan of the run is not in it, so cells without a record do not show")
    name = path.absolute().parent.name if path.name == _RESULTS else path.stem
    return found.source(path, name, RESULTS, {}, {}, notes)


class _Collected:
    """What the records of a run come to, gathered one by one."""

    def __init__(self) -> None:
        self.cells: list[Observation] = []
        self.ungraded: Counter[str] = Counter()
        self.captured: Counter[str] = Counter()
        self.scenarios: Counter[str] = Counter()
        self.run_id = ""
        self.oracles: set[str] = set()
        self.imported: set[str] = set()
        self.images: dict[str, str] = {}
        self.conditions: defaultdict[str, set[str]] = defaultdict(set)
        self.ends: set[tuple[str, str]] = set()

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take up records."""
        for record in records:
            cell = observation_of(record)
            if cell is None:
                self._add_without_verdict(str(record["variant"]), record)
                continue
            self.cells.append(cell)
            self.ends.add((str(record.get("run_id", "")), str(record.get("finished_at", ""))))
            if record.get("oracle"):
                self.oracles.add(cell.variant)
            if record.get("arm") == IMPORTED:
                self.imported.add(cell.variant)
            if record.get("image_digest"):
                self.images[cell.instance_id] = str(record["image_digest"])
            for what, value in (record.get("grading") or {}).items():
                if not isinstance(value, dict | list):  # exceptions of single instances are part of their digest
                    self.conditions[f"grading {what}"].add(str(value))

    def _add_without_verdict(self, variant: str, record: Mapping[str, Any]) -> None:
        self.run_id = str(record.get("run_id", ""))
        self.ungraded[variant] += awaits_verdict(record)
        self.scenarios[variant] += not awaits_verdict(record)
        self.captured[variant] += record["outcome"] == Outcome.CAPTURED

    def source(
        self,
        path: Path,
        name: str,
        kind: str,
        planned: Mapping[str, int],
        digests: Mapping[str, str],
        notes: Iterable[str],
    ) -> Source:
        """Return the source."""
        found = judged(self.cells, planned, patches=+self.ungraded, scenarios=+self.scenarios)
        return Source(
            path=path,
            name=name,
            kind=kind,
            cells=tuple(found.observations),
            planned=found.planned,
            oracles=frozenset(self.oracles),
            imported=frozenset(self.imported),
            digests=digests,
            images=self.images,
            conditions={what: frozenset(values) for what, values in sorted(self.conditions.items())},
            origin=digest(sorted(self.ends)),
            unjudged=found.unjudged,
            why_unjudged=tuple(self._why(found.unjudged, alone=not found.observations)),
            notes=tuple(notes),
            ended_on=self._ended_on(),
        )

    def _why(self, unjudged: Collection[str], *, alone: bool) -> Iterator[str]:
        """Say why variants have no verdict, and what gives them one; `alone` where the run has no others."""
        for sentence, of_kind in ((ungraded, +self.ungraded), (captured, self.captured - self.ungraded)):
            told = {name: number for name, number in sorted(of_kind.items()) if name in unjudged}
            if told:
                yield sentence(sum(told.values()), self.run_id, [] if alone and told.keys() == unjudged else [*told])

    def _ended_on(self) -> date | None:
        try:
            return max(datetime.fromisoformat(finished).date() for _, finished in self.ends)
        except ValueError:  # a record without that time, or none
            return None
