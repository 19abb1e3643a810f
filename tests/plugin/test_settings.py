"""Whole runs that are told by files and environment what to do."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Run, outcomes, variant_files
from tests.test_config import write


def test_what_is_kept_for_real_runs_leaves_the_demo_free(run: Run, pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        dotenv="PROVIDER=openrouter\nMODEL=paid-1\nLLM_API_KEY=keyring://swebench-runner/openrouter\nMAX_WORKERS=2\n",
        yaml="experiment: {instances: [tinyconf-5, tinyconf-9]}\ngeneration: {temperature: 0.7}",
    )
    result = run("-m", "experiment", "--outcome=capture")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["swebench: no dataset chosen: the embedded demo*", "2 workers*"])
    (head, *_) = variant_files(pytester.path)["singleshot_run1"]
    assert (head["provider"], head["model"], head["temperature"]) == ("replay", "demo-model", 0.2)


def test_files_choose_dataset_arms_and_place(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        pytester.path,
        dotenv="SWEBENCH_ARMS=gold\nOUTPUT_DIR=of-dotenv/results\n",
        yaml="experiment: {dataset: demo, arms: [gold, null], max_instances: 1}",
    )
    result = run("-m", "experiment")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*no dataset chosen*")
    assert len(outcomes(pytester.path / "of-dotenv")) == 1
    monkeypatch.setenv("OUTPUT_DIR", "of-environment/results")
    run("-m", "experiment", "--arms=null", "--max-instances=2", "-n0").assert_outcomes(failed=2)
    assert len(outcomes(pytester.path / "of-environment")) == 2


def test_option_says_how_many_workers_though_a_file_does(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {max_workers: 2}")
    result = run("-m", "experiment", "--arms=gold", "--max-instances=1", "-n0")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*2 workers*")


def test_file_that_cannot_be_meant_is_a_usage_error_and_leaves_nothing(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {modle: x}")
    result = run("-m", "experiment")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: .swebench.yaml: generation: unknown key 'modle'; did you mean 'model'?*"])
    assert not pytester.path.joinpath("results").exists()


def test_unrelated_run_reads_no_file(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {modle: x}")
    pytester.path.joinpath(".env").mkdir()
    pytester.makepyfile(
        "import sys\n\ndef test_it():\n    assert not {'yaml', 'dotenv', 'keyring'} & set(sys.modules)\n"
    )
    run().assert_outcomes(passed=1)


def test_pytests_own_configuration_is_the_last_place(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest]\nswebench_max_instances = 1\nswebench_arms = 'gold'\n")
    run("-m", "experiment").assert_outcomes(passed=1)
    write(pytester.path, dotenv="MAX_INSTANCES=2\n")
    run("-m", "experiment").assert_outcomes(passed=2)
