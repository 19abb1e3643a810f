"""Measuring rows side by side: interleaved rounds, medians, and a small table of ratios."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Its plugin for pytest imports half of that package in every run; a tax on all rows alike hides what is compared.
NO_TAX = ("-p", "no:langsmith_plugin", "-p", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: user and system time together, and time on the clock."""

    cpu_s: float
    wall_s: float


@contextmanager
def project() -> Iterator[Path]:
    """Make an empty pytest project for the time of a benchmark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "project")
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n")
        yield folder


def environment(folder: Path) -> dict[str, str]:
    """Return the variables for a process in the project `folder`.

    Byte code is kept, as in any environment that has been used once, but beside the project and not in this one.
    """
    dropped = ("PYTEST_", "COV", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}


def in_turn(rounds: int, rows: Mapping[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """Run every row once a round, so that a busy moment of the machine hits all of them; every other round backwards.

    One round more comes first and does not count: it writes byte code and warms the disk's cache.
    """
    found: dict[str, list[Cost]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for name in list(rows) if number % 2 else list(rows)[::-1]:
            cost = rows[name]()
            if number:
                found[name].append(cost)
    return found


def cost_of_pytest(arguments: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run pytest as `cost_of` runs Python."""
    return cost_of(["-m", "pytest", *NO_TAX, *arguments], folder, env)


def cost_of(arguments: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run Python in a process of its own. Raises RuntimeError with its output if it does not end well."""
    command = [sys.executable, *arguments]
    before, began = _children_cpu_s(), time.perf_counter()
    variables = environment(folder) | dict(env or {})
    done = subprocess.run(command, cwd=folder, env=variables, text=True, capture_output=True)
    cost = Cost(_children_cpu_s() - before, time.perf_counter() - began)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return cost


def cpu_s(costs: Sequence[Cost]) -> float:
    """Return the median of the processor time, in seconds."""
    return statistics.median(cost.cpu_s for cost in costs)


def wall_s(costs: Sequence[Cost]) -> float:
    """Return the median of the time on the clock, in seconds."""
    return statistics.median(cost.wall_s for cost in costs)


def cpu_ratio(costs: Sequence[Cost], beside: Sequence[Cost]) -> float:
    """Return the median over the rounds of processor time beside that of `beside` in the same round."""
    return statistics.median(one.cpu_s / other.cpu_s for one, other in zip(costs, beside, strict=True))


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a title and a table: the first column is text, the others are numbers."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print(title)
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        print(f"  {'  '.join(cells).rstrip()}")


def print_target(what: str, value: float, most: float, unit: str = "") -> None:
    """Print whether a measured value keeps to its target."""
    print(f"  {what}: {value:.3g}{unit}, target at most {most:g}{unit}: {'met' if value <= most else 'MISSED'}\n")


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
