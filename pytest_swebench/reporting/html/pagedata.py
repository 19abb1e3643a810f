"""A run gone through once: numbers of every cell for the page, and what each cell's own page needs onto shelves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_swebench import __version__
from pytest_swebench.cell import FRAME, IMPORTED
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import IntegrityState, Outcome, Stop
from pytest_swebench.records.decision import left_by_variant
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.summary import VariantSummary, integrity_of, summarise
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.gate.told import GateTold, gate_told
from pytest_swebench.reporting.html.against import Against
from pytest_swebench.reporting.html.bundles import Shelf
from pytest_swebench.reporting.html.contents import cut, in_short, of_instance, what_was_said
from pytest_swebench.reporting.html.tables import moment
from pytest_swebench.reporting.reading import RunView, repository, slim
from pytest_swebench.reporting.reasons import reason_of
from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.unjudged import ungraded

OUTCOMES: Final = tuple(map(str, Outcome))
STATES: Final = ("", *map(str, IntegrityState))
STOPS: Final = ("", *map(str, Stop))
_REASON_LENGTH: Final = 300  # characters
_REASONS: Final = 5  # of cells that broke, shown by how often


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """What the pages of cells need: records, conversations with logs, and instances. None where it is left out."""

    cells: Shelf | None
    talks: Shelf | None
    instances: Shelf | None

    def all(self) -> list[Shelf]:
        return [shelf for shelf in (self.cells, self.talks, self.instances) if shelf is not None]


@dataclass(slots=True)
class PageData:
    """All that the page shows without asking a bundle: `records` are slim, one a cell, and so are `columns`.

    `summaries` are one a variant, oracles and the frame last.
    """

    view: RunView
    unfit: Mapping[str, str]
    ledgers: Mapping[str, Ledger]
    against: Against | None
    gate: GateTold | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[VariantSummary] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    repositories: dict[str, str] = field(default_factory=dict)
    shelved: dict[str, int] = field(default_factory=dict)  # which entry of its shelf is an instance's
    broken: Counter[str] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        return f"SWE-bench run {self.view.layout.run_id}"

    @property
    def about(self) -> str:
        """The run in a line: what of, and when."""
        described = next(iter(self.view.described.values()), {})
        began = min(filter(None, (record["started_at"] for record in self.records)), default="")
        return " · ".join(
            filter(
                None,
                [
                    str(described.get("dataset", "")),
                    count(len(self.view.instance_ids), "instance"),
                    count(len(self.records), "cell"),
                    moment(began) if began else "",
                ],
            )
        )

    def repository(self, instance_id: str) -> str:
        return self.repositories.get(instance_id) or repository(instance_id)

    def facts(self) -> list[tuple[str, str]]:
        """Return what is to be known of the run as a whole."""
        described = next(iter(self.view.described.values()), {})
        times = sorted(filter(None, (record["started_at"] for record in self.records)))
        ends = sorted(filter(None, (record["finished_at"] for record in self.records)))
        versions = described.get("versions", {})
        found = [
            ("run", self.view.layout.run_id),
            ("dataset", " ".join(filter(None, [str(described.get("dataset", "")), str(described.get("filter", ""))]))),
            ("instances", str(len(self.view.instance_ids))),
            ("cells", f"{len(self.records)} of {sum(self.view.selected.values()) or len(self.records)}"),
            ("first cell began", moment(times[0]) if times else ""),
            ("last cell ended", moment(ends[-1]) if ends else ""),
            ("commit", str(described.get("git_commit", ""))),
            ("versions", ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))),
        ]
        return [(name, value) for name, value in found if value]

    def warnings(self, apart: Collection[str]) -> list[str]:
        """Return what somebody who quotes this run should know; variants `apart` frame what the others can reach."""
        told = []
        summaries = self.summaries
        if missing := sum(one.not_run for one in summaries):
            told.append(f"not complete: {count(missing, 'selected cell')} without a record")
        if left := sum(one.left_by_gate for one in summaries):
            told.append(f"stopped by its gate: {count(left, 'selected cell')} left out on purpose")
        if broken := sum(one.broken for one in summaries):
            told.append(f"{count(broken, 'cell')} broken (infra, error): in no rate, neither as failed nor as passed")
        if patches := sum(one.ungraded for one in summaries if one.unjudged):
            told.append(ungraded(patches, self.view.layout.run_id, [one.variant for one in summaries if one.unjudged]))
        if doubted := sum(one.doubted for one in summaries):
            told.append(f"{count(doubted, 'resolved cell')} not clean: see integrity")
        if self.unfit:
            told.append(f"{count(len(self.unfit), 'instance')} in quarantine: see integrity")
        if any(one.oracle for one in summaries):
            told.append("variants marked * are oracles: they see hidden tests or the reference patch")
        if self.records and max(record["rep"] for record in self.records) == 1:
            anew = any(record.get("arm") not in {*FRAME, IMPORTED} for record in self.records)
            would = "; --count 3 would" if anew and not missing else ""
            told.append(f"one repetition: the luck of a rerun is not measured{would}")
        held = [one for one in summaries if one.variant not in apart and one.attempted and not one.unjudged]
        if held and not any(one.count(Outcome.RESOLVED) for one in held):
            told.append("nothing was resolved")
        if self.view.damaged:
            told.append(f"{count(self.view.damaged, 'damaged line')} of the journals left out")
        return told

    def reasons(self) -> list[tuple[str, int]]:
        """Return why cells broke, the most frequent reasons first."""
        return sorted(self.broken.items(), key=lambda one: (-one[1], one[0]))[:_REASONS]

    def as_json(self, apart: Collection[str]) -> dict[str, Any]:
        """Return what the page's scripts work with; cells are columns of numbers, indices into the lists beside."""
        summaries = self.summaries
        plan = next(iter(self.view.plans), {})
        return {
            "run": self.view.layout.run_id,
            "dataset": plan.get("dataset", ""),
            "split": plan.get("split", ""),
            "outcomes": OUTCOMES,
            "states": STATES,
            "stops": STOPS,
            "variants": [
                {"name": one.variant, "oracle": one.oracle, "apart": one.variant in apart} for one in summaries
            ],
            "instances": [
                {
                    "id": name,
                    "repo": self.repository(name),
                    "unfit": self.unfit.get(name, ""),
                    "at": self.shelved.get(name, -1),
                }
                for name in self.view.instance_ids
            ],
            "cells": self.columns,
            "baseline": self.against
            and self.against.as_json([one.variant for one in summaries], self.view.instance_ids),
        }


def collect(
    view: RunView,
    shelves: Shelves,
    redactor: Redactor,
    *,
    unfit: Mapping[str, str],
    ledgers: Mapping[str, Ledger],
    against: Against | None,
) -> PageData:
    """Read every record once; what its page needs goes onto `shelves`."""
    data = PageData(view, unfit, ledgers, against, gate_told(view.layout.folder))
    rows: list[tuple[Any, ...]] = []
    instances = {name: place for place, name in enumerate(view.instance_ids)}
    names: dict[str, int] = {}
    traced = view.layout.traces.is_dir()
    for record in view.records():
        rows.append(_row(record, instances, names.setdefault(record["variant"], len(names))))
        if shelves.cells is not None:
            shelves.cells.add(in_short(record))
        if shelves.talks is not None:
            shelves.talks.add(what_was_said(view.layout, record, traced=traced))
        outcome = Outcome(record["outcome"])
        if outcome in {Outcome.INFRA, Outcome.ERROR}:
            data.broken[cut(redactor.text(reason_of(record)), _REASON_LENGTH) or "no reason given"] += 1
        data.records.append(slim(record))
    summaries = summarise(data.records, view.selected, left_by_variant(view.layout, data.records))
    data.summaries = sorted(summaries, key=lambda one: one.oracle or one.variant in FRAME)
    order = {one.variant: place for place, one in enumerate(data.summaries)}
    known = list(names)
    data.columns = {
        column: [row[place] for row in rows]
        for place, column in enumerate(("inst", "var", "rep", "out", "integ", "stop", "cost", "sec", "tok", "calls"))
    }
    data.columns["var"] = [order[known[number]] for number in data.columns["var"]]
    for instance in view.instances():
        data.repositories[instance.instance_id] = repository(instance.instance_id, instance.problem.repo)
        if shelves.instances is not None:
            data.shelved[instance.instance_id] = len(data.shelved)
            shelves.instances.add(of_instance(instance))
    for shelf in shelves.all():
        shelf.close()
    return data


def _row(record: Mapping[str, Any], instances: Mapping[str, int], variant: int) -> tuple[Any, ...]:
    name = record.get("instance_id") or record["scenario_id"]
    return (
        instances[name],
        variant,
        record["rep"],
        _place(OUTCOMES, record["outcome"], "outcome", record),
        _place(STATES, integrity_of(record), "integrity", record),
        _place(STOPS, record["stop"] or "", "stop", record),
        None if record["cost_usd"] is None else float(f"{record['cost_usd']:.4g}"),
        round(record["wall_time_seconds"].get("total", 0.0), 1),
        sum(record["tokens"].values()),
        record["calls"],
    )


def _place(known: Sequence[str], value: str, field: str, record: Mapping[str, Any]) -> int:
    """Return where a value stands among those known. Raises InputError for one of another version."""
    if value not in known:
        raise InputError(
            f"the record of {cell_of(record)} has the {field} {value!r}, which pytest-swebench {__version__} does not "
            f"know ({', '.join(filter(None, known))}); read it with the version that wrote it"
        )
    return known.index(value)
