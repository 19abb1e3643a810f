"""The screens in docs/wizard.md: compared with what a terminal showed, or written there.

With SWEBENCH_WRITE_SCREENS=1 in the environment the tests write them instead of comparing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "wizard.md"
_MASKS: Final = (
    (r"experiment_paths=\S+", "experiment_paths=..."),
    (r"\d{8}_\d{6}-[0-9a-f]{6}", "20260102_030405-abc123"),
    (r"(127\.0\.0\.1|localhost):\d+", "localhost:8000"),
    (r"tests__made-\w+", "acme__acme-1"),
    (r"tests_1776_made-\w+", "acme_1776_acme-1"),
    (r"\d+(\.\d+)? GB", "67.2 GB"),
    (r"Python: [\d.]+", "Python: 3.11.7"),
    (r"Running \([^)]*\)", "Running (29.1.0)"),
    (r"(Docker engine: ok: ).*", r"\g<1>29.1.0 (API 1.52), x86_64, 8 CPUs"),
    (r"(ok +Docker engine +).*", r"\g<1>29.1.0 (API 1.52), x86_64, 8 CPUs"),
    (r"\b\d+(\.\d+)? s\b", "0.4 s"),
    (r"[ \t]+$", ""),
)


def masked(text: str, folder: Path) -> str:
    """Return what a person saw without times, ids, ports and places of this very time."""
    text = text.replace(str(folder), "/home/me/work").replace(str(folder.parent), "/home/me")
    for pattern, stands_for in _MASKS:
        text = re.sub(pattern, stands_for, text, flags=re.MULTILINE)
    return text.strip("\n")


def check_screen(name: str, text: str, folder: Path, *, first: str = "", last: str = "") -> None:
    """Assert that docs/wizard.md shows `text`, or of it the lines from one with `first` on to one with `last`."""
    lines = masked(text, folder).splitlines()
    begin = next((at for at, line in enumerate(lines) if first in line), 0) if first else 0
    end = next((at for at, line in enumerate(lines[begin:], begin) if last in line), len(lines) - 1) if last else None
    shown = "\n".join(lines[begin : end if end is None else end + 1]).strip("\n")
    document = DOCUMENT.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- screen: {re.escape(name)} -->\n```text\n).*?(\n```)", re.DOTALL)
    found = block.search(document)
    assert found is not None, f"docs/wizard.md has no screen {name!r}"
    if os.environ.get("SWEBENCH_WRITE_SCREENS") == "1":
        DOCUMENT.write_text(document[: found.start()] + found[1] + shown + found[2] + document[found.end() :], "utf-8")
        return
    assert found[0][len(found[1]) : -len(found[2])] == shown
