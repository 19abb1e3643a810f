"""Whole runs on the demo: outcomes, records, files, exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from pytest_swebench.calling import DEMO_RECORDINGS
from tests.plugin.conftest import Run, outcomes, records, variant_files

TIMES_AND_IDS = {"run_id", "started_at", "finished_at", "wall_time_seconds", "host", "timestamp", "git_commit"}


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in TIMES_AND_IDS}


def test_demo_shows_every_outcome_and_explains_it(run: Run, pytester: pytest.Pytester) -> None:
    result = run("-m", "experiment", "--outcome", "capture", "-n", 2)
    result.assert_outcomes(passed=13)
    assert result.ret == 0
    assert sorted(set(outcomes(pytester.path).values())) == ["limit", "no_patch", "resolved", "unresolved"]
    result.stdout.fnmatch_lines(
        [
            "swebench: no dataset chosen: the embedded demo*",
            "*experiment summary*",
            "singleshot * 6/13 *46.2% *60.0% *",
            "attempted 13 of 13 cells (100%), graded 10",
            "resolved 6: every hidden test passes",
            "unresolved 4: *",
            "no_patch 2: *",
            "*invalid patch, does_not_apply*",
            "limit 1: *",
            "*stopped by answer_cut*",
            "tests: 13 passed, 0 failed, 0 rerun, 13 collected",
            "per variant: results/singleshot_run1_*.jsonl",
            "next: pytest -m experiment*",
        ]
    )


def test_quiet_run_ends_with_a_line_a_variant(run: Run) -> None:
    result = run("-m", "experiment", "-q", "--arms=gold,null", "--instances=tinyconf-5", "--outcome=capture")
    result.stdout.fnmatch_lines(
        ["*experiment summary*", "gold[*]: 1/1 100.0%", "null: 0/1 0.0%", "tests: 2 passed, *"], consecutive=True
    )


def test_parallel_and_serial_runs_leave_the_same_records(run: Run, pytester: pytest.Pytester) -> None:
    options = (
        "-m",
        "experiment",
        "--arms",
        "gold,null,singleshot",
        "--count",
        3,
        "--instances",
        "tinyconf-5,tinyconf-16",
    )
    options += ("--outcome", "capture")
    run(*options, "--output-dir", "serial/results").assert_outcomes(passed=18)
    run(*options, "--output-dir", "parallel/results", "-n", 2).assert_outcomes(passed=18)
    serial, parallel = (records(pytester.path / name) for name in ("serial", "parallel"))
    assert list(map(comparable, serial)) == list(map(comparable, parallel))
    files = variant_files(pytester.path / "parallel")
    assert sorted(files) == [f"{arm}_run{rep}" for arm in ("gold", "null", "singleshot") for rep in (1, 2, 3)]
    for name, lines in files.items():
        assert [line["type"] for line in lines] == ["run_metadata", "result", "result"]
        twin = variant_files(pytester.path / "serial")[name]
        assert comparable(lines[0]) == comparable(twin[0])
    ended = outcomes(pytester.path / "parallel")
    assert {outcome for cell, outcome in ended.items() if "/gold/" in cell} == {"resolved"}
    assert {outcome for cell, outcome in ended.items() if "/null/" in cell} == {"unresolved"}


def test_unresolved_cells_fail_with_the_reason(run: Run) -> None:
    result = run("-m", "experiment", "--arms", "gold,null", "--instances", "tinyconf-5")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["tinyconf__tinyconf-5/null/r1: unresolved: FAIL_TO_PASS 0/3, PASS_TO_PASS 16/16"])


def test_junit_carries_the_properties(run: Run, pytester: pytest.Pytester) -> None:
    run("-m", "experiment", "--arms", "gold,null", "--instances", "tinyconf-5", "--junitxml=out.xml", "-n", 2)
    suite = ElementTree.parse(pytester.path / "out.xml").getroot()[0]
    assert suite.attrib["tests"] == "2"
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    found = {
        name: {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")} for name, case in cases.items()
    }
    null = found["test_swebench[tinyconf__tinyconf-5/null/r1]"]
    assert null["outcome"] == "unresolved"
    assert null["resolved"] == "False"
    assert (null["variant"], null["rep"]) == ("null", "1")
    assert float(null["seconds"]) > 0
    assert {"cost_usd", "input_tokens", "output_tokens"} <= null.keys()
    assert found["test_swebench[tinyconf__tinyconf-5/gold/r1]"]["outcome"] == "resolved"


def test_last_failed_runs_the_unresolved_cells_again(run: Run) -> None:
    options = ("-m", "experiment", "--arms", "gold,null", "--instances", "tinyconf-5,tinyconf-9")
    run(*options).assert_outcomes(passed=2, failed=2)
    result = run(*options, "--lf")
    result.assert_outcomes(failed=2, deselected=2)


def test_exitfirst_stops_and_the_summary_counts_what_was_selected(run: Run, pytester: pytest.Pytester) -> None:
    result = run("-m", "experiment", "--arms", "null", "--instances", "tinyconf", "-x")
    result.assert_outcomes(failed=1)
    assert len(records(pytester.path)) == 1
    result.stdout.fnmatch_lines(["null * 0/1 *", "missing: null 3 not run of 4 cells; coverage 25.0%"])


def test_fail_under_decides_the_exit_code(run: Run) -> None:
    options = ("-m", "experiment", "--instances", "tinyconf-5,tinyconf-9", "--output-dir")
    assert run(*options, "a", "--fail-under", 0.5).ret == 0
    low = run(*options, "b", "--fail-under", 0.6)
    assert low.ret == pytest.ExitCode.TESTS_FAILED
    low.assert_outcomes(passed=2)
    low.stdout.fnmatch_lines(["--fail-under 0.6: singleshot is below*"])


def test_predictions_of_one_run_are_an_arm_of_the_next(run: Run, pytester: pytest.Pytester) -> None:
    run("-m", "experiment", "--arms", "gold", "--instances", "tinyconf", "--output-dir", "first").assert_outcomes(
        passed=4
    )
    (patches,) = pytester.path.glob("first/*/predictions/gold_run1.jsonl")
    line = json.loads(patches.read_text().splitlines()[0])
    assert sorted(line) == ["instance_id", "model_name_or_path", "model_patch"]
    options = ("--dataset", "demo", "--arms", "predictions", f"--patches={patches}", "--instances", "tinyconf")
    run("-m", "experiment", *options).assert_outcomes(passed=4)


def test_cell_folder_keeps_what_a_cell_left(run: Run, pytester: pytest.Pytester) -> None:
    run("-m", "experiment", "--instances", "tinyconf-5")
    (folder,) = pytester.path.glob("results/*/cells/tinyconf__tinyconf-5/singleshot/rep1")
    names = {path.name for path in folder.iterdir()}
    assert {"patch.diff", "transcript.jsonl", "test_output.txt", "report.json", "eval.sh"} <= names
    report = json.loads((folder / "report.json").read_text())
    assert report["tinyconf__tinyconf-5"]["resolved"] is True


def test_changed_prompt_is_an_error_and_not_a_served_answer(run: Run, pytester: pytest.Pytester) -> None:
    options = ("--provider", f"replay:{DEMO_RECORDINGS}", "--model", "demo-model", "--temperatures", "0.9")
    result = run("-m", "experiment", "--dataset", "demo", "--instances", "tinyconf-5", *options)
    result.assert_outcomes(errors=1)
    assert outcomes(pytester.path) == {"tinyconf__tinyconf-5/singleshot/r1": "error"}
    result.stdout.fnmatch_lines(["*ReplayMiss*temperature*"])


def test_scenarios_are_captured(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("prompts.jsonl").write_text('{"scenario_id": "hello", "prompt": "Say hello."}\n')
    pytester.makeconftest(
        """
        from pytest_swebench.arms.protocol import Solution

        class Echo:
            name, version, paid, oracle = "echo", "1", False, False
            def check(self, instances): pass
            def solve(self, context): return Solution(response_text=context.problem.statement.upper())

        def pytest_swebench_arms():
            return [Echo()]
        """
    )
    pytester.makepyfile(
        "import pytest\n@pytest.mark.experiment(dataset='prompts.jsonl', arms=['echo'])\n"
        "def test_it(experiment):\n    assert experiment.record['response_text'] == 'SAY HELLO.'"
    )
    run("-m", "experiment").assert_outcomes(passed=1)
    (line,) = variant_files(pytester.path)["echo_run1"][1:]
    assert (line["type"], line["scenario_id"], line["outcome"]) == ("scenario_result", "hello", "captured")


def test_parts_of_a_cell_serve_an_experiment_of_ones_own(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.experiment(arms=["null"])
        def test_mine(cell, instance, variant, arm, rep_number, sandbox, grader, provider, tmp_path):
            assert (cell.variant, variant.arm, arm.name) == ("null", "null", "null")
            assert rep_number == cell.rep
            path = "tinyconf/lexer.py"
            sandbox.write({"note.txt": sandbox.run("ls tinyconf", timeout_s=10).output.encode()})
            assert "lexer.py" in sandbox.diff()
            grade = grader.grade(instance, instance.hidden.gold_patch, tmp_path)
            assert grade.verdict.resolved
            assert provider.name == "replay"
        """
    )
    run("-m", "experiment", "--instances", "tinyconf-5", "--count", 2).assert_outcomes(passed=2)


MINE = "import pytest\n@pytest.mark.experiment(arms=['gold'])\ndef test_mine(experiment): experiment.judge()"


def test_plain_pytest_leaves_experiments_out(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=MINE, test_other="def test_other(): pass")
    result = run()
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["swebench: 1 experiment left out; -m experiment runs it"])
    assert run("-m", "not (slow or experiment)").ret == 0
    assert run("-n", 2).parseoutcomes() == {"passed": 1}
    assert not pytester.path.joinpath("results").exists()


def test_named_file_runs_its_experiments(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=MINE, test_other="def test_other(): pass")
    result = run("test_mine.py", "--instances", "tinyconf-5")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["gold* 1/1 *", "tests: 1 passed, 0 failed, 0 rerun, 1 collected"])
    name = "test_mine.py::test_mine[tinyconf__tinyconf-9/gold/r1]"
    result = run(name)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["gold* 1/1 *"])


def test_option_without_any_experiment_says_so(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_other="def test_other(): pass")
    result = run("--arms", "gold")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["swebench: no experiment was selected*-m experiment*"])
    assert not [*pytester.path.glob("results/*")]


@pytest.mark.parametrize("workers", [(), ("-n", 2)])
def test_options_in_an_empty_folder_leave_no_run(run: Run, pytester: pytest.Pytester, workers: tuple[Any, ...]) -> None:
    result = run("--dataset=demo", "--arms=gold", "--max-instances=2", *workers)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["swebench: no experiment was selected*-m experiment*"])
    assert not [*pytester.path.glob("results/*")]


def test_results_are_never_collected(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=MINE)
    options = ("-m", "experiment", "--instances", "tinyconf-5")
    run(*options).assert_outcomes(passed=1)
    run(*options).assert_outcomes(passed=1)
    plain = run("-p", "no:swebench", "-p", "no:cacheprovider", "--deselect", "test_mine.py")
    assert "ERROR" not in plain.stdout.str()


def test_properties_of_unrelated_tests_are_left_alone(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_itemcollected(item): item.user_properties.append(('variant', 'mine'))")
    pytester.makepyfile(test_other="def test_other(): pass")
    run("--junitxml=out.xml")
    assert 'name="variant" value="mine"' in pytester.path.joinpath("out.xml").read_text()


def test_same_method_of_two_classes_is_two_experiments(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        class Base:
            def test_it(self, experiment): experiment.judge()

        @pytest.mark.experiment(arms=["gold"])
        class TestGold(Base): pass

        @pytest.mark.experiment(arms=["null"])
        class TestNull(Base): pass
        """
    )
    run("-m", "experiment", "--instances", "tinyconf-5", "--outcome", "capture").assert_outcomes(passed=2)
    assert set(outcomes(pytester.path)) == {"tinyconf__tinyconf-5/gold/r1", "tinyconf__tinyconf-5/null/r1"}
