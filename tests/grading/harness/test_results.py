"""What a call leaves, wherever this release wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import InfraError
from pytest_swebench.grading.harness.results import Result, Written, read_result
from pytest_swebench.outcome import Verdict

ADD, ZERO = "test_calc.py::test_add", "test_calc.py::test_zero"
ID = "trivial__calc-1"


def run_report(**ids: list[str]) -> dict[str, Any]:
    """Make a report of a run as 5.x writes it; keywords name lists of ids."""
    names = ("completed", "incomplete", "empty_patch", "submitted", "resolved", "unresolved", "error")
    names += ("infra_failure", "ambiguous_failure")
    return {f"{name}_ids": ids.get(name, []) for name in names} | {"failure_reasons": {}, "schema_version": 2}


def own_report(*, resolved: bool, **more: Any) -> dict[str, Any]:
    """Make the report of the instance as 4.1 writes it; 5.x adds to it."""
    tests = {"success": [ADD], "failure": []} if resolved else {"success": [], "failure": [ADD]}
    status = {"FAIL_TO_PASS": tests, "PASS_TO_PASS": {"success": [ZERO], "failure": []}}
    entry = {"patch_is_None": False, "patch_exists": True, "patch_successfully_applied": True, "resolved": resolved}
    return {ID: entry | {"tests_status": status} | more}


@pytest.fixture
def written(tmp_path: Path) -> Written:
    written = Written(tmp_path / "work", "run.1", "org/model", ID)
    written.logs.mkdir(parents=True)
    return written


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def found(written: Written) -> Result:
    result = read_result(written)
    assert result is not None
    return result


def test_results_are_believed_in_their_order(written: Written) -> None:
    """Each source says something else, and the first one that is there is believed."""
    work = written.folder
    put(work / "evaluation_results" / "results.json", run_report(empty_patch=[ID]))
    assert (found(written).source, found(written).verdict.reason) == ("evaluation_results/results.json", "empty_patch")
    put(written.logs / "report.json", own_report(resolved=False))
    own = f"logs/run_evaluation/run.1/org__model/{ID}/report.json"
    assert (found(written).source, found(written).verdict.summary()) == (own, "FAIL_TO_PASS 0/1, PASS_TO_PASS 1/1")
    put(work / "test.run.1.json", run_report(empty_patch=[ID]))
    put(work / "other-1.json", run_report(resolved=[ID]))
    assert (found(written).source, found(written).verdict.reason) == ("test.run.1.json", "empty_patch")
    put(work / "org__model.run.1.json", run_report(unresolved=[ID], completed=[ID], submitted=[ID]))
    assert (found(written).source, found(written).verdict.resolved) == ("org__model.run.1.json", False)
    assert found(written).verdict.tests["FAIL_TO_PASS"] == {"success": [], "failure": [ADD]}


def test_a_verdict_comes_with_the_tests_of_the_instances_own_report(written: Written) -> None:
    put(written.folder / "org__model.run.1.json", run_report(resolved=[ID]))
    put(written.logs / "report.json", own_report(resolved=True))
    result = found(written)
    tests = {"FAIL_TO_PASS": {"success": [ADD], "failure": []}, "PASS_TO_PASS": {"success": [ZERO], "failure": []}}
    assert result.verdict == Verdict(resolved=True, applied=True, tests=tests)
    assert result.report == own_report(resolved=True)


def test_a_report_of_the_run_alone_is_a_verdict_without_tests(written: Written) -> None:
    put(written.folder / "evaluation_results" / "a.json", run_report(resolved=[ID]))
    assert found(written) == Result(
        Verdict(resolved=True, applied=True, reason="no_test_results"), {}, "evaluation_results/a.json"
    )


def test_reports_that_say_nothing_of_the_instance_are_passed_over(written: Written) -> None:
    put(written.folder / "org__model.run.1.json", run_report(incomplete=[ID], resolved=["other__other-1"]))
    put(written.folder / "a.run.1.json", '{"resolved_ids": ["trivial__ca')
    put(written.folder / "b.run.1.json", [ID])
    put(written.folder / "c.run.1.json", {ID: "resolved"})
    put(written.logs / "report.json", "")
    assert read_result(written) is None
    put(written.folder / "evaluation_results" / "z.json", own_report(resolved=True))
    assert (found(written).source, found(written).verdict.resolved) == ("evaluation_results/z.json", True)


@pytest.mark.parametrize("also", ["unresolved", "error"])
def test_a_failure_of_the_infrastructure_is_never_unresolved(also: str, written: Written) -> None:
    report = run_report(infra_failure=[ID], **{also: [ID]}) | {"failure_reasons": {ID: "out_of_memory"}}
    put(written.folder / "org__model.run.1.json", report)
    put(written.logs / "report.json", own_report(resolved=False, infra_failure=True))
    with pytest.raises(InfraError, match=r"infra_failure \(out_of_memory\) in org__model\.run\.1\.json"):
        read_result(written)


def test_an_error_is_one_of_the_infrastructure(written: Written) -> None:
    put(written.folder / "org__model.run.1.json", run_report(error=[ID]))
    put(written.logs / "run_instance.log", "2026-01-01 00:00:00,000 - INFO - No such image\n")
    put(written.logs / "test_output.txt", "\n\nTimeout error: 5 seconds exceeded.\nsaid the test itself")
    with pytest.raises(InfraError, match=r"calls it error \(no reason given\)"):
        read_result(written)


def test_a_patch_that_does_not_apply_is_an_answer(written: Written) -> None:
    report = run_report(error=[ID], infra_failure=[ID]) | {"failure_reasons": {ID: "display_unavailable"}}
    put(written.folder / "org__model.run.1.json", report)
    log = "2026-01-01 00:00:00,000 - INFO - >>>>> Patch Apply Failed:\n|+++ b/cannot open display\n"
    put(written.logs / "run_instance.log", log)
    assert found(written).verdict == Verdict(resolved=False, applied=False, reason="patch_apply_failed")


def test_tests_that_ran_out_of_time_are_an_answer(written: Written) -> None:
    put(written.folder / "org__model.run.1.json", run_report(error=[ID], ambiguous_failure=[ID]))
    put(written.logs / "test_output.txt", "collected 1 item\n\n\nTimeout error: 5 seconds exceeded.")
    assert found(written).verdict == Verdict(resolved=False, applied=True, reason="tests_timed_out")
    assert found(written).report[ID]["infra_failure_reason"] == "tests_timed_out"


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("run_instance.log", "2026-01-01 00:00:00,000 - INFO - >>>>> Patch Apply Failed:\n", "patch_apply_failed"),
        ("test_output.txt", "collected 1 item\n\n\nTimeout error: 5 seconds exceeded.", "tests_timed_out"),
    ],
)
def test_a_harness_that_died_before_its_report_has_answered_all_the_same(
    file: str, text: str, reason: str, written: Written
) -> None:
    put(written.logs / "run_instance.log", "2026-01-01 00:00:00,000 - INFO - Container started\n")
    assert read_result(written) is None
    put(written.logs / file, text)
    assert found(written).verdict.reason == reason
    assert found(written).source == "run_instance.log"


def test_files_that_contradict_each_other_are_no_verdict(written: Written) -> None:
    put(written.folder / "org__model.run.1.json", run_report(resolved=[ID]))
    put(written.logs / "report.json", own_report(resolved=False))
    with pytest.raises(InfraError, match="says otherwise"):
        read_result(written)
