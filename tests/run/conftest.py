from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.sandbox.local import LocalBackend
from tests.run.bench import Bench


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    made = LocalBackend()
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path: Path, backend: LocalBackend) -> Bench:
    return Bench(tmp_path / "results", backend)
