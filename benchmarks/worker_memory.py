"""Memory of a pytest-xdist worker that runs cells of the demo, beside one that runs as many trivial tests.

The answers are recordings. Linux only: memory is `VmRSS` when the worker's session ends, and `VmHWM`, the most it
ever was. The share of each SDK is that of a bare interpreter which imports it; a worker pays it only with the provider
or sandbox that needs it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from sidebyside import cost_of_pytest, environment, print_table, print_target, project

ROUNDS = 5
INSTANCES = 6
MOST_MIB = 60.0
SDKS = ("anthropic", "openai", "docker")

STATUS = (
    "{line.split(':')[0]: int(line.split()[1]) for line in open('/proc/self/status') if line[:5] in ('VmRSS', 'VmHWM')}"
)
CONFTEST = f"""
import json
import sys
from pathlib import Path


def pytest_sessionfinish(session):
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        Path(__file__).with_name(f"memory-{{worker['workerid']}}.json").write_text(json.dumps({STATUS}))
"""
EXPERIMENT = """
import pytest


@pytest.mark.experiment(arms=["singleshot"])
def test_cells(experiment):
    experiment.judge()
"""
TRIVIAL = f"""
import pytest


@pytest.mark.parametrize("number", range({INSTANCES}))
def test_trivial(number):
    assert number >= 0
"""
AS_OURS = ["-n", "1", "test_cells.py", "--max-instances", str(INSTANCES), "--outcome", "capture", "--sandbox", "local"]
AS_BARE = ["-n", "1", "test_trivial.py"]

Memory = dict[str, float]
"""MiB of `VmRSS` and `VmHWM`."""


def main() -> None:
    with project() as folder:
        for file, text in {"conftest.py": CONFTEST, "test_cells.py": EXPERIMENT, "test_trivial.py": TRIVIAL}.items():
            (folder / file).write_text(text)
        found: dict[str, list[Memory]] = {}
        for _ in range(ROUNDS):
            for name, memory in measure(folder).items():
                found.setdefault(name, []).append(memory)
    mib = {name: [median(of, "VmRSS"), median(of, "VmHWM")] for name, of in found.items()}
    bare, same, ours = mib["pytest and xdist alone"], mib["-p no:swebench"], mib["a worker that runs cells"]
    print_table(
        f"worker memory: {INSTANCES} cells of the demo or {INSTANCES} trivial tests, medians of {ROUNDS} rounds",
        ["", "RSS MiB", "peak MiB", "ratio"],
        [
            [name, f"{mib[name][0]:.1f}", f"{mib[name][1]:.1f}", f"{mib[name][0] / same[0]:.2f}"]
            for name in (
                "pytest and xdist alone",
                "-p no:swebench",
                "with the plugin, unused",
                "a worker that runs cells",
            )
        ],
    )
    for name in SDKS:
        print(f"  import {name} in a bare interpreter: {mib[name][0] - mib['python'][0]:.1f} MiB")
    print(f"  the environment's other plugins: {same[0] - bare[0]:.1f} MiB")
    print_target("running cells, beyond the same environment without us", ours[0] - same[0], MOST_MIB, " MiB")


def measure(folder: Path) -> dict[str, Memory]:
    """Return what each row holds, measured one after the other."""
    return {
        "pytest and xdist alone": worker(folder, ["-p", "xdist", *AS_BARE], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        "-p no:swebench": worker(folder, ["-p", "no:swebench", *AS_BARE]),
        "with the plugin, unused": worker(folder, AS_BARE),
        "a worker that runs cells": worker(folder, [*AS_OURS, "--output-dir", str(folder / "results")]),
        "python": interpreter(folder, "sys"),
        **{name: interpreter(folder, name) for name in SDKS},
    }


def worker(folder: Path, arguments: list[str], env: dict[str, str] | None = None) -> Memory:
    cost_of_pytest(arguments, folder, env)
    return in_mib((folder / "memory-gw0.json").read_text())


def interpreter(folder: Path, module: str) -> Memory:
    code = f"import {module}, json; print(json.dumps({STATUS}))"
    command = [sys.executable, "-c", code]
    return in_mib(subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True).stdout)


def in_mib(text: str) -> Memory:
    return {name: size_kib / 1024 for name, size_kib in json.loads(text).items()}


def median(of: list[Memory], name: str) -> float:
    return statistics.median(memory[name] for memory in of)


if __name__ == "__main__":
    main()
