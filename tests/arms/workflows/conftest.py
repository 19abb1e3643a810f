from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.arms.workflows.playing import Table


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    table = Table(tmp_path_factory.mktemp("table"))
    yield table
    table.backend.close()
