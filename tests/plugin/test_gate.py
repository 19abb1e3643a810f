"""A run held against a baseline: each verdict with its exit code, whoever runs the cells and however they end."""

from __future__ import annotations

import json
import math
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest

from tests.plugin.conftest import Run, outcomes, records
from tests.plugin.gated import ASKED, IDS, SILENT, WORKERS, before, bounds, verdict
from tests.plugin.gated import nowhere as nowhere
from tests.support.graded import put, report
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.recorded import RecordedAnswers

RUNNER = (sys.executable, "-m", "pytest_swebench")


@WORKERS
def test_pass_exits_0_though_every_cell_fails(run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    drop = math.nextafter(-bounds(1)[0], 1)
    result = run(*ASKED, before(pytester.path, IDS[:1]), f"--max-drop={drop!r}", *workers)
    assert result.ret == 0
    result.assert_outcomes(failed=len(IDS))
    assert verdict(pytester.path)["verdict"] == "pass"
    result.stdout.fnmatch_lines(["swebench: gate: 13 instances x 1 against *", "gate: pass: a drop of *"])
    result.stdout.no_fnmatch_line("::*")


@WORKERS
def test_the_bound_itself_is_inconclusive_and_exits_11(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    result = run(*ASKED, before(pytester.path, IDS[:1]), f"--max-drop={-bounds(1)[0]!r}", *workers)
    assert result.ret == 11
    assert verdict(pytester.path)["verdict"] == "inconclusive"


@WORKERS
def test_a_shown_drop_has_regressed_exits_10_and_is_told_to_junit_and_github(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    page = pytester.path / "page.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    drop = math.nextafter(-bounds(13)[1], 0)
    result = run(*ASKED, before(pytester.path, IDS), f"--max-drop={drop!r}", "--junitxml=out.xml", *workers)
    assert result.ret == 10
    told = verdict(pytester.path)
    assert (told["verdict"], told["exit"], len(told["variants"][0]["lost"])) == ("regressed", 10, 13)
    result.stdout.fnmatch_lines(
        ["gate: regressed: *", "  silent: regressed: -100.0 pp * on 13 instances; 13 lost, 0 won"]
    )
    (suite,) = ElementTree.parse(pytester.path / "out.xml").getroot()
    named = {one.get("name"): one.get("value") for one in suite.iterfind("./properties/property")}
    assert (named["gate.verdict"], named["gate.exit"], named["gate.n"]) == ("regressed", "10", "13")
    cases = {case.get("name"): case for case in suite.iterfind("testcase")}
    assert len(cases) == 14
    failure = cases["gate[silent]"].find("failure")
    assert failure is not None
    assert "regressed: -100.0 pp" in str(failure.get("message"))
    assert (suite.get("tests"), suite.get("failures")) == ("14", "14")
    text = page.read_text()
    assert text.startswith("## SWE-bench gate: regressed\n")
    assert text.count("## SWE-bench gate") == 1  # the controller's alone
    found = re.findall(r"^swebench-runner gate .*", text, re.MULTILINE)
    command = "swebench-runner gate results/now --baseline before.json --max-drop {} --confidence 0.95 --gate strict"
    assert found == [command.format(f"{drop:.12f}".rstrip("0"))]
    assert sum(line.startswith("::error title=SWE-bench gate::") for line in result.outlines) == 1


def test_modes_forgive_what_they_say(run: Run, pytester: pytest.Pytester) -> None:
    baseline = before(pytester.path, IDS)
    assert run(*ASKED, baseline, "--gate=report").ret == 0
    assert verdict(pytester.path)["verdict"] == "regressed"
    line = f"--max-drop={-bounds(13)[1]!r}"
    lenient = run(*ASKED[:-1], "--run-id=lenient", baseline, "--gate=lenient", line)
    assert lenient.ret == 0
    lenient.stdout.fnmatch_lines(["gate: inconclusive: *(--gate lenient: exit 0)"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nowhere.json", None, "there is no such path, saved baseline (none) or run"),
        ("empty.jsonl", "", "holds no graded results of any known shape"),
        ("broken.json", "{", "is not valid JSON"),
    ],
)
def test_a_bad_baseline_ends_the_run_with_12_before_anything_is_run(
    run: Run, pytester: pytest.Pytester, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        put(pytester.path / name, content)
    result = run(*ASKED, f"--baseline={name}")
    assert result.ret == 12
    assert "gate: not comparable: " in result.stderr.str()
    assert words in result.stderr.str()
    assert not (pytester.path / "results" / "now").exists()


@WORKERS
def test_another_dataset_ends_the_run_with_12_before_any_cell(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    put(pytester.path / "before.json", report(["b__b-1"]))
    result = run(*ASKED, "--baseline=before.json", *workers)
    assert result.ret == 12
    result.stdout.re_match_lines(["!+ gate: not comparable: --baseline "])
    result.stdout.no_fnmatch_line("*_pytest.outcomes*")
    assert "have no instance in common, e.g. 'b__b-1' and 'ledgerlib__ledgerlib-12'" in result.stdout.str()
    assert not list((pytester.path / "results" / "now").glob("results.jsonl"))


def test_another_dataset_is_only_told_where_a_gate_reports(run: Run, pytester: pytest.Pytester) -> None:
    put(pytester.path / "before.json", report(["b__b-1"]))
    only_told = run(*ASKED, "--baseline=before.json", "--gate=report", "--max-instances=2")
    assert only_told.ret == 0
    only_told.stdout.fnmatch_lines(["gate: not comparable: *have no instance in common*(--gate report: exit 0)"])


def test_a_run_is_no_baseline_of_itself_and_its_copy_is_none_either(run: Run, pytester: pytest.Pytester) -> None:
    assert run(*ASKED, "--max-instances=2").ret == 1
    itself = run(*ASKED, "--baseline=now")
    assert itself.ret == 12
    assert "--baseline 'now': is this run itself" in itself.stderr.str()


def test_report_goes_on_without_a_baseline_and_says_so(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*ASKED, "--baseline=nowhere", "--gate=report", "--max-instances=2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["gate: not comparable: --baseline 'nowhere': there is no such path*"])
    assert len(records(pytester.path)) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--baseline=before.json", "--max-drop=3"), "--max-drop '3': neither points nor a share"),
        (("--max-drop=3pp",), "--max-drop: has no effect without --baseline"),
        (("--sequential",), "--sequential: has no effect without --baseline"),
        (("--baseline=before.json", "--confidence=95"), "--confidence 95.0: must lie between 0.5 and 1"),
        (("--baseline=before.json", "--gate-markdown=."), "--gate-markdown '.': is no name of a file"),
        (("--baseline=before.json", "--generate-only"), "--generate-only: leaves the gate nothing to judge"),
    ],
)
def test_options_that_cannot_be_meant_are_usage_errors(
    run: Run, pytester: pytest.Pytester, options: tuple[str, ...], words: str
) -> None:
    before(pytester.path, IDS)
    result = run(*ASKED, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


def test_other_failures_keep_their_exit_status(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mixed="""
        import pytest

        @pytest.mark.experiment
        def test_cell(experiment):
            experiment.judge()

        @pytest.mark.experiment
        def test_other():
            assert 1 == 2
        """
    )
    passing = (before(pytester.path, IDS[:1]), "--max-drop=90pp", "test_mixed.py")
    result = run(*ASKED, *passing)
    assert (result.ret, verdict(pytester.path)["verdict"]) == (1, "pass")
    alone = run(*ASKED[:-1], "--run-id=alone", *passing, "--deselect=test_mixed.py::test_other")
    assert alone.ret == 0
    strict = run(*ASKED[:-1], "--run-id=strict", *passing, "--deselect=test_mixed.py::test_other", "--fail-under=0.5")
    assert strict.ret == 1


def test_collection_errors_keep_their_exit_status(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_cells="""
        import pytest

        @pytest.mark.experiment
        def test_cell(experiment):
            experiment.judge()
        """,
        test_broken="import nothing_of_this_name\n",
    )
    passing = (before(pytester.path, IDS[:1]), "--max-drop=90pp", "test_cells.py", "test_broken.py")
    assert run(*ASKED, *passing).ret == pytest.ExitCode.INTERRUPTED
    assert run(*ASKED[:-1], "--run-id=on", *passing, "--continue-on-collection-errors").ret == 1


def test_an_interrupted_run_is_not_judged(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_stopped="""
        import pytest

        @pytest.mark.experiment
        def test_cell(experiment):
            raise KeyboardInterrupt
        """
    )
    result = run(*ASKED, before(pytester.path, IDS), "test_stopped.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["gate: not judged, since the run did not come to its end; go on with --resume=now"])
    assert not (pytester.path / "results" / "now" / "reports" / "gate.json").exists()


def test_a_run_cut_short_is_not_comparable(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*ASKED, before(pytester.path, IDS), "-x")
    assert result.ret == 12
    result.stdout.fnmatch_lines(["  silent: not comparable: silent: 1 of 13 cells have an answer*"])


def test_a_cell_whose_worker_died_is_missing_and_no_failure(run: Run, pytester: pytest.Pytester) -> None:
    dying = SILENT.replace(
        'return Solution(patch="")', f'return Solution(patch="") if {IDS[0]!r} != name(context) else exit_now(3)'
    )
    pytester.makeconftest(
        "from os import _exit as exit_now\nname = lambda context: context.problem.instance_id\n" + dying
    )
    result = run(*ASKED, before(pytester.path, IDS), "--sequential", "--max-drop=90pp", "-n", "2")
    assert result.ret == 12
    assert outcomes(pytester.path)[f"{IDS[0]}/silent/r1"] == "infra"
    (told,) = verdict(pytester.path)["variants"]
    assert "silent in 92.3%: more than 5 points apart" in told["reason"]


def test_a_page_of_one_s_own_is_written_and_one_that_cannot_be_changes_no_verdict(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "no" / "page.md"))
    result = run(*ASKED, before(pytester.path, IDS), "--gate-markdown=gate.md")
    assert result.ret == 10
    result.stdout.fnmatch_lines(["the verdict of the gate could not be written: *"])
    assert (pytester.path / "gate.md").read_text().startswith("## SWE-bench gate: regressed\n")


@WORKERS
@pytest.mark.usefixtures("key")
def test_a_budget_that_ends_first_exits_13(run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    with LLMServer(RecordedAnswers()) as server:
        result = run(
            *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--run-id=now", "--provider=openai"),
            *(f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,1", "--max-cost=0.034"),
            before(pytester.path, IDS),
            *workers,
        )
    assert result.ret == 13
    assert verdict(pytester.path)["verdict"] == "budget ended first"
    result.stdout.fnmatch_lines(["stopped by run's cap: *", "gate: budget ended first: *"])


@WORKERS
@pytest.mark.usefixtures("key")
def test_a_refused_key_is_no_verdict_and_exits_12_with_the_refusal(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    with LLMServer([Status(401)]) as server:
        asked = (
            *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--provider=openai"),
            *(f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,1", "--reruns=0"),
            *(before(pytester.path, IDS), *workers),
        )
        result = run(*asked, "--run-id=now")
        forgiving = run(*asked, "--run-id=forgiving", "--gate=report")
    assert result.ret == 12
    told = verdict(pytester.path)
    assert (told["verdict"], told["exit"], told["variants"]) == ("not comparable", 12, [])
    assert re.match(r"the run was stopped before its end: openai 'demo-model' at \S+: HTTP 401: ", told["reason"])
    assert told["reason"].endswith("; correct that one, or set another, then go on with --resume=now")
    assert forgiving.ret == 1  # the gate only reports, and the run failed all the same
    forgiving.stdout.fnmatch_lines(["gate: not comparable: the run was stopped before its end: *HTTP 401*"])


@pytest.mark.usefixtures("key")
def test_a_key_that_is_refused_near_the_end_leaves_nothing_judged(run: Run, pytester: pytest.Pytester) -> None:
    behaviours = [*[ScriptedAnswer(text="no idea")] * (len(IDS) - 1), Status(401)]
    with LLMServer(behaviours) as server:
        result = run(
            *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--run-id=now", "--provider=openai"),
            *(f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,1"),
            *(before(pytester.path, IDS[:1]), "--max-drop=99pp"),
        )
    assert Counter(outcomes(pytester.path).values()) == {"no_patch": 12, "infra": 1}
    assert result.ret == 12
    assert "HTTP 401" in verdict(pytester.path)["reason"]


def test_a_refusal_before_the_first_cell_is_told_to_github_too(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = pytester.path / "page.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    put(pytester.path / "none.json", report([], IDS))
    result = run(*ASKED, "--baseline=none.json")
    assert result.ret == 12
    assert "resolves nothing, so there is nothing to drop from" in page.read_text()
    lines = [*result.outlines, *result.errlines]
    (told,) = [line for line in lines if line.startswith("::error title=SWE-bench gate::gate: not comparable: ")]
    assert told.endswith("; give another baseline")
    assert not list((pytester.path / "results" / "now").glob("results.jsonl"))


def test_so_many_new_failures_fail_a_gate_that_passes(run: Run, pytester: pytest.Pytester) -> None:
    from pytest_swebench.reporting.gate.baselines import save_baseline

    once = put(pytester.path / "before.json", report(IDS[:2], IDS[2:]))
    path = save_baseline(once, "main", pytester.path / "baselines")
    data = json.loads(path.read_text())
    thrice = {name: {one: 3 * outcome for one, outcome in told.items()} for name, told in data["cells"].items()}
    put(path, data | {"cells": thrice, "planned": dict.fromkeys(data["planned"], 39)})
    options = ("--baseline=main", "--max-drop=90pp")
    passing = run(*ASKED, *options)
    (told,) = verdict(pytester.path)["variants"]
    assert (passing.ret, told["newly_failing"], told["stable"]) == (0, IDS[:2], 2)
    failing = run(*ASKED, *options, "--fail-on-new-failures=2")
    assert failing.ret == 10
    failing.stdout.fnmatch_lines(["  silent: regressed: *2 of 2 stable instances newly fail, and 2 are enough"])


def test_a_saved_baseline_of_a_run_is_matched_by_digest(run: Run, pytester: pytest.Pytester) -> None:
    from pytest_swebench.reporting.gate.baselines import save_baseline

    assert run(*ASKED[:-1], "--run-id=first", "--arms=gold", "--max-instances=2", "--shuffle=1").ret == 0
    path = save_baseline(pytester.path / "results" / "first", "main", pytester.path / "baselines")
    same = ("--max-instances=2", "--shuffle=1", "--baseline=main", "--baseline-variant=gold")
    assert run(*ASKED, *same).ret == 11
    told = verdict(pytester.path)
    assert told["variants"][0]["instances"] == 2
    data = json.loads(path.read_text())
    put(path, data | {"digests": dict.fromkeys(data["digests"], "0" * 16)})
    changed = run(*ASKED[:-1], "--run-id=other", *same)
    assert changed.ret == 12
    assert "made under other conditions: 2 instances are not the same in both" in changed.stdout.str()
