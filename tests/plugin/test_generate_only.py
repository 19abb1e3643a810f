"""Runs that only generate, and what can be done with the patches afterwards."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers
from tests.support.screen import film

GENERATE = ("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--generate-only", "--run-id=made")
# of these, in order, the demo's first answers leave: a patch, one that does not apply, no edit
MIXED = ("ledgerlib__ledgerlib-12", "tinyconf__tinyconf-16", "spanlib__spanlib-3")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_patches_are_left_ungraded_and_graded_later_for_nothing(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        real = ("--provider=openai", f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,1")
        made = run(*GENERATE, *real, "--max-instances=4", "-n", "2")
        assert made.ret == 0
        made.stdout.fnmatch_lines(["4 patches without a verdict, so no rate and no comparison; *", "*--resume=made*"])
        assert set(outcomes(pytester.path).values()) == {"captured"}
        assert {record["verdict"] for record in records(pytester.path)} == {None}
        graded = [option for option in GENERATE if option != "--generate-only"]
        later = run(*graded, *real, "--max-instances=4", "--outcome=capture")
    assert later.ret == 0
    later.stdout.no_fnmatch_line("resumed: *done by another*")
    assert answers.asked.total() == 4
    assert sorted(outcomes(pytester.path).values()) == ["resolved", "resolved", "unresolved", "unresolved"]
    assert all(record["cost_usd"] > 0 for record in records(pytester.path))


def test_output_holds_valid_patches_which_the_arm_predictions_takes_back(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*GENERATE, "--max-instances=4", "--generation-output=out/made.jsonl")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["patches: 4 left, 4 valid, 0 invalid", "patches in:  out/made.jsonl"])
    lines = read(pytester.path / "out" / "made.jsonl")
    assert len(lines) == 4
    assert all(line["patch"] == line["model_patch"] and line["format_version"] == 1 for line in lines)
    again = ("-m", "experiment", "--dataset=demo", "--arms=predictions", "--patches=out/made.jsonl", "--run-id=graded")
    assert run(*again, "--outcome=capture").ret == 0
    graded = read(pytester.path / "results" / "graded" / "results.jsonl")
    assert sorted(record["outcome"] for record in graded) == ["resolved", "resolved", "unresolved", "unresolved"]


def test_partial_results_need_leave_where_nobody_can_be_asked(run: Run, pytester: pytest.Pytester) -> None:
    options = (*GENERATE, "--generation-output=made.jsonl", f"--instance-ids={','.join(MIXED)}")
    stopped = run(*options)
    assert stopped.ret == 1
    stopped.stdout.fnmatch_lines(
        ["patches: 2 left, 1 valid, 1 invalid (does_not_apply 1)", "Generated 1/3 patches, no more than half; stopped"]
    )
    assert [line["instance_id"] for line in read(pytester.path / "made.jsonl")] == [MIXED[0]]
    assert [line["instance_id"] for line in read(pytester.path / "made.invalid.jsonl")] == [MIXED[1]]
    (kept,) = pytester.path.glob(f"results/made/cells/{MIXED[1]}/*/*/invalid.diff")
    assert "+++ b/tinyconf/lexer.py" in kept.read_text()
    more = (*GENERATE, "--generation-output=made.jsonl", "--max-instances=4", "--instances=spanlib")
    assert run(*more).ret == 1
    allowed = run(*more, "--allow-partial")
    assert allowed.ret == 0
    allowed.stdout.fnmatch_lines(["Generated 3/4 patches; going on with partial results (--allow-partial)"])


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1)])
def test_person_at_a_terminal_decides_on_partial_results(pytester: pytest.Pytester, answer: str, status: int) -> None:
    options = (*GENERATE, "--generation-output=made.jsonl", "--max-instances=4", "--instances=spanlib")
    seen = film(
        [sys.executable, "-m", "pytest", *options],
        pytester.path,
        {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"},
        columns=120,
        rows=50,
        act=lambda lines: f"{answer}\n" if any("[y/N]" in line for line in lines) else None,
    )
    assert "Generated 3/4 patches. Continue with partial results? [y/N]" in seen.screen.text
    assert seen.returncode == status


def test_patches_of_another_run_are_not_written_over(run: Run, pytester: pytest.Pytester) -> None:
    made = pytester.path / "made.jsonl"
    made.write_text("mine\n")
    options = ("--generation-output=made.jsonl", "--max-instances=1")
    refused = run(*GENERATE, *options)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*--generation-output 'made.jsonl'*is there already*choose another name, remove it*"])
    assert made.read_text() == "mine\n"
    assert not (pytester.path / "results" / "made").exists()
    made.unlink()
    assert run(*GENERATE, *options).ret == 0
    assert run(*GENERATE, *options).ret == 0  # the same run goes on
    assert len(read(made)) == 1


def test_each_file_of_patches_is_told_with_what_it_is_for(run: Run) -> None:
    options = ("--generation-output=made.jsonl", "--instances=tinyconf", "--count=2", "--allow-partial")
    run(*GENERATE, *options).stdout.fnmatch_lines(
        [
            "patches in:  made.jsonl",
            "*made.*_run1.jsonl (one variant and repetition, fit for grading)",
            "*made.*_run2.jsonl (one variant and repetition, fit for grading)",
            "*made.invalid.jsonl (refused ones, with the reasons)",
        ]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--allow-partial",), "*--allow-partial: only a run with --generate-only and --generation-output=FILE*"),
        (("--generate-only", "--harness=official"), "*--harness: has no effect with --generate-only*"),
        (("--max-cost=-1",), "*--max-cost -1: must be 0 or more*"),
        (("--price=cheap",), "*--price 'cheap': expected*"),
        (("--cassette-dir=tapes",), "*--cassette-dir 'tapes': has no effect without --cassette*"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(run: Run, options: tuple[str, ...], message: str) -> None:
    refused = run("-m", "experiment", "--dataset=demo", *options)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines([message])
