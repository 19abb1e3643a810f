from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_swebench.arms.mini.library import Library, Settings, load_library, read_settings
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.calc import write_calc


@pytest.fixture
def installed() -> None:
    if importlib.util.find_spec("minisweagent") is None:
        pytest.skip("the extra [mini] is not installed")


@pytest.fixture
def library(installed: None) -> Library:
    return load_library()


@pytest.fixture
def settings(installed: None) -> Settings:
    return read_settings()


@pytest.fixture
def calc(tmp_path: Path) -> Instance:
    """An issue of a repository with one module, `calc.py`."""
    problem = Problem(instance_id="calc__calc-1", statement="add() subtracts", repo="calc/calc", language="python")
    return Instance(problem=problem, source=write_calc(tmp_path / "calc"), trusted=True)


@pytest.fixture
def sandbox(calc: Instance) -> Iterator[Sandbox]:
    with closing(LocalBackend()) as backend, closing(backend.open(calc)) as opened:
        yield opened
