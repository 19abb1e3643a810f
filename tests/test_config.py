from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_swebench.config import SETTINGS, Kind, Layer, Resolved, Setting, resolve
from pytest_swebench.config.active import ini_options, settings_of
from pytest_swebench.config.files import DOTENV, YAML, read_dotenv, read_yaml, schema
from pytest_swebench.config.names import strange_names
from pytest_swebench.errors import InputError

ROOT = Path(__file__).parents[1]


def write(folder: Path, *, yaml: str = "", dotenv: str = "") -> None:
    if yaml:
        folder.joinpath(YAML).write_text(yaml, encoding="utf-8")
    if dotenv:
        folder.joinpath(DOTENV).write_text(dotenv, encoding="utf-8")


def one(name: str, folder: Path, env: dict[str, str] | None = None, **given: Any) -> Resolved:
    """Resolve with what `option` and `ini` hold by name."""
    option, ini = given.get("option", {}), given.get("ini", {})
    return resolve(env or {}, folder, option=option.get, ini=ini.get)[name]


def test_every_layer_gives_way_to_those_before_it(tmp_path: Path) -> None:
    write(tmp_path, yaml="generation: {model: from-yaml}", dotenv="MODEL=from-dotenv\n")
    env, option, ini = {"MODEL": "from-env"}, {"model": "from-option"}, {"swebench_model": "from-ini"}
    found = [one("model", tmp_path, env, option=option, ini=ini), one("model", tmp_path, env, ini=ini)]
    found.append(one("model", tmp_path, ini=ini))
    tmp_path.joinpath(DOTENV).unlink()
    found.append(one("model", tmp_path, ini=ini))
    tmp_path.joinpath(YAML).unlink()
    found += [one("model", tmp_path, ini=ini), one("model", tmp_path)]
    assert [(one.value, one.source) for one in found] == [
        ("from-option", "--model"),
        ("from-env", "env:MODEL"),
        ("from-dotenv", ".env:MODEL"),
        ("from-yaml", ".swebench.yaml:generation.model"),
        ("from-ini", "ini:swebench_model"),
        (None, "default"),
    ]
    assert [one.layer for one in found] == list(Layer)
    assert [one.is_typed for one in found] == [True, *[False] * 5]
    assert [one.is_default for one in found] == [*[False] * 5, True]


def test_option_equal_to_the_default_wins_like_any_other(tmp_path: Path) -> None:
    default = SETTINGS["max_instances"].default
    env = {"SWEBENCH_MAX_INSTANCES": "20"}
    assert one("max_instances", tmp_path, env).value == 20
    typed = one("max_instances", tmp_path, env, option={"max_instances": default})
    assert (typed.value, typed.source) == (default, "--max-instances")


def test_long_name_comes_before_the_short_one_of_the_same_place_only(tmp_path: Path) -> None:
    write(tmp_path, dotenv="SWEBENCH_PROVIDER=long-dotenv\nPROVIDER=short-dotenv\n")
    assert one("provider", tmp_path, {"PROVIDER": "a", "SWEBENCH_PROVIDER": "b"}).source == "env:SWEBENCH_PROVIDER"
    assert one("provider", tmp_path, {"PROVIDER": "a"}).source == "env:PROVIDER"
    assert one("provider", tmp_path).value == "long-dotenv"


def test_what_is_set_to_nothing_is_not_set(tmp_path: Path) -> None:
    write(tmp_path, yaml="generation:\n  model:\nexperiment:\n", dotenv="MODEL=\nLANGUAGE=      # python, go\n")
    settings = resolve({"MODEL": "  ", "MAX_INSTANCES": ""}, tmp_path, option={"dataset": ""}.get)
    assert {settings[name].source for name in ("model", "max_instances", "language", "dataset")} == {"default"}
    empty = {"model": "", "arms": " ", "temperatures": "", "price": [""]}
    env = {"MODEL": "m", "ARMS": "gold", "SWEBENCH_TEMPERATURES": "0.5", "SWEBENCH_PRICE": "1,2"}
    settings = resolve(env, tmp_path, option=empty.get, ini={"swebench_price": " "}.get)
    assert [settings.value(name) for name in empty] == ["m", "gold", "0.5", ("1,2",)]
    write(tmp_path, yaml="generation: {model: [], temperature: '', price: []}\nexperiment: {arms: [null]}")
    settings = resolve({}, tmp_path)
    assert {settings[name].source for name in ("model", "temperatures", "price")} == {"default"}
    assert settings.value("arms") == "null"


def test_language_of_the_process_is_gettexts_and_of_dotenv_is_ours(tmp_path: Path) -> None:
    assert one("language", tmp_path, {"LANGUAGE": "en_US:en"}).is_default
    assert one("language", tmp_path, {"SWEBENCH_LANGUAGE": "go"}).value == "go"
    write(tmp_path, dotenv="LANGUAGE=python\n")
    assert one("language", tmp_path).source == ".env:LANGUAGE"


def test_there_is_no_paid_default(tmp_path: Path) -> None:
    settings = resolve({}, tmp_path)
    assert [settings.value(name) for name in ("provider", "model", "provider_url")] == [None] * 3


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_instances", "12", 12),
        ("max_cost", "2.5", 2.5),
        ("cache", "Yes", True),
        ("generation_enabled", "false", False),
        ("arms", "gold,null", "gold,null"),
        ("price", "m=1,2 0.5,1,0.1", ("m=1,2", "0.5,1,0.1")),
    ],
)
def test_text_becomes_what_an_option_would_give(name: str, text: str, value: object, tmp_path: Path) -> None:
    assert one(name, tmp_path, {f"SWEBENCH_{name.upper()}": text}).value == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"env": {"MAX_INSTANCES": "ten"}}, r"env:MAX_INSTANCES: 'ten' is not a whole number of 0 or more"),
        ({"env": {"SWEBENCH_MAX_COST": "nan"}}, "env:SWEBENCH_MAX_COST: nan is not a number of 0 or more"),
        ({"env": {"SWEBENCH_MAX_COST": "-1"}}, r"env:SWEBENCH_MAX_COST -1: must be 0 or more"),
        ({"env": {"SWEBENCH_CACHE": "maybe"}}, r"env:SWEBENCH_CACHE: 'maybe' is not true or false"),
        ({"option": {"eval_timeout": float("nan")}}, "--eval-timeout: nan is not a number of 1 or more"),
        ({"option": {"generation_timeout": float("inf")}}, "--generation-timeout: inf is not a number of 1 or more"),
        ({"ini": {"swebench_max_cost": float("-inf")}}, "ini:swebench_max_cost: -inf is not a number of 0 or more"),
        ({"option": {"eval_timeout": 0.5}}, r"--eval-timeout 0.5: must be 1 or more"),
        ({"ini": {"swebench_rpm": 0}}, r"ini:swebench_rpm 0: must be 1 or more"),
        ({"ini": {"swebench_max_cost": "x"}}, r"ini:swebench_max_cost: 'x' is not a number"),
    ],
)
def test_value_that_cannot_be_meant_is_refused_with_its_source(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        one("model", tmp_path, **given)


def test_lists_in_yaml_become_what_an_option_takes(tmp_path: Path) -> None:
    write(
        tmp_path,
        yaml="""
experiment: {arms: [gold, null, singleshot], dataset: lite, max_instances: 3}
generation: {model: [a, b], temperature: 0.1, price: ["a=1,2", "3,4"], cache: true}
evaluation: {timeout: 900, max_patch_size_mb: 5}
docker: {namespace: ghcr.io/me}
""",
    )
    settings = resolve({}, tmp_path)
    names = ("arms", "dataset", "max_instances", "model", "temperatures", "price", "cache", "eval_timeout")
    assert [settings.value(name) for name in names] == [
        *("gold,null,singleshot", "lite", 3, "a,b", "0.1", ("a=1,2", "3,4"), True, 900),
    ]
    assert (settings.value("max_patch_size"), settings.value("docker_namespace")) == (5, "ghcr.io/me")
    write(tmp_path, yaml="generation: {price: '1,2 m=3,4'}")
    assert resolve({}, tmp_path).value("price") == ("1,2", "m=3,4")


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


@given(st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.sampled_from(list(Layer)[:-1]), max_size=8))
def test_the_first_layer_that_has_a_value_decides(layers: dict[str, Layer]) -> None:
    texts = {Kind.INTEGER: "7", Kind.NUMBER: "7", Kind.BOOLEAN: "true"}
    values = {Kind.INTEGER: 7, Kind.NUMBER: 7.0, Kind.BOOLEAN: True, Kind.TEXTS: ("x",)}

    def text(row: Setting) -> str:
        return "7" if row.items else texts.get(row.kind, next(iter(row.choices), "x"))

    rows = [(SETTINGS[name], layer) for name, layer in layers.items()]
    option = {row.name: values.get(row.kind, text(row)) for row, layer in rows if layer is Layer.OPTION}
    env = {row.env[0]: text(row) for row, layer in rows if layer <= Layer.ENVIRONMENT}
    ini = {row.ini: text(row) for row, _ in rows}
    settings = resolve(env, Path("/nonexistent"), option=option.get, ini=ini.get)
    for row, layer in rows:
        reached = layer if row.has_option or layer is not Layer.OPTION else Layer.ENVIRONMENT
        assert settings[row.name].layer is (reached if reached <= Layer.ENVIRONMENT else Layer.INI)
        assert settings[row.name].value == values.get(row.kind, text(row))
    assert all(settings[name].is_default for name in settings if name not in layers)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SWEBENCH_AGENT_NETWORK", "instal", "'instal' is not none or install"),
        ("MAX_TURNS", "0", "'0' is not a whole number of 1 or more"),
        ("MAX_TURNS", "5, x", "'x' is not a whole number of 1 or more; put commas between several"),
        ("SWEBENCH_TEMPERATURES", "0.2,hot", "'hot' is not a number of 0 or more, or default"),
        ("SWEBENCH_TEMPERATURES", "default,inf", "'inf' is not a number of 0 or more, or default"),
    ],
)
def test_value_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolve({name: value}, tmp_path)
    assert str(caught.value).startswith(f"env:{name}: {message}")


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


def test_help_of_pytests_own_configuration_names_the_defaults() -> None:
    told = {name: text for name, text, _ in ini_options()}
    assert told["swebench_split"] == "split of the dataset (default: test)"
    assert told["swebench_generation_enabled"].endswith("(default: true)")
    assert "default" not in told["swebench_max_cost"]


def test_pytest_gives_options_and_its_own_configuration(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(
        "from pytest_swebench.config.active import ini_options\n"
        "def pytest_addoption(parser):\n"
        "    for name, text, kind in ini_options():\n"
        "        if name not in parser._inidict:\n"
        "            parser.addini(name, text, type=kind, default=None)\n"
    )
    pytester.makepyprojecttoml(
        "[tool.pytest]\nswebench_max_instances = 4\nswebench_arms = 'gold'\nswebench_cache = true\n"
    )
    config = pytester.parseconfig("-p", "pytest_swebench.plugin", "--model=m")
    settings = settings_of(config, {"OUTPUT_DIR": "there"})
    names = ("max_instances", "arms", "cache", "model", "output_dir", "rpm")
    assert [(settings.value(name), settings[name].source) for name in names] == [
        (4, "ini:swebench_max_instances"),
        ("gold", "ini:swebench_arms"),
        (True, "ini:swebench_cache"),
        ("m", "--model"),
        ("there", "env:OUTPUT_DIR"),
        (None, "default"),
    ]
    assert settings_of(config, {"OUTPUT_DIR": "elsewhere"}) is settings


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("swebench_rpm = fast", "ini:swebench_rpm: 'fast' is not a whole number of 1 or more"),
        ("swebench_max_cost = nan", "ini:swebench_max_cost: nan is not a number of 0 or more"),
        ("swebench_cache = maybe", "ini:swebench_cache: 'maybe' is not true or false"),
        ("swebench_rpm =\nswebench_max_cost =\nswebench_cache =\nswebench_model =", ""),
    ],
)
def test_pytests_own_configuration_is_refused_by_name_and_empty_values_are_none(
    line: str, message: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(f"[pytest]\n{line}\n")
    config = pytester.parseconfig("-p", "pytest_swebench.plugin")
    if message:
        with pytest.raises(InputError, match=re.escape(message)):
            settings_of(config, {})
    else:
        settings = settings_of(config, {})
        assert all(settings[name].is_default for name in settings)


def test_list_in_pytests_own_configuration_is_refused_by_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyprojecttoml("[tool.pytest]\nswebench_rpm = [1]\n")
    with pytest.raises(InputError, match=r"^ini:swebench_rpm: .*got list"):
        settings_of(pytester.parseconfig("-p", "pytest_swebench.plugin"), {})


def test_several_models_are_the_setting_too(tmp_path: Path) -> None:
    found = one("model", tmp_path, {"MODEL": "e"}, option={"models": "a,b"})
    assert (found.value, found.source, found.is_typed) == ("a,b", "--models", True)


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


def test_settings_can_be_shown_as_json(tmp_path: Path) -> None:
    settings = resolve({}, tmp_path)
    assert json.loads(json.dumps({name: settings.value(name) for name in settings}))["output_dir"] == "results"


def test_help_names_every_dataset_that_has_a_name(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_swebench.datasets.hub import ALIASES

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    config = pytester.parseconfig("-p", "pytest_swebench.plugin")
    (dataset,) = [one for one in config._parser.optparser._actions if "--dataset" in one.option_strings]
    assert set(ALIASES) | {"demo"} <= set(str(dataset.help).split(", "))
