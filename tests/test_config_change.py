"""One setting written into a file, and nothing else in it touched."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.config import SETTINGS, resolve
from pytest_swebench.config.change import Change, change_setting, setting_named
from pytest_swebench.config.files import DOTENV, YAML, read_dotenv
from pytest_swebench.errors import InputError

COMMENTED = (
    "# mine\nexport MODEL=old   # the best\n\nMODEL=older # decides\nLLM_API_KEY=keyring://swebench-runner/openai\n"
)


@pytest.mark.parametrize(
    ("before", "name", "text", "after"),
    [
        ("", "max_cost", "5", "MAX_COST=5\n"),
        ("A=1", "SWEBENCH_DATASET", "lite", "A=1\nSWEBENCH_DATASET=lite\n"),
        (COMMENTED, "model", "m/1", COMMENTED.replace("older #", "m/1 #")),
        ("SWEBENCH_MODEL=a\nMODEL=b\n", "MODEL", "c", "SWEBENCH_MODEL=c\nMODEL=b\n"),
        ("", "instances", "a b#c", "INSTANCES='a b#c'\n"),
        ("", "language", "go", "LANGUAGE=go\n"),
        ("", "output_dir", "it's", 'OUTPUT_DIR="it\'s"\n'),
        ("MODEL='x # y' # z\n", "generation.model", "m", "MODEL=m\n"),
    ],
)
def test_line_of_dotenv_is_replaced_or_added(before: str, name: str, text: str, after: str, tmp_path: Path) -> None:
    if before:
        (tmp_path / DOTENV).write_text(before)
    change_setting(tmp_path, name, text)
    assert (tmp_path / DOTENV).read_text() == after
    assert str(resolve({}, tmp_path).value(setting_named(name).name)).removesuffix(".0") == text


@pytest.mark.parametrize(
    ("before", "name", "text", "after"),
    [
        ("", "max_cost", "5", "generation:\n  max_cost: 5.0\n"),
        ("experiment:\n  split: dev\n", "model", "m", "experiment:\n  split: dev\ngeneration:\n  model: m\n"),
        (
            "generation:\n    model: a   # best\n    rpm: 5\n",
            "rpm",
            "6",
            "generation:\n    model: a   # best\n    rpm: 6\n",
        ),
        ("generation:\n  model: a   # best\n", "model", "b", "generation:\n  model: b   # best\n"),
        ("generation:\n    rpm: 5\n", "model", "b", "generation:\n    model: b\n    rpm: 5\n"),
        ("generation: {rpm: 5} # x\n", "model", "b", "generation: {model: b, rpm: 5} # x\n"),
        ("generation: {model: a} # x\n", "model", "b: c", "generation: {model: 'b: c'} # x\n"),
        ("generation:\nexperiment: {}\n", "model", "b", "generation:\n  model: b\nexperiment: {}\n"),
        ("experiment: {} # none\n", "arms", "gold,null", "experiment: # none\n  arms: 'gold,null'\n"),
        (
            "experiment:\n  arms:\n    - a\n    - b\n  # next\n",
            "arms",
            "null",
            "experiment:\n  arms: 'null'\n  # next\n",
        ),
        ("experiment:\n  arms:\n  split: dev\n", "arms", "a", "experiment:\n  arms: a\n  split: dev\n"),
        ("generation: {price: [a]}", "price", "1,2 m=3,4", "generation: {price: '1,2 m=3,4'}"),
    ],
)
def test_key_of_yaml_is_replaced_or_added(before: str, name: str, text: str, after: str, tmp_path: Path) -> None:
    if before:
        (tmp_path / YAML).write_text(before)
    change_setting(tmp_path, name, text, YAML)
    assert (tmp_path / YAML).read_text() == after
    setting = setting_named(name)
    assert resolve({}, tmp_path).value(setting.name) == setting.read(text, "")


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1) | st.text(" a'\"$`\\#=,{}[]:", min_size=1))
def test_any_text_comes_back_as_it_was_or_is_refused(text: str) -> None:
    from tempfile import TemporaryDirectory

    for file in (DOTENV, YAML):
        with TemporaryDirectory() as folder:
            try:
                change_setting(Path(folder), "model", text, file)
            except InputError:
                assert not list(Path(folder).iterdir())
                continue
            assert resolve({}, Path(folder)).value("model") == text.strip()


@pytest.mark.parametrize(
    ("name", "text", "file", "message"),
    [
        ("OPENAI_API_KEY", "sk-1", DOTENV, "'OPENAI_API_KEY': keys of providers do not belong into files"),
        ("max_costs", "5", DOTENV, "unknown setting 'max_costs'; did you mean 'max_cost'?"),
        ("max_cost", "much", DOTENV, "max_cost: 'much' is not a number of 0 or more"),
        ("MAX_COST", "-5", DOTENV, "MAX_COST -5: must be 0 or more"),
        ("model", " ", DOTENV, "model: an empty value sets nothing"),
        ("model", "a\nLLM_API_KEY=b", DOTENV, "is more than one line of text"),
        ("provider_url", "https://me:sekret-word@host", DOTENV, "provider_url: the address holds a password"),
        ("model", "m", "settings.ini", "--file 'settings.ini': settings lie in .env or .swebench.yaml"),
        ("model", "a'$b", DOTENV, "use .swebench.yaml"),
    ],
)
def test_what_cannot_be_meant_leaves_the_file_alone(
    name: str, text: str, file: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / DOTENV).write_text(COMMENTED)
    with pytest.raises(InputError) as refused:
        change_setting(tmp_path, name, text, file)
    assert message in str(refused.value)
    assert "sekret" not in str(refused.value)
    assert (tmp_path / DOTENV).read_text() == COMMENTED


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (DOTENV, "MODEL='a\nb'\n", "MODEL stands there over several lines"),
        (YAML, "{experiment: {split: dev}}\n", "cannot be changed alone"),
        (YAML, "{generation: {rpm: 5}}\n", ""),
        (YAML, "generation: [\n", "not YAML"),
        (YAML, "generation: &a {rpm: 5}\nexperiment: {split: dev}\n", ""),
    ],
)
def test_file_that_is_written_in_another_way_is_left_alone(
    file: str, content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.write_text(content)
    if not message:
        change_setting(tmp_path, "model", "m", file)
        return
    with pytest.raises(InputError, match=message):
        change_setting(tmp_path, "model", "m", file)
    assert path.read_text() == content


def test_file_keeps_its_permissions_and_a_new_one_is_private(tmp_path: Path) -> None:
    change_setting(tmp_path, "model", "m")
    assert stat.S_IMODE((tmp_path / DOTENV).stat().st_mode) == 0o600
    (tmp_path / DOTENV).chmod(0o640)
    target = tmp_path / "elsewhere"
    (tmp_path / DOTENV).rename(target)
    (tmp_path / DOTENV).symlink_to(target)
    assert change_setting(tmp_path, "model", "n") == Change(tmp_path / DOTENV, "MODEL", "n", "m")
    assert (tmp_path / DOTENV).is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [DOTENV, "elsewhere"]


def test_folder_called_dotenv_is_no_file(tmp_path: Path) -> None:
    (tmp_path / DOTENV).mkdir()
    with pytest.raises(InputError, match="is a folder"):
        change_setting(tmp_path, "model", "m")


def test_every_setting_is_found_by_all_its_names() -> None:
    for setting in SETTINGS.values():
        for name in (setting.name, setting.path, setting.option, setting.ini, *setting.dotenv):
            assert setting_named(name) is setting


def set_here(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    names = {name for row in SETTINGS.values() for name in row.env}
    clean = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", "pytest_swebench", "config", "set", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**clean, **env}, capture_output=True, text=True, timeout=60, check=False
    )


def test_command_says_what_was_written_and_what_decides(tmp_path: Path) -> None:
    first = set_here(tmp_path, "MAX_COST", "5")
    assert (first.returncode, first.stdout, first.stderr) == (0, ".env: MAX_COST = 5.0\n", "")
    again = set_here(tmp_path, "max_cost", "6", SWEBENCH_MAX_COST="7")
    assert again.stdout == ".env: MAX_COST = 6.0 (was 5)\n"
    assert again.stderr == "note: env:SWEBENCH_MAX_COST comes first and says 7.0\n"
    assert read_dotenv(tmp_path) == {"MAX_COST": "6"}


def test_command_answers_in_json(tmp_path: Path) -> None:
    done = set_here(tmp_path, "arms", "gold,null", "--file", YAML, "--json")
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["exit_code"], answer["error"]) == (True, 0, None)
    assert answer["result"] == {
        "file": str(tmp_path / YAML),
        "name": "experiment.arms",
        "value": "gold,null",
        "before": None,
        "decides": f"{YAML}:experiment.arms",
    }
    refused = set_here(tmp_path, "max_cost", "-1", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["type"] == "InputError"
    assert "must be 0 or more" in json.loads(refused.stdout)["error"]["message"]


def test_password_that_an_address_held_is_not_told(tmp_path: Path) -> None:
    (tmp_path / DOTENV).write_text("BASE_URL=http://me:pass-0123456789@127.0.0.1:1/v1\n")
    for options in (("--json",), ()):
        done = set_here(tmp_path, "provider_url", "http://127.0.0.1:2/v1", *options)
        assert done.returncode == 0, done.stderr
        assert "pass-0123456789" not in done.stdout + done.stderr
        (tmp_path / DOTENV).write_text("BASE_URL=http://me:pass-0123456789@127.0.0.1:1/v1\n")


def test_interrupted_write_leaves_no_copy_beside(tmp_path: Path) -> None:
    (tmp_path / DOTENV).write_text("MODEL=old\n")
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from pytest_swebench.config.change import change_setting\n"
        "def stop(event, arguments):\n"
        "    if event == 'os.rename':\n"
        "        raise KeyboardInterrupt\n"
        "sys.addaudithook(stop)\n"
        "change_setting(Path.cwd(), 'model', 'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [DOTENV]
    assert (tmp_path / DOTENV).read_text() == "MODEL=old\n"
