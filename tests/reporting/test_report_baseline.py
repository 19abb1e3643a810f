"""A report held against a baseline: what moved, where it is marked, and what cannot be compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.html.against import Against, held_against
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import Opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded

IDS = [f"acme__acme-{number}" for number in range(1, 9)]


def run_in(root: Path, resolved: dict[str, range], *, host: str = "here", statement: str = "Broken.") -> RunLayout:
    """Write a run in which each variant resolves the instances of these numbers."""
    layout = layout_in(root)
    told = [instance(name, statement if name == IDS[-1] else "It does not work.") for name in IDS]
    described(layout, list(resolved), told, 1)
    recorded(
        layout,
        [
            made_record(
                Cell(name, variant, 1),
                Outcome.RESOLVED if number in solved else Outcome.UNRESOLVED,
                finished_at=f"2026-01-01T00:00:0{2 + len(host)}.000+00:00",
            )
            for variant, solved in resolved.items()
            for number, name in enumerate(IDS, 1)
        ],
    )
    return layout


def against(baseline: RunLayout, own: RunLayout) -> Against:
    return held_against(read_source(baseline.folder), read_source(own.folder))


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`left` loses the first two instances and gains the seventh; `right` stays as it was."""
    before = run_in(tmp_path_factory.mktemp("before"), {"left": range(1, 7), "right": range(1, 3)}, host="there")
    root = tmp_path_factory.mktemp("now")
    now = run_in(root, {"left": range(3, 8), "right": range(1, 3)})
    return write_report(view_run(now.folder), root / "index.html", against=against(before, now)).path


def test_shifts_are_told_by_variant_and_instance(tmp_path: Path) -> None:
    before = run_in(tmp_path / "before", {"left": range(1, 7)}, host="there")
    now = run_in(tmp_path / "now", {"left": range(3, 8)})
    held = against(before, now)
    assert held.shifts == {"left": {IDS[0]: -1.0, IDS[1]: -1.0, IDS[6]: 1.0}}
    assert held.as_json(["other", "left"], [*IDS[1:]])["shifts"] == [{}, {0: -1.0, 5: 1.0}]


def test_an_instance_that_is_another_one_now_moves_nowhere(tmp_path: Path) -> None:
    before = run_in(tmp_path / "before", {"left": range(1, 9)}, host="there", statement="It was otherwise.")
    now = run_in(tmp_path / "now", {"left": range(2, 8)})
    held = against(before, now)
    assert held.across.changed == (IDS[7],)
    assert held.shifts == {"left": {IDS[0]: -1.0}}
    text = write_report(view_run(now.folder), tmp_path / "index.html", against=held).path.read_text(encoding="utf-8")
    assert "1 instance is not the same in both, and left out" in text


def test_a_variant_without_a_namesake_is_compared_with_all_and_marked_nowhere(tmp_path: Path) -> None:
    before = run_in(tmp_path / "before", {"one": range(1, 7), "two": range(1, 2)}, host="there")
    now = run_in(tmp_path / "now", {"left": range(3, 8)})
    held = against(before, now)
    assert held.shifts == {}
    assert len(held.across.analysis.comparisons) == 2
    text = write_report(view_run(now.folder), tmp_path / "index.html", against=held).path.read_text(encoding="utf-8")
    assert "left vs one" in text
    assert "only=regressed" not in text.split("<script")[0]


def test_a_run_is_no_baseline_of_itself(tmp_path: Path) -> None:
    now = run_in(tmp_path / "now", {"left": range(3, 8)})
    with pytest.raises(InputError, match="nothing differs from itself"):
        against(now, now)


def test_what_went_down_is_filtered_marked_and_linked(page: Opened, moved: Path) -> None:
    page.go(moved)
    assert "Against the baseline" in page.text("#summary")
    page.page.click('#summary a[href*="variant=left"][href*="only=regressed"]')
    assert page.text("#found") == "2 of 8 instances, 2 of 16 cells"
    assert page.page.get_attribute(".square.down a", "aria-label") == (
        "acme__acme-1, left: unresolved, down by 100 points since the baseline"
    )
    page.go(moved, "matrix?only=improved")
    assert page.text("#found") == "1 of 8 instances, 1 of 16 cells"
    assert page.count(".square.up") == 1
    assert "up since baseline 1" in page.text('[data-chip="only=improved"]')
    page.go(moved, "cell/acme__acme-1/left/r1?only=regressed")
    assert "down by 100 points since the baseline" in page.text("#cell")
    assert "1 of 2 in this filter" in page.text("#cell")
    page.page.keyboard.press("?")
    assert "down and up since" in page.text("#help")


def test_without_a_baseline_there_is_no_such_filter(page: Opened, tmp_path: Path) -> None:
    now = run_in(tmp_path, {"left": range(1, 4), "right": range(1, 5)})
    path = write_report(view_run(now.folder), tmp_path / "index.html").path
    page.go(path, "matrix?only=regressed")
    assert page.text("#found") == "0 of 8 instances, 0 of 16 cells"
    page.go(path, "matrix")
    assert page.count('[data-chip="only=regressed"]') == 0
    assert page.count('[data-chip="only=differ"]') == 1
