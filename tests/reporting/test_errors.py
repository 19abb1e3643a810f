"""What went wrong in a run: kinds of failures, what shows them, retries, ways back, and the files that tell of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_swebench.cell import Cell
from pytest_swebench.cli.analyze_errors import analyze_errors
from pytest_swebench.outcome import Outcome, Stop, Verdict
from pytest_swebench.records.layout import LOG_FILE, RunLayout, write_whole
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.errors.analysis import ErrorAnalysis, analyse_errors
from pytest_swebench.reporting.errors.evidence import in_one_line, of_log
from pytest_swebench.reporting.errors.taxonomy import Family, failure_of
from pytest_swebench.reporting.errors.writing import analyze_final_errors, as_markdown, write_errors
from pytest_swebench.reporting.reading import view_run
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded
from tests.support.traced import go_back_once

A, B = "acme__acme-1", "acme__acme-2"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(tmp_path: Path, *records: dict[str, Any], variants: tuple[str, ...] = ("tdd",)) -> RunLayout:
    layout = layout_in(tmp_path)
    described(layout, variants, [instance(A), instance(B)], 1)
    recorded(layout, records)
    return layout


def analysed(layout: RunLayout, **options: Any) -> ErrorAnalysis:
    return analyse_errors(view_run(layout.folder), **options)


def graded(fails: list[str], broken: list[str], **fields: Any) -> dict[str, Any]:
    tests = {
        "FAIL_TO_PASS": {"success": [], "failure": fails},
        "PASS_TO_PASS": {"success": ["test_old"], "failure": broken},
    }
    verdict = Verdict(False, **({"applied": True, "tests": tests} | fields)).as_json()
    return made_record(Cell(A, "tdd", 1), Outcome.UNRESOLVED, verdict=verdict)


def broken(kind: str, message: str, outcome: Outcome = Outcome.INFRA) -> dict[str, Any]:
    return made_record(Cell(A, "tdd", 1), outcome, error={"type": kind, "message": message})


def other(outcome: Outcome, **fields: Any) -> dict[str, Any]:
    return made_record(Cell(A, "tdd", 1), outcome, **fields)


@pytest.mark.parametrize(
    ("record", "family", "kind", "evidence"),
    [
        (
            broken("ProviderError", "HTTP 429: slow down"),
            Family.PROVIDER,
            "rate limit",
            "ProviderError: HTTP 429: slow down",
        ),
        (broken("ProviderError", "HTTP 529: overloaded"), Family.PROVIDER, "overloaded or server error", "529"),
        (broken("ProviderError", "no answer: read timed out"), Family.PROVIDER, "time-out", "timed out"),
        (broken("ProviderError", "the connection was reset"), Family.PROVIDER, "connection", "reset"),
        (broken("ProviderError", "half an answer"), Family.PROVIDER, "ProviderError", "half an answer"),
        (broken("ProviderRefused", "HTTP 401: bad key"), Family.PROVIDER, "key or permission", "401"),
        (broken("ProviderRefused", "HTTP 404: no such model"), Family.PROVIDER, "unknown model", "404"),
        (broken("Busy", "HTTP 503: busy"), Family.PROVIDER, "overloaded or server error", "503"),
        (broken("ProviderError", "x: no complete answer within 60.0 s"), Family.PROVIDER, "time-out", "60.0 s"),
        (broken("ProviderError", "the answer ended early, without y"), Family.PROVIDER, "no valid answer", "early"),
        (broken("ContextOverflow", "200001 tokens"), Family.PROVIDER, "ContextOverflow", "200001"),
        (broken("ReplayMiss", "nobody recorded this", Outcome.ERROR), Family.PROVIDER, "ReplayMiss", "recorded"),
        (broken("SandboxLost", "the container died\nlong story"), Family.INFRA, "SandboxLost", "the container died"),
        (broken("WorkerLost", "the worker process died"), Family.INFRA, "WorkerLost", "died"),
        (broken("SomethingNew", "never seen"), Family.INFRA, "SomethingNew", "never seen"),
        (broken("KeyError", "'x'", Outcome.ERROR), Family.FAULT, "KeyError", "KeyError: 'x'"),
        (other(Outcome.ERROR), Family.FAULT, "error without a reason", "error without a reason"),
        (
            other(Outcome.LIMIT, stop=Stop.COST, notes="--max-cost $1: no room"),
            Family.LIMIT,
            "cost",
            "--max-cost $1: no room",
        ),
        (other(Outcome.LIMIT), Family.LIMIT, "limit", "no reason given"),
        (
            other(Outcome.NO_PATCH, validation={"kind": "does_not_apply", "reason": "patch failed: x.py:1"}),
            Family.PATCH,
            "does_not_apply",
            "patch failed: x.py:1",
        ),
        (
            other(Outcome.NO_PATCH, failed_step="ap_gen_test", failed_guard="test_red", notes="rejected 3 times"),
            Family.WORKFLOW,
            "test_red",
            "step ap_gen_test: rejected 3 times",
        ),
        (other(Outcome.NO_PATCH, failed_step="ap_plan"), Family.WORKFLOW, "ap_plan (no guard)", "step ap_plan"),
        (other(Outcome.NO_PATCH, response_text="\nI cannot do it.\n"), Family.PATCH, "none", "I cannot do it."),
        (
            graded(["test_a", "test_b"], []),
            Family.GRADING,
            "still fails",
            "still fails: test_a (2 still fail, 0 broken)",
        ),
        (graded([], ["test_old"]), Family.GRADING, "breaks others", "broken: test_old (0 still fail, 1 broken)"),
        (
            graded(["test_a"], ["test_old"]),
            Family.GRADING,
            "still fails, and breaks others",
            "still fails: test_a; broken: test_old (1 still fail, 1 broken)",
        ),
        (graded([], [], reason="tests_timed_out"), Family.GRADING, "tests_timed_out", "tests_timed_out"),
        (
            graded([], [], applied=False, reason="patch_apply_failed"),
            Family.GRADING,
            "does not apply",
            "patch_apply_failed",
        ),
        (
            graded([], [], applied=False, reason="patch_apply_failed") | {"notes": "the patch is no diff at all"},
            Family.GRADING,
            "does not apply",
            "the patch is no diff at all",
        ),
    ],
)
def test_kinds_of_failures(record: dict[str, Any], family: Family, kind: str, evidence: str) -> None:
    failure = failure_of(record)
    assert failure is not None
    assert (failure.family, failure.kind) == (family, kind)
    assert evidence in failure.evidence


def test_what_an_endpoint_or_a_limit_ended_tells_how_much_was_rate_limited(tmp_path: Path) -> None:
    requests = {"2026-01-01T03:00Z": [10, 8], "2026-01-01T03:01Z": [4, 4]}
    slow = other(Outcome.LIMIT, stop=Stop.TIME, notes="300 s are over", requests=requests, provider_retries=11)
    failure = failure_of(slow)
    assert failure is not None
    assert (failure.kind, failure.evidence) == ("time", "300 s are over (12 of 14 requests got a 429)")
    assert failure_of(slow | {"requests": {"2026-01-01T03:00Z": [2, 0]}}) != failure
    wrong = failure_of(graded(["test_a"], []) | {"requests": requests})
    assert wrong is not None
    assert "429" not in wrong.evidence
    found = analysed(made(tmp_path, slow))
    assert [found.overview[name] for name in ("requests", "rate_limited", "provider_retries")] == [14, 12, 11]
    assert "| requests | 14; 12 got a 429 (85.7 %), 11 were sent again |" in list(as_markdown(found))


def test_records_of_before_requests_were_counted_are_analysed(tmp_path: Path) -> None:
    old = other(Outcome.LIMIT, stop=Stop.TIME, notes="300 s are over", provider_retries=2)
    del old["requests"]
    found = analysed(made(tmp_path, old))
    assert [found.overview[name] for name in ("requests", "rate_limited", "provider_retries")] == [None, None, 2]
    assert found.failed[0].failure.evidence == "300 s are over"
    assert not any("requests" in line for line in as_markdown(found))


@pytest.mark.parametrize("outcome", [Outcome.RESOLVED, Outcome.CAPTURED])
def test_what_passes_is_no_failure(outcome: Outcome) -> None:
    assert failure_of(other(outcome)) is None


@pytest.mark.parametrize(
    ("guard", "feedback", "line"),
    [
        ("test_green", "tests fail\n\nE   AssertionError: 1 != 2\nFAILED test_x", "E AssertionError: 1 != 2"),
        ("test_green", "run\nFAILED test_x.py::test_a - boom\n1 failed", "FAILED test_x.py::test_a - boom"),
        ("test_red", "the test passes on the unpatched tree:\n1 passed in 0.1s", "1 passed in 0.1s"),
        ("lint", "2 problems\nx.py:1:1: F821 undefined name 'y'", "x.py:1:1: F821 undefined name 'y'"),
        (
            "patch",
            "look\nx.py: the SEARCH text is not in the file; see",
            "x.py: the SEARCH text is not in the file; see",
        ),
        ("patch", "x.py: SyntaxError on line 3", "x.py: SyntaxError on line 3"),
        ("unheard_of", "\n\n  first line\nsecond", "first line"),
        ("lint", "", "no reason given"),
        ("analysis", "\x1b[31mred\x1b[0m " + "x" * 200, f"[31mred [0m {'x' * 65}..."),
    ],
)
def test_feedback_of_a_guard_in_one_line(guard: str, feedback: str, line: str) -> None:
    assert in_one_line(guard, feedback) == line


def test_lines_of_a_log_that_tell_what_failed() -> None:
    log = "collected\nE   assert 1 == 2\nFAILED test_a\nFAILED test_a\nFAILED test_b\nERROR test_c\nFAILED test_d\n"
    assert of_log(log) == ["FAILED test_a", "FAILED test_b", "ERROR test_c"]
    assert of_log("E   assert 1 == 2\nValueError: x") == ["E assert 1 == 2"]
    assert of_log("all went well") == []


def test_retries_and_ways_back_are_told_from_the_traces(tmp_path: Path) -> None:
    cell = Cell(A, "tdd", 1)
    failed = other(Outcome.NO_PATCH, failed_step="ap_gen_test", failed_guard="test_syntax", retry_count=3, patch="")
    layout = made(tmp_path, failed, made_record(Cell(B, "tdd", 1)))
    go_back_once(TraceWriter(layout, cell, 1, "tdd", Redactor()))
    found = analysed(layout)
    assert [(one.attempt, one.guard, one.error, one.final) for one in found.failed[0].retries] == [
        (1, "test_red", "1 passed in 0.12s", False),
        (2, "test_red", "1 passed in 0.12s", False),
        (3, "test_syntax", "it does not parse", True),
    ]
    assert found.escalations.as_json() == {
        "total": 1,
        "stagnant_guards": {"test_red": 1},
        "triggers": {"STAGNATION": 1},
        "invalidated": {"ap_analysis": 1, "ap_gen_test": 1},
        "each": [
            {
                "cell": str(cell),
                "step": "ap_gen_test",
                "targets": ["ap_analysis"],
                "stagnant_guard": "test_red",
                "trigger": "STAGNATION",
            }
        ],
    }
    assert found.guards == {"tdd": {"test_syntax": 1}}
    text = "\n".join(as_markdown(found))
    assert "| tdd | 1 | test\\_syntax 1 |" in text
    assert "| 3 | ap\\_gen\\_test | test\\_syntax | it does not parse | FINAL |" in text
    assert "1 way back." in text
    assert "| test\\_red | 1 |" in text


def test_a_rejection_that_the_workflow_went_on_from_is_not_final(tmp_path: Path) -> None:
    cell = Cell(A, "tdd", 1)
    layout = made(tmp_path, other(Outcome.NO_PATCH, failed_step="ap_patch", failed_guard="patch", retry_count=3))
    go_back_once(TraceWriter(layout, cell, 1, "tdd", Redactor()))
    assert [one.final for one in analysed(layout).failed[0].retries] == [False] * 3


def test_without_traces_only_records_are_read(tmp_path: Path) -> None:
    layout = made(tmp_path, other(Outcome.NO_PATCH, failed_step="s", failed_guard="lint"))
    go_back_once(TraceWriter(layout, Cell(A, "tdd", 1), 1, "tdd", Redactor()))
    found = analysed(layout, traces=False)
    assert found.failed[0].retries == ()
    assert found.as_json()["escalations"] is None
    text = "\n".join(as_markdown(found))
    assert "Traces were not read (--no-traces)." in text
    assert "Retries: not read." in text


def test_retries_are_those_of_the_last_attempt(tmp_path: Path) -> None:
    layout = made(tmp_path, other(Outcome.NO_PATCH, attempt=2))
    go_back_once(TraceWriter(layout, Cell(A, "tdd", 1), 1, "tdd", Redactor()))
    assert analysed(layout).failed[0].retries == ()


def test_json_has_the_fields_of_every_failed_cell(tmp_path: Path) -> None:
    layout = made(tmp_path, other(Outcome.NO_PATCH, failed_step="s", failed_guard="lint", retry_count=2))
    told = analysed(layout).as_json()
    (error,) = told["errors"]
    assert {name: error[name] for name in ("instance_id", "arm", "failed_step", "failed_guard", "retry_count")} == {
        "instance_id": A, "arm": "tdd", "failed_step": "s", "failed_guard": "lint", "retry_count": 2,
    }  # fmt: skip
    assert told["taxonomy"][0]["kind"] == "lint"
    assert told["overview"]["failed"] == 1


def test_logs_show_what_failed_for_the_first_of_a_kind(tmp_path: Path) -> None:
    cells = [Cell(f"acme__acme-{number}", "tdd", 1) for number in range(7)]
    layout = layout_in(tmp_path)
    described(layout, ["tdd"], [instance(cell.instance_id) for cell in cells], 1)
    recorded(layout, [{**graded(["test_a"], []), "instance_id": cell.instance_id} for cell in cells])
    for cell in cells:
        write_whole(layout.cell_folder(cell) / LOG_FILE, "FAILED test_a - boom\n")
    found = analysed(layout)
    assert [one.log for one in found.failed] == [("FAILED test_a - boom",)] * 5 + [()] * 2
    text = "\n".join(as_markdown(found))
    assert "    - `FAILED test_a - boom`" in text
    assert "- ... and 2 more" in text


def test_arms_under_test_come_before_gold_and_null(tmp_path: Path) -> None:
    layout = made(
        tmp_path,
        {**graded(["t"], []), "variant": "null", "arm": "null"},
        graded(["t"], []),
        variants=("null", "tdd"),
    )
    found = analysed(layout)
    (cells,) = found.kinds.values()
    assert [one.variant for one in cells] == ["tdd", "null"]
    assert "| grading | still fails | 2 | 1 | graded, and not resolved |" in as_markdown(found)


def test_many_cells_with_retries_are_told_in_part(tmp_path: Path) -> None:
    cells = [Cell(f"acme__acme-{number}", "tdd", 1) for number in range(52)]
    layout = layout_in(tmp_path)
    described(layout, ["tdd"], [instance(cell.instance_id) for cell in cells], 1)
    recorded(layout, [made_record(cell, Outcome.NO_PATCH) for cell in cells])
    for cell in cells:
        go_back_once(TraceWriter(layout, cell, 1, "tdd", Redactor()))
    text = "\n".join(as_markdown(analysed(layout)))
    assert text.count("#### ") == 50
    assert "... and 2 more cells with retries, in the JSON file." in text
    assert text.count("| ap\\_gen\\_test | test\\_red | ap\\_analysis |") == 50
    assert "... and 2 more, in the JSON file." in text


def test_an_empty_result_says_so_in_both_files(tmp_path: Path) -> None:
    layout = made(tmp_path, made_record(Cell(A, "tdd", 1)), made_record(Cell(B, "tdd", 1)))
    written = write_errors(analysed(layout), tmp_path / "out", NOW)
    said = "No failures: all 2 recorded cells are resolved or captured."
    assert said in written.markdown.read_text(encoding="utf-8")
    assert json.loads(written.data.read_text(encoding="utf-8"))["message"] == said


def test_a_run_without_cells_is_not_called_good(tmp_path: Path) -> None:
    layout = made(tmp_path)
    layout.journals.mkdir(parents=True)
    (layout.journals / "main-1.jsonl").touch()
    text = "\n".join(as_markdown(analysed(layout)))
    assert "No cell of this run has a record yet, so there is nothing to analyse." in text


def test_damaged_lines_are_told(tmp_path: Path) -> None:
    layout = made(tmp_path, graded(["t"], []), made_record(Cell(B, "tdd", 1)))
    assert "damaged" not in "\n".join(as_markdown(analysed(layout)))
    (journal,) = layout.journals.glob("*.jsonl")
    first, second = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first.replace(b"unresolved", b"resolved", 1) + second)
    assert "| damaged lines of journals, left out | 1 |" in as_markdown(analysed(layout))
    result = CliRunner().invoke(analyze_errors, ["--results", str(layout.folder), "--output-dir", str(tmp_path / "o")])
    assert "1 damaged line of its journals left out\n" in result.output


def test_of_a_folder_of_runs_it_is_said_which_one_is_read(tmp_path: Path) -> None:
    layout = made(tmp_path, graded(["t"], []))
    first, *_ = CliRunner().invoke(analyze_errors, ["--results", str(layout.root)]).output.splitlines()
    assert first == f"run {layout.run_id}, the latest in {str(layout.root)!r}; no other is read"
    assert CliRunner().invoke(analyze_errors, [str(layout.folder)]).output.startswith(f"run {layout.run_id}\n")


def test_latest_leads_to_the_newest(tmp_path: Path) -> None:
    layout = made(tmp_path, graded(["t"], []))
    found = analysed(layout)
    write_errors(found, tmp_path, NOW)
    written = write_errors(found, tmp_path, NOW.replace(second=6))
    assert written.markdown.name == "final_error_analysis_20260102_030406.md"
    assert [path.resolve() for path in written.latest] == [written.markdown, written.data]
    assert (tmp_path / "final_errors_20260102_030405.json").exists()


def test_what_models_write_is_no_markdown(tmp_path: Path) -> None:
    hostile = "![x](http://evil)\n# big | <b>bold</b> `code` \x1b[31m\u202e [link](http://evil)"
    layout = made(tmp_path, broken("X", hostile.replace("\n", " ")))
    text = "\n".join(as_markdown(analysed(layout)))
    assert "!\\[x\\](http://evil)" in text
    assert "\\<b\\>bold" in text
    assert not set(text) & set("\x1b\u202e")


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    secret = "sk-0123456789abcdef"
    written = write_errors(analysed(made(tmp_path, broken("X", secret))), tmp_path, NOW, redactor=Redactor([secret]))
    assert secret not in written.markdown.read_text("utf-8") + written.data.read_text("utf-8")


def test_a_run_is_analysed_by_its_folder_or_its_results(tmp_path: Path) -> None:
    layout = made(tmp_path, broken("SandboxLost", "gone"))
    (layout.folder / "results.jsonl").touch()
    beside = analyze_final_errors(layout.folder / "results.jsonl")
    assert beside.markdown.parent == layout.folder / "reports"
    apart = analyze_final_errors(layout.folder, tmp_path / "out", include_traces=False)
    assert (apart.data.parent, apart.analysis.traced) == (tmp_path / "out", False)
    assert [one.outcome for one in beside.analysis.failed] == ["infra"]


def test_the_command_names_what_it_wrote(tmp_path: Path) -> None:
    layout = made(tmp_path, broken("SandboxLost", "gone"))
    result = CliRunner().invoke(analyze_errors, ["--results", str(layout.folder), "--output-dir", str(tmp_path / "o")])
    assert result.exit_code == 0
    assert result.output.startswith(
        f"run {layout.run_id}\n1 of 1 cells failed\n     1  infrastructure: SandboxLost\nerrors: "
    )
    assert len(list((tmp_path / "o").iterdir())) == 4


def test_the_command_says_that_nothing_failed(tmp_path: Path) -> None:
    layout = made(tmp_path, made_record(Cell(A, "tdd", 1)))
    result = CliRunner().invoke(analyze_errors, ["--results", str(layout.folder), "--no-traces"])
    assert result.output.startswith(
        f"run {layout.run_id}\nNo failures: all 1 recorded cells are resolved or captured.\n"
    )
    assert (layout.folder / "reports" / "final_errors_latest.json").exists()
