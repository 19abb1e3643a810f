"""The stages of a local task in one sandbox: clone, install, test, each under its own limit and timed.

Cloning is done outside of the sandbox, where people's own git settings are and nothing of the repository runs; what
counts as its time is how long it takes until the working copy stands. Only installing is given a network.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from pytest_swebench.arms.agent.applying import apply_diff
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.local.result import Status, TaskResult, last_line
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.datasets.instance import Task
from pytest_swebench.datasets.taskscript import PRELUDE, install_script, pip_script, pytest_command
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox

NOT_RUN: Final = -1
_NO_TESTS: Final = 5  # pytest's exit code where it collected none
_REPORT: Final = ".git/task-report.xml"  # in reach of the sandbox, and no part of any diff
_HEAD_BYTES: Final = 4_096  # the counts stand in the report's first element
_PYTEST_TIME: Final = re.compile(r" in \d[\d.]*s( \([\d:]+\))?$")
_SHOWN_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Tested:
    """One run of tests: pytest's own verdict, its last line, and all that it printed."""

    status: Status
    exit_code: int
    tail: str
    output: str
    duration_s: float

    @property
    def said(self) -> str:
        """The last line without pytest's time, so that it is the same in every run."""
        return f"tests: {_PYTEST_TIME.sub('', self.tail) or f'exit code {self.exit_code}'}"


class Stages:
    """Runs the stages of `context`'s task; `seconds` holds what each took, of the tests their last run.

    Every method raises what the sandbox raises, and LimitReached once the time for solving is over.
    """

    def __init__(self, context: SolveContext, clock: Clock) -> None:
        if context.problem.task is None:
            raise TypeError(f"{context.problem.instance_id!r} is no local task")  # arms have refused it long before
        self.task: Task = context.problem.task
        self.seconds: dict[str, float] = {}
        self.before: Tested | None = None
        self.last: Tested | None = None
        self.patch_applied = False
        self._context = context
        self.clock = clock
        self._begun = time.monotonic()

    @property
    def sandbox(self) -> Sandbox:
        return self._context.sandbox()

    def clone(self) -> Sandbox:
        """Return the working copy at the task's ref."""
        begun = time.monotonic()
        try:
            return self.sandbox
        finally:
            self.seconds.setdefault("clone", time.monotonic() - begun)

    def install(self) -> CommandResult:
        """Install what the repository declares."""
        return self._install(install_script())

    def pip_install(self, requirements: Sequence[str]) -> CommandResult:
        """Install `requirements` beside it."""
        return self._install(pip_script(requirements))

    def test(self, arguments: Sequence[str] | None = None) -> Tested:
        """Run the task's tests, or pytest with `arguments` in place of the task's selection.

        Only the task's own tests count as its last.
        """
        own = arguments is None
        report = [f"--junitxml={_REPORT}", "--color=no"]
        selected = (self.task.pytest_k, self.task.pytest_paths) if own else ()
        command = pytest_command([*report, *(arguments or ())], *selected)
        with closing(self.sandbox.shell()) as shell:  # it keeps the end of a long output, where pytest's last line is
            ran = shell.run(f"rm -f {_REPORT}\n{PRELUDE}{command}", timeout_s=self._limit_s("test"))
        tested = _tested(ran, self._passed())
        if own:
            self.last = tested
            self.seconds["test"] = tested.duration_s
        return tested

    def apply(self, patch: str) -> CommandResult:
        """Apply a unified diff; what the tests said before is kept as `before`."""
        self.before = self.last
        done = apply_diff(self.sandbox, patch, self.clock, recount=True)
        self.patch_applied = done.exit_code == 0
        return done

    def patched(self) -> None:
        """Take note of a patch that somebody else has applied; what the tests said first is kept as `before`."""
        self.before = self.before or self.last
        self.patch_applied = True

    def result(self, trouble: str = "") -> TaskResult:
        """Return what the task has come to; `trouble` is what kept its tests from running, or from running again."""
        problem, last, before = self._context.problem, self.last, self.before
        result = TaskResult(
            task_id=problem.instance_id,
            repo=problem.repo,
            ref=self.task.ref,
            pytest_k=self.task.pytest_k,
            status=last.status if last else Status.FAIL,
            exit_code=last.exit_code if last else NOT_RUN,
            duration_s=round(time.monotonic() - self._begun, 3),
            tail=last.tail if last else last_line(trouble),
            patch_applied=self.patch_applied,
            duration_clone_s=round(self.seconds.get("clone", 0.0), 3),
            duration_install_s=round(self.seconds.get("install", 0.0), 3),
            duration_test_s=round(self.seconds.get("test", 0.0), 3),
        )
        return result if before is None else replace(result, tail_before=before.tail, status_before=before.status)

    def _install(self, script: str) -> CommandResult:
        sandbox, timeout_s = self.sandbox, self._limit_s("install")
        begun = time.monotonic()
        try:
            # without a network there may still be wheels in the repository
            return (sandbox.install if sandbox.installs else sandbox.run)(script, timeout_s=timeout_s)
        finally:
            self.seconds["install"] = self.seconds.get("install", 0.0) + time.monotonic() - begun

    def _passed(self) -> int | None:
        """Return how many tests passed, by the report of the last run; None where it left none."""
        try:
            head = self.sandbox.read(_REPORT, max_bytes=_HEAD_BYTES)
        except FileNotFoundError:
            return None
        return passed_in(head)

    def _limit_s(self, stage: str) -> float:
        return min(self.task.timeouts_s[stage], self.clock.left_s())


def install_trouble(installed: CommandResult) -> str:
    """Return in one line why installing failed: pip's first error, which is the innermost, else the last line."""
    if installed.timed_out:
        return f"it took more than {installed.duration_s:.0f} s"
    errors = (line.strip() for line in installed.output.splitlines() if line.strip().startswith("ERROR:"))
    said = next(errors, "") or last_line(installed.output) or f"exit code {installed.exit_code}"
    return said[:_SHOWN_CHARS]


def passed_in(report: bytes) -> int | None:
    """Return how many tests passed by the beginning of pytest's JUnit report; None where it has no counts.

    A test that was expected to fail and did counts as skipped there.
    """
    _, start, rest = report.partition(b"<testsuite ")
    element = start + rest.partition(b">")[0]
    counts = {name: int(number) for name, number in re.findall(rb'\b(errors|failures|skipped|tests)="(\d+)"', element)}
    if b"tests" not in counts:
        return None
    return counts[b"tests"] - sum(number for name, number in counts.items() if name != b"tests")


def _tested(ran: CommandResult, passed: int | None) -> Tested:
    if ran.timed_out:
        return Tested(
            Status.FAIL, ran.exit_code, f"the tests took more than {ran.duration_s:.0f} s", ran.output, ran.duration_s
        )
    status = Status.FAIL
    if ran.exit_code == 0 and passed is not None:
        status = Status.PASS if passed > 0 else Status.OK
    elif ran.exit_code == _NO_TESTS:
        status = Status.OK
    return Tested(status, ran.exit_code, last_line(ran.output), ran.output, ran.duration_s)
