"""Everything that a command line lacks, in one error."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from pytest_swebench.cli.export import export_run
from pytest_swebench.cli.missing import TellsAllMissing
from pytest_swebench.cli.profiles import profiles
from pytest_swebench.cli.task import task


@click.command(cls=TellsAllMissing)
@click.argument("file")
@click.option("--count", type=int, required=True)
@click.option("--name", required=True, envvar="SWEBENCH_TEST_NAME")
@click.option("--aside", default="")
def demanding(file: str, count: int, name: str, aside: str) -> None:
    """Say what was given."""
    click.echo(f"{file} {count} {name} {aside}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing parameters 'FILE', '--count' and '--name'."),
        (["--aside", "x"], "Missing parameters 'FILE', '--count' and '--name'."),
        (["f"], "Missing options '--count' and '--name'."),
        (["f", "--count", "2"], "Missing option '--name'"),
        (["f", "--count", "two", "--name", "n"], "Invalid value for '--count': 'two' is not a valid integer."),
    ],
)
def test_all_that_is_missing_is_named_at_once(words: list[str], said: str) -> None:
    done = CliRunner().invoke(demanding, words)
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_what_the_environment_gives_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEBENCH_TEST_NAME", "n")
    assert "Missing parameters 'FILE' and '--count'." in CliRunner().invoke(demanding, []).output
    assert CliRunner().invoke(demanding, ["f", "--count", "2"]).output == "f 2 n \n"


@pytest.mark.parametrize(
    ("group", "words", "said"),
    [
        (task, "tune", "Missing options '--seeds', '--arm' and '--model'."),
        (task, "from-row", "Missing arguments 'FILE' and 'INSTANCE_ID'."),
        (profiles, "rename --from a", "Missing options '--provider' and '--to'."),
    ],
)
def test_commands_that_ask_for_several_things_name_them_all(group: click.Group, words: str, said: str) -> None:
    assert said in CliRunner().invoke(group, words.split()).output


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        ("", ["OUT (", "--to (leaderboard, harness, or langsmith", "--variant ("]),
        ("run --variant a", ["OUT (", "--to ("]),
        ("run out", ["--to (", "--variant ("]),
        ("run out --to harness", ["--variant ("]),
    ],
)
def test_export_says_all_that_it_lacks(words: str, lacking: list[str]) -> None:
    output = CliRunner().invoke(export_run, words.split()).output
    (said,) = [line for line in output.splitlines() if line.startswith("Error: ")]
    assert [part for part in ("OUT (", "--to (", "--variant (") if part in said] == [
        part.partition("(")[0] + "(" for part in lacking
    ]
    assert all(part in said for part in lacking)
    assert said.endswith(f" {'is' if len(lacking) == 1 else 'are'} missing")
