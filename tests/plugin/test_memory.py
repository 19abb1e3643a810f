"""What a long run holds in memory: as much at its end as at its beginning, in the controller and in each worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Run

INSTANCES = 13
MIB = 1024


@pytest.mark.parametrize(
    ("reps", "growth_mib"), [(3, 12), pytest.param(154, 40, marks=pytest.mark.soak)], ids=["39 cells", "2002 cells"]
)
def test_memory_stays_flat_over_replayed_cells(run: Run, pytester: pytest.Pytester, reps: int, growth_mib: int) -> None:
    options = ("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "--run-id=long")
    command = [sys.executable, "-m", "pytest", *options, f"--count={reps}", "-n", "2"]
    process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    journals = pytester.path / "results" / "long" / "journal"
    seen: dict[str, list[tuple[int, int]]] = {}  # process -> (its cells done, RSS in KiB)
    cells = INSTANCES * reps
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b"[") and b"/" in line[:12]:
                done = int(line[1:].split(b"/")[0])
                for name, pid in {"controller": process.pid, **workers(journals)}.items():
                    seen.setdefault(name, []).append((done, rss_kib(pid)))
    assert process.returncode == 0
    assert set(seen) == {"controller", "gw0", "gw1"}
    for name, samples in sorted(seen.items()):
        settled = [kib for done, kib in samples if done >= cells // 4 and kib]
        growth = (max(settled[-len(settled) // 4 :]) - min(settled[: max(1, len(settled) // 4)])) / MIB
        print(f"\n{name}: {settled[0] / MIB:.1f} MiB after {cells // 4} cells, {settled[-1] / MIB:.1f} after {cells}")
        assert growth < growth_mib, name


def workers(journals: Path) -> dict[str, int]:
    names = [path.stem.rpartition("-") for path in journals.glob("gw*.jsonl")]
    return {name: int(pid) for name, _, pid in names}


def rss_kib(pid: int) -> int:
    """Return the resident memory of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
