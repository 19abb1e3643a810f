from __future__ import annotations

from pathlib import Path

import pytest
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
    assert [line for line in asked.splitlines() if " vs " in line] == ["a vs null", "b vs null"]
    assert "\ngold: held against nothing, unless --baseline-variant names one\n" in asked


def test_one_variant_beside_the_frame_is_compared_with_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"gold": "R" * 20, "null": "U" * 20, "a": GOOD, "z": BAD}, oracles=["gold"])
    lines = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "80"}).output.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["a", "z", "gold*", "null"]
    alone = run_of(tmp_path, "alone", {"gold": "R" * 20, "null": "U" * 20, "a": GOOD}, oracles=["gold"])
    told = (
        "'alone' has one variant under test (a), and a comparison takes two; give another run, or --baseline-variant "
    )
    for asked in ([], ["--baseline-variant", "a"]):
        assert str(CliRunner().invoke(compare_runs, [str(alone), *asked]).exception) == told + "gold"
    followed = CliRunner().invoke(compare_runs, [str(alone), "--baseline-variant", "gold"]).output
    assert [line for line in followed.splitlines() if " vs " in line] == ["a vs gold"]
    frame = run_of(tmp_path, "frame", {"gold": "R" * 20, "null": "U" * 20}, oracles=["gold"])
    assert "gold vs null\n" in CliRunner().invoke(compare_runs, [str(frame)]).output


def test_the_frame_comes_last_across_runs_too_and_notes_have_the_letters_of_sources(tmp_path: Path) -> None:
    variants = {"a": GOOD, "gold": "R" * 20, "null": "U" * 20}
    one, two = (run_of(tmp_path, f"20260102_03040{n}-abc123", variants, oracles=["gold"]) for n in (5, 6))
    lines = CliRunner().invoke(compare_runs, [str(one), str(two)], env={"COLUMNS": "80"}).output.splitlines()
    table = lines[lines.index("") + 2 :]
    assert [line.split()[0] for line in table[:6]] == ["a@A", "a@B", "gold@A*", "null@A", "gold@B*", "null@B"]
    assert "gold@A*, gold@B*: oracle, sees hidden tests or the reference patch; not to be" in lines
    assert not any("20260102" in line for line in lines[2:])


def test_a_variant_without_a_verdict_is_told_and_compared_with_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD, "quiet": "C" * 12 + "N" * 8})
    why = "quiet: 12 patches without a verdict, so no rate and no comparison"
    ran = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "80"}, standalone_mode=False)
    assert [line for line in ran.output.splitlines() if " vs " in line] == ["a vs b"]
    assert f"\none: {why}; the same\n" in ran.output
    assert ran.return_value.result["unjudged"] == ["quiet"]
    named = CliRunner().invoke(compare_runs, [str(run), "--baseline-variant", "quiet"])
    assert str(named.exception).startswith(f"--baseline-variant 'quiet' is in no comparison: {why}; the same command ")
    alone = CliRunner().invoke(compare_runs, [str(run_of(tmp_path, "two", {"a": GOOD, "quiet": "C" * 20}))])
    assert "has one variant (a), and a comparison takes two; quiet: 20 patches without" in str(alone.exception)


def test_ratios_of_what_both_sides_took_stand_below_a_pair(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD})
    text = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "80"}).output
    assert "; x2: twice as much\n" in text
    (ratios,) = [line for line in text.splitlines() if " x" in line and "paired" not in line]
    assert ratios.startswith("  cost x1.00 [1.00, 1.00]  time x1.00 [1.00, 1.00]")
    free = CliRunner().invoke(compare_runs, [str(run_of(tmp_path, "free", {"a": GOOD, "b": BAD}, cost_usd=None))])
    assert "  time x1.00 [1.00, 1.00]\n" in free.output
    assert "cost x" not in free.output
    broken = run_of(tmp_path, "broken", {"a": "R" * 10 + "I" * 10, "b": BAD})
    assert " x1.00" not in CliRunner().invoke(compare_runs, [str(broken)]).output


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(0.012, "0.012"), (0.91, "0.91"), (0.996, "1.00"), (1.1, "1.10"), (12.34, "12.3"), (123.4, "123")],
)
def test_ratios_around_1_have_the_same_number_of_digits(tmp_path: Path, ratio: float, told: str) -> None:
    runs = [
        run_of(tmp_path, name, {"a": GOOD}, cost_usd=usd, seconds={"total": 1.0})
        for name, usd in (("one", 1.0), ("two", ratio))
    ]
    text = CliRunner().invoke(compare_runs, [*map(str, runs)], env={"COLUMNS": "80"}).output
    assert f"  cost x{told} [{told}, {told}]  time x1.00" in text


def test_ratios_of_published_results_fit_into_80_columns(shared_data: Path) -> None:
    path = shared_data / "leaderboard" / "mini_verified_four_models.json"
    text = CliRunner().invoke(compare_runs, [str(path), "--list", "0"], env={"COLUMNS": "80"}).output
    assert "  cost x2.33 [2.21, 2.46]  $/res x1.83 [1.67, 2.01]\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_narrow_terminal_leaves_names_to_be_read(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"s1_tdd+claude-4-5-2025+t0.2": GOOD, "s1_tdd+claude-4-6-2025+t0.2": BAD})
    ran = CliRunner().invoke(compare_runs, [str(run)], env={"COLUMNS": "50"})
    assert "#2 is s1_tdd+claude-4-6-2025+t0.2\n" in ran.output
    assert "\ns1_td..+t0.2#1 vs s1_td..+t0.2#2\n" in ran.output


def test_compare_answers_programs_too(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, "one", {"a": GOOD, "quiet": "C" * 20}), run_of(tmp_path, "two", {"a": BAD})]
    arguments = [*map(str, runs), "--baseline-variant", "a@two"]
    answer = CliRunner().invoke(compare_runs, arguments, standalone_mode=False).return_value
    assert [one["verdict"] for one in answer.result["comparisons"]] == ["better"]
    assert [one["name"] for one in answer.result["sources"]] == ["one", "two"]
    assert answer.result["unjudged"] == ["quiet@one"]


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
