from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pytest_swebench.cli.compare import compare_runs
from pytest_swebench.errors import InputError
from tests.support.graded import run_of

GOOD, BAD = "R" * 18 + "UU", "R" * 4 + "U" * 16


def test_compare_prints_rates_and_pairs(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD})
    ran = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "80"})
    assert ran.exit_code == 0
    assert "a vs b" in ran.output
    assert max(map(len, ran.output.splitlines())) <= 80


def test_the_frame_is_compared_only_where_it_is_asked_for(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD, "gold": "R" * 20, "null": "U" * 20}, oracles=["gold"])
    plain = CliRunner().invoke(compare_runs, [str(run)]).output
    assert [line for line in plain.splitlines() if " vs " in line] == ["a vs b"]
    assert "gold, null: held against nothing, unless --baseline-variant names one\n" in plain
    asked = CliRunner().invoke(compare_runs, [str(run), "--baseline-variant", "null"]).output
    assert [line for line in asked.splitlines() if " vs " in line] == ["a vs null", "b vs null", "gold vs null"]
    assert "held against nothing" not in asked


def test_one_variant_beside_the_frame_is_compared_with_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"gold": "R" * 20, "null": "U" * 20, "a": GOOD, "z": BAD}, oracles=["gold"])
    lines = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "80"}).output.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["a", "z", "gold*", "null"]
    alone = run_of(tmp_path, "alone", {"gold": "R" * 20, "null": "U" * 20, "a": GOOD}, oracles=["gold"])
    told = CliRunner().invoke(compare_runs, [str(alone)], env={"COLUMNS": "100"}).output
    assert " vs " not in told
    assert "one variant is under test: nothing to compare it with; give another run\n" in told
    assert "gold*: oracle, sees hidden tests or the reference patch; not to be ranked with others\n" in told
    frame = run_of(tmp_path, "frame", {"gold": "R" * 20, "null": "U" * 20}, oracles=["gold"])
    assert "gold vs null\n" in CliRunner().invoke(compare_runs, [str(frame)]).output


def test_a_narrow_terminal_leaves_names_to_be_read(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"s1_tdd+claude-4-5-2025+t0.2": GOOD, "s1_tdd+claude-4-6-2025+t0.2": BAD})
    ran = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "50"})
    assert "#2 is s1_tdd+claude-4-6-2025+t0.2\n" in ran.output
    assert "\ns1_td..+t0.2#1 vs s1_td..+t0.2#2\n" in ran.output


def test_compare_answers_programs_too(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, "one", {"a": GOOD}), run_of(tmp_path, "two", {"a": BAD})]
    arguments = [*map(str, runs), "--baseline-variant", "a@two"]
    answer = CliRunner().invoke(compare_runs, arguments, standalone_mode=False).return_value
    assert [one["verdict"] for one in answer.result["comparisons"]] == ["better"]
    assert [one["name"] for one in answer.result["sources"]] == ["one", "two"]


def test_runs_are_named_by_their_ids_and_the_latest_is_the_default(tmp_path: Path) -> None:
    run_of(tmp_path, "one", {"a": GOOD, "b": BAD})
    by_id = CliRunner().invoke(compare_runs, ["one", "--output-dir", str(tmp_path)])
    assert by_id.output.startswith("one: a run, 20 instances, 40 cells\n\nvariant ")
    assert CliRunner().invoke(compare_runs, [], env={"OUTPUT_DIR": str(tmp_path)}).output == by_id.output


def test_compare_refuses_an_interval_over_one_repository(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD})
    ran = CliRunner().invoke(compare_runs, [str(run), "--cluster", "repo"])
    assert isinstance(ran.exception, InputError)
    assert "'acme__acme' carries 100% of the instances" in str(ran.exception)


def test_compare_says_that_an_interval_is_over_repositories(tmp_path: Path) -> None:
    ids = [f"r{number % 4}__r-{number}" for number in range(20)]
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD}, ids=ids)
    ran = CliRunner().invoke(compare_runs, [str(run), "--cluster", "repo"])
    assert "] over repositories" in ran.output
    assert "intervals are for other repositories like these, and rest on few" in ran.output
