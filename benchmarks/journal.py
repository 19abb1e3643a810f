"""One append to the journal (a record of 4 KB: redacted, sealed, locked, written, synced) beside the disk's own part.

The disk's own part is one `write` of as many bytes and one `fsync`, on the same file system, in turn with ours.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sidebyside import print_table, print_target

from pytest_swebench.records.journal import Journal, seal
from pytest_swebench.redact import Redactor

ROUNDS = 500
MOST_MS = 1.0
RECORD_BYTES = 4096


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        ours_s, disk_s, size_bytes = measure(Path(name))
    extra = [one - other for one, other in zip(ours_s, disk_s, strict=True)]
    disk = statistics.median(disk_s)
    print_table(
        f"journal: {size_bytes:,} bytes a line, medians of {ROUNDS} appends in turn",
        ["", "ms", "95 in 100 under, ms", "ratio"],
        [
            [name, f"{of * 1000:.3f}", f"{statistics.quantiles(values, n=20)[-1] * 1000:.3f}", f"{of / disk:.2f}"]
            for name, values in (("journal append", ours_s), ("write and fsync", disk_s))
            for of in [statistics.median(values)]
        ],
    )
    print(f"  beyond the disk's own: {statistics.median(extra) * 1000:.3f} ms")
    print_target("an append", statistics.median(ours_s) * 1000, MOST_MS, " ms")


def measure(folder: Path) -> tuple[list[float], list[float], int]:
    """Return the seconds of each append and of each plain write, and the size of a line in bytes."""
    record = make_record()
    line = seal({"kind": "record", "id": "main-1:1", "cell": "one__one-1/gold/r1", "record": record})
    journal = Journal(folder / "journal.jsonl", Redactor(["a-key-that-is-secret", "another-key-that-is-secret"]))
    plain = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    ours_s, disk_s = [], []
    for number in range(ROUNDS + 10):
        began = time.perf_counter()
        journal.append("record", cell="one__one-1/gold/r1", record=record)
        middle = time.perf_counter()
        os.write(plain, line)
        os.fsync(plain)
        ended = time.perf_counter()
        if number >= 10:  # the first ones make files and fill caches
            ours_s.append(middle - began)
            disk_s.append(ended - middle)
    os.close(plain)
    journal.close()
    return ours_s, disk_s, len(line)


def make_record() -> dict[str, Any]:
    """Return a record of about `RECORD_BYTES`, most of it patch, with the nesting of a real one."""
    record: dict[str, Any] = {
        "type": "result",
        "cell": {"instance_id": "one__one-1", "variant": "gold", "rep": 1},
        "outcome": "resolved",
        "tokens": {"input": 12_345, "output": 678, "cache_read": 0, "cache_write": 0},
        "wall_time_seconds": {"total": 12.5, "solve": 8.25, "grade": 4.25},
        "verdict": {"resolved": True, "tests": {"FAIL_TO_PASS": {"success": ["t.py::test_a"] * 8, "failure": []}}},
        "patch": "",
    }
    missing = RECORD_BYTES - len(seal(record))
    return record | {"patch": ("-    return one\n+    return two\n" * missing)[:missing]}


if __name__ == "__main__":
    main()
