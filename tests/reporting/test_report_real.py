"""Reports of real patches, logs and issues, and of as many cells as all public datasets and a dozen variants have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.html.contents import MESSAGE_LENGTH
from pytest_swebench.reporting.html.markup import plain
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import chromium, opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded, said

_CELLS = 40
_MEASURED = """
import resource, sys, time
from pathlib import Path
from pytest_swebench.reporting.html.markup import plain
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
write_report(view_run(Path(sys.argv[1])), Path(sys.argv[2]))
unit = 1024 if sys.platform != "darwin" else 1
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "numpy" in sys.modules)
"""


def test_forty_real_cells_are_shown_whole(shared_data: Path, tmp_path: Path) -> None:
    """Patches, logs and verdicts of real evaluations; what is said is the real issue and the real log in pieces."""
    statements = {}
    for name in ("verified", "lite"):
        for line in (shared_data / "rows" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            statements[row["instance_id"]] = (row["problem_statement"], row["patch"])
    cases = [json.loads(line) for line in (shared_data / "logs" / "index.jsonl").read_text("utf-8").splitlines()]
    folders = {case["instance_id"]: shared_data / "logs" / case["instance_id"] / str(case["case"]) for case in cases}
    chosen = [name for name in sorted(folders) if name in statements and (folders[name] / "patch.diff").exists()]
    chosen = chosen[:_CELLS]
    assert len(chosen) == _CELLS
    layout = layout_in(tmp_path)
    described(layout, ["real"], [instance(name, *statements[name]) for name in chosen], 1)
    records, lengths = [], {}
    for name in chosen:
        log = (folders[name] / "test_output.txt").read_text(encoding="utf-8", errors="replace")
        patch = (folders[name] / "patch.diff").read_text(encoding="utf-8", errors="replace")
        resolved = json.loads((folders[name] / "report.json").read_text("utf-8"))[name]["resolved"]
        cell = Cell(name, "real", 1)
        records.append(made_record(cell, Outcome.RESOLVED if resolved else Outcome.UNRESOLVED, patch=patch))
        pieces = [statements[name][0], *(log[start : start + 9_000] for start in range(0, 45_000, 9_000)), patch]
        said(layout, cell, 12, lambda turn, pieces=pieces: pieces[abs(turn) % len(pieces)] or "(empty)", log=log)
        lengths[name] = len(patch)
    recorded(layout, records)
    written = write_report(view_run(layout.folder), tmp_path / "index.html")
    assert written.size_bytes < 25_000_000
    with chromium() as browser, opened(browser) as page:
        for name in chosen[::8]:
            page.go(written.path, f"cell/{name}/real/r1")
            page.page.wait_for_selector("#panel pre.diff")
            patch = next(record["patch"] for record in records if record["instance_id"] == name)
            shown = page.page.text_content("#panel .two > div:first-child pre.diff") or ""
            assert shown.split() == plain(patch).split()
            page.go(written.path, f"cell/{name}/real/r1?tab=talk")
            page.page.wait_for_selector(".message.tool")
            issue = page.page.text_content(".message.user pre") or ""
            assert issue.split() == plain(statements[name][0][:MESSAGE_LENGTH]).split()  # some hold unseen characters
            assert page.count() < 2000
        assert page.troubles == []


@pytest.mark.soak  # seconds of this process, whatever else the machine does
def test_27528_cells_are_written_within_ten_seconds_and_500_megabytes(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=2294, variants=12, reps=1)
    command = [sys.executable, "-c", _MEASURED, str(layout.folder), str(tmp_path / "index.html")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.split()
    assert float(told[0]) < 10
    assert int(told[1]) < 500_000_000
    assert told[2] == "False"
    with chromium() as browser, opened(browser) as page:
        page.go(tmp_path / "index.html", "matrix")
        assert page.text("#found") == "2294 of 2294 instances, 27528 of 27528 cells"


@pytest.mark.soak
def test_ten_thousand_cells_open_in_two_seconds_and_below_two_thousand_nodes(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=500, variants=4, reps=5)
    written = write_report(view_run(layout.folder), tmp_path / "index.html")
    with chromium() as browser:
        for address in ("summary", "matrix"):
            with opened(browser) as page:
                page.go(written.path, address)
                assert page.page.evaluate("performance.now()") < 2000
                assert page.count() < 2000
