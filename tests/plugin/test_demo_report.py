"""The report of a run that pytest did: its numbers are those of `summary.json`, and cells tell what happened."""

from __future__ import annotations

import json

import pytest

from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.plugin.conftest import Run
from tests.support.browser import chromium, opened

WRONG, EMPTY = "tinyconf__tinyconf-9", "spanlib__spanlib-3"


def test_demo_is_told_as_it_was(run: Run, pytester: pytest.Pytester) -> None:
    asked = ("-m", "experiment", "--dataset=demo", "--arms=singleshot", f"--instance-ids={WRONG},{EMPTY}")
    run(*asked, "--outcome=capture", "--run-id=one")
    folder = pytester.path / "results" / "one"
    (summary,) = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["variants"]
    assert (summary["unresolved"], summary["no_patch"]) == (1, 1)
    written = write_report(view_run(folder), pytester.path / "index.html")
    with chromium() as browser, opened(browser) as page:
        page.go(written.path)
        assert page.page.locator("#summary tbody tr").first.inner_text().split("\t")[:5] == [
            "singleshot", "0.0 %", "0.0 to 65.8", "1", "1",
        ]  # fmt: skip
        page.page.click('#summary a[href*="outcome=unresolved"]')
        assert page.text("#found") == "1 of 2 instances, 1 of 2 cells"
        page.go(written.path, f"cell/{WRONG}/singleshot/r1")
        page.page.wait_for_selector("#panel pre.diff")
        assert page.count("#panel pre.diff") == 2  # its own patch, and the reference
        page.page.keyboard.press("t")
        page.page.wait_for_selector(".message.assistant")
        assert "SEARCH" in page.text(".message.assistant")
        page.page.keyboard.press("t")
        page.page.wait_for_selector("#panel h3 + pre")
        assert "test_one_key_may_be_used_twice" in page.text("#panel h3 + pre").splitlines()[0]
        page.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text }")
        page.page.click("#tab-record")
        page.page.click("text=copy pytest command")
        command = page.page.evaluate("window.copied")
        assert page.troubles == []
        assert all(url.startswith("file:") for url in page.asked)
    assert command == f"pytest -m experiment --dataset=demo --split=test --arms=singleshot --instance-ids={WRONG}"
    again = run(*command.split()[1:])  # the demo's answer to it is wrong on purpose
    again.assert_outcomes(failed=1)
