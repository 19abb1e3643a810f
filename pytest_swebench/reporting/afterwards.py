"""What is made of a run that is over, beside its records: the analysis of errors, the charts, and the HTML report."""

from __future__ import annotations

import os
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.markdown import one_line
from pytest_swebench.reporting.reading import RunView, view_run

if TYPE_CHECKING:
    from pytest_swebench.reporting.comparison.source import Source
    from pytest_swebench.reporting.html.against import Against


class Report(StrEnum):
    """What can be made."""

    ERRORS = "errors"
    CHARTS = "charts"
    PAGE = "report"


@dataclass(frozen=True, slots=True)
class Afterwards:
    """A line for everything that was made or left out, and whether all that could be made was made."""

    lines: tuple[str, ...]
    whole: bool


def write_reports(
    folder: Path,
    wanted: Iterable[Report],
    *,
    unfit: Mapping[str, str],
    redactor: Redactor,
    baseline: Source | None = None,
) -> Afterwards:
    """Write what is wanted of the run in `folder` into its `reports/`; one that fails does not stop the others.

    `unfit` are instances that cannot judge a patch, and why. The page tells what moved since `baseline`.
    """
    try:
        view = view_run(folder)
    except SwebenchError as error:
        return Afterwards((f"{'reports:':<12} none: {error}",), whole=False)
    reports = view.layout.folder / "reports"
    makers: dict[Report, Callable[[], list[str]]] = {
        Report.ERRORS: lambda: _errors(view, reports, redactor),
        Report.CHARTS: lambda: _charts(view, reports / "charts"),
        Report.PAGE: lambda: _page(view, reports / "index.html", unfit, redactor, baseline),
    }
    lines: list[str] = []
    whole = True
    for name in Report:
        if name not in wanted:
            continue
        try:
            with warnings.catch_warnings():  # those of libraries are no part of a run that makes warnings errors
                warnings.simplefilter("ignore")
                lines += makers[name]()
        except InputError as error:  # there is nothing to make it from, or with
            lines.append(_line(name, f"left out: {error}"))
        except Exception as error:  # told in a line: the summary of the run is worth more than its reports
            lines.append(_line(name, f"not written: {type(error).__name__}: {error}"))
            whole = False
    return Afterwards(tuple(lines), whole)


def _errors(view: RunView, folder: Path, redactor: Redactor) -> list[str]:
    from pytest_swebench.reporting.errors.writing import analyze_final_errors

    written = analyze_final_errors(view.layout.folder, folder, redactor=redactor)
    return [_line(Report.ERRORS, os.path.relpath(written.latest[0]))]


def _charts(view: RunView, folder: Path) -> list[str]:
    from pytest_swebench.reporting.charts.material import material_of
    from pytest_swebench.reporting.charts.writing import write_charts

    drawn = write_charts(material_of(view), folder)
    lines = [_line(Report.CHARTS, f"{os.path.relpath(folder)} ({len(drawn.files)} files)")]
    for name, why in drawn.left_out.items():
        lines += textwrap.indent(textwrap.fill(f"left out: {name}: {why}", 65), 13 * " ").splitlines()
    if drawn.failed:
        raise RuntimeError("; ".join(f"{name}: {why}" for name, why in drawn.failed.items()))
    return lines


def _page(
    view: RunView, path: Path, unfit: Mapping[str, str], redactor: Redactor, baseline: Source | None
) -> list[str]:
    from pytest_swebench.reporting.html.writing import write_report

    against, lines = None, []
    if baseline is not None:
        try:
            against = _against(view, baseline)
        except InputError as error:
            lines = textwrap.indent(textwrap.fill(f"without the baseline: {error}", 65), 13 * " ").splitlines()
    written = write_report(view, path, unfit=unfit, against=against, redactor=redactor)
    beside = f", with {os.path.relpath(written.folder)}" if written.beside else ""
    return [_line(Report.PAGE, f"{os.path.relpath(path)}{beside}"), *lines]


def _against(view: RunView, baseline: Source) -> Against:
    from pytest_swebench.reporting.comparison.reading import read_source
    from pytest_swebench.reporting.html.against import held_against

    return held_against(baseline, read_source(view.layout.folder))


def _line(name: Report, text: str) -> str:
    return f"{name + ':':<12} {one_line(text)}"
