"""The report for those without a mouse or colours, who prefer the dark, want no motion, or read on paper."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded, said

CELL = "cell/repo0__repo0-0/arm0+model-0/r1"
PAGES = ("summary", "matrix", "compare", "statistics", "cost", "integrity", f"{CELL}?tab=talk", f"{CELL}?tab=patch")

# every text in sight whose colours are too close, by the formula of WCAG 2.2; what stands on a colour of an outcome is
# left out, for its ground is an image or its colour is checked apart
POOR = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const found = rgb(getComputedStyle(at).backgroundColor); if (found[3] === 255) return found; } return [255, 255, 255]; };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data.trim()).join("");
    const style = getComputedStyle(node);
    if (!text || !node.checkVisibility({ opacityProperty: true }) || node.closest(".square:not(.split), .within, .unseen, title")) continue;
    const front = rgb(node.closest("svg") ? style.fill : style.color), back = behind(node);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.getAttribute("class")} ${text.slice(0, 20)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""  # noqa: E501 - the lines are JavaScript

NAMELESS = """() => [...document.querySelectorAll("a[href], button, input, select, [role=img], [role=grid], [role=region], [role=tabpanel]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.getAttribute("aria-label") || node.getAttribute("aria-labelledby") || node.closest("label") || node.textContent.trim()))
  .map((node) => node.outerHTML.slice(0, 120))"""  # noqa: E501


FOCUSED = """() => {
  const { dataset, className, id, tagName } = document.activeElement;
  if (dataset.at !== undefined) return "square";
  return dataset.page || dataset.chip || dataset.field || className || id || tagName;
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    layout = large_run(root, instances=40, variants=3, reps=2)
    said(layout, Cell("repo0__repo0-0", "arm0+model-0", 1), 2, str, log="FAILED test_mended")
    unfit = {"repo1__repo1-1": "gold fails always"}
    return write_report(view_run(layout.folder), root / "index.html", unfit=unfit).path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Opened, report: Path, scheme: Literal["dark", "light"]) -> None:
    page.page.emulate_media(color_scheme=scheme)
    for address in PAGES:
        page.go(report, address)
        assert page.page.evaluate(POOR) == [], address
    page.page.evaluate("document.getElementById('cell').style.color = '#777777'")  # 4.48 on white
    assert page.page.evaluate(POOR) != []


def test_signs_stand_out_from_the_colours_of_outcomes() -> None:
    """Black on what outcomes, parts and flakes are painted with; a number on a square of stripes has a ground."""
    style = (files("pytest_swebench.reporting.html") / "page" / "page.css").read_text(encoding="utf-8")
    colours = set(re.findall(r"--(?:resolved|unresolved|no_patch|limit|captured|infra|error): (#\w{6})", style))
    colours |= set(re.findall(r"\.part\.f\d \{ fill: (#\w{6})", style))
    assert len(colours) >= 8
    for colour in colours:
        assert contrast(colour, "#000000") >= 4.5, colour


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, by the formula of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_everything_that_acts_or_is_seen_has_a_name(page: Opened, report: Path) -> None:
    for address in PAGES:
        page.go(report, address)
        assert page.page.evaluate(NAMELESS) == [], address
        headings = page.page.eval_on_selector_all("main :is(h2, h3)", "all => all.map(one => one.tagName)")
        assert headings[0] == "H2", address


def test_roles_are_those_of_a_grid_and_of_tabs(page: Opened, report: Path) -> None:
    page.go(report, "matrix")
    grid = page.page.get_by_role("grid", name="Outcomes by instance and variant")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("41", "4")
    assert grid.get_by_role("columnheader").count() == 4
    first = grid.get_by_role("row").nth(1)
    assert first.get_attribute("aria-rowindex") == "2"
    assert first.get_by_role("gridcell").count() == 3
    assert page.page.get_by_role("img", name="All 40 rows in small; the grid beside tells each").count() == 1
    page.go(report, CELL)
    tabs = page.page.get_by_role("tablist", name="What of the cell").get_by_role("tab")
    assert [tabs.nth(at).get_attribute("aria-selected") for at in range(tabs.count())] == ["true"] + ["false"] * 4
    assert page.page.get_by_role("tabpanel", name="Patch").count() == 1


def test_tab_goes_from_the_top_down_and_through_the_grid_once(page: Opened, report: Path) -> None:
    page.go(report, "matrix")
    order: list[Any] = []
    for _ in range(45):
        page.page.keyboard.press("Tab")
        order.append(page.page.evaluate(FOCUSED))
        if order[-1] == "help-button":
            break
    assert order[:7] == ["skip", "summary", "matrix", "compare", "statistics", "cost", "integrity"]
    assert order.index("text") < order.index("outcome=resolved") < order.index("only=differ")
    assert order.count("square") == 1
    assert order.index("only=differ") < order.index("square") < order.index("help-button")


def test_the_skip_link_leads_to_the_page_that_is_shown(page: Opened, report: Path) -> None:
    page.go(report, "statistics")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "main"
    assert page.address == "#/statistics"


@pytest.mark.parametrize(("motion", "behaviour"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_nothing_glides_for_those_who_want_no_motion(
    page: Opened, report: Path, motion: Literal["reduce", "no-preference"], behaviour: str
) -> None:
    page.page.emulate_media(reduced_motion=motion)
    page.go(report)
    assert page.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == behaviour
    moving = "[...document.querySelectorAll('*')].some((one) => getComputedStyle(one).animationName !== 'none')"
    assert page.page.evaluate(moving) is False


def test_paper_shows_all_that_is_written_and_nothing_to_press(page: Opened, report: Path) -> None:
    page.page.emulate_media(color_scheme="dark")
    page.go(report, "matrix")
    page.page.emulate_media(media="print", color_scheme="dark")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for name in ("summary", "statistics", "cost", "integrity"):
        assert page.page.is_visible(f"#{name}"), name
    for name in ("nav", "#matrix", "#help-button", ".skip"):
        assert not page.page.is_visible(name), name
    assert page.count("#statistics details:not([open])") == 0
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_long_names_need_no_sideways_scrolling_either(page: Opened, tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    names = ["x" * 80, "y" * 80]
    described(layout, names, [instance("acme__acme-1")], 1)
    recorded(layout, [made_record(Cell("acme__acme-1", name, 1)) for name in names])
    path = write_report(view_run(layout.folder), tmp_path / "index.html").path
    page.page.set_viewport_size({"width": 400, "height": 800})
    for address in (*PAGES[:6], f"cell/acme__acme-1/{names[0]}/r1", "compare?instance=acme__acme-1"):
        page.go(path, address)
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


@pytest.mark.parametrize("width", [400, 760])
def test_a_narrow_screen_needs_no_sideways_scrolling_of_the_page(page: Opened, report: Path, width: int) -> None:
    page.page.set_viewport_size({"width": width, "height": 800})
    for address in PAGES:
        page.go(report, address)
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.go(report, "matrix")
    assert page.page.is_visible(".name .owner") is (width > 640)
