from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.guards.tree import given_in, write_tree


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A working copy that guards leave as it was."""
    backend = LocalBackend()
    yield backend.open(write_tree(tmp_path_factory.mktemp("tree")))
    backend.close()


@pytest.fixture
def given(sandbox: Sandbox) -> Given:
    return given_in(sandbox)
