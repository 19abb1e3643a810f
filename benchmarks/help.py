"""What `swebench-runner --help` takes, beside Python alone and click alone, and which imports it goes into."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sidebyside import cost_of, cpu_s, environment, in_turn, print_table, print_target, project, wall_s

ROUNDS = 20
MOST_CPU_S = 0.3
SHOWN = 6
ROWS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    "swebench-runner --help": ("-m", "pytest_swebench", "--help"),
    "swebench-runner run --help": ("-m", "pytest_swebench", "run", "--help"),
}


def main() -> None:
    with project() as folder:
        costs = in_turn(ROUNDS, {name: lambda words=words: cost_of(words, folder) for name, words in ROWS.items()})
        imports = import_s(folder, ROWS["swebench-runner --help"])
    print_table(
        f"help, medians of {ROUNDS} rounds",
        ["", "CPU s", "wall s"],
        [[name, f"{cpu_s(of):.3f}", f"{wall_s(of):.3f}"] for name, of in costs.items()],
    )
    for name in ROWS:
        if name.endswith("--help"):
            print_target(f"CPU of {name}", cpu_s(costs[name]), MOST_CPU_S, " s")
    print_table(
        "imports of swebench-runner --help, by package (-X importtime, one run)",
        ["", "ms"],
        [[name, f"{1000 * of:.1f}"] for name, of in [*imports.most_common(SHOWN), ("all", imports.total())]],
    )


def import_s(folder: Path, words: tuple[str, ...]) -> Counter[str]:
    """Return top-level package or module -> seconds that its own imports took."""
    command = [sys.executable, "-X", "importtime", *words]
    done = subprocess.run(command, cwd=folder, env=environment(folder), text=True, capture_output=True, check=True)
    found: Counter[str] = Counter()
    for own, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE):
        found[name.partition(".")[0]] += int(own) / 1e6
    return found


if __name__ == "__main__":
    main()
