from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.workflows import calc_sandbox


@pytest.fixture(scope="session")
def calc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A working copy at its base commit, which no test changes."""
    with calc_sandbox(tmp_path_factory.mktemp("calc"), {"big.py": "x = 1\n" * 200_000}) as sandbox:
        yield sandbox
