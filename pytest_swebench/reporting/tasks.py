"""What runs of local tasks leave beside the records: results.jsonl and summary.csv, result.json and pytest_tail.txt.

Durations are summed up by one method: a percentile is interpolated linearly between the two ranks it falls between,
rank 0 being the shortest and rank n - 1 the longest.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_swebench.arms.local.result import RESULT_FILE, TAIL_FILE, Status, TaskResult, last_line, read_result
from pytest_swebench.cell import Cell
from pytest_swebench.records.layout import RunLayout, json_line, write_json, write_whole
from pytest_swebench.records.results import read_plans, read_records
from pytest_swebench.records.schema import cell_of

TAIL_CHARS: Final = 200
_COLUMNS: Final = ("task_id", "status", "duration_s", "tail")
_SETTINGS: Final = ("model", "temperature", "max_turns")

Line = dict[str, Any]


def task_lines(run_folder: Path) -> list[Line]:
    """Return one line for each cell of a run: what its arm left as result.json, and the settings of its variant.

    A cell whose arm left none, since its ground broke before, failed with what its record says.
    """
    layout = RunLayout(run_folder.parent, run_folder.name, "")
    variants = {name: data for plan in read_plans(layout) for name, data in plan["variants"].items()}
    lines = []
    for record in read_records(run_folder / "results.jsonl"):
        cell = cell_of(record)
        result = _left(layout, cell, record["attempt"]) or _lacking(record)
        settings = variants.get(cell.variant, {})
        lines.append(result.as_json() | {name: settings.get(name) for name in _SETTINGS if settings.get("model")})
    return lines


def write_batch(folder: Path, lines: Sequence[Line]) -> None:
    """Write results.jsonl and summary.csv."""
    write_whole(folder / "results.jsonl", b"".join(map(json_line, lines)))
    write_whole(folder / "summary.csv", summary_csv(lines))


def write_single(folder: Path, lines: Sequence[Line]) -> list[Path]:
    """Write result.json and pytest_tail.txt; of several variants each into a folder of its own. Return the folders."""
    places = [folder if len(lines) == 1 else folder / str(number) for number in range(1, len(lines) + 1)]
    for place, line in zip(places, lines, strict=True):
        place.mkdir(exist_ok=True)
        write_json(place / RESULT_FILE, line)
        write_whole(place / TAIL_FILE, f"{line['tail']}\n")
    return places


def summary_csv(lines: Sequence[Line]) -> str:
    """Return the table of tasks and, after an empty line, pass_rate, p50_duration_s and p95_duration_s."""
    columns = (*_COLUMNS, *(_SETTINGS if any("model" in line for line in lines) else ()))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        shown = line | {"tail": line["tail"][:TAIL_CHARS], "duration_s": f"{line['duration_s']:.3f}"}
        writer.writerow(["" if shown.get(column) is None else shown[column] for column in columns])
    stream.write("\n")
    durations_s = [float(line["duration_s"]) for line in lines]
    passed = sum(line["status"] == Status.PASS for line in lines)
    writer.writerow(["pass_rate", f"{passed / len(lines) if lines else 0.0:.2f}"])
    writer.writerow(["p50_duration_s", f"{percentile(durations_s, 0.5):.3f}"])
    writer.writerow(["p95_duration_s", f"{percentile(durations_s, 0.95):.3f}"])
    return stream.getvalue()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a `share` of `values` lies below, interpolated between ranks; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def _left(layout: RunLayout, cell: Cell, attempt: int) -> TaskResult | None:
    """Return what the latest attempt left; one that only graded again has an earlier one's."""
    for number in range(attempt, 0, -1):
        if (result := read_result(layout.solve_folder(cell, number))) is not None:
            return result
    return None


def _lacking(record: Mapping[str, Any]) -> TaskResult:
    error = record.get("error") or {}
    return TaskResult(
        task_id=record["instance_id"],
        repo="",
        ref="",
        pytest_k="",
        status=Status.PASS if record["resolved"] else Status.FAIL,
        exit_code=-1,
        duration_s=float(record["wall_time_seconds"].get("total", 0.0)),
        tail=last_line(" ".join(str(error.get("message") or record["notes"] or record["outcome"]).split())),
    )
