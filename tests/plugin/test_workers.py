"""Workers that die, runs that are stopped, reruns: what happened is recorded once, and nothing else is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.plugin.conftest import Run, outcomes, records, variant_files

ARMS = """
import os, signal, time
from pathlib import Path
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.errors import ProviderError, ProviderRefused
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage

class Arm:
    version, paid, oracle = "1", False, True
    def __init__(self, name, act):
        self.name, self._act = name, act
    def check(self, instances):
        pass
    def solve(self, context):
        self._act(context)
        return Solution(patch=context.hidden.gold_patch)

def die(context):
    if context.problem.instance_id == "tinyconf__tinyconf-9":
        os.kill(os.getpid(), signal.SIGKILL)

def flaky(context):
    mark = Path(f"tried-{context.problem.instance_id}")
    if not mark.exists():
        mark.touch()
        raise ProviderError("503 from the endpoint")

def refused(context):
    raise ProviderRefused("401: the key is not accepted")

def slow(context):
    Path("sandbox.txt").write_text(context.sandbox().workdir)
    time.sleep(60)

def broken(context):
    raise ZeroDivisionError("a bug of the arm")

def die_once(context):
    mark = Path("died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)

class Canned:
    name = "canned"
    def complete(self, request, *, timeout_s):
        return Answer(text="no", model=request.model, stop_reason=StopReason.END, usage=Usage(5, 1))
    def close(self):
        pass

class PaidThenDead(Arm):
    paid = True
    def solve(self, context):
        message = Message("user", "please")
        context.provider.complete(Request(model="m", messages=(message,)), timeout_s=5)
        return super().solve(context)

def pytest_swebench_providers():
    return {"canned": Canned}

def pytest_swebench_arms():
    acts = (die, flaky, refused, slow, broken, die_once)
    return [Arm(act.__name__, act) for act in acts] + [PaidThenDead("paid", die_once)]
"""
EXPERIMENT = "import pytest\n@pytest.mark.experiment\ndef test_it(experiment): experiment.judge()"


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ARMS)
    pytester.makepyfile(test_it=EXPERIMENT)


def test_killed_worker_costs_one_cell_and_is_recorded_once(run: Run, pytester: pytest.Pytester) -> None:
    result = run("-m", "experiment", "--arms", "die,null", "--instances", "tinyconf", "-n", 2, "--outcome", "capture")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    expected = {f"tinyconf__tinyconf-{number}/null/r1": "unresolved" for number in (5, 9, 13, 16)}
    expected |= {f"tinyconf__tinyconf-{number}/die/r1": "resolved" for number in (5, 13, 16)}
    expected["tinyconf__tinyconf-9/die/r1"] = "infra"
    assert outcomes(pytester.path) == expected
    lines = variant_files(pytester.path)["die_run1"]
    assert sorted(line["instance_id"] for line in lines[1:]) == sorted({cell.split("/")[0] for cell in expected})
    (lost,) = [line for line in lines[1:] if line["outcome"] == "infra"]
    assert lost["error"] == {"type": "WorkerLost", "message": "the worker process died"}
    result.stdout.fnmatch_lines(["die* 3/3 *", "missing: die 1 infra of 4 cells; coverage 75.0%", "infra 1: *"])


def test_infrastructure_errors_are_rerun_and_wrong_answers_are_not(run: Run, pytester: pytest.Pytester) -> None:
    options = ("--arms", "flaky,null,refused,broken", "--instances", "tinyconf-5", "--reruns", 2)
    result = run("-m", "experiment", *options)
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["tests: 1 passed, 1 failed, 2 error, 1 rerun, 4 collected"])
    attempts = {record["variant"]: (record["outcome"], record["attempt"]) for record in records(pytester.path)}
    assert attempts == {
        "flaky": ("resolved", 2),
        "null": ("unresolved", 1),
        "refused": ("infra", 1),
        "broken": ("error", 1),
    }
    assert [line["attempt"] for line in variant_files(pytester.path)["flaky_run1"][1:]] == [2]


@pytest.mark.parametrize("asked", ["ini", "marker", "own repeat"])
def test_wrong_answer_is_never_asked_again(run: Run, pytester: pytest.Pytester, asked: str) -> None:
    marks = {"marker": "@pytest.mark.flaky(reruns=3)\n", "own repeat": "@pytest.mark.repeat(2)\n"}
    pytester.makepyfile(test_it=EXPERIMENT.replace("@", marks.get(asked, "") + "@", 1))
    if asked == "ini":
        pytester.makeini("[pytest]\nreruns = 3\n")
    result = run("-m", "experiment", "--arms", "null", "--instances", "tinyconf-5")
    result.stdout.fnmatch_lines(["tests: 0 passed, 1 failed, 0 rerun, 1 collected"])
    assert [record["attempt"] for record in records(pytester.path)] == [1]


def test_secret_in_an_error_is_shown_nowhere(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-0123456789")
    pytester.makeconftest(ARMS.replace("a bug of the arm", "key canary-0123456789"))
    result = run("-m", "experiment", "--arms", "broken", "--instances", "tinyconf-5", "--junitxml=out.xml")
    result.assert_outcomes(errors=1)
    assert "canary" not in result.stdout.str() + pytester.path.joinpath("out.xml").read_text()
    assert not [
        path for path in pytester.path.glob("results/**/*") if path.is_file() and b"canary" in path.read_bytes()
    ]


def test_cell_that_died_before_paying_is_rerun(run: Run, pytester: pytest.Pytester) -> None:
    options = ("--arms", "die_once", "--instances", "tinyconf-5,tinyconf-9", "--reruns", 2, "-n", 1)
    run("-m", "experiment", *options)
    assert set(outcomes(pytester.path).values()) == {"resolved"}
    assert sorted(record["attempt"] for record in records(pytester.path)) == [1, 2]


def test_cell_that_died_after_paying_is_not_rerun(run: Run, pytester: pytest.Pytester) -> None:
    options = ("--arms", "paid", "--instances", "tinyconf-5,tinyconf-9", "--reruns", 2, "-n", 1, "--price=0")
    asked = ("--dataset=demo", "--provider=canned", "--model=m", "--sandbox=local")
    result = run("-m", "experiment", *options, *asked)
    assert sorted(outcomes(pytester.path).values()) == ["infra", "resolved"]
    assert [record["attempt"] for record in records(pytester.path)] == [1, 1]
    result.stdout.fnmatch_lines(["tests: 1 passed, 1 failed, 0 rerun, 2 collected"])


def test_fault_of_an_arm_is_an_error_with_a_traceback_on_file(run: Run, pytester: pytest.Pytester) -> None:
    result = run("-m", "experiment", "--arms", "broken", "--instances", "tinyconf-5")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*tinyconf__tinyconf-5/broken/r1: error: ZeroDivisionError: a bug of the arm*"])
    (trace,) = pytester.path.glob("results/*/cells/*/broken/rep1/error.attempt1.txt")
    assert "in broken" in trace.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_leaves_no_sandbox_and_a_record(
    run: Run, pytester: pytest.Pytester, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "pytest", "-m", "experiment", "--arms", "slow", "--instances", "tinyconf-5"]
    # a background child of a shell may inherit an ignored SIGINT; restore it as a terminal would have it
    process = subprocess.Popen(
        command,
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    mark = pytester.path / "sandbox.txt"
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < deadline, "the cell never began"
        time.sleep(0.05)
    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not Path(mark.read_text()).exists()
    assert outcomes(pytester.path) == {"tinyconf__tinyconf-5/slow/r1": "infra"}
    assert "experiment summary" in output


def test_unrelated_suite_never_meets_the_plugin(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("")
    pytester.makepyfile(test_it="import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_it(n): pass")
    for mode in ("loadscope", "loadgroup", "loadfile"):
        result = run("-n", 2, "--dist", mode)
        result.assert_outcomes(passed=6)
        assert "swebench" not in result.stdout.str().replace("swebench-0", "")
        result.stdout.fnmatch_lines(["plugins: *base-url-*"])
        result.stdout.fnmatch_lines(["plugins: *replay-*"])
    assert not pytester.path.joinpath("results").exists()
