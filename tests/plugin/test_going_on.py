"""`--resume`, `--checkpoint` and `--rerun-failed`: which run is meant, and which of its cells run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.conftest import Run, ids
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers

DEMO = ("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture")
BROKEN = """
from pathlib import Path
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.errors import ProviderError

class Shaky:
    name, version, paid, oracle = "shaky", "1", False, True
    def check(self, instances): pass
    def solve(self, context):
        mark = Path(f"tried-{context.problem.instance_id}")
        first = not mark.exists()
        mark.touch()
        if first and "spanlib" in context.problem.instance_id:
            raise ProviderError("away")
        return Solution(patch=context.hidden.gold_patch if "ledgerlib" in context.problem.instance_id else "")

def pytest_swebench_arms():
    return [Shaky()]
"""


def test_latest_run_goes_on_where_it_was_broken(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(BROKEN)
    options = ("-m", "experiment", "--dataset=demo", "--arms=shaky", "--outcome=capture")
    assert run(*options, "--run-id=older", "--instances=tinyconf").ret == 0
    first = run(*options, "--run-id=shaky", "--instances=ledgerlib,spanlib")
    first.assert_outcomes(passed=5, errors=4)
    first.stdout.fnmatch_lines(["to go on:    the same command with --resume=shaky"])
    again = run(*options, "--instances=ledgerlib,spanlib", "--resume")
    again.assert_outcomes(passed=4, deselected=5)
    again.stdout.fnmatch_lines(["swebench: run shaky, *"])
    done = run(*options, "--instances=ledgerlib,spanlib", "--resume=shaky")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["resumed: all 9 selected cells were done before, nothing was run"])


def test_run_that_is_not_there_is_named_with_its_neighbours(run: Run, pytester: pytest.Pytester) -> None:
    for options, message in (
        (("--resume",), "*--resume: there is no run in *results*"),
        (("--rerun-failed=latest",), "*--rerun-failed: there is no run in *results*"),
    ):
        refused = run(*DEMO, *options)
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines([message])
    run(*DEMO, "--run-id=monday", "--max-instances=1")
    refused = run(*DEMO, "--resume=mondey")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*unknown run 'mondey'; did you mean 'monday'?*"])
    both = run(*DEMO, "--resume=monday", "--run-id=monday")
    both.stderr.fnmatch_lines(["*--run-id and --resume each name the run; give one of them*"])


def test_only_failed_cells_run_again_in_a_run_of_their_own(run: Run, pytester: pytest.Pytester) -> None:
    first = run(*DEMO, "--run-id=first")
    first.assert_outcomes(passed=13)
    again = run(*DEMO, "--rerun-failed=latest", "--run-id=second", "-n", "2")
    again.assert_outcomes(passed=7)
    failed = {record["instance_id"] for record in results(pytester.path, "first") if record["outcome"] != "resolved"}
    assert {record["instance_id"] for record in results(pytester.path, "second")} == failed
    gold = ("-m", "experiment", "--dataset=demo", "--arms=gold", "--max-instances=2")
    assert run(*gold, "--run-id=gold").ret == 0
    nothing = run(*gold, "--rerun-failed=gold")
    assert nothing.ret == pytest.ExitCode.USAGE_ERROR
    nothing.stderr.fnmatch_lines(["*--rerun-failed=gold: every cell that ran there passed*"])


def test_checkpoint_names_the_run_and_the_same_command_goes_on(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(BROKEN)
    options = ("-m", "experiment", "--dataset=demo", "--arms=shaky", "--outcome=capture", "--checkpoint=point.json")
    assert run(*options).ret == 1
    path = pytester.path / ".swebench" / "checkpoints" / "point.json"
    held = json.loads(path.read_text())
    assert held["statistics"] == {"infra": 4, "no_patch": 4, "resolved": 5}
    assert len(held["completed"]) == 9
    assert set(held["failed"].values()) == {"away"}
    again = run(*options)
    again.assert_outcomes(passed=4, deselected=9)
    held_again = json.loads(path.read_text())
    assert held_again["run_id"] == held["run_id"]
    assert held_again["statistics"] == {"no_patch": 8, "resolved": 5}
    path.write_text("{}")
    refused = run(*options)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*--checkpoint *point.json*: not a checkpoint*"])


def test_changed_setting_makes_only_its_own_cells_new(run: Run, pytester: pytest.Pytester) -> None:
    options = ("-m", "experiment", "--dataset=demo", "--arms=gold,singleshot", "--outcome=capture", "--run-id=kept")
    assert run(*options, "--max-instances=3").ret == 0
    changed = run(*options, "--max-instances=3", "--context-tokens=20000", "-v")
    assert changed.ret == 0
    assert {name.split("/")[1] for name in ids(changed)} == {"singleshot"}
    changed.assert_outcomes(passed=3, deselected=3)


def results(folder: Path, run_id: str) -> list[dict[str, str]]:
    text = (folder / "results" / run_id / "results.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_answers_of_another_endpoint_are_asked_anew(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    options = (*DEMO, "--model=demo-model", "--price=1,1", "--run-id=one", "--instances=ledgerlib-12")
    first, second = RecordedAnswers(), RecordedAnswers()
    with LLMServer(first) as here, LLMServer(second) as there:
        assert run(*options, "--provider=openai", f"--provider-url={here.openai_url}").ret == 0
        assert run(*options, "--provider=openai", f"--provider-url={here.openai_url}").ret == 0
        moved = run(*options, "--provider=openrouter", f"--provider-url={there.openai_url}")
        assert moved.ret == 0
        moved.stdout.fnmatch_lines(["swebench: estimated cost * for 1 cell *"])
    assert (first.asked.total(), second.asked.total()) == (1, 1)
    (record,) = results(pytester.path, "one")
    assert (record["provider"], record["served"]) == ("openrouter", {})


def test_checkpoint_of_a_killed_run_still_tells_what_was_done(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(BROKEN)
    options = ("-m", "experiment", "--dataset=demo", "--arms=shaky", "--outcome=capture", "--checkpoint=./point.json")
    assert run(*options, "--instances=ledgerlib,tinyconf").ret == 0
    path = pytester.path / "point.json"
    assert len(json.loads(path.read_text())["completed"]) == 9
    pytester.makeconftest(BROKEN.replace("first = not", "import os; os._exit(9); first = not"))
    assert run(*options).ret == 9
    assert len(json.loads(path.read_text())["completed"]) == 9
    elsewhere = run(*options, "--output-dir=other")
    assert elsewhere.ret == pytest.ExitCode.USAGE_ERROR
    elsewhere.stderr.fnmatch_lines(["*--checkpoint *point.json' names the run * in *results', not in *other'*"])


def test_run_is_not_mixed_with_cells_of_another_experiment(run: Run, pytester: pytest.Pytester) -> None:
    assert run(*DEMO, "--run-id=one", "--instances=ledgerlib-12").ret == 0
    before = results(pytester.path, "one")
    for options in (("--resume=one", "--instances=spanlib"), ("--resume=one", "--instances=spanlib", "-n", "1")):
        refused = run(*DEMO, *options)
        assert refused.ret != 0
        assert "none of the 4 selected cells is of the run 'one', e.g. ledgerlib__ledgerlib-12/singleshot/r1" in (
            refused.stdout.str() + refused.stderr.str()
        )
    assert results(pytester.path, "one") == before
    other = run("-m", "experiment", "--dataset=demo", "--arms=gold", "--rerun-failed=one")
    assert other.ret == pytest.ExitCode.USAGE_ERROR
    other.stderr.fnmatch_lines(["*--rerun-failed=one: every cell that ran there passed*"])


def test_changed_cells_are_told(run: Run, pytester: pytest.Pytester) -> None:
    options = (*DEMO, "--run-id=one", "--instances=ledgerlib-1")
    assert run(*options).ret == 0
    again = run(*options, "--context-tokens=20000", "-n", "2")
    again.stdout.fnmatch_lines(["resumed: 2 cells had been done by another model, arm, prompt or patch; *"])


def test_failed_cells_of_another_selection_are_named(run: Run, pytester: pytest.Pytester) -> None:
    assert run(*DEMO, "--run-id=one", "--instances=spanlib").ret == 0
    refused = run(*DEMO, "--rerun-failed", "--instances=ledgerlib")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*none of its 2 failed cells is selected, e.g. spanlib*give the dataset and arms*"])
    both = run(*DEMO, "--resume=one", "--rerun-failed=one")
    both.stderr.fnmatch_lines(["*--rerun-failed starts a run of its own; leave --resume and --checkpoint out*"])
