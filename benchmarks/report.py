"""Reports written and opened: 27,528 cells (all public datasets by 12 variants) and 10,000, in seconds and megabytes.

Each is written by a process of its own, whose processor time and greatest memory count. With Playwright and a Chromium
at hand the pages are opened as well, each in a context of its own, until the script says that the page stands.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sidebyside import print_table, print_target

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.synthetic import large_run

SIZES = {"27,528 cells": (2294, 12, 1), "10,000 cells": (500, 4, 5)}
MOST_S, MOST_MB, MOST_OPEN_S, MOST_NODES = 10.0, 500.0, 2.0, 2000
PAGES = ("summary", "matrix", "compare", "statistics", "cost", "integrity")
WRITE = """
import resource, sys, time
from pathlib import Path
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
write_report(view_run(Path(sys.argv[1])), Path(sys.argv[2]))
unit = 1024 if sys.platform != "darwin" else 1
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--opened", action="store_true", help="open the pages in Chromium as well")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, seconds, sizes, paths = [], [], [], {}
        for name, (instances, variants, reps) in SIZES.items():
            layout = large_run(Path(folder) / name, instances=instances, variants=variants, reps=reps)
            paths[name] = Path(folder) / f"{name}.html"
            command = [sys.executable, "-c", WRITE, str(layout.folder), str(paths[name])]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            seconds.append(float(told[0]))
            sizes.append(float(told[1]))
            rows.append([name, f"{seconds[-1]:.1f}", f"{sizes[-1]:.0f}", f"{paths[name].stat().st_size / 1e6:.1f}"])
        print_table("reports written", ["", "processor s", "memory MB", "file MB"], rows)
        print_target("the larger one", seconds[0], MOST_S, " s")
        print_target("its memory", sizes[0], MOST_MB, " MB")
        if asked.opened:
            opened(paths)


def opened(paths: dict[str, Path]) -> None:
    from playwright.sync_api import sync_playwright

    rows, slowest, most = [], 0.0, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, path in paths.items():
            for page_name in PAGES:
                page = browser.new_context().new_page()
                page.goto(f"{path.as_uri()}#/{page_name}")
                page.wait_for_selector("#nav a[aria-current]")
                took = page.evaluate("performance.now()") / 1000
                nodes = page.evaluate("document.querySelectorAll('*').length")
                rows.append([name, page_name, f"{took:.2f}", str(nodes)])
                slowest, most = max(slowest, took), max(most, nodes)
                page.close()
        browser.close()
    print_table("reports opened", ["", "page", "s", "nodes"], rows)
    print_target("the slowest page", slowest, MOST_OPEN_S, " s")
    print_target("the most nodes", most, MOST_NODES, "")


if __name__ == "__main__":
    main()
