"""Whether every file of a run is complete: a final record for each selected cell, no torn line, no empty answer.

A run is complete when every (variant, repetition) has one final record for every instance that was selected, in the
journals, in `results.jsonl` and in the per-variant files; cells that its gate was decided without need none. Nothing is
written here.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.datasets.manifest import read_manifest
from pytest_swebench.errors import RecordError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.decision import LEFT, read_left
from pytest_swebench.records.journal import read_journals, unseal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.results import counted, final_records, planned_cells, read_plans
from pytest_swebench.records.resume import is_final
from pytest_swebench.records.schema import cell_of
from pytest_swebench.records.settle import read_asked, selected_cells

Entry = dict[str, Any]


class Lack(StrEnum):
    """What is wrong with a file or a cell."""

    TORN = "torn"
    MISSING = "missing"
    NOT_FINAL = "not final"
    EMPTY = "empty"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a run from being complete; `where` is a file, a cell or a variant.

    `cells` is how many cells it is about, 0 if it is about a file.
    """

    lack: Lack
    where: str
    what: str
    cells: int = 0

    def __str__(self) -> str:
        return f"{self.lack}: {self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Completeness:
    """What was looked at, and what it lacks. `left_by_gate` cells are not lacking: they were left out on purpose."""

    cells: int
    files: int
    problems: tuple[Problem, ...]
    left_by_gate: int = 0


def check_run(layout: RunLayout) -> Completeness:
    """Look at every file of a run."""
    entries = read_journals(layout.journals).entries
    if torn := [problem for path in _asked_for(layout) if (problem := _torn_json(path)) is not None]:
        return Completeness(0, len(_asked_for(layout)), tuple(torn))  # it cannot be told what should be there
    records = {cell_of(record): record for record in counted(final_records(entries), read_asked(layout))}
    own = {cell for entry in entries if entry["kind"] == "line" and (cell := parse_cell(entry["nodeid"])) is not None}
    left = read_left(layout, records.values())
    files = _files_of_variants(layout)
    problems = [
        *_torn_journals(layout),
        *_missing(layout, records.keys() | own | left),
        *_not_final(records),
        *_results(layout, records),
        *_variants(files, records),
        *_own_lines(files),
        *_torn_others(layout),
    ]
    seen = len(list(layout.journals.glob("*.jsonl"))) + len(files) + len(_others(layout)) + layout.results.exists()
    return Completeness(len(records), seen, tuple(problems), len(left))


def is_empty(record: Mapping[str, Any]) -> bool:
    """Say whether a record holds nothing: no text, no tool call, no patch, and no word on why there is none."""
    if record.get("response_text") or record.get("tool_calls"):
        return False
    if record["type"] == "scenario_result":
        return True
    limited = record["stop"] not in (None, "submitted")
    told = (record["patch"], record["failed_guard"], record["failed_step"], record["notes"], record["validation"])
    return not (limited or any(told))


def _torn_journals(layout: RunLayout) -> Iterator[Problem]:
    for path in sorted(layout.journals.glob("*.jsonl")):
        lines = path.read_bytes().splitlines()
        if damaged := sum(bool(line.strip()) and unseal(line) is None for line in lines):
            yield Problem(Lack.TORN, str(path), f"{damaged} of {len(lines)} lines are damaged")


def _missing(layout: RunLayout, accounted: Iterable[Cell]) -> Iterator[Problem]:
    """Yield what was selected and is not `accounted` for: by name, unless only the number is known, as of `-k`."""
    there, asked = set(accounted), read_asked(layout)
    if asked is not None:
        wanted = {cell for name in asked if (cell := parse_cell(name)) is not None}
        yield from (_no_record(cell) for cell in sorted(wanted - there))
        return
    planned: dict[str, set[Cell]] = defaultdict(set)
    try:
        for cell in _planned(layout):
            planned[cell.variant].add(cell)
    except RecordError as error:
        yield Problem(Lack.TORN, str(layout.folder / "manifests"), str(error))
    selected = selected_cells(layout)
    for variant, count in sorted((planned_cells(layout) if selected is None else selected).items()):
        if count == len(planned[variant]):
            yield from (_no_record(cell) for cell in sorted(planned[variant] - there))
        elif lacking := count - sum(cell.variant == variant for cell in there):
            yield Problem(Lack.MISSING, variant, f"{lacking} of {count} selected cells have no record", max(lacking, 0))


def _no_record(cell: Cell) -> Problem:
    return Problem(Lack.MISSING, str(cell), "has no record", 1)


def _planned(layout: RunLayout) -> Iterator[Cell]:
    """Yield every cell that the run's plans ask for. Raises RecordError for a manifest that cannot be read."""
    for plan in read_plans(layout):
        for name in read_manifest((layout.folder / plan["manifest"]).with_suffix(".json")).instance_ids:
            for variant in plan["variants"]:
                yield from (Cell(name, variant, rep) for rep in range(1, plan["reps"] + 1))


def _not_final(records: Mapping[Cell, Entry]) -> Iterator[Problem]:
    for cell, record in sorted(records.items()):
        if not is_final(record):
            broken = not Outcome(record["outcome"]).final
            why = (record["error"] or {}).get("message") or record["notes"] if broken else "a cap cut it short"
            yield Problem(Lack.NOT_FINAL, str(cell), f"{record['outcome']}: {' '.join(str(why).split())}", 1)
        elif is_empty(record):
            yield Problem(Lack.EMPTY, str(cell), f"{record['outcome']} without text, tool call, patch or a reason", 1)


def _results(layout: RunLayout, records: Mapping[Cell, Entry]) -> Iterator[Problem]:
    """Yield whether `results.jsonl` says what the journals say."""
    again = f"swebench-runner merge {layout.folder} makes it anew"
    if not layout.results.exists():
        yield Problem(Lack.MISSING, str(layout.results), f"is not there; {again}")
        return
    lines, torn = _lines(layout.results)
    yield from torn
    found = {cell_of(line): (line["attempt"], line["outcome"]) for line in lines}
    if not torn and found != {cell: (one["attempt"], one["outcome"]) for cell, one in records.items()}:
        yield Problem(Lack.DIFFERS, str(layout.results), f"is not what the journals say; {again}")


@dataclass(frozen=True, slots=True)
class _File:
    """A per-variant file: its head, its lines, and what is torn in it."""

    path: Path
    head: Entry
    lines: list[Entry]
    torn: list[Problem]

    @property
    def place(self) -> tuple[str, int]:
        return str(self.head.get("variant")), int(self.head.get("rep") or 0)


def _files_of_variants(layout: RunLayout) -> list[_File]:
    """Return the run's per-variant files, told by their first line."""
    found = []
    for path in sorted(layout.root.glob("*_run*_*.jsonl")):
        lines, torn = _lines(path)
        if lines and lines[0].get("run_id") == layout.run_id and lines[0].get("type") == "run_metadata":
            found.append(_File(path, lines[0], lines[1:], torn))
    return found


def _variants(files: list[_File], records: Mapping[Cell, Entry]) -> Iterator[Problem]:
    """Yield what the per-variant files lack, or hold twice, of the records."""
    attempts: dict[tuple[str, int], dict[str, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        yield from file.torn
        for line in filter(_is_record, file.lines):
            attempts[file.place][cell_of(line).instance_id].append((line["attempt"], line["outcome"]))
    for (variant, rep), of_instances in sorted(attempts.items()):
        for instance_id, tries in sorted(of_instances.items()):
            if twice := [one for one, count in Counter(tries).items() if count > 1]:
                cell = Cell(instance_id, variant, rep)
                yield Problem(Lack.DIFFERS, str(cell), f"attempt {twice[0][0]} stands twice in the per-variant files")
    lacking: dict[tuple[str, int], list[str]] = defaultdict(list)
    for cell, record in sorted(records.items()):
        tries = attempts[cell.variant, cell.rep][cell.instance_id]
        if (record["attempt"], record["outcome"]) not in tries:
            lacking[cell.variant, cell.rep].append(cell.instance_id)
    for (variant, rep), names in sorted(lacking.items()):
        what = f"has no line for {len(names)} records, e.g. {names[0]}; swebench-runner merge completes it"
        yield Problem(Lack.MISSING, f"{variant}_run{rep}", what)


def _own_lines(files: list[_File]) -> Iterator[Problem]:
    """Yield what a test's own writer left out: every scenario belongs into every file, and none is empty."""
    names: dict[tuple[str, int], set[str]] = {}
    for file in files:
        for line in file.lines:
            if not _is_record(line) and "scenario_id" in line:
                names.setdefault(file.place, set()).add(str(line["scenario_id"]))
                if "response_text" in line and not (line["response_text"] or line.get("tool_calls")):
                    yield Problem(Lack.EMPTY, f"{file.path}: {line['scenario_id']}", "no text and no tool call")
    every = set().union(*names.values())
    for (variant, rep), there in sorted(names.items()):
        if lacking := sorted(every - there):
            what = f"has no line for {len(lacking)} of {len(every)} scenarios, e.g. {lacking[0]}"
            yield Problem(Lack.MISSING, f"{variant}_run{rep}", what)


def _is_record(line: Mapping[str, Any]) -> bool:
    return {"key", "outcome", "attempt"} <= line.keys()


def _others(layout: RunLayout) -> list[Path]:
    summaries = [path for path in (layout.folder / "summary.json", layout.folder / "run.json") if path.exists()]
    return [*summaries, *sorted((layout.folder / "predictions").glob("*.jsonl"))]


def _torn_others(layout: RunLayout) -> Iterator[Problem]:
    for path in _others(layout):
        if path.suffix == ".jsonl":
            yield from _lines(path)[1]
        elif (problem := _torn_json(path)) is not None:
            yield problem


def _asked_for(layout: RunLayout) -> list[Path]:
    """Return the files that say which cells there should be."""
    found = [layout.folder / name for name in ("asked.json", "selected.json", LEFT)]
    return [*(path for path in found if path.exists()), *sorted((layout.folder / "plans").glob("*.json"))]


def _torn_json(path: Path) -> Problem | None:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return Problem(Lack.TORN, str(path), "is not JSON")
    return None


def _lines(path: Path) -> tuple[list[Entry], list[Problem]]:
    """Return the objects in a file of lines, and a problem for each line that is none or is not ended."""
    found, torn = [], []
    content = path.read_bytes()
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            one = json.loads(line)
        except ValueError:
            one = None
        if isinstance(one, dict) and line.endswith(b"\n"):
            found.append(one)
        else:
            torn.append(Problem(Lack.TORN, f"{path}:{number}", "is not a whole line of JSON"))
    return found, torn
