"""Every setting in every place that it may stand in: each place in turn decides, and `config show` names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.config import SETTINGS, Kind, Layer, Setting
from pytest_swebench.config.files import DOTENV, YAML
from tests.support.runs import BARE

Printed = Callable[..., str]
Show = Callable[..., dict[str, tuple[Any, str]]]


@pytest.fixture
def printed(tmp_path: Path) -> Printed:
    """Return what `config show` prints in an empty folder."""
    names = {name for row in SETTINGS.values() for name in row.env}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    kept |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "PYTEST_ADDOPTS": BARE}

    def run(*options: str, env: dict[str, str]) -> str:
        command = [sys.executable, "-m", "pytest_swebench", "config", "show", *options]
        return subprocess.run(
            command, cwd=tmp_path, env=kept | env, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    return run


@pytest.fixture
def show(printed: Printed) -> Show:
    """Return name -> value and source as `config show` tells them in an empty folder."""

    def run(*options: str, env: dict[str, str]) -> dict[str, tuple[Any, str]]:
        found = json.loads(printed("--json", *options, env=env))["result"]["settings"]
        return {name: (row["value"], row["source"]) for name, row in found.items()}

    return run


def value(row: Setting, layer: Layer) -> Any:
    """Return a value of a setting that stands in one place only, or, where there are but two, not in the next one."""
    number = int(layer)
    if row.kind is Kind.BOOLEAN:
        return number % 2 == 1
    if row.choices and row.kind is Kind.TEXT:
        return row.choices[number % len(row.choices)]
    if row.kind is Kind.INTEGER:
        return 10 + number
    if row.kind is Kind.NUMBER:
        return 10.5 + number
    if row.kind is Kind.TEXTS:
        return [f"m{number}=1,2", "3,4"]
    return str(10 + number) if row.items else f"of-{layer.name.lower()}"


def text(row: Setting, layer: Layer) -> str:
    """Return the value as it is written in a variable or in an ini."""
    found = value(row, layer)
    if isinstance(found, bool):
        return str(found).lower()
    return " ".join(found) if isinstance(found, list) else str(found)


def typed(row: Setting) -> list[str]:
    """Return the value as it is typed."""
    found = value(row, Layer.OPTION)
    if found is True:
        return [row.option]
    return [f"{row.option}={one}" for one in (found if isinstance(found, list) else [found])]


def source(row: Setting, layer: Layer) -> str:
    return {
        Layer.OPTION: row.option,
        Layer.ENVIRONMENT: f"env:{row.env[0]}",
        Layer.DOTENV: f"{DOTENV}:{row.dotenv[0]}",
        Layer.YAML: f"{YAML}:{row.path}",
        Layer.INI: f"ini:{row.ini}",
        Layer.DEFAULT: "default",
    }[layer]


def expected(row: Setting, first: Layer) -> tuple[Any, str]:
    """Return what decides where every place from `first` on says something."""
    layer = Layer.ENVIRONMENT if first is Layer.OPTION and not row.has_option else first
    return row.default if layer is Layer.DEFAULT else value(row, layer), source(row, layer)


def test_each_place_decides_over_those_behind_it_for_every_setting(show: Show, tmp_path: Path) -> None:
    rows = SETTINGS.values()
    options = [word for row in rows if row.has_option for word in typed(row)]
    env = {row.env[0]: text(row, Layer.ENVIRONMENT) for row in rows}
    sections: dict[str, dict[str, Any]] = {}
    for row in rows:
        section, _, key = row.path.partition(".")
        sections.setdefault(section, {})[key] = value(row, Layer.YAML)
    files = {
        Layer.DOTENV: (DOTENV, "".join(f"{row.dotenv[0]}='{text(row, Layer.DOTENV)}'\n" for row in rows)),
        Layer.YAML: (YAML, json.dumps(sections)),  # which is YAML too
        Layer.INI: ("pytest.ini", "[pytest]\n" + "".join(f"{row.ini} = {text(row, Layer.INI)}\n" for row in rows)),
    }
    for name, content in files.values():
        tmp_path.joinpath(name).write_text(content, encoding="utf-8")
    for first in Layer:
        if first > Layer.DOTENV:
            tmp_path.joinpath(files[Layer(first - 1)][0]).unlink()
        found = show(*(options if first is Layer.OPTION else ()), env=env if first <= Layer.ENVIRONMENT else {})
        assert found == {row.name: expected(row, first) for row in rows}, first


def test_every_other_name_is_heeded_where_the_long_one_is_not_set(show: Show, tmp_path: Path) -> None:
    in_env = {row: row.env[1] for row in SETTINGS.values() if len(row.env) > 1}
    in_dotenv = {row: row.dotenv[1] for row in SETTINGS.values() if len(row.dotenv) > 1}
    assert set(in_env) < set(in_dotenv)
    tmp_path.joinpath(DOTENV).write_text(
        "".join(f"{name}={text(row, Layer.DOTENV)}\n" for row, name in in_dotenv.items()), encoding="utf-8"
    )
    found = show(env={name: text(row, Layer.ENVIRONMENT) for row, name in in_env.items()})
    for row, name in in_dotenv.items():
        wanted = (value(row, Layer.ENVIRONMENT), f"env:{name}")
        assert found[row.name] == (wanted if row in in_env else (value(row, Layer.DOTENV), f"{DOTENV}:{name}"))
    found = show(env={})
    assert {row.name: found[row.name] for row in in_dotenv} == {
        row.name: (value(row, Layer.DOTENV), f"{DOTENV}:{name}") for row, name in in_dotenv.items()
    }
    assert all(found[row.name][1] == "default" for row in SETTINGS.values() if row not in in_dotenv)


def test_other_options_of_a_setting_are_heeded_too(show: Show) -> None:
    also = {row.name: row.also for row in SETTINGS.values() if row.also}
    assert also == {"model": ("models",)}
    assert show("--models=a,b", env={"MODEL": "c"})["model"] == ("a,b", "--models")


def test_person_is_told_the_same_sources_as_a_program(printed: Printed, show: Show, tmp_path: Path) -> None:
    tmp_path.joinpath(DOTENV).write_text("PROVIDER=openai\n", encoding="utf-8")
    given = {"MODEL": "c"}
    lines = {line.split()[0]: line for line in printed("--rpm=7", env=given).splitlines()}
    found = show("--rpm=7", env=given)
    assert {"default", "env:MODEL", "--rpm", f"{DOTENV}:PROVIDER"} == {source for _, source in found.values()}
    assert [name for name, (_, source) in found.items() if not lines[name].endswith(f"  {source}")] == []
