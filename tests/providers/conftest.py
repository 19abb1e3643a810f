from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from tests.support.ledgers import ONE_EACH, Make


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make ledgers of one file, each as another process would have it."""
    with ExitStack() as stack:

        def ledger(price: str = ONE_EACH, **caps: float) -> Ledger:
            return stack.enter_context(closing(Ledger(tmp_path / "ledger.sqlite", Caps(**caps), Prices([price]))))  # type: ignore[arg-type]

        yield ledger
