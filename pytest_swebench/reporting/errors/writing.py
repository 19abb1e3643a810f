"""The analysis of errors as files: markdown for people, JSON for programs, each with a `_latest` beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.records.flakes import GOLD, NULL
from pytest_swebench.records.layout import write_json, write_whole
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.errors.analysis import EXAMPLES, ErrorAnalysis, analyse_errors, nothing
from pytest_swebench.reporting.errors.cells import FailedCell
from pytest_swebench.reporting.errors.taxonomy import Family
from pytest_swebench.reporting.markdown import code, escaped, table
from pytest_swebench.reporting.reading import view_run
from pytest_swebench.reporting.tree import count

_TOLD: Final = 50  # failed cells whose retries stand in the markdown; the JSON has all
_NAMES: Final = ("final_error_analysis", "final_errors")
_MEANING: Final = {
    Family.PROVIDER: "the endpoint of the model; in no rate",
    Family.INFRA: "broken ground: engine, images, network, disk, a process that died; in no rate",
    Family.FAULT: "of an arm, a plugin or this tool; in no rate",
    Family.WORKFLOW: "the guards of a workflow let no answer pass",
    Family.PATCH: "no patch, or one that cannot be applied",
    Family.LIMIT: "a limit ended it before there was a patch",
    Family.GRADING: "graded, and not resolved",
}


@dataclass(frozen=True, slots=True)
class Written:
    """Both files of an analysis, the links that lead to the latest ones, and the analysis itself."""

    analysis: ErrorAnalysis
    markdown: Path
    data: Path
    latest: tuple[Path, Path]


def analyze_final_errors(
    results_path: Path, output_dir: Path | None = None, include_traces: bool = True, *, redactor: Redactor | None = None
) -> Written:
    """Analyse the run whose folder, or whose results.jsonl, is `results_path`, and write both files.

    They go into its `reports/` unless `output_dir` says otherwise, without the secrets of the environment. Raises
    InputError for what is no run, and OSError where nothing can be written.
    """
    view = view_run(results_path.parent if results_path.is_file() else results_path)
    analysis = analyse_errors(view, traces=include_traces)
    folder = output_dir or view.layout.folder / "reports"
    return write_errors(analysis, folder, datetime.now(UTC), redactor=redactor or Redactor.from_env(os.environ))


def write_errors(analysis: ErrorAnalysis, folder: Path, now: datetime, *, redactor: Redactor | None = None) -> Written:
    """Write the analysis into `folder`, named by the time `now` and without known secrets.

    Raises OSError where that cannot be written.
    """
    clean = redactor or Redactor()
    stamp = now.strftime("%Y%m%d_%H%M%S")
    markdown, data = (folder / f"{name}_{stamp}{end}" for name, end in zip(_NAMES, (".md", ".json"), strict=True))
    write_whole(markdown, clean.text("\n".join(as_markdown(analysis)) + "\n"))
    write_json(data, clean.data(analysis.as_json()))
    latest = (_point(folder / f"{_NAMES[0]}_latest.md", markdown), _point(folder / f"{_NAMES[1]}_latest.json", data))
    return Written(analysis, markdown, data, latest)


def as_markdown(analysis: ErrorAnalysis) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"# Error analysis of run {escaped(analysis.run_id)}"
    yield from ("", "## Experiment overview", "")
    yield from _overview(analysis)
    if not analysis.failed:
        yield from ("", nothing(analysis))
    else:
        yield from ("", "## Kinds of failures", "")
        yield from _kinds(analysis)
        yield from ("", "## Failures by guard", "")
        yield from _guards(analysis)
    yield from ("", "## Escalation summary", "")
    yield from _escalations(analysis)
    if analysis.failed:
        yield from ("", "## Failed cells", "")
        yield from _cells(analysis)


def _overview(analysis: ErrorAnalysis) -> Iterator[str]:
    told = analysis.overview
    rows = [
        ("models", ", ".join(told["models"]) or "none"),
        ("arms", ", ".join(told["arms"]) or "none"),
        ("instances", told["instances"]),
        ("cells", f"{told['cells']} recorded of {told['selected']} selected{_left(told['left_by_gate'])}"),
        *((("damaged lines of journals, left out", told["damaged"]),) if told["damaged"] else ()),
        ("successful (resolved, captured)", told["successful"]),
        ("failed", told["failed"]),
        ("outcomes", ", ".join(f"{name} {number}" for name, number in told["outcomes"].items()) or "none"),
        ("tokens", f"{told['tokens']:,}"),
        ("retries after a guard", told["retries"]),
        *((("requests", _requests(told)),) if told["requests"] else ()),
        *((f"mean {name} time", _seconds(told[f"mean_{name}_seconds"])) for name in ("wall", "solve", "grade")),
    ]
    yield from table(("", ""), rows)


def _kinds(analysis: ErrorAnalysis) -> Iterator[str]:
    rows = [
        (family, kind, len(cells), sum(one.arm in {GOLD, NULL} for one in cells) or "-", _MEANING[family])
        for (family, kind), cells in analysis.kinds.items()
    ]
    yield from table(("family", "kind", "cells", "of gold and null", "what that means"), rows)
    for (family, kind), cells in analysis.kinds.items():
        yield from ("", f"### {escaped(f'{family}: {kind}')} ({count(len(cells), 'cell')})", "")
        for one in cells[:EXAMPLES]:
            yield f"- {code(one.cell)}: {escaped(one.failure.evidence)}"
            yield from (f"    - {code(line)}" for line in one.log)
        if len(cells) > EXAMPLES:
            yield f"- ... and {len(cells) - EXAMPLES} more"


def _guards(analysis: ErrorAnalysis) -> Iterator[str]:
    rows = []
    for variant in analysis.overview["variants"]:
        failed = sum(one.variant == variant for one in analysis.failed)
        guards = analysis.guards.get(variant, {})
        rows.append((variant, failed, ", ".join(f"{guard} {number}" for guard, number in guards.items()) or "-"))
    yield from table(("variant", "failed cells", "stopped by guards"), rows)


def _escalations(analysis: ErrorAnalysis) -> Iterator[str]:
    if not analysis.traced:
        yield "Traces were not read (--no-traces)."
        return
    found = analysis.escalations
    if not found.total:
        yield "No trace tells of a way back."
        return
    yield f"{count(found.total, 'way', 'ways')} back."
    for title, counts in (
        ("stagnant guard", found.guards),
        ("trigger", found.triggers),
        ("step done again", found.invalidated),
    ):
        if counts:
            yield ""
            yield from table((title, "times"), list(counts.items()))
    rows = [
        (info.cell, info.step, info.escalation.stagnant_guard or "-", ", ".join(info.escalation.targets))
        for info in found.each[:_TOLD]
    ]
    yield ""
    yield from table(("cell", "stuck in step", "at guard", "back to"), rows)
    if found.total > _TOLD:
        yield f"... and {found.total - _TOLD} more, in the JSON file."


def _cells(analysis: ErrorAnalysis) -> Iterator[str]:
    retried = [one for one in analysis.failed if one.retries]
    if not retried:
        yield "No guard rejected an answer in the failed cells." if analysis.traced else "Retries: not read."
        return
    variants: Mapping[str, list[FailedCell]] = {
        name: [one for one in retried[:_TOLD] if one.variant == name] for name in analysis.overview["variants"]
    }
    for variant, cells in variants.items():
        if cells:
            yield f"### {escaped(variant)}"
        for one in cells:
            where = f", failed in step {code(one.failed_step)}" if one.failed_step else ""
            yield from (
                "",
                f"#### {escaped(one.cell)}: {one.outcome}{where}, {count(one.retry_count, 'retry', 'retries')}",
                "",
            )
            yield from table(
                ("attempt", "step", "guard", "error", ""),
                [(r.attempt, r.step, r.guard, r.error, "FINAL" if r.final else "") for r in one.retries],
            )
            yield ""
    if len(retried) > _TOLD:
        yield f"... and {len(retried) - _TOLD} more cells with retries, in the JSON file."


def _left(cells: int) -> str:
    return f", {cells} left out by the gate on purpose" if cells else ""


def _requests(told: Mapping[str, Any]) -> str:
    limited = f"{told['rate_limited']:,} got a 429 ({100 * told['rate_limited'] / told['requests']:.1f} %)"
    return f"{told['requests']:,}; {limited}, {told['provider_retries']:,} were sent again"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _point(link: Path, target: Path) -> Path:
    """Let `link` lead to `target`, in one step for whoever reads it meanwhile."""
    made = link.with_name(f".{link.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    made.symlink_to(target.name)
    os.replace(made, link)
    return link
