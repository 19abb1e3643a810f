from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from pytest_swebench.cli.mode import NO_INPUT, Given, Mode, current, mode_of, silence, take
from pytest_swebench.errors import InputError
from tests.support.screen import film

SAY = "import os; from pytest_swebench.cli.mode import silence; print(f'said [{silence(os.environ)}]')"


def said_on_a_terminal(folder: Path, redirection: str = "", **env: str) -> str:
    """Return why nobody can be asked, as a process on a terminal of its own says it."""
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    script = f"{shlex.join([sys.executable, '-c', SAY])} {redirection}"
    seen = film(["sh", "-c", script], folder, {**kept, "TERM": "xterm", **env})
    assert seen.returncode == 0
    return re.findall(r"said \[(.*)\]", seen.screen.text or (folder / "out").read_text())[0]


@pytest.mark.parametrize("flag", NO_INPUT)
def test_flags_for_every_command_are_taken_wherever_they_stand(flag: str) -> None:
    expected = Given(("run", "-d", "demo"), no_input=True, as_json=True, log_file="x.log")
    assert take([flag, "--json", "--log-file", "x.log", "run", "-d", "demo"]) == expected
    assert take(["run", flag, "--log-file=x.log", "-d", "demo", "--json"]) == expected


def test_what_the_command_itself_knows_is_handed_on_to_it() -> None:
    taken = take(["--json", "models", "openai", "--no-input"], own={"--json"})
    assert taken == Given(("models", "openai", "--json"), no_input=True, as_json=True)


def test_what_stands_after_two_dashes_is_pytest_s() -> None:
    taken = take(["run", "--json", "--", "--log-file=theirs", "--no-input"], own={"--json"})
    assert taken == Given(("run", "--json", "--", "--log-file=theirs", "--no-input"), as_json=True)


@pytest.mark.parametrize("arguments", [["run", "--log-file"], ["run", "--log-file="], ["--log-file", "--", "run"]])
def test_a_log_file_without_its_name_is_refused(arguments: list[str]) -> None:
    with pytest.raises(InputError, match="--log-file: names no file; give --log-file FILE"):
        take(arguments)


@pytest.mark.parametrize(
    ("env", "because"),
    [
        ({}, ""),
        ({"CI": "false"}, ""),
        ({"CI": "true"}, "CI is set"),
        ({"TERM": "dumb"}, "TERM is dumb"),
    ],
)
def test_a_person_is_asked_only_on_a_terminal_of_their_own(tmp_path: Path, env: dict[str, str], because: str) -> None:
    assert said_on_a_terminal(tmp_path, **env) == because


@pytest.mark.parametrize(("redirection", "name"), [("</dev/null", "standard input"), (">out", "standard output")])
def test_nobody_is_asked_where_one_end_is_no_terminal(tmp_path: Path, redirection: str, name: str) -> None:
    assert said_on_a_terminal(tmp_path, redirection) == f"{name} is no terminal"


def test_a_flag_comes_before_all_else() -> None:
    assert silence({"CI": "1"}, no_input=True) == "--no-input"


def test_mode_says_who_is_there_and_how_to_speak(tmp_path: Path) -> None:
    assert Mode().asks
    assert not Mode().plain
    assert Mode(as_json=True).plain
    quiet = mode_of(Given((), no_input=True, log_file=str(tmp_path / "x.log")), {}, ["run", "--no-input"])
    assert quiet == Mode("--no-input", log_file=tmp_path / "x.log", typed=("run", "--no-input"))
    assert (quiet.asks, quiet.plain) == (False, True)


def test_a_command_finds_its_mode_and_a_function_outside_of_one_gets_that_of_the_process() -> None:
    mode = Mode(as_json=True)
    outer = click.Context(click.Command("outer"), obj=mode)
    with click.Context(click.Command("inner"), parent=outer):
        assert current() is mode
    assert current() == mode_of(Given(()), os.environ)
