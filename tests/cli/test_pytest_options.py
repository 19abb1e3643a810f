"""What a run of pytest is asked for, read without starting it, as pytest itself would read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from click.testing import CliRunner

from pytest_swebench.cli.pytest_options import PytestOptions, is_option, read_options, settings_in
from pytest_swebench.cli.run import run
from pytest_swebench.errors import InputError

NOTHING: Mapping[str, str] = MappingProxyType({})


def read(folder: Path, *words: str, env: Mapping[str, str] = NOTHING) -> PytestOptions:
    return read_options(words, env, folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = -v --sandbox=local --sandbox-option=cpus=1\n"),
        ("pyproject.toml", '[tool.pytest]\naddopts = ["-v", "--sandbox=local", "--sandbox-option=cpus=1"]\n'),
    ],
)
def test_options_come_from_configuration_then_environment_then_the_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    env = {"PYTEST_ADDOPTS": "--grade-network 'bridge' --sandbox-option=cpus=2"}
    asked = read(tmp_path, "--sandbox-option", "cpus=3", "--grade-network=none", env=env)
    assert asked.option("sandbox") == "local"
    assert asked.option("grade_network") == "none"
    assert asked.option("sandbox_option") == ["cpus=1", "cpus=2", "cpus=3"]
    assert (asked.option("harness"), asked.option("harness", "builtin")) == (None, "builtin")


def test_a_quote_without_its_end_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^PYTEST_ADDOPTS \"-k 'it\": No closing quotation; write it as in a shell$"):
        read(tmp_path, env={"PYTEST_ADDOPTS": "-k 'it"})
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k 'it\n")
    with pytest.raises(InputError, match=r"^addopts \"-k 'it\": No closing quotation"):
        read(tmp_path)


def test_options_of_others_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('a conftest is for pytest alone')\n")
    asked = read(tmp_path, "-xvsn2", "--of-a-plugin", "value", "-rA", "--dataset", "lite", "--instance-ids", "@ids")
    assert (asked.workers, asked.option("dataset"), asked.option("instance_ids")) == (2, "lite", "@ids")
    assert read(tmp_path, "-n", "auto").workers is None
    assert (asked.collects_only, read(tmp_path, "--co").collects_only) == (False, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-instances=many",), r"argument --max-instances: invalid int value: 'many'"),
        (("-c", "nowhere.ini"), r"Config file '.*nowhere.ini' not found"),
        (("-o", "nothing"), r"-o/--override-ini expects option=value style"),
    ],
)
def test_what_pytest_would_refuse_is_one_sentence(tmp_path: Path, words: Sequence[str], said: str) -> None:
    with pytest.raises(InputError, match=rf"^pytest does not start here: .*{said}") as refused:
        read(tmp_path, *words)
    assert "\n" not in str(refused.value)


def test_settings_of_a_folder_are_those_that_its_runs_have(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nswebench_provider = openai\nswebench_output_dir = of_ini\naddopts = --output-dir=added\n"
    )
    settings = settings_in(tmp_path, {"MODEL": "m-1"})
    assert settings["provider"].source == "ini:swebench_provider"
    assert (settings.value("output_dir"), settings["output_dir"].source) == ("added", "--output-dir")
    assert settings["model"].source == "env:MODEL"


def test_an_option_of_pytest_or_ours_is_known_by_its_name() -> None:
    assert [is_option(name) for name in ("--baseline", "-x", "-n", "--basline", "")] == [True, True, True, False, False]


def test_run_points_an_option_of_pytest_behind_the_dashes() -> None:
    told = CliRunner().invoke(run, ["--baseline", "main"]).output
    assert "No such option '--baseline' here; it is one of pytest's: give it after a --, as in: run ... -- --b" in told
    assert "Did you mean" in CliRunner().invoke(run, ["--basline", "main"]).output
