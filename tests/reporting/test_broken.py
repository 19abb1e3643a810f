"""What stands beside cells that broke, or look as if they had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Outcome, Verdict
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.reporting.broken import log_of, warned, ways_out
from tests.support.made import made_record


def broken(number: int, kind: str, message: str = "it broke", outcome: Outcome = Outcome.INFRA) -> dict[str, Any]:
    return made_record(Cell(f"a-{number}", "x", 1), outcome, error={"type": kind, "message": message})


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path, "run-1", "20260101_120000")


def written(layout: RunLayout, record: dict[str, Any], name: str, text: str) -> Path:
    path = layout.cell_folder(Cell(record["instance_id"], record["variant"], record["rep"])) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_each_kind_of_error_is_told_once_with_its_fix_and_the_end_of_a_log(layout: RunLayout) -> None:
    records = [broken(1, "SandboxLost"), broken(2, "SandboxLost"), broken(3, "RunStopped"), broken(4, "TheirError")]
    log = written(layout, records[1], "test_output.txt", "".join(f"line {n}\n" for n in range(9_000)) + "\n")
    assert list(ways_out(records, layout)) == [
        "SandboxLost: see that Docker stays up and has memory and disk, then go on with --resume",
        f"log: {log}",
        "  | line 8997",
        "  | line 8998",
        "  | line 8999",
        "RunStopped: go on with --resume",
    ]


def test_fix_that_the_message_has_is_not_told_again(layout: RunLayout) -> None:
    message = "cap reached; allow more by --max-cost, then go on with --resume"
    assert list(ways_out([broken(1, "BudgetExhausted", message)], layout)) == []
    assert list(ways_out([made_record(Cell("a-1", "x", 1), Outcome.UNRESOLVED)], layout)) == []


def test_traceback_of_an_attempt_comes_before_the_tests_log(layout: RunLayout) -> None:
    record = broken(1, "KeyError", outcome=Outcome.ERROR)
    written(layout, record, "test_output.txt", "fine")
    trace = written(layout, record, "error.attempt1.txt", "Traceback\nKeyError: 'x'")
    assert log_of(record, layout) == (str(trace), ("Traceback", "KeyError: 'x'"))
    assert log_of(record, layout, lines=1)[1] == ("KeyError: 'x'",)
    assert log_of(record, None) == ("", ())


def verdict(fails: dict[str, list[str]], passes: dict[str, list[str]]) -> Verdict:
    pairs = (
        (name, {"success": passes.get(name, []), "failure": fails.get(name, [])})
        for name in (FAIL_TO_PASS, PASS_TO_PASS)
    )
    tests = dict(pairs)
    return Verdict(resolved=False, applied=True, tests=tests)


def test_verdict_under_which_nothing_passes_any_more_is_warned_of() -> None:
    suspicious = verdict({PASS_TO_PASS: ["a", "b"], FAIL_TO_PASS: ["c"]}, {})
    assert suspicious.as_json()["warning"] == suspicious.warning
    assert suspicious.summary() == f"FAIL_TO_PASS 0/1, PASS_TO_PASS 0/2; {suspicious.warning}"
    for usual in (
        verdict({FAIL_TO_PASS: ["c"]}, {}),  # no test passed before
        verdict({PASS_TO_PASS: ["a"]}, {PASS_TO_PASS: ["b"]}),
        Verdict(resolved=False, applied=False, reason="patch_apply_failed"),
    ):
        assert "warning" not in usual.as_json()


def test_warnings_name_their_cells() -> None:
    marked = verdict({PASS_TO_PASS: ["a"]}, {}).as_json()
    records = [made_record(Cell(f"a[{n}]", "x", 1), Outcome.UNRESOLVED, verdict=marked) for n in range(7)]
    records += [made_record(Cell("b-1", "x", 1), Outcome.UNRESOLVED), broken(1, "SandboxLost")]
    (line,) = warned(records)
    assert "WARNING[/] 7: no PASS_TO_PASS test passes any more" in line
    assert r"a\[0]/x/r1, " in line or "a[0]/x/r1, " in line
    assert line.endswith("a[4]/x/r1 and 2 more; see swebench-runner validate-env")


def test_patch_that_is_no_diff_is_said_to_be_none() -> None:
    texts = {"a-1": "diff --git a/x b/x\n", "a-2": "", "a-3": " \n"}
    texts |= {"a-4": "I would change x.\n", "a-5": "--- x\n+++ x\n"}
    records = [made_record(Cell(name, "x", 1), Outcome.UNRESOLVED, patch=text) for name, text in texts.items()]
    assert warned(records) == ["[bold yellow]WARNING[/] 2: the patch is no diff at all: a-4/x/r1, a-5/x/r1"]
