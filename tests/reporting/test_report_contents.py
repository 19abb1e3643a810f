"""What hostile text cannot do in a report, and what is said where contents are beside it, lacking or left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome, Verdict
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.reporting.html.writing import Content, write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded, said

PAGES = ("summary", "matrix", "compare", "statistics", "cost", "integrity")
HOSTILE = (
    "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'><svg onload='window.hit = 3'>"
    "<!--<script>{{data}} ${window.hit = 4} javascript:window.hit=5 \u202egnp.exe\u2066 \x1b[31mred\x1b[0m\x07 \u2028 "
    '"onmouseover="window.hit=6" \ud800 \xad\u3164\U000e0101'
)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    layout = layout_in(tmp_path)
    names = ["acme__acme-1", "acme__acme-2"]
    described(layout, ["left", "right"], [instance(name, HOSTILE, HOSTILE) for name in names], 1)
    verdict = Verdict(False, True, {"FAIL_TO_PASS": {"success": [], "failure": [HOSTILE]}}, reason=HOSTILE).as_json()
    fields: dict[str, Any] = {
        "patch": HOSTILE + "x" * 100_000,
        "notes": HOSTILE,
        "response_text": HOSTILE,
        "integrity": {"state": "suspect", "reasons": [HOSTILE]},
        "per_step_tokens": {HOSTILE: 100},
    }
    error = {"type": "SandboxLost", "message": HOSTILE}
    recorded(
        layout,
        [
            made_record(Cell(names[0], "left", 1), Outcome.UNRESOLVED, verdict=verdict, **fields),
            made_record(Cell(names[0], "right", 1), Outcome.RESOLVED, **fields),
            made_record(Cell(names[1], "left", 1), Outcome.INFRA, error=error),
        ],
    )
    said(layout, Cell(names[0], "left", 1), 2, lambda turn: HOSTILE * 3 + "y" * 5_000, log=HOSTILE)
    ledgers = {names[1]: Ledger(gold=2, gold_resolved=1, reasons={HOSTILE: 1}, tests={HOSTILE: [1, 2]})}
    view = view_run(layout.folder)
    return write_report(view, tmp_path / "index.html", unfit={names[1]: HOSTILE}, ledgers=ledgers).path


def test_what_models_write_stays_text(page: Opened, hostile: Path) -> None:
    """Neither as markup nor as script, and what hides or turns writing round is shown for what it is."""
    addresses = [f"cell/acme__acme-1/left/r1?tab={tab}" for tab in ("patch", "talk", "tests", "log", "record")]
    for address in (*PAGES, *addresses, "cell/acme__acme-2/left/r1", "compare/left/right?instance=acme__acme-1"):
        page.go(hostile, address)
        assert page.count("main img, main script, main svg[onload], [onerror], [onload], [onmouseover]") == 0
        assert page.page.evaluate("window.hit") is None
        text = page.text("main")
        assert not set(text) & set("\u202e\u2066\x1b\x07\u2028\xad\u3164\U000e0101\ufffd")
    page.go(hostile, "cell/acme__acme-1/left/r1")
    page.page.wait_for_selector("#panel pre.diff")
    patch = page.text("#panel pre.diff")
    assert "</script><script>window.hit = 1</script><img src=x" in patch
    assert "<U+202E>gnp.exe<U+2066> red<U+0007>" in patch
    assert "more characters in this line]" in patch
    assert len(patch) < 5_000
    page.go(hostile, "integrity")
    assert "<U+202E>gnp.exe" in page.text("#integrity")


def test_a_patch_of_many_colours_does_not_swell_the_page(page: Opened, tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["left"], [instance("acme__acme-1", gold="+a\n-b\n" * 3_000)], 1)
    recorded(layout, [made_record(Cell("acme__acme-1", "left", 1), patch="+a\n-b\n" * 3_000)])
    page.go(write_report(view_run(layout.folder), tmp_path / "index.html").path, "cell/acme__acme-1/left/r1")
    assert page.count() < 2000
    assert page.text("#panel pre.diff >> nth=0").endswith("\n[... 5200 more lines]")


def test_a_script_that_came_in_with_data_would_not_run(any_page: Opened, tmp_path: Path) -> None:
    """The second lock: the policy knows the page's own script by its hash and runs no other."""
    layout = large_run(tmp_path, instances=3, variants=1, reps=1)
    text = write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8")
    broken_in = tmp_path / "index.html"
    broken_in.write_text(text.replace("<main", "<script>window.hit = 1</script><img src=x onerror='hit=1'><main", 1))
    any_page.go(broken_in)
    assert any_page.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in trouble for trouble in any_page.troubles)


def test_bundles_beside_the_file_are_read_from_disk(page: Opened, tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=30, variants=2, reps=2)
    said(layout, Cell("repo0__repo0-0", "arm0+model-0", 1), 2, str)
    written = write_report(view_run(layout.folder), tmp_path / "out" / "a#1 %20:b?.html", content=Content.SIDE)
    assert written.beside > 0
    page.go(written.path, "cell/repo0__repo0-0/arm0+model-0/r1?tab=talk")
    page.page.wait_for_selector(".message.assistant")
    assert [url.rsplit("/", 2)[1] for url in page.asked if url.endswith(".js")] == ["a%231%20%2520%3Ab%3F_files"] * 2
    assert json.loads(page.page.text_content("#data") or "")["shelves"]["cell"]["folder"] == "a#1 %20:b?_files"


def test_a_report_without_its_folder_says_what_is_missing(any_page: Opened, tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=3, variants=2, reps=1)
    written = write_report(view_run(layout.folder), tmp_path / "index.html", content=Content.SIDE)
    for path in written.folder.iterdir():
        path.write_text("")
    missing, other = "is not here: keep that folder beside this file", "holds nothing of this report"
    for told in (other, missing):
        any_page.go(written.path, "cell/repo0__repo0-0/arm0+model-0/r1")
        assert f"index_files/cell0.js {told}" in any_page.text("#panel")
        any_page.go(written.path, "compare/arm0+model-0/arm1+model-1?instance=repo0__repo0-0")
        assert f"index_files/cell0.js {told}" in any_page.text("#sides")
        for path in written.folder.iterdir():
            path.unlink()
    assert all("Failed to load resource" in trouble or "ERR_FILE" in trouble for trouble in any_page.troubles)


def test_a_report_without_contents_says_so(page: Opened, tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=3, variants=1, reps=1)
    written = write_report(view_run(layout.folder), tmp_path / "index.html", content=Content.NONE)
    page.go(written.path, "cell/repo0__repo0-0/arm0+model-0/r1")
    assert "--html-content none" in page.text("#panel")
    page.go(written.path, "compare")
    assert "one variant" in page.text("#compare")
