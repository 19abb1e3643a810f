from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from jsonschema import Draft202012Validator

from pytest_swebench.config import SETTINGS, resolve
from pytest_swebench.config.active import ini_options
from pytest_swebench.config.files import DOTENV, YAML, read_dotenv, read_yaml, schema
from pytest_swebench.config.names import strange_names
from pytest_swebench.errors import InputError
from tests.support.settings import one, write

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("generation: {modle: x}", "generation: unknown key 'modle'; did you mean 'model'? known: agent_network,"),
        ("generatoin: {model: x}", "unknown section 'generatoin'; did you mean 'generation'? known: docker, eval"),
        ("generation: {api_key: sk}", "generation.api_key: keys of providers do not belong here; set them in the env"),
        (
            "generation: {max_workers: sk-0123456789}",
            "generation.max_workers: holds text, and takes a whole number of 1 or more",
        ),
        ("generation: {max_workers: 2.5}", "generation.max_workers: holds a number, and takes a whole number of 1 or"),
        ("generation: {max_cost: .nan}", ".swebench.yaml:generation.max_cost: nan is not a number of 0 or more"),
        ("generation: {max_cost: .inf}", ".swebench.yaml:generation.max_cost: inf is not a number of 0 or more"),
        ("generation: {max_workers: 0}", ".swebench.yaml:generation.max_workers 0: must be 1 or more"),
        ("generation: {model: true}", "generation.model: holds true or false, and takes text or a list"),
        ("generation: {model: [[a]]}", "generation.model.0: holds a list, and takes text or a list"),
        ("experiment: {language: no}", "experiment.language: holds true or false, and takes text"),
        ("generation: {price: 2026-01-01}", "generation.price: holds a date, and takes text or a list"),
        ("generation: sk-0123456789", "generation: holds text, and takes a section of keys and values"),
        ("- a\n- sk-0123456789", "holds a list; write sections with keys, known: experiment, generation"),
        ("generation: {model: 'sk-0123456789", ".swebench.yaml: not YAML, at line 1, column 35"),
        ("generation: {model: 2026-99-99}", ".swebench.yaml: not YAML"),
    ],
)
def test_yaml_that_does_not_fit_is_refused_with_key_and_what_is_accepted(
    yaml: str, message: str, tmp_path: Path
) -> None:
    write(tmp_path, yaml=yaml)
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        resolve({}, tmp_path)
    assert str(refused.value).startswith(YAML)
    assert "sk-0123456789" not in str(refused.value)


def test_empty_yaml_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, yaml="# nothing yet\n")
    assert read_yaml(tmp_path) == {}


def test_schema_is_a_schema_and_knows_every_setting() -> None:
    Draft202012Validator.check_schema(schema())
    places = {f"{part}.{key}" for part, keys in schema()["properties"].items() for key in keys["properties"]}
    assert places == {setting.path for setting in SETTINGS.values()}


@pytest.mark.parametrize("name", [DOTENV, YAML])
def test_file_that_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    tmp_path.joinpath(name).write_bytes(b"a: \xff")
    with pytest.raises(InputError, match=rf"{re.escape(name)}: cannot be read: .*UTF-8"):
        resolve({}, tmp_path)


def test_folder_named_like_a_file_of_settings_is_a_mistake_unless_it_is_a_virtual_environment(tmp_path: Path) -> None:
    tmp_path.joinpath(DOTENV).mkdir()
    assert resolve({}, tmp_path).dotenv == {}
    tmp_path.joinpath(YAML).mkdir()
    with pytest.raises(InputError, match=rf"{re.escape(YAML)}: cannot be read: "):
        resolve({}, tmp_path)


def test_whole_number_may_be_written_with_a_point_in_yaml(tmp_path: Path) -> None:
    write(tmp_path, yaml="experiment: {max_instances: 2.0}")
    value = one("max_instances", tmp_path).value
    assert (value, type(value)) == (2, int)


def test_misspelt_name_in_dotenv_is_refused_and_in_the_environment_told(tmp_path: Path) -> None:
    line = "'SWEBENCH_MAX_COTS' is no setting; did you mean 'SWEBENCH_MAX_COST'? swebench-runner config show lists all"
    others = {"SWEBENCH_CACHE_DIR": "/tmp", "SWEBENCH_MODEL": "m", "MAX_COTS": "1"}
    assert resolve(others | {"SWEBENCH_MAX_COTS": "1"}, tmp_path).notices == (f"env: {line}",)
    assert resolve({"SWEBENCH_ZZZ": "1"}, tmp_path).notices == (
        "env: 'SWEBENCH_ZZZ' is no setting; swebench-runner config show lists all",
    )
    write(tmp_path, dotenv="SWEBENCH_CACHE_DIR=/tmp\nSWEBENCH_MODEL=m\nSWEBENCH_MAX_COTS=\n")
    assert resolve(others, tmp_path).notices == ()
    write(tmp_path, dotenv="SWEBENCH_MAX_COTS=1\n")
    with pytest.raises(InputError, match=re.escape(f".env: {line}")):
        resolve({}, tmp_path)


def test_every_name_that_the_package_reads_is_known() -> None:
    package = ROOT / "pytest_swebench"
    files = [file for file in package.rglob("*.py") if file.parent.name != "config"]
    found = {name for file in files for name in re.findall(r"\bSWEBENCH_[A-Z_]*[A-Z]\b", file.read_text("utf-8"))}
    assert "SWEBENCH_CACHE_DIR" in found
    assert strange_names(found, "env") == []


def test_name_that_only_the_script_heeds_is_told_where_it_asks_for_something_else(tmp_path: Path) -> None:
    write(tmp_path, dotenv="EVALUATE=false\n")
    assert resolve({}, tmp_path).notices == (
        ".env: 'EVALUATE' is for run_experiment.sh; here patches are graded, unless --generate-only is given",
    )
    assert resolve({}, tmp_path, option={"generate_only": True}.get).notices == ()
    write(tmp_path, dotenv="EVALUATE=true\n")
    assert resolve({}, tmp_path).notices == ()


def test_comment_after_nothing_in_dotenv_is_no_value(tmp_path: Path) -> None:
    write(tmp_path, dotenv="LANGUAGE=#python, go\nINSTANCES=\t# parts\nMODEL=m # the best\n")
    assert read_dotenv(tmp_path) == {"MODEL": "m"}


def test_dotenv_stays_out_of_the_process_and_out_of_the_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_API_KEY", raising=False)
    write(tmp_path, dotenv="export LLM_API_KEY='sk-0123456789'\nMODEL=m # a comment\n")
    settings = resolve({}, tmp_path)
    assert settings.dotenv == {"LLM_API_KEY": "sk-0123456789", "MODEL": "m"}
    assert "sk-0123456789" not in repr(settings)
    assert "LLM_API_KEY" not in os.environ


def test_lists_of_yaml_are_checked_as_those_of_the_environment_are(tmp_path: Path) -> None:
    write(tmp_path, yaml="generation: {max_turns: [5, 10], temperature: [0, default], agent_network: install}")
    settings = resolve({}, tmp_path)
    assert [settings.value(name) for name in ("max_turns", "temperatures", "agent_network")] == [
        "5,10",
        "0,default",
        "install",
    ]
    write(tmp_path, yaml="generation: {max_turns: [5, -1]}")
    with pytest.raises(InputError, match=r"^\.swebench\.yaml:generation\.max_turns: '-1' is not a whole number"):
        resolve({}, tmp_path)


def test_names_are_nobody_elses() -> None:
    for names in zip(*((row.name, row.path, row.ini) for row in SETTINGS.values()), strict=True):
        assert len(set(names)) == len(SETTINGS)
    every = [name for row in SETTINGS.values() for name in row.dotenv]
    assert len(set(every)) == len(every)
    assert {name for name, _, _ in ini_options()} == {row.ini for row in SETTINGS.values()}


def test_page_tells_every_setting_with_all_its_names() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \|(.*)$", page, re.MULTILINE))
    for setting in SETTINGS.values():
        cells = [cell.strip() for cell in rows.pop(setting.path).split("|")]
        assert cells[0] == (f"`{setting.option}`" if setting.has_option else "")
        assert re.findall(r"`([^`]+)`", cells[1]) == [*setting.env, *setting.in_dotenv]
        assert cells[2] == (f"`{setting.default}`" if setting.default is not None else "")
    assert rows == {}


def test_example_of_dotenv_holds_only_what_something_reads() -> None:
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import GENERIC_KEY_ENV

    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#?\s?([A-Z_]+)=", text, re.MULTILINE))
    known = {name for row in SETTINGS.values() for name in row.dotenv} | set(GENERIC_KEY_ENV)
    known |= set(re.findall(r"value_of ([A-Z_]+)", (ROOT / "run_experiment.sh").read_text(encoding="utf-8")))
    assert names - known - {name for spec in PROVIDERS.values() for name in spec.key_env} == set()
    assert names >= {"PROVIDER", "MODEL", "BASE_URL", "LLM_API_KEY", "ARMS", "OUTPUT_DIR", "MAX_INSTANCES", "LANGUAGE"}


def test_example_of_dotenv_is_read_without_complaint(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    write(tmp_path, dotenv=text)
    found = resolve({}, tmp_path)
    assert found.dotenv["LLM_API_KEY"].startswith("keyring://swebench-runner/")
    everything = "\n".join(
        line.removeprefix("# ") if re.match(r"# [A-Z_]+=", line) else line for line in text.split("\n")
    )
    write(tmp_path, dotenv=everything)
    assert set(read_dotenv(tmp_path)) <= set(dotenv_values(tmp_path / DOTENV))
    resolve({}, tmp_path)
