"""Where a verdict goes: `reports/gate.json` of the run, a page of one's own, and on GitHub the page of the step."""

from __future__ import annotations

from collections.abc import Mapping
from errno import ENOENT
from pathlib import Path
from typing import Final

from pytest_swebench.errors import RecordError
from pytest_swebench.records.layout import as_bytes, read_json, write_json, write_whole
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.gate.report import GateReport
from pytest_swebench.reporting.gate.text import annotation_lines, markdown

FILE: Final = "reports/gate.json"
LATER: Final = "reports/gate_afterwards.json"
"""What the command `gate` came to: a try leaves the verdict of the run itself as it is."""
STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
_ACTIONS: Final = "GITHUB_ACTIONS"


def own_verdict(folder: Path) -> str:
    """Return the verdict that the run itself came to at its end, in words, "" if it was not gated."""
    try:
        told = read_json(folder / FILE)
        words, looked = f"{told['verdict']} (exit {told['exit']})", told["sequential"]
        if looked is None:
            return words
        after = f"after {looked['instances_looked_at']} of {looked['instances_planned']} instances"
        return f"{words}, by looks ({looked['rule']}), {after}"
    except (RecordError, KeyError, TypeError):  # none, or none that could be kept
        return ""


def publish(
    report: GateReport,
    folder: Path | None,
    env: Mapping[str, str],
    redactor: Redactor,
    *,
    command: str = "",
    page: Path | None = None,
    afterwards: bool = False,
) -> list[str]:
    """Write what a gate came to and return the annotations to print, which only GitHub's runners read.

    `folder` is that of the run, None for results that are not ours; `page` is a file of one's own for the Markdown;
    `afterwards` says that it is not the run itself that is judging.
    Raises RecordError where a file cannot be written.
    """
    text = redactor.text(markdown(report, command=command))
    try:
        if folder is not None:
            write_json(folder / (LATER if afterwards else FILE), redactor.data(report.as_json()))
        if page is not None:
            if not page.parent.is_dir():  # which is not made: a name that is mistyped would make one anywhere
                raise FileNotFoundError(ENOENT, "the folder of the page does not exist", str(page.parent))
            write_whole(page, text)
        if summary := env.get(STEP_SUMMARY):
            with Path(summary).open("ab") as of_step:
                of_step.write(as_bytes(text))
    except OSError as error:
        raise RecordError(f"the verdict of the gate could not be written: {error}") from error
    return [redactor.text(line) for line in annotation_lines(report)] if env.get(_ACTIONS) == "true" else []
