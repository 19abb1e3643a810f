"""What is written of a run that is over: which files, what is said of them, and what one that fails does to others."""

from __future__ import annotations

import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.afterwards import Afterwards, Report, write_reports
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.comparison.source import Source
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded

needs_charts = pytest.mark.skipif(find_spec("matplotlib") is None, reason="the extra `charts` is not installed")


def written(layout: RunLayout, *wanted: Report, baseline: Source | None = None) -> Afterwards:
    return write_reports(layout.folder, wanted or list(Report), unfit={}, redactor=Redactor(), baseline=baseline)


def started(line: str) -> tuple[str, str]:
    name, _, text = line.partition(" ")
    return name, text.strip()


@needs_charts
def test_all_that_is_wanted_is_written_in_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = large_run(tmp_path, instances=3, variants=2, reps=1)
    monkeypatch.chdir(layout.folder)
    done = written(layout, Report.PAGE, Report.CHARTS, Report.ERRORS)
    assert done.whole
    assert [started(line) for line in done.lines[:2]] == [
        ("errors:", "reports/final_error_analysis_latest.md"),
        ("charts:", "reports/charts (15 files)"),
    ]
    assert started(done.lines[-1]) == ("report:", "reports/index.html")
    for name in ("final_errors_latest.json", "charts/pass_rate_comparison.png", "index.html"):
        assert (layout.folder / "reports" / name).is_file(), name
    assert written(layout, Report.ERRORS).lines == done.lines[:1]


@needs_charts
def test_run_without_anything_to_draw_leaves_charts_out(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance("acme__acme-1")], 1)
    recorded(layout, [made_record(Cell("acme__acme-1", "a", 1), Outcome.CAPTURED)])
    done = written(layout, Report.CHARTS, Report.PAGE)
    assert done.whole
    assert started(done.lines[0])[1].startswith("left out: run '20260101_120000-abc123' has no cell that a chart")
    assert (layout.folder / "reports" / "index.html").is_file()


@needs_charts
def test_chart_that_fails_is_told_and_the_page_is_written(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance("acme__acme-1")], 1)
    times = {"solve": -1.0, "grade": float("inf"), "total": 1.0}
    recorded(layout, [made_record(Cell("acme__acme-1", "a", 1), seconds=times)])
    done = written(layout)
    assert not done.whole
    told = dict(started(line) for line in done.lines)
    assert told["charts:"].startswith("not written: RuntimeError: wall_time_distribution: ")
    assert (layout.folder / "reports" / "charts" / "pass_rate_comparison.svg").is_file()
    assert (layout.folder / "reports" / "index.html").is_file()


def test_place_that_cannot_be_written_stops_nothing_else(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=1, variants=1, reps=1)
    index = layout.folder / "reports" / "index.html"
    index.mkdir(parents=True)
    (index / "in the way").touch()
    done = written(layout, Report.ERRORS, Report.PAGE)
    assert not done.whole
    assert [started(line)[1].split(":")[0] for line in done.lines][1] == "not written"
    assert (layout.folder / "reports" / "final_errors_latest.json").is_file()
    shutil.rmtree(index)
    assert written(layout, Report.ERRORS, Report.PAGE).whole


def test_page_tells_what_moved_since_a_baseline(tmp_path: Path) -> None:
    before = large_run(tmp_path / "before", instances=4, variants=1, reps=2)
    layout = large_run(tmp_path / "after", instances=3, variants=1, reps=1)
    page = layout.folder / "reports" / "index.html"
    assert written(layout, Report.PAGE).whole
    assert "What moved since the baseline" not in page.read_text(encoding="utf-8")
    assert len(written(layout, Report.PAGE, baseline=read_source(before.folder)).lines) == 1
    assert "What moved since the baseline" in page.read_text(encoding="utf-8")


def test_baseline_of_other_instances_is_told_and_the_page_is_written(tmp_path: Path) -> None:
    before = layout_in(tmp_path / "before")
    described(before, ["a"], [instance("acme__acme-1")], 1)
    recorded(before, [made_record(Cell("acme__acme-1", "a", 1))])
    layout = large_run(tmp_path / "after", instances=1, variants=1, reps=1)
    done = written(layout, Report.PAGE, baseline=read_source(before.folder))
    assert done.whole
    assert done.lines[1].strip().startswith("without the baseline: ")
    assert (layout.folder / "reports" / "index.html").is_file()


def test_run_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=1, variants=1, reps=1)
    (layout.folder / "plans" / "p.json").write_text("{")
    done = written(layout)
    assert not done.whole
    (line,) = done.lines
    assert started(line)[1].startswith("none: ")
    assert "p.json" in line


@needs_charts
def test_warnings_made_errors_are_no_part_of_it(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=2, variants=1, reps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert written(layout).whole
