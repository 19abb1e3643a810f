"""A rate that processes share, counted as a server would."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.together import release

TAKER = Path(__file__).parents[1] / "support" / "turn_taker.py"


def test_four_processes_share_a_rate_fairly_and_use_it_up(tmp_path: Path) -> None:
    check_shared(tmp_path, rpm=1200, seconds=6)


@pytest.mark.soak
def test_four_processes_share_a_rate_fairly_for_minutes(tmp_path: Path) -> None:
    for rpm in (60, 600, 3000):
        check_shared(tmp_path / str(rpm), rpm=rpm, seconds=120)


def check_shared(folder: Path, *, rpm: int, seconds: int) -> None:
    """Count requests as a server would, which knows nothing but when they came and from whom."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, TAKER, folder / "run.sqlite", str(rpm), str(seconds)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(4)
        ]
        release(processes)
        came = sorted(
            (float(line), number) for number, process in enumerate(processes) for line in process.stdout or ()
        )
    start = came[0][0]
    within = [number for at, number in came if at < start + seconds]
    used = len(within) / (rpm / 60 * seconds)
    print(f"\n{rpm} a minute, 4 processes, {seconds} s: {used:.1%} used, by process {dict(Counter(within))}")
    assert 0.9 <= used <= 1.05
    assert min(Counter(within).values()) >= 0.7 * len(within) / 4
