"""Result files of a person's own tests: every line there once, whatever runs them."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Run, variant_files

OWN = """
import pytest

@pytest.mark.experiment
@pytest.mark.parametrize("variant_name", ["plain", "fancy"])
@pytest.mark.parametrize("scenario", ["a", "b", "c", "d"])
def test_own(variant_name, scenario, rep_number, writer_pool):
    writer = writer_pool.get(variant_name, rep_number)
    writer.write_result(scenario_id=scenario, response_text=scenario * 3, rep=rep_number)
"""


def scenarios(lines: list[dict[str, object]]) -> list[str]:
    assert lines[0]["type"] == "run_metadata"
    return sorted(str(line["scenario_id"]) for line in lines[1:])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_every_line_is_there_once(run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run("-m", "experiment", "--count", 3, *workers)
    result.assert_outcomes(passed=24)
    files = variant_files(pytester.path)
    assert sorted(files) == [f"{name}_run{rep}" for name in ("fancy", "plain") for rep in (1, 2, 3)]
    for name, lines in files.items():
        assert scenarios(lines) == ["a", "b", "c", "d"]
        assert {line["rep"] for line in lines} == {int(name[-1])}
    result.stdout.fnmatch_lines(["tests: 24 passed, 0 failed, 0 rerun, 24 collected"])


def test_pool_works_without_asking_for_experiments(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    run("-n", 2).assert_outcomes(passed=8)
    assert {name: scenarios(lines) for name, lines in variant_files(pytester.path).items()} == {
        "fancy_run1": ["a", "b", "c", "d"],
        "plain_run1": ["a", "b", "c", "d"],
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_attempts_that_are_rerun_leave_no_line(run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.experiment
        @pytest.mark.parametrize("scenario", ["a", "b"])
        def test_flaky(scenario, writer_pool, request, tmp_path_factory):
            writer_pool.get("flaky", 1).write_result(scenario_id=scenario, attempt=request.node.execution_count)
            assert request.node.execution_count == 2
        """
    )
    result = run("-m", "experiment", "--reruns", 2, *workers)
    result.stdout.fnmatch_lines(["tests: 2 passed, 0 failed, 2 rerun, 2 collected"])
    (lines,) = variant_files(pytester.path).values()
    assert sorted((line["scenario_id"], line["attempt"]) for line in lines[1:]) == [("a", 2), ("b", 2)]


def test_line_of_a_worker_that_dies_afterwards_is_kept(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, signal
        import pytest

        @pytest.mark.experiment
        @pytest.mark.parametrize("scenario", ["a", "dies", "c"])
        def test_own(scenario, writer_pool):
            writer_pool.get("own", 1).write_result(scenario_id=scenario)
            if scenario == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    run("-m", "experiment", "-n", 2).assert_outcomes(passed=2, failed=1)
    assert scenarios(variant_files(pytester.path)["own_run1"]) == ["a", "c", "dies"]


def test_metadata_can_be_completed_before_the_first_result(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_own(writer_pool):
            writer = writer_pool.get("own", 1)
            writer.write_metadata(model="some-model", temperature=0.2)
            writer.write_result(scenario_id="a", type="scenario_result")
        """
    )
    run().assert_outcomes(passed=1)
    (head, _) = variant_files(pytester.path)["own_run1"]
    assert (head["model"], head["temperature"], head["variant"], head["rep"]) == ("some-model", 0.2, "own", 1)
