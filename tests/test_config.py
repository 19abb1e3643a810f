from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.config import SETTINGS, Kind, Layer, Setting, resolve
from pytest_swebench.config.active import ini_options, settings_of
from pytest_swebench.config.files import DOTENV, YAML
from pytest_swebench.errors import InputError
from tests.support.settings import one, write


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


def test_settings_can_be_shown_as_json(tmp_path: Path) -> None:
    settings = resolve({}, tmp_path)
    assert json.loads(json.dumps({name: settings.value(name) for name in settings}))["output_dir"] == "results"


def test_help_names_every_dataset_that_has_a_name(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_swebench.datasets.hub import ALIASES

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    config = pytester.parseconfig("-p", "pytest_swebench.plugin")
    (dataset,) = [one for one in config._parser.optparser._actions if "--dataset" in one.option_strings]
    assert set(ALIASES) | {"demo"} <= set(str(dataset.help).split(", "))
