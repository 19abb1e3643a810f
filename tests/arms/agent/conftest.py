from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.local import LocalBackend


@pytest.fixture(scope="package")
def backend() -> Iterator[LocalBackend]:
    made = LocalBackend()
    yield made
    made.close()


@pytest.fixture(scope="package")
def instance() -> Instance:
    """An issue of the demo: a `#` in quotes, in `tinyconf/lexer.py`."""
    (found,) = (one for one in load_demo() if one.instance_id == "tinyconf__tinyconf-5")
    return found


@pytest.fixture
def bench(backend: LocalBackend, instance: Instance) -> Iterator[Workbench]:
    sandbox = backend.open(instance)
    made = Workbench(sandbox, Clock(120.0))
    yield made
    made.close()
    sandbox.close()
