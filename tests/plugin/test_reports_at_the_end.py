"""`--evaluate` and `--run-report`: what lies in `reports/` when a run is over, and what is said of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_swebench.cli.line import Request, line_of
from pytest_swebench.datasets.demo import load_demo
from tests.plugin.conftest import Run
from tests.support.runs import BARE

needs_charts = pytest.mark.skipif(find_spec("matplotlib") is None, reason="the extra `charts` is not installed")
ONE, OTHER = "tinyconf__tinyconf-5", "tinyconf__tinyconf-9"
DEMO = ("-m", "experiment", "--arms=gold,null", f"--instance-ids={ONE}", "--outcome=capture", "--run-id=one")
CHARTS = {"pass_rate_comparison", "wall_time_distribution", "instance_outcome_heatmap"}


@needs_charts
def test_whole_chain_is_written_once_the_run_is_over(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*DEMO, f"--instance-ids={ONE},{OTHER}", "--evaluate", "-W", "error", "-n", "2")
    assert result.ret == 0
    reports = pytester.path / "results" / "one" / "reports"
    found = json.loads((reports / "final_errors_latest.json").read_text())
    assert [(one["arm"], one["family"]) for one in found["errors"]] == [("null", "grading")] * 2
    assert {path.stem for path in (reports / "charts").glob("*.png")} >= CHARTS
    assert (reports / "charts" / "variants.tex").is_file()
    assert "SWE-bench run one" in (reports / "index.html").read_text(encoding="utf-8")
    told = result.stdout.str()
    for place in ("final_error_analysis_latest.md", "charts (", "index.html"):
        assert f"results/one/reports/{place}" in told
    assert "left out: token_cost_vs_pass_rate: no variant used a model" in " ".join(told.split())


def test_run_hands_the_wish_on(tmp_path: Path) -> None:
    assert "--evaluate" in line_of(Request(dataset="demo", evaluate=True), {}, tmp_path).arguments
    assert "--evaluate" not in line_of(Request(dataset="demo"), {}, tmp_path).arguments


def test_report_alone_is_one_file(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*DEMO, "--run-report")
    assert result.ret == 0
    assert [path.name for path in (pytester.path / "results" / "one" / "reports").iterdir()] == ["index.html"]
    assert "report:      results/one/reports/index.html" in result.stdout.str()


def test_report_that_cannot_be_written_is_told_and_no_success(run: Run, pytester: pytest.Pytester) -> None:
    folder = pytester.path / "results" / "one"
    folder.mkdir(parents=True)
    (folder / "reports").write_text("in the way")
    result = run(*DEMO, "--evaluate")
    assert result.ret == 1
    for name in ("errors:", "charts:", "report:"):
        assert any(line.startswith(name) and "not written: " in line for line in result.outlines), name
    result.assert_outcomes(passed=2)


def test_interrupted_run_says_how_to_get_its_report(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        stopper="""
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            if report.when == "teardown":
                raise KeyboardInterrupt
        """
    )
    result = run(*DEMO, "--run-report", "-p", "stopper")
    assert result.ret == 2
    assert "swebench-runner report one makes one" in result.stdout.str()
    assert not (pytester.path / "results" / "one" / "reports").exists()


@needs_charts
def test_ungraded_patches_have_no_charts_and_that_is_no_failure(run: Run, pytester: pytest.Pytester) -> None:
    run("-m", "experiment", "--generate-only", "--arms=gold", f"--instance-ids={ONE}", "--run-id=one", "--evaluate")
    reports = pytester.path / "results" / "one" / "reports"
    assert "No failures: all 1 recorded cells" in (reports / "final_error_analysis_latest.md").read_text()
    assert not (reports / "charts").exists()
    assert (reports / "index.html").is_file()


@needs_charts
def test_predictions_are_graded_and_analysed_by_one_command(tmp_path: Path) -> None:
    gold = {one.instance_id: one.hidden.gold_patch for one in load_demo()}[ONE]
    line = {"instance_id": ONE, "model_name_or_path": "somebody/model", "model_patch": gold}
    (tmp_path / "preds.jsonl").write_text(json.dumps(line) + "\n")
    asked = ("evaluate", "preds.jsonl", "-d", "demo", "--run-id", "two", "--eval-max-workers", "1", "--evaluate")
    kept = {name: value for name, value in os.environ.items() if name not in {"OUTPUT_DIR", "PYTEST_ADDOPTS"}}
    env = kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTEST_ADDOPTS": BARE}
    command = [sys.executable, "-m", "pytest_swebench", *asked]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "results" / "two"
    assert json.loads((folder / "somebody__model.two.json").read_text())["resolved_ids"] == [ONE]
    for name in ("final_error_analysis_latest.md", "charts/variants.md", "index.html"):
        assert (folder / "reports" / name).is_file(), name
