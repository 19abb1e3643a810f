from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import PRO, Instance
from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import InputError
from pytest_swebench.events import Event
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.official import NO_RESULTS
from pytest_swebench.grading.regrade import regrade, regrade_logs
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.schema import RunInfo
from pytest_swebench.redact import Redactor
from pytest_swebench.run import RunContext, run_cell
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.workplace import Outside
from tests.records.formats.made_runs import put
from tests.support.calc import ADD, ZERO
from tests.support.made import made_record

PASSED = f"PASSED {ADD}\nPASSED {ZERO}\n"
FAILED = f"FAILED {ADD} - assert 3 == -1\nPASSED {ZERO}\n"


def log_of(tests: str) -> str:
    return f"+ : '>>>>> Start Test Output'\n{tests}+ : '>>>>> End Test Output'\n>>>>> Test Exit Code: 0\n"


def no_calls(cell: Cell, _: object) -> Outside:
    raise LookupError(f"the arm of {cell} calls no model")


def keep_cells(layout: RunLayout, records: list[dict[str, Any]], logs: dict[str, str]) -> None:
    journal = Journal(layout.journals / "main.jsonl", Redactor([]))
    for record in records:
        cell = Cell(record["instance_id"], record["variant"], record["rep"])
        journal.append("record", cell=str(cell), record=record)
        folder = layout.cell_folder(cell)
        folder.mkdir(parents=True)
        if cell.variant in logs:
            (folder / "test_output.txt").write_text(logs[cell.variant])
    journal.close()


def verdict(resolved: bool, tests: dict[str, Any] | None = None, reason: str = "") -> dict[str, Any]:
    return {"resolved": resolved, "applied": True, "applied_with": "git apply", "reason": reason, "tests": tests or {}}


def test_undisturbed_run_regrades_to_itself(tmp_path: Path) -> None:
    layout, backend, events = RunLayout(tmp_path, "run-1", ""), LocalBackend(), list[Event]()
    instance = next(one for one in load_demo() if one.instance_id == "tinyconf__tinyconf-5")
    manifest = resolve_once(layout.folder / "manifests", "demo", lambda: [instance])
    journal = Journal(layout.journals / "main.jsonl", Redactor([]))
    names = ("gold", "null")
    context = RunContext(
        info=RunInfo(run_id="run-1", timestamp="", dataset="demo"),
        layout=layout,
        arms={name: ArmRegistry().make(name) for name in names},
        variants={name: Variant(name, name) for name in names},
        instance=manifest.instance,
        outside=no_calls,
        backend=backend,
        grader=OfficialGrader(backend),
        journal=journal,
        redactor=Redactor([]),
        emit=events.append,
    )
    ended = [run_cell(context, Cell(instance.instance_id, name, 1)).record for name in names]
    journal.close()
    backend.close()
    again = regrade(layout.folder)
    assert [one.record for one in again] == ended
    assert [one.new.resolved for one in again if one.new] == [True, False]
    assert [one.new for one in again] == [one.old for one in again]
    assert not any(one.changed or one.problem for one in again)


def test_verdict_that_no_longer_holds_is_found(tmp_path: Path, make_instance: Callable[..., Instance]) -> None:
    layout, instance = RunLayout(tmp_path, "run-1", ""), make_instance()
    resolve_once(layout.folder / "manifests", "m", lambda: [instance])
    good = {FAIL_TO_PASS: {"success": [ADD], "failure": []}, PASS_TO_PASS: {"success": [ZERO], "failure": []}}
    kept = {
        "same": (Outcome.RESOLVED, verdict(True, good)),
        "worse": (Outcome.RESOLVED, verdict(True, good)),
        "tests": (Outcome.UNRESOLVED, verdict(False)),
        "late": (Outcome.UNRESOLVED, verdict(False, reason="tests_timed_out")),
        "stray": (Outcome.UNRESOLVED, verdict(False, reason="patch_apply_failed")),
        "lost": (Outcome.RESOLVED, verdict(True, good)),
        "infra": (Outcome.INFRA, None),
    }
    records = [
        made_record(Cell("acme__calc-1", name, 1), outcome, verdict=data) for name, (outcome, data) in kept.items()
    ]
    foreign = made_record(Cell("acme__calc-2", "same", 1), Outcome.RESOLVED, verdict=verdict(True, good))
    logs = dict.fromkeys(kept.keys() - {"lost"}, log_of(PASSED)) | {"worse": log_of(FAILED), "tests": log_of(FAILED)}
    keep_cells(layout, [*records, foreign], logs)
    found = {f"{one.instance_id}/{one.folder.parent.name}": one for one in regrade(layout.folder)}
    assert {name for name, one in found.items() if one.changed} == {"acme__calc-1/worse", "acme__calc-1/tests"}
    worse = found["acme__calc-1/worse"]
    assert worse.old is not None
    assert worse.new is not None
    assert (worse.old.resolved, worse.new.resolved, worse.new.applied_with) == (True, False, "git apply")
    assert found["acme__calc-1/late"].new == found["acme__calc-1/late"].old
    assert found["acme__calc-1/stray"].new == found["acme__calc-1/stray"].old
    assert found["acme__calc-1/lost"].new is None
    assert found["acme__calc-1/lost"].problem.endswith("test_output.txt: was not kept")
    assert found["acme__calc-2/same"].problem.endswith("test_output.txt: no such instance in the dataset")
    assert "acme__calc-1/infra" not in found


def test_row_of_the_newest_manifest_counts(tmp_path: Path, make_instance: Callable[..., Instance]) -> None:
    layout = RunLayout(tmp_path, "run-1", "")
    old = resolve_once(layout.folder / "manifests", "z-old", lambda: [make_instance(fail_to_pass=("gone",))])
    resolve_once(layout.folder / "manifests", "a-new", lambda: [make_instance()])
    os.utime(old.path.with_suffix(".json"), (1, 1))
    record = made_record(Cell("acme__calc-1", "v", 1), Outcome.UNRESOLVED, verdict=verdict(False))
    keep_cells(layout, [record], {"v": log_of(PASSED)})
    (again,) = regrade(layout.folder)
    assert again.new is not None
    assert again.new.resolved


@pytest.mark.parametrize(
    ("kept", "resolved", "reason", "problem"),
    [
        ({"tests": [{"name": ADD, "status": "PASSED"}, {"name": ZERO, "status": "PASSED"}]}, True, "", ""),
        ({"tests": [{"name": ADD, "status": "FAILED"}, {"name": ZERO, "status": "PASSED"}]}, False, "", ""),
        ({"tests": []}, False, NO_RESULTS, ""),
        (None, None, "", "output.json: was not kept"),
    ],
)
def test_instance_of_swe_bench_pro_is_read_from_what_its_parser_found(
    tmp_path: Path,
    make_instance: Callable[..., Instance],
    kept: dict[str, Any] | None,
    resolved: bool | None,
    reason: str,
    problem: str,
) -> None:
    layout, instance = RunLayout(tmp_path, "run-1", ""), make_instance(eval_type=PRO, log_parser="")
    resolve_once(layout.folder / "manifests", "m", lambda: [instance])
    record = made_record(Cell("acme__calc-1", "v", 1), Outcome.RESOLVED, verdict=verdict(True))
    keep_cells(layout, [record], {"v": "swebench: stdout 0 bytes\n"})
    if kept is not None:
        put(layout.cell_folder(Cell("acme__calc-1", "v", 1)) / "output.json", kept)
    (again,) = regrade(layout.folder)
    assert (again.new.resolved if again.new else None) is resolved
    assert (again.new.reason if again.new else "") == reason
    assert again.problem.endswith(problem)


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no journal in there; give the folder of a run"):
        regrade(tmp_path)
    with pytest.raises(InputError, match=r"no test_output\.txt anywhere in there"):
        regrade_logs(tmp_path, [])


def harness_log(folder: Path, text: str, report: str = "", name: str = "acme__calc-1") -> Path:
    own = folder / "logs" / "run_evaluation" / "run-1" / "maker__m-1" / name
    own.mkdir(parents=True)
    (own / "test_output.txt").write_text(text)
    if report:
        (own / "report.json").write_text(report)
    return own


def published(resolved: bool) -> str:
    return json.dumps({"acme__calc-1": {"patch_successfully_applied": True, "resolved": resolved}})


def test_log_of_the_official_harness_is_compared_with_its_report(
    tmp_path: Path, make_instance: Callable[..., Instance]
) -> None:
    own = harness_log(tmp_path, log_of(FAILED), published(True))
    (own / "patch.diff").write_text("diff")
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert (again.instance_id, again.folder, again.record) == ("acme__calc-1", own, None)
    assert again.old is not None
    assert again.new is not None
    assert (again.old.resolved, again.new.resolved, again.changed) == (True, False, True)
    (itself,) = regrade_logs(own, [make_instance()])
    assert itself.new == again.new


def test_log_without_a_report_gets_a_verdict_to_compare_with_nothing(
    tmp_path: Path, make_instance: Callable[..., Instance]
) -> None:
    harness_log(tmp_path, log_of(PASSED))
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert again.old is None
    assert again.new is not None
    assert (again.new.resolved, again.changed, again.problem) == (True, False, "")


@pytest.mark.parametrize("report", ["{cut", "[]", "{}", '{"acme__calc-1": {}}'])
def test_report_that_cannot_be_read_is_named_and_the_log_graded(
    tmp_path: Path, make_instance: Callable[..., Instance], report: str
) -> None:
    harness_log(tmp_path, log_of(PASSED), report)
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert again.new is not None
    assert again.new.resolved
    assert "report.json: not an official report on acme__calc-1" in again.problem


def test_log_of_an_unknown_instance_is_named(tmp_path: Path, make_instance: Callable[..., Instance]) -> None:
    harness_log(tmp_path, log_of(PASSED), name="acme__calc-9")
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert (again.instance_id, again.new) == ("acme__calc-9", None)
    assert again.problem.endswith("test_output.txt: no such instance in the dataset")


def test_row_that_cannot_grade_is_named(tmp_path: Path, make_instance: Callable[..., Instance]) -> None:
    harness_log(tmp_path, log_of(PASSED), published(True))
    (again,) = regrade_logs(tmp_path, [make_instance(log_parser="parse_log_nothing")])
    assert again.new is None
    assert "unknown log_parser 'parse_log_nothing'" in again.problem


def test_words_of_a_broken_network_in_a_graded_log_are_no_reason(
    tmp_path: Path, make_instance: Callable[..., Instance]
) -> None:
    harness_log(tmp_path, log_of("Could not resolve host: example.invalid\n"), published(False))
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert again.new is not None
    assert again.new.reason == NO_RESULTS


def test_every_published_verdict_is_given_again(shared_data: Path, official_rows: dict[str, dict[str, Any]]) -> None:
    instances = [instance_from_row(row, where=name) for name, row in official_rows.items()]
    again = regrade_logs(shared_data / "logs", instances)
    index = [json.loads(line) for line in (shared_data / "logs" / "index.jsonl").read_text().splitlines()]
    listed = {(entry["instance_id"], str(entry["case"])): entry["resolved"] for entry in index}
    given = {(one.instance_id, one.folder.name): one.new.resolved for one in again if one.new}
    assert given == listed
    assert len(given) == 155
    assert not any(one.problem for one in again)
    # its log names no test, see NO_STATUS in test_official.py: resolved it is not, either way
    assert [(one.instance_id, one.folder.name) for one in again if one.changed] == [("sphinx-doc__sphinx-9711", "0")]


def test_old_and_new_verdict_must_both_be_there_to_differ(
    tmp_path: Path, make_instance: Callable[..., Instance]
) -> None:
    harness_log(tmp_path, log_of(FAILED), published(True))
    (again,) = regrade_logs(tmp_path, [make_instance()])
    assert again.changed
    assert not dataclasses.replace(again, new=None).changed
    assert not dataclasses.replace(again, old=None).changed
