"""A browser for the tests of a module, and one page in it that each of them finds as new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened, chromium, opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded, said

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shared_page(browser: Browser) -> Iterator[Opened]:
    with opened(browser) as one:
        yield one


@pytest.fixture
def any_page(shared_page: Opened) -> Opened:
    """A page on which something may go wrong."""
    shared_page.forget()
    return shared_page


@pytest.fixture
def page(any_page: Opened) -> Iterator[Opened]:
    """A page on which nothing goes wrong, and that asks nobody but the disk."""
    yield any_page
    assert any_page.troubles == []
    assert [url for url in any_page.asked if not url.startswith("file:")] == []


@pytest.fixture(scope="module")
def six_instances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six instances, two variants, two repetitions: `left` solves the first three, `right` the even ones once."""
    ids = [f"acme__acme-{number}" for number in range(1, 7)]
    root = tmp_path_factory.mktemp("run")
    layout = layout_in(root)
    described(layout, ["left", "right"], [instance(name) for name in ids], 2)
    records = []
    for number, name in enumerate(ids, 1):
        for rep in (1, 2):
            left = Outcome.RESOLVED if number <= 3 else Outcome.UNRESOLVED
            right = Outcome.RESOLVED if number % 2 == 0 and rep == 1 else Outcome.NO_PATCH
            records += [made_record(Cell(name, "left", rep), left), made_record(Cell(name, "right", rep), right)]
    recorded(layout, records)
    said(layout, Cell(ids[0], "left", 1), 3, lambda turn: f"turn {turn}\n" * 50, log="collected 1 item\nFAILED test_x")
    return write_report(view_run(layout.folder), root / "index.html").path
