"""Verdicts read again from kept logs, without a container: of a run of ours, or of the official harness.

A verdict that was reached without the log stays: the patch did not apply, was empty, or the tests ran out of time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import PRO, Instance
from pytest_swebench.datasets.manifest import Manifest, read_manifest
from pytest_swebench.errors import DatasetError, InputError
from pytest_swebench.grading import official
from pytest_swebench.grading.pro import RESULTS_FILE, pro_report, results_of
from pytest_swebench.outcome import Verdict
from pytest_swebench.records.formats.run_report import UNREPORTED
from pytest_swebench.records.journal import read_journals
from pytest_swebench.records.layout import LOG_FILE, PATCH_FILE, REPORT_FILE, RunLayout
from pytest_swebench.records.results import final_records
from pytest_swebench.records.schema import cell_of

_WITHOUT_LOG: Final = UNREPORTED | {"empty_patch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Regraded:
    """One log read again. `old` is None where no verdict was kept, `new` where `problem` says what is missing.

    `record` is the line of our run that the log belongs to; it is None for a log of the official harness.
    """

    instance_id: str
    folder: Path
    old: Verdict | None
    new: Verdict | None
    problem: str = ""
    record: dict[str, Any] | None = None

    @property
    def changed(self) -> bool:
        """Whether both verdicts are there and differ, in the result or in that of any test."""
        if self.old is None or self.new is None:
            return False
        return (self.old.resolved, self.old.tests) != (self.new.resolved, self.new.tests)


def regrade(run_folder: Path) -> list[Regraded]:
    """Read the logs of all graded cells of a run again; instances come from its manifests, the newest first.

    Raises InputError if the folder holds no run.
    """
    layout = RunLayout(run_folder.parent, run_folder.name, "")
    entries = read_journals(layout.journals).entries
    if not entries:
        raise InputError(f"{str(run_folder)!r}: no journal in there; give the folder of a run, results/<run id>")
    indexes = sorted((layout.folder / "manifests").glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    manifests = [read_manifest(index) for index in indexes]
    graded = [record for record in final_records(entries) if record["verdict"]]
    return [_of_record(layout, manifests, record) for record in sorted(graded, key=cell_of)]


def regrade_logs(folder: Path, instances: Iterable[Instance]) -> list[Regraded]:
    """Read every `test_output.txt` below `folder` again, and compare with the `report.json` beside it, if any.

    The instance is the innermost folder above the log that is named after one, as in the official layouts
    `logs/run_evaluation/<run>/<model>/<id>/` and `logs/<id>/`. Raises InputError if there is no log at all.
    """
    known = {instance.instance_id: instance for instance in instances}
    logs = sorted(folder.rglob(LOG_FILE))
    if not logs:
        raise InputError(f"{str(folder)!r}: no {LOG_FILE} anywhere in there; give a folder of logs")
    return [_of_log(log, folder, known) for log in logs]


def _of_record(layout: RunLayout, manifests: list[Manifest], record: dict[str, Any]) -> Regraded:
    cell = cell_of(record)
    kept = record["verdict"]
    old = Verdict(
        resolved=kept["resolved"],
        applied=kept["applied"],
        tests=kept["tests"],
        reason=kept["reason"],
        applied_with=kept["applied_with"],
    )
    folder = layout.cell_folder(cell)
    instance = next((one.instance(cell.instance_id) for one in manifests if cell.instance_id in one.places), None)
    new, problem = _verdict(instance, record["patch"], folder / LOG_FILE, old)
    return Regraded(instance_id=cell.instance_id, folder=folder, old=old, new=new, problem=problem, record=record)


def _of_log(log: Path, top: Path, known: Mapping[str, Instance]) -> Regraded:
    name = next((part for part in _names_above(log, top) if part in known), "")
    instance_id = name or log.parent.name
    patch_file = log.with_name(PATCH_FILE)
    patch = patch_file.read_text("utf-8", "surrogateescape") if patch_file.is_file() else ""
    try:
        old = _kept(log.with_name(REPORT_FILE), instance_id)
    except (ValueError, LookupError, TypeError) as error:
        old, problem = None, f"{log.with_name(REPORT_FILE)}: not an official report on {instance_id}: {error!r}"
    else:
        problem = ""
    new, missing = _verdict(known.get(name), patch, log, old)
    return Regraded(instance_id=instance_id, folder=log.parent, old=old, new=new, problem=missing or problem)


def _verdict(instance: Instance | None, patch: str, log: Path, old: Verdict | None) -> tuple[Verdict | None, str]:
    """Return the verdict of today's rules, or None and what is missing for one."""
    if old is not None and old.reason in _WITHOUT_LOG:
        return old, ""
    if instance is None:
        return None, f"{log}: no such instance in the dataset"
    needed = log.with_name(RESULTS_FILE) if instance.hidden.eval_type == PRO else log
    if not needed.is_file():
        return None, f"{needed}: was not kept"
    try:
        report = _report(instance, patch, needed, applied=old is None or old.applied)
    except DatasetError as error:
        return None, str(error)
    verdict = official.verdict_of(instance.instance_id, report)
    if report[instance.instance_id]["infra_failure"]:  # only a graded run gets here, so its ground held
        verdict = replace(verdict, reason=official.NO_RESULTS)
    return replace(verdict, applied_with=old.applied_with if old else ""), ""


def _report(instance: Instance, patch: str, path: Path, *, applied: bool) -> dict[str, Any]:
    if instance.hidden.eval_type != PRO:
        return official.report_json(instance, patch, path)
    # its log was read by a program of its own in a container, which kept what it found
    passed, seen = results_of(path)
    report = pro_report(instance, passed, applied=applied)
    if not seen:
        report[instance.instance_id]["infra_failure_reason"] = official.NO_RESULTS
    return report


def _kept(report: Path, instance_id: str) -> Verdict | None:
    if not report.is_file():
        return None
    return official.verdict_of(instance_id, json.loads(report.read_text(encoding="utf-8")))


def _names_above(log: Path, top: Path) -> Iterator[str]:
    """Yield the names of the folders that hold a log, innermost first, `top` included."""
    yield from (folder.name for folder in log.parents if folder == top or folder.is_relative_to(top))
