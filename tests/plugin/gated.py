"""Runs of the demo held against a baseline, by an arm that resolves nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.statistics.gate import judge
from tests.plugin.conftest import Run
from tests.support.graded import put, report
from tests.support.samples import sample

IDS = sorted(instance.instance_id for instance in load_demo())
SILENT = """
from pytest_swebench.arms.protocol import Solution

class Silent:
    name, version, paid, oracle = "silent", "1", False, False
    def check(self, instances): pass
    def solve(self, context): return Solution(patch="")

def pytest_swebench_arms():
    return [Silent()]
"""
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
ASKED = ("-m", "experiment", "--dataset=demo", "--arms=silent", "--run-id=now")


@pytest.fixture(autouse=True)
def nowhere(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from GitHub, with an arm that resolves nothing and takes no time."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest(SILENT)


def before(folder: Path, resolved: Sequence[str]) -> str:
    """Write an official report as the baseline and return the option that names it."""
    put(folder / "before.json", report(resolved, [name for name in IDS if name not in resolved]))
    return "--baseline=before.json"


def verdict(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "results" / "now" / "reports" / "gate.json").read_text())
    return told


def bounds(resolved: int) -> tuple[float, float]:
    """Return the bounds of a run that resolves nothing, where the baseline has resolved so many."""
    was = sample("was", {name: (int(place < resolved), 1) for place, name in enumerate(IDS)})
    found = judge(was, sample("is", dict.fromkeys(IDS, (0, 1)))).bounds
    assert found is not None
    return found.low, found.high
