"""`swebench-runner report`: which run, where to, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from pytest_swebench.cell import Cell
from pytest_swebench.cli.analyze_errors import analyze_errors
from pytest_swebench.cli.report import report
from pytest_swebench.cli.visualize import visualize
from pytest_swebench.errors import InputError, RecordError
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.selfcheck import update
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.reading import view_run
from tests.support.made import made_record
from tests.support.synthetic import RUN, large_run


@pytest.fixture
def run_folder(places: Path) -> Path:
    return large_run(places, instances=2, variants=2, reps=1).folder


def called(*arguments: str) -> Result:
    return CliRunner().invoke(report, arguments)


def test_the_latest_run_is_written_into_its_own_folder(run_folder: Path) -> None:
    result = called()
    path = run_folder / "reports" / "index.html"
    assert result.exit_code == 0
    assert result.output == f"report: {path} (4 cells, 0.1 MB)\n"
    assert f"SWE-bench run {RUN}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("named", ["id", "folder"])
def test_a_run_is_named_by_its_id_or_its_folder(run_folder: Path, places: Path, named: str) -> None:
    result = called(RUN if named == "id" else str(run_folder), "-o", str(places / "r.html"), "--html-content", "side")
    assert result.output.splitlines()[1] == f"beside it: {places / 'r_files'} (2 files; keep them together)"
    assert (places / "r.html").exists()


def test_secrets_of_the_environment_stay_out(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "repo1__repo1-1")
    assert called().exit_code == 0
    assert "repo1__repo1-1" not in (run_folder / "reports" / "index.html").read_text(encoding="utf-8")


def test_a_baseline_is_named_as_compare_names_it(run_folder: Path, places: Path) -> None:
    other = large_run(places / "other", instances=2, variants=2, reps=1, seed=8).folder
    result = called("--baseline", str(other))
    assert result.exit_code == 0
    text = (run_folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert f"Against the baseline {RUN}" in text


def test_a_baseline_that_cannot_be_compared_is_refused_and_writes_nothing(run_folder: Path, places: Path) -> None:
    far = large_run(places / "far", instances=2, variants=1, reps=1).folder
    result = called("--baseline", RUN)
    assert "nothing differs from itself" in str(result.exception)
    result = called("--baseline", str(far / "nowhere.json"))
    assert isinstance(result.exception, InputError)
    assert "there is no such path, saved baseline (none) or run" in str(result.exception)
    assert str(called("--baseline", "nosuch").exception).startswith("--baseline 'nosuch': there is no such path")
    assert not (run_folder / "reports").exists()


def test_ledgers_of_the_self_check_are_shown(places: Path) -> None:
    layout = large_run(places, instances=2, variants=1, reps=1)
    (known,) = [one for one in view_run(layout.folder).instances() if one.instance_id == "repo1__repo1-1"]
    update(Known.beside_runs(layout.root), known, [made_record(Cell(known.instance_id, "gold", rep)) for rep in (1, 2)])
    assert called().exit_code == 0
    text = (layout.folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert "repo1__repo1-1</a></th><td>2/2</td>" in text
    assert "Counted over all runs in this run&#x27;s folder of results" in text
    assert "No instance of this run is in quarantine" in text


def test_an_unknown_run_is_refused_with_those_that_there_are(run_folder: Path) -> None:
    result = called("20260101_999999-abc123")
    assert isinstance(result.exception, InputError)
    assert f"did you mean '{RUN}'?" in str(result.exception)


def test_instances_in_quarantine_are_named(places: Path) -> None:
    layout = large_run(places, instances=2, variants=1, reps=1)
    (known,) = [one for one in view_run(layout.folder).instances() if one.instance_id == "repo1__repo1-1"]
    records = [
        made_record(Cell(known.instance_id, "gold", rep), Outcome.UNRESOLVED, image_digest="sha256:1") for rep in (1, 2)
    ]
    update(Known.beside_runs(layout.root), known, records)
    assert called().exit_code == 0
    text = (layout.folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert "Instances in quarantine" in text
    assert "1 instance in quarantine: see integrity" in text


@pytest.mark.parametrize(
    ("command", "option"),
    [(report, "--output"), (analyze_errors, "--output-dir"), (visualize, "--output-dir")],
    ids=["report", "analyze-errors", "visualize"],
)
def test_a_place_that_cannot_be_written_is_named(run_folder: Path, places: Path, command: Command, option: str) -> None:
    blocked = places / "file" / "inside"
    blocked.parent.write_text("in the way")
    run = [RUN] if command is report else ["--results", RUN]
    result = CliRunner().invoke(command, [*run, option, str(blocked)])
    assert isinstance(result.exception, RecordError)
    assert str(result.exception).startswith(f"{str(blocked)!r} cannot be written: ")
    assert str(result.exception).endswith(f"; give another place with {option}")
