"""How the report is steered: by its address, by filters, by keys, and what is said of it aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded

IDS = ["acme__acme-1", "acme__acme-2"]


def test_filters_stand_in_the_address_and_survive_a_reload(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "matrix")
    page.page.click('[data-chip="only=differ"]')
    assert page.text("#found") == "5 of 6 instances, 20 of 24 cells"  # the fifth is nobody's
    page.page.fill("#search", "acme-2")
    page.until("document.getElementById('found').textContent.startsWith('1 of 6')")
    assert "only=differ" in page.address
    assert "text=acme-2" in page.address
    page.page.reload()
    page.page.wait_for_selector("#found")
    assert page.text("#found") == "1 of 6 instances, 4 of 24 cells"
    assert page.page.input_value("#search") == "acme-2"
    assert page.page.get_attribute('[data-chip="only=differ"]', "aria-pressed") == "true"


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("outcome=no_patch", [1, 2, 3, 4, 5, 6]),
        ("outcome=unresolved", [4, 5, 6]),
        ("only=flaky", [2, 4, 6]),
        ("variant=left&outcome=resolved", [1, 2, 3]),
        ("cost=1-", []),
        ("cost=0.2-0.3&time=1-3&sort=easy", [2, 1, 3, 4, 6, 5]),
        ("sort=hard", [5, 4, 6, 1, 3, 2]),
        ("sort=disagreement", [1, 3, 2, 4, 6, 5]),
        ("integrity=clean&outcome=resolved&variant=right", [2, 4, 6]),
        ("only=doubt", []),
        ("only=unfit", []),
        ("repo=acme/acme&text=-3", [3]),
    ],
)
def test_filters_and_orders(page: Opened, six_instances: Path, asked: str, rows: list[int]) -> None:
    page.go(six_instances, f"matrix?{asked}")
    shown = page.page.eval_on_selector_all(".grid-row .name", "all => all.map(one => one.textContent)")
    assert shown == [f"acme__acme-{number}" for number in rows]


def test_keys_lead_through_matrix_and_cells(page: Opened, six_instances: Path) -> None:
    press = page.page.keyboard.press
    page.go(six_instances)
    press("2")
    page.page.wait_for_selector('[role="grid"]')
    press("ArrowDown")  # into the grid
    press("ArrowDown")
    press("ArrowRight")
    assert page.page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        "acme__acme-2, right, 1/2: resolved, no patch"
    )
    press("Enter")
    page.page.wait_for_selector("#cell h2")
    assert page.address == "#/cell/acme__acme-2/right/r1"
    for key, address in (
        ("]", "#/cell/acme__acme-2/right/r2"),
        ("[", "#/cell/acme__acme-2/right/r1"),
        ("ArrowLeft", "#/cell/acme__acme-2/left/r1"),
        ("ArrowUp", "#/cell/acme__acme-1/left/r1"),
        ("ArrowUp", "#/cell/acme__acme-1/left/r1"),  # there is none above
        ("t", "#/cell/acme__acme-1/left/r1?tab=talk"),
        ("ArrowDown", "#/cell/acme__acme-2/left/r1?tab=talk"),  # the tab is kept
        ("m", "#/matrix"),
    ):
        press(key)
        page.until("location.hash", address)
    press("?")
    assert page.page.is_visible("#help")
    assert "✓ resolved" in page.text("#help")
    assert "[object" not in page.text("#help")
    press("Escape")
    press("1")
    page.until("document.activeElement.id", "main")
    press("/")  # also from another page
    assert page.page.evaluate("document.activeElement.id") == "search"
    press("3")  # typed, no page
    assert page.page.input_value("#search") == "3"


def test_neighbours_of_a_cell_are_those_of_the_filter(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "cell/acme__acme-2/right/r1?outcome=resolved&variant=right")
    assert "1 of 3 in this filter" in page.text("#cell")
    page.page.keyboard.press("ArrowDown")
    page.until("location.hash.startsWith('#/cell/acme__acme-4/right/r1')")
    page.page.keyboard.press("m")
    page.until("location.hash === '#/matrix?outcome=resolved&variant=right'")


def test_says_aloud_what_changed(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "matrix")
    page.page.click('[data-chip="outcome=unresolved"]')
    assert page.page.text_content("#status") == "3 of 6 instances, 6 of 24 cells"
    page.page.keyboard.press("4")
    page.until("document.getElementById('status').textContent", "Statistics")
    assert page.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("constructor", "#summary"),
        ("matrix?sort=constructor&only=toString", "#matrix .grid-row"),
        ("cell/acme__acme-1/left/r1?tab=constructor", "#panel pre.diff"),
        ("cell/%E0%A4%A/left/r1", "#cell a"),
        ("compare/constructor/left", "#compare select"),
    ],
)
def test_an_address_that_means_nothing_shows_what_it_can(
    page: Opened, six_instances: Path, address: str, shown: str
) -> None:
    page.go(six_instances, address)
    assert page.page.locator(shown).first.is_visible()
    assert "[object" not in page.text("main")


def test_the_focus_stays_on_what_was_used(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "cell/acme__acme-1/left/r1")
    page.page.click("#tab-tests")
    assert page.page.evaluate("document.activeElement.id") == "tab-tests"
    page.page.focus("text=↓ instance")
    page.page.keyboard.press("Enter")
    page.until("document.querySelector('#cell h2').textContent", "acme__acme-2/left/r1")
    assert page.page.evaluate("document.activeElement.textContent") == "↓ instance"
    page.go(six_instances, "compare/left/right")
    page.page.focus("#compare-from")
    page.page.keyboard.press("ArrowDown")
    page.until("location.hash", "#/compare/right/right")
    assert page.page.evaluate("document.activeElement.id") == "compare-from"
    page.page.click("#help-button")
    page.page.click("#help button")
    assert not page.page.is_visible("#help")


def test_what_comes_late_is_not_shown_for_something_else(page: Opened, tmp_path: Path) -> None:
    """Records of the two instances lie in two bundles, and the first is held up until the second is shown."""
    layout = large_run(tmp_path, instances=120, variants=2, reps=1)
    path = write_report(view_run(layout.folder), tmp_path / "index.html").path
    page.go(path, "summary")
    page.page.evaluate("""() => {
      const text = Response.prototype.text;
      let first = true;
      Response.prototype.text = async function () {
        if (first) { first = false; await new Promise((done) => { window.release = done; }); }
        return (window.read = text.call(this));
      };
    }""")
    pair = "compare/arm0+model-0/arm1+model-1"
    page.page.evaluate(f"location.hash = '#/{pair}?instance=repo0__repo0-0'")
    page.until("typeof window.release", "function")
    page.go(path, f"{pair}?instance=repo9__repo9-93")
    assert page.text("#sides h3 >> nth=0") == "repo9__repo9-93"
    page.page.evaluate("read = null; release()")
    page.until("read !== null")
    page.page.evaluate("(async () => { await read; await new Promise((done) => setTimeout(done)); })()")
    assert page.text("#sides h3 >> nth=0") == "repo9__repo9-93"


def test_a_cost_that_nobody_knows_lies_in_no_range(page: Opened, tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["left"], [instance(name) for name in IDS[:2]], 1)
    recorded(
        layout, [made_record(Cell(name, "left", 1), cost_usd=usd) for name, usd in ((IDS[0], None), (IDS[1], 0.0))]
    )
    path = write_report(view_run(layout.folder), tmp_path / "index.html").path
    for asked in ("cost=-2", "cost=0-"):
        page.go(path, f"matrix?{asked}")
        assert page.text("#found") == "1 of 2 instances, 1 of 2 cells"
