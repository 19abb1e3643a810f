from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_swebench.cli.plan import plan_run
from pytest_swebench.errors import InputError
from tests.support.graded import run_of

GOOD, BAD = "R" * 18 + "UU", "R" * 4 + "U" * 16


def test_plan_without_a_pilot() -> None:
    ran = CliRunner().invoke(plan_run, ["--effect", "5pp", "--reps", "3", "--instances", "500"])
    assert "to see 5.0 points: 256 to 346 instances, each 3 times" in ran.output
    low = CliRunner().invoke(plan_run, ["--rate", "0.1"], standalone_mode=False).return_value
    assert low.result["assumption"].startswith("two variants at a rate of 10%")


def test_the_plan_in_the_docs_is_what_the_command_prints() -> None:
    text = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
    block = text.partition("    $ swebench-runner plan ")[2].partition("\n\n")[0]
    arguments, *lines = block.splitlines()
    ran = CliRunner().invoke(plan_run, arguments.split())
    assert ran.output.splitlines() == [line.removeprefix("    ") for line in lines]


def test_plan_from_a_pilot(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD, "c": BAD})
    ran = CliRunner().invoke(plan_run, [str(run), "--variant", "b", "--variant", "a", "--instances", "100"])
    assert "assumed: the pilot, a against b on 20 instances" in ran.output
    assert "$50.00" in ran.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--variant", "a"], "--variant names variants of a pilot, and none is given"),
        (["--effect", "5"], "--effect '5': neither points nor a share"),
        (["--effect", "3pp", "--rate", "0.99"], "--rate 0.99: variants 3 points apart about it would go past 0 or 1"),
        (["RUN", "--rate", "0.4"], "the pilot tells the rate itself"),
        (["RUN", "--variant", "a", "--variant", "b", "--variant", "c"], "3 are named, and a plan is for two"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD})
    ran = CliRunner().invoke(plan_run, [str(run) if one == "RUN" else one for one in arguments])
    assert isinstance(ran.exception, InputError)
    assert said in str(ran.exception)


def test_the_frame_of_a_pilot_is_passed_over(tmp_path: Path) -> None:
    run = run_of(tmp_path, "one", {"a": GOOD, "b": BAD, "null": "U" * 20})
    ran = CliRunner().invoke(plan_run, [str(run), "--instances", "100", "--reps", "1"])
    assert ran.output.startswith("assumed: the pilot, b against a on 20 instances\n")
