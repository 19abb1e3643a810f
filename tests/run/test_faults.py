"""Cells on broken ground, at a limit, or with an arm that is at fault."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError, LimitReached, ProviderRefused, SandboxLost
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.records.results import paid
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.run.bench import INSTANCES, NAME, SECRET, Bench, OwnArm, asking, raising


@pytest.mark.parametrize("error", [InfraError("429 for too long"), SandboxLost("gone"), ProviderRefused("401: no key")])
def test_broken_ground_is_infra_and_never_a_wrong_answer(bench: Bench, error: Exception) -> None:
    result = bench.run(OwnArm(raising(error)))
    assert (result.outcome, result.error) == (Outcome.INFRA, error)
    assert result.record["error"] == {"type": type(error).__name__, "message": str(error)}
    assert result.record["resolved"] is None
    assert "grade" not in bench.phases()


def test_fault_of_an_arm_is_an_error_with_its_traceback(bench: Bench) -> None:
    result = bench.run(OwnArm(raising(ValueError(f"bad {SECRET}"))), attempt=2)
    assert result.outcome is Outcome.ERROR
    path = bench.cell_folder("own") / "error.attempt2.txt"
    place = f"at tests/run/bench.py:{raising.__code__.co_firstlineno + 2}"
    assert result.record["error"] == {
        "type": "ValueError",
        "message": f"bad [redacted] ({place})",
        "traceback": str(path.relative_to(bench.folder.parent)),
    }
    trace = path.read_text(encoding="utf-8")
    assert trace.startswith("Traceback")
    assert "ValueError: bad [redacted]" in trace
    assert result.record["attempt"] == 2


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ("a patch", "arm 'own': solve() returned a str, 'a patch'; return a Solution(...)"),
        (None, "arm 'own': solve() returned a NoneType, None; return a Solution(...)"),
        (
            Solution(stop=cast("Stop", "steps")),
            "arm 'own': its solution has stop='steps'; give a Stop",
        ),
    ],
)
def test_arm_that_leaves_something_else_is_told_what_to_return(bench: Bench, left: Any, message: str) -> None:
    result = bench.run(OwnArm(lambda context: left))
    assert result.outcome is Outcome.ERROR
    assert result.record["error"]["type"] == "TypeError"
    assert result.record["error"]["message"].startswith(message)


def test_grading_on_broken_ground_is_infra_with_the_patch_kept(bench: Bench) -> None:
    script = "#!/bin/bash\necho 'curl: (6) Could not resolve host: example.org'\n"
    hidden = dataclasses.replace(INSTANCES[NAME].hidden, eval_script=script)
    bench.instances[NAME] = dataclasses.replace(INSTANCES[NAME], hidden=hidden)
    result = bench.run("gold")
    assert result.outcome is Outcome.INFRA
    assert "on broken ground: network_unreachable" in result.record["error"]["message"]
    assert (result.record["resolved"], result.record["verdict"]) == (None, None)
    assert result.record["patch"] == hidden.gold_patch
    assert (bench.cell_folder("gold") / "patch.diff").read_text(encoding="utf-8") == hidden.gold_patch


def test_diff_left_at_a_limit_is_kept_and_graded(bench: Bench) -> None:
    def work(context: SolveContext) -> Solution:
        done = context.sandbox().run("git apply -", timeout_s=30, stdin=INSTANCES[NAME].hidden.gold_patch.encode())
        assert done.exit_code == 0, done.output
        raise LimitReached(Stop.COST, "the cell's 0.10 USD are spent")

    result = bench.run(OwnArm(work))
    assert result.outcome is Outcome.RESOLVED
    assert (result.record["stop"], result.record["notes"]) == ("cost", "the cell's 0.10 USD are spent")
    assert "diff --git" in result.record["patch"]


@pytest.mark.parametrize("opened", [False, True])
def test_limit_without_a_diff_is_a_limit(bench: Bench, opened: bool) -> None:
    def work(context: SolveContext) -> Solution:
        if opened:
            context.sandbox()
        raise LimitReached(Stop.TIME, "300 s are over")

    result = bench.run(OwnArm(work))
    assert (result.outcome, result.record["stop"], result.record["patch"]) == (Outcome.LIMIT, "time", "")
    assert bench.phases() == (["solve", "sandbox", "solve", "record"] if opened else ["solve", "record"])


def test_unpaid_arm_that_calls_a_model_is_told_what_to_declare(bench: Bench) -> None:
    result = bench.run(OwnArm(asking))
    assert result.outcome is Outcome.ERROR
    assert "arm 'own' called a provider but declares paid = False; set paid = True" in result.record["error"]["message"]
    assert not paid(bench.entries(), f"{NAME}/own/r1")


@dataclass
class Sticky:
    """A backend whose sandboxes cannot be removed, as where the engine is gone by then."""

    backend: LocalBackend

    def open(self, instance: Instance) -> Sandbox:
        return cast("Sandbox", StickySandbox(self.backend.open(instance)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)


@dataclass
class StickySandbox:
    opened: Sandbox

    def close(self) -> None:
        self.opened.close()
        raise SandboxLost("the engine does not answer")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.opened, name)


@pytest.mark.parametrize(("patch", "outcome"), [(True, Outcome.RESOLVED), (False, Outcome.NO_PATCH)])
def test_sandbox_that_is_not_removed_costs_no_patch(
    tmp_path: Path, backend: LocalBackend, patch: bool, outcome: Outcome
) -> None:
    def work(context: SolveContext) -> Solution:
        context.sandbox()
        return Solution(patch=INSTANCES[NAME].hidden.gold_patch if patch else "", notes="mine")

    result = Bench(tmp_path / "results", cast("LocalBackend", Sticky(backend))).run(OwnArm(work))
    assert (result.outcome, result.error) == (outcome, None)
    assert result.record["notes"] == "mine; sandbox not removed: the engine does not answer"
