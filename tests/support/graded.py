"""Graded results to compare: runs of ours through the writers of records, and files as other tools leave them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.schema import RunInfo, run_metadata
from pytest_swebench.redact import Redactor
from tests.support.made import made_instance, made_record

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

IDS = [f"acme__acme-{number:02}" for number in range(20)]


def outcomes(pattern: str) -> list[Outcome]:
    """Return an outcome for each letter: Resolved, Unresolved, No patch, Infra, Captured."""
    letters = {
        "R": Outcome.RESOLVED,
        "U": Outcome.UNRESOLVED,
        "N": Outcome.NO_PATCH,
        "I": Outcome.INFRA,
        "C": Outcome.CAPTURED,
    }
    return [letters[one] for one in pattern]


def run_of(
    root: Path,
    run_id: str,
    cells: Mapping[str, str | Sequence[str]],
    *,
    ids: Sequence[str] = IDS,
    images: Mapping[str, str] | None = None,
    swebench: str = "5.0.2",
    oracles: Sequence[str] = (),
    **fields: Any,
) -> Path:
    """Write a run: variant -> a letter an instance, or such a text a repetition.

    `images` change the digests of instances.
    """
    patterns = {name: [told] if isinstance(told, str) else told for name, told in cells.items()}
    layout = RunLayout(root, run_id, "20260101_120000")
    info = RunInfo(run_id=run_id, timestamp=layout.timestamp, dataset="acme", versions={"swebench": swebench})
    described = {name: run_metadata(info, Variant(name, name), 1, oracle=name in oracles) for name in cells}
    instances = [made_instance(name, image=(images or {}).get(name, "plain")) for name in ids]
    resolve_once(layout.folder / "manifests", "m", lambda: instances)
    plan = {"dataset": "acme", "instances": len(ids), "reps": max(map(len, patterns.values())), "variants": described}
    write_json(layout.folder / "plans" / "p.json", plan)
    journal = Journal(layout.journals / "main-1.jsonl", Redactor())
    parts = [(name, rep, pattern) for name, told in patterns.items() for rep, pattern in enumerate(told, 1)]
    for variant, rep, pattern in parts:
        for name, outcome in zip(ids, outcomes(pattern), strict=False):
            cell = Cell(name, variant, rep)
            record = made_record(cell, outcome, run_id=run_id, oracle=variant in oracles, **fields)
            journal.append("record", cell=str(cell), record=record)
    journal.close()
    return layout.folder


def report(resolved: Sequence[str], unresolved: Sequence[str] = (), **groups: Sequence[str]) -> dict[str, Any]:
    """Return an official report, schema 2."""
    empty = {f"{name}_ids": [] for name in ("empty_patch", "error", "incomplete", "infra_failure")}
    told = {"resolved_ids": list(resolved), "unresolved_ids": list(unresolved), "schema_version": 2}
    return {**empty, **told, **{name: list(ids) for name, ids in groups.items()}}


def inspect_log(
    scores: Mapping[str, Any], *, epochs: int = 1, model: str = "maker/m-1", eval_id: str = ""
) -> dict[str, Any]:
    """Return a log of Inspect in which each sample has one score, or an error where that is None."""
    samples = [
        {
            "id": name,
            "epoch": epoch,
            "scores": {} if value is None else {"swe_bench_scorer": {"value": value}},
            "error": {"message": "sandbox died"} if value is None else None,
            "model_usage": {model: {"input_tokens": 90, "output_tokens": 10, "total_tokens": 100}},
            "total_time": 12.5,
        }
        for name, value in scores.items()
        for epoch in range(1, epochs + 1)
    ]
    dataset = {"samples": len(scores), "sample_ids": list(scores)}
    about = {"task": "swe_bench", "eval_id": eval_id, "model": model, "dataset": dataset, "config": {"epochs": epochs}}
    return {"version": 2, "status": "success", "eval": about, "samples": samples}


def archive(
    path: Path, log: Mapping[str, Any], header: str = "header.json", packed: int = zipfile.ZIP_DEFLATED
) -> Path:
    """Write a log as Inspect's archive."""
    with zipfile.ZipFile(path, "w", packed) as file:
        file.writestr(header, json.dumps({name: value for name, value in log.items() if name != "samples"}))
        for sample in log["samples"]:
            file.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    return path


def put(path: Path, content: Any) -> Path:
    """Write JSON, or lines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
