"""What outlives a run that was killed, and what its closing lines say, compared with pytest's own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.plugin.conftest import Run, outcomes, variant_files

ARMS = """
import os, time
from pathlib import Path
from pytest_swebench.arms.protocol import Solution

class Arm:
    name, version, paid, oracle = "slow", "1", False, True
    def check(self, instances):
        pass
    def solve(self, context):
        if context.problem.instance_id == "tinyconf__tinyconf-9":
            Path("begun.txt").write_text("yes")
            time.sleep(60)
        return Solution(patch=context.hidden.gold_patch)

def pytest_swebench_arms():
    return [Arm()]
"""
EXPERIMENT = "import pytest\n@pytest.mark.experiment\ndef test_it(experiment): experiment.judge()"
CRASHING = """
import os, signal
from pathlib import Path
import pytest

@pytest.mark.experiment
def test_own(cell, writer_pool):
    mark = Path(f"died-{cell.instance_id}")
    if "tinyconf-9" in cell.instance_id and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    writer_pool.get("own", 1).write_result(scenario_id=cell.instance_id)
"""
EVERY_ENDING = """
import os, signal
from pathlib import Path
import pytest

@pytest.fixture
def broken(): raise RuntimeError("set-up")

@pytest.fixture
def leaky():
    yield
    raise RuntimeError("tear-down")

def test_first(writer_pool): writer_pool.get("own", 1).write_result(scenario_id="a")
def test_passes(): pass
def test_fails(): assert False
def test_set_up(broken): pass
def test_tear_down(leaky): pass
def test_fails_twice(leaky): assert False
@pytest.mark.skip(reason="so")
def test_marked(): pass
def test_skips(): pytest.skip("so")
@pytest.mark.xfail(reason="known")
def test_known(): assert False
def test_dies(request):
    if hasattr(request.config, "workerinput") and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_run_that_is_killed_is_completed_by_merge(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ARMS)
    pytester.makepyfile(test_it=EXPERIMENT)
    command = [sys.executable, "-m", "pytest", "-m", "experiment", "--arms", "slow", "--instances", "tinyconf"]
    process = subprocess.Popen([*command, "-k", "tinyconf-5 or tinyconf-9"], cwd=pytester.path, stdout=subprocess.PIPE)
    mark = pytester.path / "begun.txt"
    deadline = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < deadline, "the cell never began"
        time.sleep(0.05)
    (folder,) = (path.parent for path in pytester.path.glob("results/*/journal"))
    early = merge(folder)
    assert "still at work: 1 cells" in early
    assert outcomes(pytester.path) == {"tinyconf__tinyconf-5/slow/r1": "resolved"}
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    late = merge(folder)
    expected = {"tinyconf__tinyconf-5/slow/r1": "resolved", "tinyconf__tinyconf-9/slow/r1": "infra"}
    assert outcomes(pytester.path) == expected
    lines = variant_files(pytester.path)["slow_run1"]
    assert [line.get("outcome") for line in lines] == [None, "resolved", "infra"]
    (summary,) = json.loads((folder / "summary.json").read_text())["variants"]
    assert (summary["selected"], summary["coverage"]) == (2, 0.5)
    assert re.search(r"^slow\* +1/1 ", late, re.MULTILINE)
    assert "\nmissing: slow 1 infra of 2 cells; coverage 50.0%\n" in late


def merge(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest_swebench", "merge", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_merge_after_k_says_the_coverage_of_the_run(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=EXPERIMENT)
    run("-m", "experiment", "--arms", "gold,null", "--instances", "tinyconf", "-k", "tinyconf-5 and gold", "-n", 1)
    (folder,) = (path.parent for path in pytester.path.glob("results/*/journal"))
    before = (folder / "summary.json").read_bytes()
    merge(folder)
    assert (folder / "summary.json").read_bytes() == before
    assert [one["variant"] for one in json.loads(before)["variants"]] == ["gold"]


def test_own_test_that_died_and_was_rerun_leaves_no_false_record(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=CRASHING)
    options = ("--arms", "gold", "--instances", "tinyconf-5,tinyconf-9", "--reruns", 1, "-n", 1)
    result = run("-m", "experiment", *options)
    result.stdout.fnmatch_lines(["tests: 2 passed, 0 failed, 1 rerun, 2 collected"])
    assert outcomes(pytester.path) == {}
    files = variant_files(pytester.path)
    assert list(files) == ["own_run1"]
    told = sorted(line["scenario_id"] for line in files["own_run1"][1:])
    assert told == ["tinyconf__tinyconf-5", "tinyconf__tinyconf-9"]


@pytest.mark.parametrize("options", [(), ("-n", 1), ("--reruns", 1), ("--reruns", 1, "-n", 1)])
def test_tests_are_counted_as_in_the_closing_line(
    run: Run, pytester: pytest.Pytester, options: tuple[str | int, ...]
) -> None:
    pytester.makepyfile(test_all=EVERY_ENDING)
    result = run("test_all.py", "-m", "experiment or not experiment", *options)
    (line,) = [line for line in result.outlines if line.startswith("tests: ")]
    ours = {noun: int(count) for count, noun in re.findall(r"(\d+) (\w+)", line)}
    theirs = {re.sub("^errors$", "error", noun): count for noun, count in result.parseoutcomes().items()}
    names = ("passed", "failed", "error", "skipped", "rerun")
    assert {name: ours.get(name, 0) for name in names} == {name: theirs.get(name, 0) for name in names}
    assert ours["collected"] == 10
