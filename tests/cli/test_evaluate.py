"""`swebench-runner evaluate` and `export`, as subprocesses on the embedded demo's repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.demo import load_demo

FEW = ("tinyconf__tinyconf-5", "tinyconf__tinyconf-9")


@pytest.fixture
def gold() -> dict[str, str]:
    return {one.instance_id: one.hidden.gold_patch for one in load_demo() if one.instance_id in FEW}


def runner(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_swebench", *arguments]
    env = {name: value for name, value in os.environ.items() if name != "OUTPUT_DIR"} | variables
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=180, check=False)


def write(path: Path, lines: list[dict[str, Any] | str]) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))


def prediction(name: str, patch: str) -> dict[str, str]:
    return {"instance_id": name, "model_name_or_path": "somebody/model", "model_patch": patch}


def test_patches_are_graded_and_the_same_command_goes_on(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]]), prediction(FEW[1], "")])
    command = ("evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1")
    first = runner(tmp_path, *command)
    assert first.returncode == 0, first.stdout + first.stderr
    (folder,) = tmp_path.glob("results/evaluate-p-*")
    (path,) = folder.glob("somebody__model.*.json")
    report = json.loads(path.read_text())
    assert (report["resolved_ids"], report["empty_patch_ids"]) == ([FEW[0]], [FEW[1]])
    others = sorted({one.instance_id for one in load_demo()} - set(FEW))
    assert (report["total_instances"], report["submitted_instances"]) == (len(others) + 2, 2)
    assert report["incomplete_ids"] == others
    assert str(path.relative_to(tmp_path)) in first.stdout
    again = runner(tmp_path, *command)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "resumed: all 2 selected cells were done before, nothing was run" in again.stdout
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]]), prediction(FEW[1], gold[FEW[1]])])
    changed = runner(tmp_path, *command)
    assert "1 passed" in changed.stdout
    assert sorted(json.loads(path.read_text())["resolved_ids"]) == sorted(FEW)


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path, gold: dict[str, str]) -> None:
    lines = [
        prediction(FEW[0], ""),
        "{not json",
        prediction("nobody__knows-1", "diff"),
        prediction(FEW[0], gold[FEW[0]]),
    ]
    write(tmp_path / "p.jsonl", lines)
    done = runner(tmp_path, "evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for named in ("p.jsonl:2", "nobody__knows-1", "p.jsonl:4"):
        assert named in done.stdout
    (results,) = tmp_path.glob("results/*/results.jsonl")
    (record,) = map(json.loads, results.read_text().splitlines())
    assert (record["instance_id"], record["outcome"]) == (FEW[0], "resolved")


def test_regrading_reads_the_kept_logs(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(name, patch) for name, patch in gold.items()])
    command = ("evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1")
    runner(tmp_path, *command)
    same = runner(tmp_path, *command, "--regrade")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "read again: 2 logs, 2 resolved, 0 verdicts changed, 0 without one" in same.stdout
    (log,) = tmp_path.glob(f"results/*/cells/{FEW[0]}/predictions/rep1/test_output.txt")
    log.write_text(log.read_text().replace("PASSED", "FAILED"))
    changed = runner(tmp_path, *command, "--regrade")
    assert changed.returncode == 1
    assert f"{FEW[0]}: was " in changed.stdout
    assert "1 resolved, 1 verdicts changed" in changed.stdout


def test_logs_of_the_official_harness_are_read_again_where_no_run_is(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(name, patch) for name, patch in gold.items()])
    runner(tmp_path, "evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1", "--run-id", "mine")
    exported = runner(tmp_path, "export", "mine", "out", "--to", "harness", "--variant", "predictions")
    assert exported.returncode == 0, exported.stdout + exported.stderr
    (logs,) = tmp_path.glob("out/logs/run_evaluation/*/*")
    again = runner(tmp_path, "evaluate", str(logs), "-d", "demo", "--regrade")
    assert "read again: 2 logs, 2 resolved, 0 verdicts changed, 0 without one" in again.stdout, again.stderr
    assert again.returncode == 0
    nothing = runner(tmp_path, "evaluate", str(tmp_path / "results" / "mine" / "journal"), "-d", "demo", "--regrade")
    assert nothing.returncode == 1
    assert "no test_output.txt anywhere in there; give a folder of logs" in nothing.stderr


def test_refused_command_writes_no_report(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]])])
    command = ("evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1")
    assert "official run report" in runner(tmp_path, *command).stdout
    refused = runner(tmp_path, *command, "--instance-ids", FEW[1])
    assert refused.returncode == 1
    assert "official run report" not in refused.stdout
    assert FEW[1] in refused.stderr


def test_pytest_line_is_shown_and_not_run(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]])])
    shown = runner(tmp_path, "evaluate", "p.jsonl", "-d", "demo", "--show-command", "--instance-ids", FEW[0])
    assert shown.stdout.startswith("pytest -m experiment -o experiment_paths=")
    assert " --arms=predictions --patches=p.jsonl --dataset=demo --run-id=evaluate-p-" in shown.stdout
    assert shown.stdout.rstrip().endswith(f"--instance-ids {FEW[0]}")
    assert not (tmp_path / "results").exists()


def test_output_folder_of_the_environment_is_used(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]])])
    command = ("evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1", "--run-id", "one")
    done = runner(tmp_path, *command, OUTPUT_DIR="elsewhere")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "elsewhere/one/somebody__model.one.json").is_file()
    assert not (tmp_path / "results").exists()
    shown = runner(tmp_path, *command, "--show-command", "--output-dir", "here", OUTPUT_DIR="elsewhere")
    assert f" --output-dir={tmp_path / 'here'} " in shown.stdout


def test_a_dataset_file_is_the_same_however_it_is_written(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]])])
    (tmp_path / "rows.jsonl").touch()
    ways = ("rows.jsonl", "./rows.jsonl", str(tmp_path / "rows.jsonl"))
    shown = {runner(tmp_path, "evaluate", "p.jsonl", "-d", way, "--show-command").stdout for way in ways}
    (line,) = shown  # one name of the run, and one of the dataset, which the keys of cells hold
    assert f" --dataset={tmp_path / 'rows.jsonl'} " in line


def test_run_is_exported_and_read_again(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(name, patch) for name, patch in gold.items()])
    runner(tmp_path, "evaluate", "p.jsonl", "-d", "demo", "--eval-max-workers", "1", "--run-id", "one")
    out = runner(tmp_path, "export", "results/one", "board", "--to", "leaderboard", "--variant", "predictions")
    assert out.stdout == "2 instances written to board\n"
    again = runner(tmp_path, "evaluate", "board", "-d", "demo", "--eval-max-workers", "1", "--run-id", "two")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads((tmp_path / "results/two/somebody__model.two.json").read_text())["resolved_instances"] == 2
    strange = runner(tmp_path, "export", "results/one", "board", "--to", "harness", "--variant", "gold")
    assert strange.returncode == 1
    assert "no cell of 'gold' r1" in strange.stderr


def test_dataset_may_stand_in_settings(tmp_path: Path, gold: dict[str, str]) -> None:
    write(tmp_path / "p.jsonl", [prediction(FEW[0], gold[FEW[0]])])
    command = ("evaluate", "p.jsonl", "--show-command")
    (tmp_path / ".env").write_text("SWEBENCH_DATASET=demo\n")
    assert "--dataset=demo" in runner(tmp_path, *command).stdout
    assert "--dataset=lite" in runner(tmp_path, *command, SWEBENCH_DATASET="lite").stdout
    assert "--dataset=full" in runner(tmp_path, *command, "-d", "full", SWEBENCH_DATASET="lite").stdout
    (tmp_path / ".env").unlink()
    refused = runner(tmp_path, *command)
    assert refused.returncode == 1
    assert "no dataset: give -d/--dataset, or set SWEBENCH_DATASET" in refused.stdout + refused.stderr
