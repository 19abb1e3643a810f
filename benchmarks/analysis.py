"""Runs summarised: rates, costs, pass@k and all comparisons, from records, and then with what is made from them.

That is summary.json, summary.csv and the summary in the terminal. 500 instances x 8 variants x 5 repetitions have a
target; 30 variants make 435 comparisons. Processor time counts, which a busy machine does not lengthen as it does the
clock; what else the process would load and read (journals) is no part of it.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidebyside import print_table, print_target

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.records.figures import summary_csv, summary_json
from pytest_swebench.records.results import Merged
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting.summary import render_results
from pytest_swebench.statistics.analysis import analyse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.made import made_record

ROUNDS = 5
MOST_S = 1.0
INSTANCES = 500
TARGET = (8, 5)
SIZES = (TARGET, (30, 1))


def main() -> None:
    for variants, reps in SIZES:
        measure(variants, reps)
    loaded = [name for name in ("numpy", "scipy", "pandas") if name in sys.modules]
    print(f"  heavy packages loaded: {', '.join(loaded) or 'none'}")


def measure(variants: int, reps: int) -> None:
    """Print what one size takes."""
    records = make_records(variants, reps)
    rows = {"analyse": timed(lambda: analyse(records)), "analyse, write, show": timed(lambda: told(records))}
    size = f"{INSTANCES} instances x {variants} variants x {reps}, {variants * (variants - 1) // 2} comparisons"
    print_table(
        f"{size}: processor time, {ROUNDS} rounds",
        ["", "median s", "slowest s"],
        [[name, f"{statistics.median(seconds):.3f}", f"{max(seconds):.3f}"] for name, seconds in rows.items()],
    )
    if (variants, reps) == TARGET:
        print_target("a summary", statistics.median(rows["analyse, write, show"]), MOST_S, " s")


def timed(work: Callable[[], object]) -> list[float]:
    """Return what each round of `work` takes of the processor, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return seconds


def told(records: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Return the files and the text that a run of these records ends with."""
    merged = Merged(records, summarise(records, {}), damaged=0)
    text = json.dumps(summary_json(merged.summaries, merged.analysis))
    table = summary_csv(merged.summaries, merged.analysis)
    return text, table, render_results(merged, {}, width=79, colour=False)


def make_records(variants: int, reps: int) -> list[dict[str, Any]]:
    """Return the records of a run; two in a hundred cells broke, so that repetitions are uneven."""
    chance = random.Random(7)
    difficulty = [chance.betavariate(0.4, 0.5) for _ in range(INSTANCES)]

    def ended(easy: float) -> Outcome:
        if chance.random() < 0.02:
            return Outcome.INFRA
        return Outcome.RESOLVED if chance.random() < easy else Outcome.UNRESOLVED

    return [
        made_record(
            Cell(f"repo{number % 12}__repo-{number}", f"variant{variant}", rep),
            ended(easy),
            cost_usd=chance.lognormvariate(-1, 0.8),
            usage=Usage(input=chance.randrange(100_000), output=900),
            seconds={"total": chance.lognormvariate(4, 0.5)},
        )
        for number, easy in enumerate(difficulty)
        for variant in range(variants)
        for rep in range(1, reps + 1)
    ]


if __name__ == "__main__":
    main()
