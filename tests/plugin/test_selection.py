"""What is collected, in which order, under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.conftest import Run, ids

ONE = "tinyconf__tinyconf-5"


def test_bare_run_collects_the_demo(run: Run) -> None:
    result = run("-m", "experiment", "--collect-only", "-q")
    assert result.ret == 0
    assert len(ids(result)) == 13
    assert all(cell.endswith("/singleshot/r1") for cell in ids(result))


def test_cells_are_ordered_by_repetition_then_instance_then_variant(run: Run) -> None:
    result = run(
        "-m", "experiment", "--co", "-q", "--count", 2, "--arms", "gold,null", "--instances", "tinyconf-5,span"
    )
    wanted = [
        f"{instance}/{arm}/r{rep}"
        for rep in (1, 2)
        for instance in ("spanlib__spanlib-11", "spanlib__spanlib-14", "spanlib__spanlib-3", "spanlib__spanlib-8", ONE)
        for arm in ("gold", "null")
    ]
    assert ids(result) == wanted


def test_ids_do_not_change_with_the_number_of_repetitions(run: Run) -> None:
    once = ids(run("-m", "experiment", "--co", "-q", "--arms", "null"))
    thrice = ids(run("-m", "experiment", "--co", "-q", "--arms", "null", "--count", 3))
    assert set(once) < set(thrice)
    assert len(thrice) == 3 * len(once)


def test_models_and_temperatures_become_variants(run: Run) -> None:
    options = ("--models", "one/small,two", "--temperatures", "0,0.7", "--arms", "gold,singleshot")
    result = run("-m", "experiment", "--co", "-q", "--instance-ids", ONE, *options)
    variants = {cell.split("/")[1] for cell in ids(result)}
    assert variants == {
        "gold",
        "singleshot+one-small+t0",
        "singleshot+one-small+t0.7",
        "singleshot+two+t0",
        "singleshot+two+t0.7",
    }


def test_k_selects_by_instance_variant_and_repetition(run: Run) -> None:
    options = ("-m", "experiment", "--co", "-q", "--arms", "gold,null", "--count", 2)
    assert ids(run(*options, "-k", f"{ONE}/null/r2")) == [f"{ONE}/null/r2"]
    assert len(ids(run(*options, "-k", "spanlib and gold"))) == 8


def test_instance_ids_come_from_a_file(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("ids.txt").write_text(f"# two of them\n{ONE}\nspanlib__spanlib-3  # small\n")
    result = run("-m", "experiment", "--co", "-q", "--instance-ids", "@ids.txt")
    assert [cell.split("/")[0] for cell in ids(result)] == ["spanlib__spanlib-3", ONE]


def test_shuffle_is_repeatable_and_limits_after_shuffling(run: Run) -> None:
    options = ("-m", "experiment", "--co", "-q", "--max-instances", 4)
    first, again = (ids(run(*options, "--shuffle", 7)) for _ in range(2))
    assert first == again
    assert first != ids(run(*options))
    assert len(first) == 4


def test_language_narrows(run: Run) -> None:
    assert len(ids(run("-m", "experiment", "--co", "-q", "--language", "python"))) == 13


def test_collect_only_leaves_nothing_behind(run: Run, pytester: pytest.Pytester) -> None:
    run("-m", "experiment", "--collect-only", "-q")
    assert not pytester.path.joinpath("results").exists()


def test_own_experiment_is_preferred_to_the_default_one(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mine="""
        import pytest

        @pytest.mark.experiment(arms=["null"])
        def test_mine(experiment):
            experiment.judge()

        def test_unrelated():
            pass
        """
    )
    result = run("-m", "experiment", "--co", "-q", "--instance-ids", ONE)
    assert result.outlines[0] == f"test_mine.py::test_mine[{ONE}/null/r1]"
    result.stdout.fnmatch_lines(["1/2 tests collected*"])


def test_marker_paths_are_relative_to_the_test_file(run: Run, pytester: pytest.Pytester) -> None:
    folder: Path = pytester.mkdir("deep")
    folder.joinpath("prompts.jsonl").write_text('{"scenario_id": "hello", "prompt": "Say hello."}\n')
    folder.joinpath("test_prompts.py").write_text(
        "import pytest\n"
        "@pytest.mark.experiment(dataset='prompts.jsonl', arms=['gold'])\n"
        "def test_prompts(cell):\n"
        "    assert cell.instance_id == 'hello'\n"
    )
    result = run("-m", "experiment", "--co", "-q", "deep")
    result.stdout.fnmatch_lines(["*arm 'gold': hello without a reference patch*"])


def test_arms_of_the_marker_stand_beside_a_dataset_of_the_command_line(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("prompts.jsonl").write_text('{"scenario_id": "hello", "prompt": "Say hello."}\n')
    pytester.makeconftest(
        """
        from pytest_swebench.arms.protocol import Solution

        class Echo:
            name, version, paid, oracle = "echo", "1", False, False
            def check(self, instances): pass
            def solve(self, context): return Solution(response_text=context.problem.statement)

        def pytest_swebench_arms():
            return [Echo()]
        """
    )
    pytester.makepyfile(
        "import pytest\n@pytest.mark.experiment(arms=['echo'])\ndef test_it(experiment): experiment.judge()"
    )
    run("-m", "experiment", "--dataset=prompts.jsonl", pytester.path).assert_outcomes(passed=1)


def test_arms_of_a_conftest_are_collected(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from pytest_swebench.arms.protocol import Solution

        class Shrug:
            name, version, paid, oracle = "shrug", "1", False, False
            def check(self, instances): pass
            def solve(self, context): return Solution(notes="shrugged")

        def pytest_swebench_arms():
            return [Shrug()]
        """
    )
    pytester.makepyfile("import pytest\n@pytest.mark.experiment\ndef test_it(experiment): experiment.judge()")
    result = run("-m", "experiment", "--arms", "shrug", "--instance-ids", ONE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{ONE}/shrug/r1: no_patch: shrugged*"])
