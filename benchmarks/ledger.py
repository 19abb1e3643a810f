"""What passing the gate costs a call: a turn and a reservation before it, the settlement after it.

Processes share one file as those of a run do. A model thinks for seconds; here it thinks for a quarter of one.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from sidebyside import print_table, print_target

from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.rate import Limiter

CALLS = 100
THINKING_S = 0.25
MOST_MS = 100.0

ASKED = Request(model="m", messages=(Message("user", "x" * 8000),))
ANSWER = Answer(text="x", model="m", stop_reason=StopReason.END, usage=Usage(input=2000, output=500))


def main() -> None:
    rows = []
    for processes in (1, 8):
        with (
            tempfile.TemporaryDirectory(dir=Path.cwd()) as name,
            multiprocessing.get_context("spawn").Pool(processes) as pool,
        ):
            path = str(Path(name, "ledger.sqlite"))
            took = pool.starmap(measure, [(path, number) for number in range(processes)], chunksize=1)
        both = [took_ms for of in took for took_ms in of]
        hundredths = statistics.quantiles(both, n=100)
        rows.append([f"{processes} at a time", f"{statistics.median(both):.2f}", f"{hundredths[98]:.2f}"])
    print_table(f"gate: enter and settle, {CALLS} calls a process", ["", "median, ms", "99 in 100 under, ms"], rows)
    print_target("99 in 100 calls of 8 processes", hundredths[98], MOST_MS, " ms")


def measure(path: str, number: int) -> list[float]:
    """Return the milliseconds that each call spends in the gate."""
    took_ms = []
    with (
        closing(Ledger(Path(path), Caps(max_cost_usd=1e6, max_cost_per_cell_usd=1e5), Prices(["3,15"]))) as ledger,
        closing(Limiter(Path(path), rpm=1e6)) as limiter,
    ):
        gate = make_gate(ledger, limiter, f"one/v/r{number}", "v", "openai")
        for call in range(CALLS + 1):
            began = time.perf_counter()
            turn = gate.enter(ASKED, timeout_s=60.0)
            entered = time.perf_counter()
            time.sleep(THINKING_S)
            thought = time.perf_counter()
            turn.answered(ANSWER)
            if call:  # the first one makes the file
                took_ms.append((entered - began + time.perf_counter() - thought) * 1000)
    return took_ms


if __name__ == "__main__":
    main()
