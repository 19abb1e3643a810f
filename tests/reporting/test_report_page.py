"""The report in a browser: what it shows, and how it is steered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome, Verdict
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting.html.writing import Content, write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened, opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded, said

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ColorScheme: TypeAlias = Literal["dark", "light"]

IDS = [f"acme__acme-{number}" for number in range(1, 7)]

PAGES = ("summary", "matrix", "compare", "statistics", "cost", "integrity")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    layout = large_run(root, instances=500, variants=4, reps=2)
    return write_report(view_run(layout.folder), root / "index.html").path


def test_every_page_shows_itself(page: Opened, six_instances: Path) -> None:
    for name in PAGES:
        page.go(six_instances, name)
        shown = [one for one in (*PAGES, "cell") if page.page.is_visible(f"#{one}")]
        assert shown == [name]
        assert "[object" not in page.text("main")
    page.go(six_instances, "no-such-page")
    assert page.page.is_visible("#summary")


def test_numbers_are_those_of_the_records_and_lead_to_their_cells(page: Opened, six_instances: Path) -> None:
    page.go(six_instances)
    row = page.text("#summary tbody tr:nth-child(2)").split("\t")
    assert row[0] == "right"
    assert row[1] == "25.0 %"
    page.page.click('#summary a[href*="variant=right"][href*="no_patch"]')
    assert page.text("#found") == "6 of 6 instances, 9 of 24 cells"
    assert page.text("#matrix .grid-head").split() == ["instance", "right"]
    page.go(six_instances, "statistics")
    page.page.click('#statistics a[href*="only=flaky"]')
    assert page.text("#found") == "3 of 6 instances, 6 of 24 cells"


def test_counts_are_those_of_the_summary_file(page: Opened, tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=30, variants=3, reps=2)
    view = view_run(layout.folder)
    page.go(write_report(view, tmp_path / "index.html", content=Content.NONE).path)
    head = page.text("#summary thead tr").split("\t")
    rows = [
        line.split("\t") for line in page.page.locator("#summary table").first.locator("tbody tr").all_inner_texts()
    ]
    shown = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    for one in (one.as_json() for one in summarise(view.records(), view.selected)):
        for outcome in ("resolved", "unresolved", "no_patch", "limit", "infra", "error"):
            assert shown[one["variant"]][outcome.replace("_", " ")] == str(one[outcome])
        assert shown[one["variant"]]["of graded"] == f"{100 * one['resolved_of_graded']:.1f} %"


def test_thousands_of_cells_stay_below_two_thousand_nodes(page: Opened, large: Path) -> None:
    for name in (*PAGES, "cell/repo0__repo0-0/arm0+model-0/r1?tab=tests", "matrix?only=differ&sort=hard"):
        page.go(large, name)
        assert page.count() < 2000, name
    page.go(large, "matrix")
    assert page.text("#found") == "500 of 500 instances, 4000 of 4000 cells"
    assert page.page.get_attribute('[role="grid"]', "aria-rowcount") == "501"
    page.go(large, "summary")
    page.page.click('#summary a[href*="arm2"][href*="infra"]')  # a name with a plus sign
    assert page.text("#matrix .grid-head").split() == ["instance", "arm2+model-2"]


def test_many_variants_are_drawn_where_they_are_seen(page: Opened, tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=30, variants=40, reps=2)
    path = write_report(view_run(layout.folder), tmp_path / "index.html", content=Content.NONE).path
    for name in PAGES:
        page.go(path, name)
        assert page.count() < 2000, name
    page.go(path, "matrix")
    assert page.count(".grid-head .column") < 20
    page.page.evaluate("document.getElementById('grid-scroll').scrollLeft = 1e9")
    page.page.wait_for_selector('.grid-head .column[aria-colindex="41"]')
    for key, at in (
        ("ArrowDown", "0,0"),
        ("End", "0,39"),
        ("PageDown", "20,39"),
        ("ArrowRight", "20,39"),
        ("Home", "20,0"),
    ):
        page.page.keyboard.press(key)
        assert page.page.evaluate("document.activeElement.dataset.at") == at
    page.go(path, "statistics")
    assert "... and 750 pairs more: see Compare" in page.text("#statistics")


def test_print_has_every_page_that_is_written(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "cost")
    assert page.count("#statistics table") == 0
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.count("#summary table, #statistics table, #cost table, #integrity table") >= 6
    page.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.count("#statistics table") == 0


def test_scrolling_shows_the_last_row(page: Opened, large: Path) -> None:
    page.go(large, "matrix")
    page.page.evaluate("document.getElementById('grid-scroll').scrollTop = 1e9")
    page.page.wait_for_selector('.grid-row[aria-rowindex="501"]')
    assert page.count(".grid-row") < 60


def test_a_cell_tells_all_of_itself(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "cell/acme__acme-1/left/r1")
    page.page.wait_for_selector("#panel pre.diff")
    assert "diff --git a/acme__acme-1" in page.text("#panel")
    assert "+mended" in page.text("#panel")  # the reference patch
    page.page.click("#tab-talk")
    page.page.wait_for_selector(".message.tool")
    assert page.count(".message.assistant") == 3
    assert page.page.get_attribute("#tab-talk", "aria-selected") == "true"
    assert "resolved, integrity clean · $0.250 · 1,250 tokens in 0 calls" in page.text("#cell")
    page.page.uncheck("text=tools")
    assert not page.page.is_visible(".message.tool")
    page.page.click("#tab-log")
    page.until("document.getElementById('panel').textContent.includes('FAILED test_x')")
    page.page.click("#tab-record")
    page.until("document.getElementById('panel').textContent.includes('0123456789abcdef')")
    page.page.click("#tab-tests")
    page.until("document.getElementById('panel').textContent.includes('resolved: true')")
    page.go(six_instances, "cell/acme__acme-9/left/r1")
    assert "no cell acme__acme-9/left/r1" in page.text("#cell")


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("tests/test_x.py::test_circle[a]", "____ test_circle[a] ____\n    x = 1\nE  assert 1 == 2"),
        ("tests/test_x.py::test_circle[c]", "____ test_circle[b] ____\nE  b"),
        ("tests/test_x.py::test_cir", None),  # the beginning of another name
        ("[unit] is drawn", None),
    ],
)
def test_the_first_failing_test_stands_on_top_of_the_tests(
    page: Opened, tmp_path: Path, test: str, told: str | None
) -> None:
    tests = {"FAIL_TO_PASS": {"success": [], "failure": [test]}}
    cell = Cell(IDS[0], "left", 1)
    layout = layout_in(tmp_path)
    described(layout, ["left"], [instance(IDS[0])], 1)
    verdict = Verdict(False, True, tests).as_json()
    recorded(layout, [made_record(cell, Outcome.UNRESOLVED, verdict=verdict)])
    log = (
        "collected 2 items\n____ test_other ____\nE  other\n____ test_circle_two ____\nE  two\n"
        "____ test_circle[b] ____\nE  b\n____ test_circle[a] ____\n    x = 1\nE  assert 1 == 2\n"
        "____ test_last ____\nE  last\n"
    )
    said(layout, cell, 1, str, log=log)
    page.go(write_report(view_run(layout.folder), tmp_path / "index.html").path, f"cell/{IDS[0]}/left/r1?tab=tests")
    found = page.page.locator("#panel h3 + pre").all_inner_texts()
    assert found == ([] if told is None else [told])


def test_compare_begins_with_the_two_best_and_steps_through_what_differs(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "compare")
    assert page.page.eval_on_selector_all("#compare select", "all => all.map(one => one.value)") == ["right", "left"]
    assert page.text("#compare p:nth-of-type(2)").startswith("no difference shown")
    page.page.click("#compare .plain a")
    page.page.wait_for_selector("#sides pre")
    assert page.count("#sides .two > div") == 2
    assert page.text("#sides h3") == "acme__acme-1"
    assert page.text('#compare [aria-current="true"]') == "acme__acme-1"
    page.page.click("text=↓ next")
    page.until("document.querySelector('#sides h3').textContent", "acme__acme-3")
    assert "0/2 → 2/2" in page.text("#compare .plain")
    page.page.evaluate("document.activeElement.blur()")
    page.page.keyboard.press("ArrowUp")
    page.until("document.querySelector('#sides h3').textContent", "acme__acme-1")
    page.page.keyboard.press("ArrowUp")  # there is none before
    assert page.address.endswith("?instance=acme__acme-1")


def test_compare_lists_what_is_won_and_lost(page: Opened, six_instances: Path) -> None:
    page.go(six_instances, "compare/left/right")
    told = page.text("#compare")
    assert "-25.0 pp over 6 instances with answers from both: 2 won, 3 lost, 1 alike" in told
    assert "Won: 2" in told
    page.page.click("text=acme__acme-3")
    page.page.wait_for_selector("#sides pre")
    assert page.address == "#/compare/left/right?instance=acme__acme-3"
    page.page.click("text=swap")
    page.until("document.getElementById('compare').textContent.includes('3 won, 2 lost')")


@pytest.mark.parametrize(("scheme", "paper"), [("dark", "rgb(17, 17, 17)"), ("light", "rgb(255, 255, 255)")])
def test_follows_the_colours_of_the_system(page: Opened, six_instances: Path, scheme: ColorScheme, paper: str) -> None:
    page.page.emulate_media(color_scheme=scheme)
    page.go(six_instances)
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_summary_and_statistics_need_no_script(browser: Browser, six_instances: Path) -> None:
    with opened(browser, java_script_enabled=False) as page:
        page.page.goto(six_instances.as_uri())
        for name in ("summary", "statistics", "cost", "integrity"):
            assert page.page.is_visible(f"#{name} table, #{name} p")


def test_what_frames_the_others_is_compared_if_asked_for(page: Opened, tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a", "b", "gold"], [instance(name) for name in IDS], 1)
    records = [made_record(Cell(name, variant, 1), Outcome.RESOLVED if number < solved else Outcome.UNRESOLVED)
               for variant, solved in (("a", 2), ("b", 3), ("gold", 6)) for number, name in enumerate(IDS)]  # fmt: skip
    recorded(layout, records)
    path = write_report(view_run(layout.folder), tmp_path / "index.html").path
    page.go(path, "compare")
    assert page.page.eval_on_selector_all("#compare select", "all => all.map(one => one.value)") == ["a", "b"]
    assert "No verdict" not in page.text("#compare")
    page.go(path, "compare/a/gold")
    assert "No verdict: gold frames what variants can reach" in page.text("#compare")
    page.go(path, "matrix?only=differ")
    assert page.text("#found").startswith("1 of 6 instances")
    page.go(path, "matrix?only=differ&variant=b,gold")
    assert page.text("#found").startswith("3 of 6 instances")
