"""A run's cells in the layouts of others: a leaderboard submission, and the log folders of the official harness."""

from __future__ import annotations

import glob
import json
import shutil
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.formats.predictions import LEADERBOARD_FILE
from pytest_swebench.records.formats.run_report import UNREPORTED
from pytest_swebench.records.formats.trajectories import TRACES
from pytest_swebench.records.journal import read_journals
from pytest_swebench.records.layout import (
    CONVERSATION_FILE,
    EVAL_FILE,
    LOG_FILE,
    PATCH_FILE,
    REPORT_FILE,
    TRANSCRIPT_FILE,
    RunLayout,
    json_line,
    write_whole,
)
from pytest_swebench.records.results import final_records, prediction_name
from pytest_swebench.records.schema import cell_of

_LOGS: Final = (PATCH_FILE, LOG_FILE)
_HARNESS_FILE: Final = "preds.jsonl"


def export_leaderboard(run_folder: Path, variant: str, rep: int, out: Path) -> list[str]:
    """Write `all_preds.jsonl`, `logs/`, `trajs/` and `metadata.yaml` into `out`; return the instances in it.

    Cells that broke are left out: an empty patch would count against the model. `exit_status` keeps why one is empty.
    Raises InputError if the run has no final cell of this variant and repetition, or `out` an export of another.
    """
    cells = _cells(run_folder, variant, rep)
    names = [record["instance_id"] for record, _ in cells]
    lines = [json_line({**_prediction(record), "exit_status": record["stop"]}) for record, _ in cells]
    kept = {out / "logs" / record["instance_id"] for record, _ in cells if record["verdict"]}
    kept |= {out / TRACES / f"{name}.jsonl" for name in names}
    _begin(out, LEADERBOARD_FILE, b"".join(lines), kept, ("logs/*", f"{TRACES}/*", _HARNESS_FILE))
    for record, folder in cells:
        name = record["instance_id"]
        if record["verdict"]:
            _copy(folder, out / "logs" / name, (*_LOGS, REPORT_FILE))
        said = (folder / CONVERSATION_FILE, folder / TRANSCRIPT_FILE)  # the first is the one for people
        if (told := next(filter(Path.is_file, said), None)) is not None:
            (out / TRACES).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(told, out / TRACES / f"{name}.jsonl")
    write_whole(out / "metadata.yaml", _metadata(cells[0][0]))
    return names


def export_harness_logs(run_folder: Path, variant: str, rep: int, out: Path) -> list[str]:
    """Write the predictions and `logs/run_evaluation/<run>/<variant>/<instance>/` as the official harness would.

    Its own reporting reads them. Returns the instances and raises as `export_leaderboard` does.
    """
    logs = out / "logs" / "run_evaluation" / run_folder.name / variant.replace("/", "__")
    cells = _cells(run_folder, variant, rep)
    names = [record["instance_id"] for record, _ in cells]
    lines = [json_line(_prediction(record)) for record, _ in cells]
    kept = {logs, *(logs / record["instance_id"] for record, _ in cells if record["verdict"])}
    inside = str(logs.relative_to(out))
    others = ("logs/run_evaluation/*/*", f"{glob.escape(inside)}/*", LEADERBOARD_FILE)
    _begin(out, _HARNESS_FILE, b"".join(lines), kept, others)
    for record, folder in cells:
        name, verdict = record["instance_id"], record["verdict"]
        if verdict:
            reported = () if verdict.get("reason") in UNREPORTED else (REPORT_FILE,)
            _copy(folder, logs / name, (*_LOGS, EVAL_FILE, *reported))
    return names


def _begin(out: Path, name: str, predictions: bytes, kept: set[Path], others: tuple[str, ...]) -> None:
    """Write the file of predictions, unless `out` holds another export: that of the same may be made again.

    `others` are globs of what an export leaves in `out`, `kept` what this one may leave there. Raises InputError.
    """
    file = out / name
    found = [path for pattern in others for path in sorted(out.glob(pattern)) if path not in kept]
    if file.is_file() and file.read_bytes() != predictions:
        found.insert(0, file)
    if found:
        raise InputError(
            f"{str(out)!r} holds an export of something else ({found[0].relative_to(out)}), and two in one folder "
            "would be read as one; give another OUT, or remove it first"
        )
    write_whole(file, predictions)


def _cells(run_folder: Path, variant: str, rep: int) -> list[tuple[dict[str, Any], Path]]:
    """Return the final records of a variant's repetition, never none, each with the folder of its cell."""
    layout = RunLayout(run_folder.parent, run_folder.name, "")
    records = [record for record in final_records(read_journals(layout.journals).entries) if record["type"] == "result"]
    done = [record for record in records if Outcome(record["outcome"]).final]
    chosen = [record for record in done if (record["variant"], record["rep"]) == (variant, rep)]
    if not chosen:
        known = sorted({f"{record['variant']} r{record['rep']}" for record in done})
        raise InputError(
            f"{run_folder}: no cell of {variant!r} r{rep} has ended; there are cells of: {', '.join(known) or '(none)'}"
        )
    return [(record, layout.cell_folder(cell_of(record))) for record in sorted(chosen, key=cell_of)]


def _prediction(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "instance_id": record["instance_id"],
        "model_name_or_path": prediction_name(record),
        "model_patch": record["patch"],
    }


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _metadata(record: dict[str, Any]) -> str:
    """Return `metadata.yaml` with what a run knows; JSON strings are YAML, and the rest is for a person to fill in."""
    return (
        "info:\n"
        f"  name: {json.dumps(prediction_name(record))}\n"
        '  authors: ""\n'
        '  report: ""\n'
        '  site: ""\n'
        "tags:\n"
        "  checked: false\n"
        f"  model: [{json.dumps(record['model'])}]\n"
        '  org: ""\n'
        "  os_model: null\n"
        "  os_system: null\n"
        "  system:\n"
        '    attempts: "1"\n'
    )
