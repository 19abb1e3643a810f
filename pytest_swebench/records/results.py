"""From journals to the files people read: per-variant lines as they come, merged results at the end.

The journals are the truth. Everything written here can be deleted and made again with `swebench-runner merge`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_swebench.outcome import Outcome
from pytest_swebench.records.decision import left_by_variant
from pytest_swebench.records.journal import JournalRead, read_journals
from pytest_swebench.records.layout import RunLayout, json_line, read_json, write_json, write_whole
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.summary import VariantSummary, summarise
from pytest_swebench.records.writers import WriterPool

if TYPE_CHECKING:
    from pytest_swebench.statistics.analysis import Analysis

Entry = dict[str, Any]


@dataclass(frozen=True)  # without slots, for the cached property
class Merged:
    """What a run's journals add up to: the last attempt of every cell, and the rates of every variant.

    `damaged` counts lines of the journals that were left out, `running` cells that a living process works on.
    """

    records: list[Entry]
    summaries: list[VariantSummary]
    damaged: int
    running: int = 0

    @property
    def not_run(self) -> int:
        """How many selected cells have no record: not run, or at work at present."""
        return sum(summary.not_run for summary in self.summaries)

    @property
    def left_by_gate(self) -> int:
        """How many others have none because the gate was decided without them: nothing went wrong with these."""
        return sum(summary.left_by_gate for summary in self.summaries)

    @cached_property
    def analysis(self) -> Analysis:
        """What may be said of the records: terminal, files and reports all tell this."""
        from pytest_swebench.statistics.analysis import analyse

        return analyse(self.records, {summary.variant: summary.selected for summary in self.summaries})


def final_records(entries: Iterable[Entry]) -> list[Entry]:
    """Return the record of the last attempt of every cell, in the order in which cells first appeared.

    Of two records of one attempt the later one stands, whatever the names of their journals.
    """
    last: dict[str, Entry] = {}
    for entry in entries:
        if entry["kind"] == "record":
            record = entry["record"]
            known = last.setdefault(entry["cell"], record)
            if (record["attempt"], record["finished_at"]) >= (known["attempt"], known["finished_at"]):
                last[entry["cell"]] = record
    return list(last.values())


def unfinished(entries: Collection[Entry]) -> list[Entry]:
    """Return the opening records of attempts that started and have no record: their process died or was stopped."""
    open_attempts: dict[tuple[str, int], Entry] = {}
    for entry in entries:
        if entry["kind"] == "started":
            open_attempts.setdefault((entry["cell"], entry["record"]["attempt"]), entry["record"])
    for entry in entries:
        if entry["kind"] == "record":
            open_attempts.pop((entry["cell"], entry["record"]["attempt"]), None)
    return list(open_attempts.values())


def paid(entries: Iterable[Entry], cell: str) -> bool:
    """Say whether any attempt at `cell` has called a model."""
    return any(entry["kind"] == "calling" and entry["cell"] == cell for entry in entries)


def counted(records: Iterable[Entry], asked: Mapping[str, int] | None) -> list[Entry]:
    """Return the records that answer what the run was last asked for: cell -> the first attempt that counts."""
    return [one for one in records if asked is None or one["attempt"] >= asked.get(str(cell_of(one)), math.inf)]


def merged_of(
    read: JournalRead,
    layout: RunLayout,
    selected: dict[str, int] | None = None,
    *,
    asked: Mapping[str, int] | None = None,
    running: int = 0,
) -> Merged:
    """Return what the journals of a run add up to; nothing is written, and the rest is as for `merge`."""
    records = counted(sorted(final_records(read.entries), key=cell_of), asked)
    planned = planned_cells(layout) if selected is None else selected
    summaries = summarise(records, planned, left_by_variant(layout, records))
    return Merged(records, summaries, read.damaged, running)


def merge(
    layout: RunLayout,
    selected: dict[str, int] | None = None,
    *,
    asked: Mapping[str, int] | None = None,
    running: int = 0,
) -> Merged:
    """Rebuild what lies beside the journals: `run.json`, `results.jsonl`, `summary.*` and the predictions.

    `selected` says how many cells of each variant were selected; without it the plans of the run tell. `asked`, if
    given, maps the cells that count to the first attempt that does.
    """
    from pytest_swebench.records.figures import summary_csv, summary_json

    merged = merged_of(read_journals(layout.journals), layout, selected, asked=asked, running=running)
    write_whole(layout.results, b"".join(json_line(record) for record in merged.records))
    write_json(layout.folder / "run.json", {"run_id": layout.run_id, "plans": read_plans(layout)})
    write_json(layout.folder / "summary.json", summary_json(merged.summaries, merged.analysis))
    write_whole(layout.folder / "summary.csv", summary_csv(merged.summaries, merged.analysis))
    _write_predictions(layout, merged.records)
    return merged


def planned_cells(layout: RunLayout) -> dict[str, int]:
    """Return variant -> number of cells that the run's plans ask for."""
    cells: dict[str, int] = {}
    for plan in read_plans(layout):
        for variant in plan["variants"]:
            cells[variant] = cells.get(variant, 0) + plan["instances"] * plan["reps"]
    return cells


def read_plans(layout: RunLayout) -> list[Entry]:
    """Return what each test function of the run asked for, as stored when it was resolved."""
    paths = sorted((layout.folder / "plans").glob("*.json"))
    return [read_json(path) for path in paths]


def planned_commit(layout: RunLayout) -> str:
    """Return the commit that the run's plans name, "" if none does."""
    commits = [data.get("git_commit", "") for plan in read_plans(layout) for data in plan["variants"].values()]
    return next(filter(None, commits), "")


def prediction_name(record: Entry) -> str:
    """Return what a prediction says of its origin: of imported ones what they said themselves, else the variant."""
    imported = record["model"] if not record["provider"] else ""
    return str(imported or record["variant"])


def _write_predictions(layout: RunLayout, records: list[Entry]) -> None:
    """Write the patches in the official shape: instance_id, model_name_or_path, model_patch."""
    files: dict[Path, list[bytes]] = {}
    for record in records:
        if record["type"] != "result" or not record["patch"] or not Outcome(record["outcome"]).final:
            continue
        if record.get("patch_redacted"):  # it is not what the arm left, and would be graded as if it were
            continue
        line = {
            "instance_id": record["instance_id"],
            "model_name_or_path": prediction_name(record),
            "model_patch": record["patch"],
        }
        path = layout.predictions(record["variant"], record["rep"])
        files.setdefault(path, []).append(json_line(line))
    for path, lines in files.items():
        write_whole(path, b"".join(lines))


@dataclass(slots=True)
class ResultFiles:
    """The per-variant files of a run, written by one process at a time, each line once."""

    layout: RunLayout
    git_commit: str
    _pool: WriterPool | None = None
    _written: set[str] = field(default_factory=set)
    _there: Counter[str] = field(default_factory=Counter)
    _paths: set[Path] = field(default_factory=set)

    @property
    def pool(self) -> WriterPool:
        if self._pool is None:
            layout = self.layout
            self._pool = WriterPool(layout.run_id, self.git_commit, directory=layout.root, timestamp=layout.timestamp)
        return self._pool

    def add(self, bundle: Entry) -> None:
        """Write the line of a bundle: a cell's record, or a line of a test's own writer."""
        if bundle["kind"] == "record":
            record = bundle["record"]
            self._write(_record_id(record), record["variant"], record["rep"], bundle.get("metadata", {}), record)
        else:
            self._write(bundle["id"], bundle["variant"], bundle["rep"], bundle["metadata"], bundle["line"])

    def reconcile(self, read: JournalRead, dropped: set[tuple[str, int]]) -> None:
        """Write what the journals hold and no report brought; `dropped` attempts (nodeid, number) were rerun."""
        metadata = {name: data for plan in read_plans(self.layout) for name, data in plan["variants"].items()}
        for record in final_records(read.entries):
            described = {**metadata.get(record["variant"], {}), "rep": record["rep"]}
            self.add({"kind": "record", "record": record, "metadata": described})
        lines = [entry for entry in read.entries if entry["kind"] == "line"]
        last = {entry["nodeid"]: entry["attempt"] for entry in sorted(lines, key=lambda entry: entry["attempt"])}
        for entry in lines:
            if entry["attempt"] == last[entry["nodeid"]] and (entry["nodeid"], entry["attempt"]) not in dropped:
                self.add(entry)

    def take_up(self) -> None:
        """Note what the files of an ended run hold, whichever of its invocations wrote them."""
        for path in sorted(self.layout.root.glob("*_run*_*.jsonl")):
            self._take_up(path)

    def close(self) -> list[Path]:
        """Close the files and return their paths."""
        if self._pool is not None:
            self._pool.close_all()
            self._paths.update(self._pool.paths())
        return sorted(self._paths)

    def _take_up(self, path: Path) -> None:
        """Note the lines of a file of this run, and cut off a last one that was not written to its end."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        head, *lines = whole.splitlines() or [b""]
        about = read_object(head)
        if about.get("run_id") != self.layout.run_id:
            return
        if whole != content:
            write_whole(path, whole)
        self._paths.add(path)
        for line in map(read_object, lines):
            self._there[_content(about.get("variant"), about.get("rep"), line)] += 1
            if {"key", "outcome", "attempt"} <= line.keys():
                self._written.add(_record_id(line))

    def _write(self, line_id: str, variant: str, rep: int, metadata: Entry, line: Entry) -> None:
        if line_id in self._written:
            return
        self._written.add(line_id)
        content = _content(variant, rep, line) if self._there else ""
        if self._there[content]:
            self._there[content] -= 1
            return
        writer = self.pool.get(variant, rep)
        if not writer.started:
            writer.write_metadata(**metadata)
        writer.write_line(line)


def _record_id(record: Entry) -> str:
    return f"{cell_of(record)}#{record['attempt']}"


def _content(variant: Any, rep: Any, line: Entry) -> str:
    return json.dumps([variant, rep, line], sort_keys=True)


def read_records(path: Path) -> list[Entry]:
    """Return the results in a file of lines, [] where there is none; what is no result is left out."""
    try:
        lines = path.read_bytes().splitlines()  # of bytes, since a text ends lines at more than those of JSON Lines
    except FileNotFoundError:
        return []
    return [line for line in map(read_object, lines) if line.get("type") == "result"]


def read_object(line: bytes) -> Entry:
    """Return the object in a line of a file that anybody may have touched; an empty one if there is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
