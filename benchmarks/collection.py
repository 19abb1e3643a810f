"""Collecting 27,528 cells (2,294 instances x 12 arms) beside a plain parametrize of as many ids, and parts of them.

The plain test makes its ids out of nothing; ours reads 22 MB of rows, checks them and keeps them for the other
processes of the run. What that costs is told apart by the rows with a twelfth of the cells.
"""

from __future__ import annotations

import json
from pathlib import Path

from sidebyside import Cost, cost_of_pytest, cpu_ratio, cpu_s, in_turn, print_table, print_target, project, wall_s

ROUNDS = 9
INSTANCES = 2294
ARMS = 12
MOST = 1.15
ACTIVE = ("--split", "test")  # what the marker says anyway; an option wakes up what a real run needs
REPOSITORIES = (
    "django",
    "sympy",
    "astropy",
    "pylint",
    "sphinx",
    "xarray",
    "flask",
    "pytest",
    "numpy",
    "black",
    "attrs",
    "rich",
)

OURS = """
import pytest


@pytest.mark.experiment(dataset="rows.jsonl", arms=[f"arm{{number}}" for number in range({arms})])
def test_ours(experiment):
    experiment.judge()
"""
PLAIN = """
import pytest

IDS = [f"{{name}}__{{name}}-{{10000 + number}}/arm{{arm}}/r1"
    for name, number in [({repositories!r}[number % {width}], number) for number in range({instances})]
    for arm in range({arms})]


@pytest.mark.parametrize("case", IDS)
def test_plain(case):
    assert case
"""
CONFTEST = '''
from pytest_swebench.arms.protocol import Solution


class Idle:
    """Leaves nothing; it is only collected here."""

    version, paid, oracle = "1", False, False

    def __init__(self, name):
        self.name = name

    def check(self, instances):
        pass

    def solve(self, context):
        return Solution()


def pytest_swebench_arms():
    return [Idle(f"arm{{number}}") for number in range({arms})]
'''


def main() -> None:
    with project() as folder:
        make_project(folder)
        size_mb = (folder / "rows.jsonl").stat().st_size / 1e6
        costs = in_turn(
            ROUNDS,
            {
                "plain, 27,528 ids": lambda: collect(folder, "test_plain.py"),
                "ours, 27,528 cells": lambda: collect(folder, "test_ours.py", *ACTIVE),
                "plain, one id in 12": lambda: collect(folder, "test_part.py"),
                "ours, --arms one of 12": lambda: collect(folder, "test_ours.py", "--arms", "arm3"),
                "ours, --instances one in 12": lambda: collect(folder, "test_ours.py", "--instances", "django__"),
            },
        )
    plain, ours, part, one_arm, one_repository = costs.values()
    print_table(
        f"collection: --collect-only -qq, {size_mb:.0f} MB of rows, medians of {ROUNDS} rounds",
        ["", "CPU s", "wall s", "ratio"],
        [[name, f"{cpu_s(of):.2f}", f"{wall_s(of):.2f}", f"{cpu_ratio(of, plain):.2f}"] for name, of in costs.items()],
    )
    dataset = f"reads and checks the rows: {cpu_s(one_repository) - cpu_s(part):.2f} s of CPU"
    print(
        f"  {dataset}; keeps all of them for the run, too: {cpu_s(one_arm) - cpu_s(part):.2f} s (one process of a run)"
    )
    cells = (cpu_s(ours) - cpu_s(one_arm)) / (cpu_s(plain) - cpu_s(part))
    print(f"  a further cell beside a further id: {cells:.2f}")
    print_target("CPU beside a plain parametrize", cpu_ratio(ours, plain), MOST)


def collect(folder: Path, file: str, *options: str) -> Cost:
    return cost_of_pytest(["--collect-only", "-qq", file, *options], folder)


def make_project(folder: Path) -> None:
    width = len(REPOSITORIES)
    for file, arms in {"test_plain.py": ARMS, "test_part.py": 1}.items():
        text = PLAIN.format(repositories=REPOSITORIES, width=width, instances=INSTANCES, arms=arms)
        (folder / file).write_text(text)
    (folder / "conftest.py").write_text(CONFTEST.format(arms=ARMS))
    (folder / "test_ours.py").write_text(OURS.format(arms=ARMS))
    with (folder / "rows.jsonl").open("w") as rows:
        for number in range(INSTANCES):
            rows.write(json.dumps(row(REPOSITORIES[number % width], number)) + "\n")


def row(name: str, number: int) -> dict[str, str]:
    """Return a row with every column of the official shape, of a middling size."""
    code = "    return first + second  # neither too short nor too long\n"
    instance_id = f"{name}__{name}-{10000 + number}"
    return {
        "repo": f"{name}/{name}",
        "instance_id": instance_id,
        "base_commit": f"{number:040x}",
        "patch": "diff --git a/one.py b/one.py\n" + code * 15,
        "test_patch": "diff --git a/tests/test_one.py b/tests/test_one.py\n" + code * 30,
        "problem_statement": code * 30,
        "hints_text": code * 15,
        "created_at": "2024-01-01T00:00:00Z",
        "version": "1.0",
        "FAIL_TO_PASS": json.dumps([f"tests/test_one.py::test_new[{test}]" for test in range(3)]),
        "PASS_TO_PASS": json.dumps([f"tests/test_one.py::test_old[{test}]" for test in range(60)]),
        "environment_setup_commit": f"{number:040x}",
        "difficulty": "<15 min fix",
        "image": f"example.org/{instance_id}:latest",
        "eval_script": "#!/bin/bash\n" + code * 20,
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
    }


if __name__ == "__main__":
    main()
