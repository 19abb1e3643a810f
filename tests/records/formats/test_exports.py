from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.records.formats.exports import export_harness_logs, export_leaderboard
from pytest_swebench.records.formats.predictions import read_predictions
from pytest_swebench.records.formats.run_report import report_name, run_report
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.redact import Redactor
from tests.records.formats.made_runs import put
from tests.support.made import made_record

DATASET = [f"i-{number}" for number in range(8)]

# What the official package makes of an export, in a process of its own: importing it takes seconds.
OFFICIAL = """
import json, sys
from swebench.harness.reporting import make_run_report
from swebench.harness.utils import get_predictions_from_file
run_id, dataset = sys.argv[1], json.loads(sys.argv[2])
predictions = get_predictions_from_file("preds.jsonl", "", "test")
rows = [{"instance_id": name} for name in dataset]
path = make_run_report({one["instance_id"]: one for one in predictions}, rows, run_id)
print(path.name)
"""


def verdict(resolved: bool, reason: str = "") -> dict[str, Any]:
    return {"resolved": resolved, "applied": not reason, "applied_with": "git apply", "reason": reason, "tests": {}}


def grown(folder: Path, variant: str = "maker-v") -> tuple[Path, list[dict[str, Any]]]:
    """Make a run with one cell of every kind, as its journal and its cells' folders hold it."""

    def record(number: int, outcome: Outcome, **fields: Any) -> dict[str, Any]:
        return made_record(Cell(f"i-{number}", variant, 1), outcome, run_id="run-7", **fields)

    records = [
        record(0, Outcome.RESOLVED, verdict=verdict(True), stop=Stop.SUBMITTED),
        record(1, Outcome.UNRESOLVED, verdict=verdict(False), stop=Stop.CONTEXT),
        record(2, Outcome.UNRESOLVED, verdict=verdict(False, "tests_timed_out"), stop=Stop.SUBMITTED),
        record(3, Outcome.UNRESOLVED, verdict=verdict(False, "patch_apply_failed"), stop=Stop.SUBMITTED),
        record(4, Outcome.NO_PATCH, patch="", stop=Stop.SUBMITTED),
        record(5, Outcome.LIMIT, patch="", stop=Stop.COST),
        record(6, Outcome.INFRA, patch="", error={"type": "SandboxLost", "message": "gone"}),
    ]
    layout = RunLayout(folder, "run-7", "")
    journal = Journal(layout.journals / "main.jsonl", Redactor([]))
    for one in records:
        cell = Cell(one["instance_id"], variant, 1)
        journal.append("record", cell=str(cell), record=one)
        own = layout.cell_folder(cell)
        put(own / "transcript.jsonl", '{"said": "hello"}\n')
        if one["verdict"]:
            timed_out = one["verdict"]["reason"] == "tests_timed_out"
            put(own / "patch.diff", one["patch"])
            put(own / "eval.sh", "pytest\n")
            put(own / "test_output.txt", "\n\nTimeout error: 5 seconds exceeded." if timed_out else "1 test ran\n")
            put(own / "report.json", {one["instance_id"]: {"resolved": one["verdict"]["resolved"]}})
    journal.close()
    return layout.folder, records


def test_leaderboard_export_has_the_published_layout(tmp_path: Path) -> None:
    run, records = grown(tmp_path)
    out = tmp_path / "out"
    assert export_leaderboard(run, "maker-v", 1, out) == [f"i-{number}" for number in range(6)]
    assert sorted(path.name for path in out.iterdir()) == ["all_preds.jsonl", "logs", "metadata.yaml", "trajs"]
    assert sorted(path.name for path in (out / "logs").iterdir()) == ["i-0", "i-1", "i-2", "i-3"]
    assert sorted(path.name for path in (out / "logs" / "i-0").iterdir()) == [
        "patch.diff",
        "report.json",
        "test_output.txt",
    ]
    assert (out / "logs" / "i-0" / "patch.diff").read_text() == records[0]["patch"]
    assert (out / "trajs" / "i-5.jsonl").read_text() == '{"said": "hello"}\n'
    metadata = yaml.safe_load((out / "metadata.yaml").read_text())
    assert metadata["info"]["name"] == "maker-v"
    assert metadata["tags"]["model"] == ["m-1"]


def test_leaderboard_export_comes_back_through_the_importer(tmp_path: Path) -> None:
    run, records = grown(tmp_path)
    export_leaderboard(run, "maker-v", 1, tmp_path / "out")
    imported = read_predictions(tmp_path / "out")
    assert imported.problems == []
    assert {one.instance_id: (one.patch, one.model, one.limit, one.broken) for one in imported.predictions} == {
        record["instance_id"]: (
            record["patch"],
            "maker-v",
            Stop(record["stop"]) if record["stop"] != "submitted" else None,
            "",
        )
        for record in records[:6]
    }


@pytest.mark.parametrize("variant", ["maker-v", "a+b.c_d"])
def test_official_package_reports_on_an_export_as_we_do(tmp_path: Path, variant: str) -> None:
    run, records = grown(tmp_path, variant)
    out = tmp_path / "out"
    names = export_harness_logs(run, variant, 1, out)
    command = [sys.executable, "-c", OFFICIAL, "run-7", json.dumps(DATASET)]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name = done.stdout.splitlines()[-1]
    assert name == report_name(variant, "run-7")
    final = [record for record in records if record["instance_id"] in names]
    assert run_report(final, variant=variant, dataset_ids=DATASET) == json.loads((out / name).read_text())


def test_export_of_nothing_names_what_there_is(tmp_path: Path) -> None:
    run, _ = grown(tmp_path)
    with pytest.raises(InputError, match=r"no cell of 'maker-v' r2 has ended; there are cells of: maker-v r1"):
        export_leaderboard(run, "maker-v", 2, tmp_path / "out")
    with pytest.raises(InputError, match=r"there are cells of: \(none\)"):
        export_harness_logs(tmp_path / "elsewhere", "maker-v", 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cell_without_a_transcript_has_no_trace(tmp_path: Path) -> None:
    run, _ = grown(tmp_path)
    for path in run.rglob("transcript.jsonl"):
        path.unlink()
    export_leaderboard(run, "maker-v", 1, tmp_path / "out")
    assert not (tmp_path / "out" / "trajs").exists()


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("export", [export_leaderboard, export_harness_logs])
def test_an_export_is_made_again_and_mixed_with_no_other(tmp_path: Path, export: Callable[..., list[str]]) -> None:
    run, _ = grown(tmp_path / "a")
    other, _ = grown(tmp_path / "b", "maker-w")
    out = tmp_path / "out"
    put(out / "notes.md", "mine")
    export(run, "maker-v", 1, out)
    before = files_in(out)
    export(run, "maker-v", 1, out)
    assert files_in(out) == before
    with pytest.raises(InputError, match=r"holds an export of something else \(\w+\.jsonl\).*give another OUT"):
        export(other, "maker-w", 1, out)
    layouts = {export_leaderboard, export_harness_logs} - {export}
    with pytest.raises(InputError, match="holds an export of something else"):
        layouts.pop()(run, "maker-v", 1, out)
    assert files_in(out) == before


def test_logs_that_an_export_would_not_write_keep_it_from_an_out(tmp_path: Path) -> None:
    """The predictions alone do not tell: of two runs of one variant they may be the same."""
    run, _ = grown(tmp_path)
    put(tmp_path / "out" / "logs" / "i-4" / "report.json", {})
    with pytest.raises(InputError, match=r"something else \(logs/i-4\)"):
        export_leaderboard(run, "maker-v", 1, tmp_path / "out")
    put(tmp_path / "in" / "logs" / "run_evaluation" / "run-6" / "maker-v" / "i-0" / "report.json", {})
    with pytest.raises(InputError, match=r"something else \(logs/run_evaluation/run-6/maker-v\)"):
        export_harness_logs(run, "maker-v", 1, tmp_path / "in")
