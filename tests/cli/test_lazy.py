"""The group of commands: what is imported for what, names that are none, and completion by the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pytest_swebench.cli.command import cli
from pytest_swebench.cli.lazy import LazyGroup, Verb, meant
from pytest_swebench.cli.naming import complete_run
from tests.support.graded import run_of

MOST_CPU_S = 0.3


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_swebench", *arguments],
        env={**os.environ, "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def leaves(group: click.Group, path: str = "swebench-runner") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from leaves(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


def test_help_lists_every_command_and_imports_none() -> None:
    program = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from pytest_swebench.cli import main\n"
        "main(); print(*sorted(name for name in sys.modules if name.startswith('pytest_swebench.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in cli.list_commands(click.Context(cli)))
    assert set(done.stdout.splitlines()[-1].split()) == {
        f"pytest_swebench.cli.{name}" for name in ("command", "lazy", "mode", "outcome")
    }


@pytest.mark.usefixtures("uncovered")
def test_help_is_there_within_the_time_it_is_allowed() -> None:
    before = os.times()
    assert command("--help").returncode == 0
    after = os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert used_s < MOST_CPU_S


def test_every_command_has_an_example_in_its_help() -> None:
    without = [path for path, found in leaves(cli) if f"{path} " not in f"{found.help or ''} ".replace("\n", " ")]
    assert without == []


def test_every_listed_command_loads_under_its_name() -> None:
    assert isinstance(cli, LazyGroup)
    assert {name: verb.load().name for name, verb in cli.verbs.items()} == {name: name for name in cli.verbs}


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_help_is_printed_where_nothing_is_asked(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: swebench-runner [OPTIONS] [COMMAND]")


def test_page_on_the_command_tells_every_option_of_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
    options = [
        name
        for path, found in leaves(cli)
        if path.endswith((" run", " generate")) and "task" not in path
        for parameter in found.params
        for name in parameter.opts
        if name.startswith("--")
    ]
    assert len(options) > 40
    assert [name for name in options if f"`{name}" not in page] == []


def test_nearest_command_is_named() -> None:
    done = command("lst-instances")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such command 'lst-instances'; did you mean 'list-instances'? known: analyze-errors, " in done.stderr


def test_nearest_option_is_named() -> None:
    done = command("run", "--dataste", "demo")
    assert done.returncode == 1
    assert "No such option '--dataste'. Did you mean '--dataset'?" in done.stderr


def test_a_word_that_belongs_nowhere_is_refused() -> None:
    done = command("run", "lite")
    assert done.returncode == 1
    assert "unexpected extra argument (lite)" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("swebench-runner vali", ["validate", "validate-env"]),
        ("swebench-runner task ba", ["batch"]),
        ("swebench-runner baseline ", ["list", "save"]),
        ("swebench-runner gate --base", ["--baseline", "--baseline-variant"]),
        ("swebench-runner run --rerun", ["--rerun-failed"]),
        ("swebench-runner --no", ["--no-input"]),
    ],
)
def test_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    env = {"_SWEBENCH_RUNNER_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = command(**env)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == offered


@pytest.mark.parametrize("typed", ["show on", "compare on", "gate on", "baseline save main on", "report on"])
def test_shell_completes_the_ids_of_runs_and_files(typed: str, tmp_path: Path) -> None:
    for name in ("one", "only", "two"):
        run_of(tmp_path, name, {"a": "R"})
    words = f"swebench-runner {typed}"
    env = {"_SWEBENCH_RUNNER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = command(**env, OUTPUT_DIR=str(tmp_path))
    assert sorted(done.stdout.splitlines()) == ["file,on", "plain,one", "plain,only"]


def test_without_readable_settings_no_run_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEBENCH_MAX_COST", "lots")
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    argument = click.Argument(["run"])
    assert complete_run(click.Context(inner), argument, "") == []


def test_completion_script_is_printed_for_the_shell() -> None:
    assert "complete -o nosort -F" in command(_SWEBENCH_RUNNER_COMPLETE="bash_source").stdout


@click.command("inner")
def inner() -> None:
    """Do nothing."""


def test_a_command_is_found_through_groups_and_past_options() -> None:
    group = LazyGroup("outer", verbs={"inner": Verb(f"{__name__}:inner", "Do nothing.")})
    top = click.Group("top", commands={"outer": group})
    assert meant(top, ["--flag", "outer", "-x", "inner", "word"]) is inner
    assert meant(top, ["outer", "--", "inner"]) is group
    assert meant(top, ["nobody", "inner"]) is top
    assert group.get_command(click.Context(group), "nobody") is None
