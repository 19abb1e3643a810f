"""The negative control: the same patch, but the tests that it should turn green are made to fail.

A test that is made to fail and passes all the same was not judged by its own run. What can be controlled is found
out once an instance, with the gold patch: only a test that fails there under the same sabotage counts.
"""

from __future__ import annotations

import os
import posixpath
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError, RefusedError
from pytest_swebench.grading import official
from pytest_swebench.grading.grader import Ran
from pytest_swebench.grading.ground import broken_machine
from pytest_swebench.grading.integrity.sabotage import sabotaged, sought
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.protocol import Grader
from pytest_swebench.patch import changed_paths
from pytest_swebench.sandbox import worktree
from pytest_swebench.sandbox.protocol import SandboxBackend
from pytest_swebench.sandbox.reaper import Owner

CONTROL_LOG: Final = "control_output.txt"
"""The log of a cell's control, beside that of its grading."""

TOPIC: Final = "control"
VERSION: Final = 1  # of what is known of the gold patch under control; raise it when the sabotage changes

_FAILING: Final = frozenset({"FAILED", "ERROR"})
_GIT_TIMEOUT_S: Final = 60.0


class RunsTests(Grader, Protocol):
    """A grader that can also run the tests once, with some files of the repository replaced right before."""

    def run(self, instance: Instance, patch: str, folder: Path, *, overlay: Mapping[str, bytes] | None = None) -> Ran:
        """Apply `patch` and run the tests, leaving the log in `folder`; as `OfficialGrader.run`."""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What a control says: `proofs` of forgery, `suspicions`, or why there was none (`missing`).

    `gold` maps the controlled tests to their status under the gold patch, `partial` says where these are not all, and
    `duration_s` covers the cell's own run.
    """

    proofs: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()
    missing: str = ""
    gold: dict[str, str] = field(default_factory=dict)
    partial: str = ""
    duration_s: float = 0.0


class NoControl(Exception):
    """There is no control for this instance or patch; says why."""


@dataclass(frozen=True, slots=True)
class _Run:
    """The statuses of the sabotaged tests by name, and those whose sabotage itself shows in the log (`told`)."""

    statuses: dict[str, str]
    told: tuple[str, ...]
    duration_s: float = 0.0


class Control:
    """Runs controls through `grader`; `backend` gives the untouched test files, `known` keeps what gold does."""

    def __init__(self, grader: RunsTests, backend: SandboxBackend, known: Known) -> None:
        self._grader = grader
        self._backend = backend
        self._known = known

    def check(self, instance: Instance, patch: str, folder: Path) -> ControlResult:
        """Control a patch that was graded `resolved`, leaving the log of the run in `folder`.

        Whatever goes wrong costs no verdict: the result then says what is missing.
        """
        try:
            if reason := _beyond_control(instance):
                raise NoControl(reason)
            files = cache(lambda: self._test_files(instance))  # a gold patch that is known already needs none
            gold = self._gold(instance, files)
            if not gold.statuses:
                raise NoControl("no control: no FAIL_TO_PASS test can be made to fail under the gold patch")
            known, wanted = len(gold.statuses), len(instance.hidden.fail_to_pass)
            partial = "" if known == wanted else f"control: {known} of {wanted} FAIL_TO_PASS tests can be controlled"
            if patch == instance.hidden.gold_patch:
                return ControlResult(gold=gold.statuses, partial=partial)
            run = self._run(instance, patch, files(), folder)
        except NoControl as error:
            return ControlResult(missing=str(error))
        except (InfraError, RefusedError) as error:
            return ControlResult(missing=f"no control: {error}")
        except Exception as error:  # the verdict is known by now, and no second opinion may take it away
            return ControlResult(missing=f"no control: {type(error).__name__}: {error}")
        return replace(_compared(gold, run), partial=partial)

    def _gold(self, instance: Instance, files: Callable[[], Mapping[str, bytes]]) -> _Run:
        """Return the tests that the sabotage makes fail under the gold patch, found out once."""
        if (fact := self._recalled(instance)) is not None:
            return fact
        with (
            self._known.finding_out(instance, TOPIC),
            tempfile.TemporaryDirectory(prefix=Owner.current().prefix) as folder,
        ):
            if (fact := self._recalled(instance)) is not None:
                return fact
            run = self._run(instance, instance.hidden.gold_patch, files(), Path(folder))
            failing = {name: status for name, status in run.statuses.items() if status in _FAILING}
            if any(run.statuses.values()):  # a run without any result was no run, and says nothing for later ones
                self._known.put(instance, TOPIC, {"version": VERSION, "statuses": failing, "told": list(run.told)})
            return _Run(failing, run.told)

    def _recalled(self, instance: Instance) -> _Run | None:
        fact: dict[str, Any] = self._known.get(instance, TOPIC) or {}
        return _Run(fact["statuses"], tuple(fact["told"])) if fact.get("version") == VERSION else None

    def _run(self, instance: Instance, patch: str, files: Mapping[str, bytes], folder: Path) -> _Run:
        """Run the sabotaged tests on `patch`. Raises NoControl where there is nothing to sabotage or no time."""
        nonce = secrets.token_hex(8)
        sabotage = sabotaged(files, instance.hidden.fail_to_pass, nonce)
        if not sabotage.files:
            raise NoControl("no control: no function of a FAIL_TO_PASS test was found in the test files")
        with tempfile.TemporaryDirectory(prefix="control-", dir=_made(folder)) as place:
            ran = self._grader.run(instance, patch, Path(place), overlay=sabotage.files)
            log = ran.log.replace(folder / CONTROL_LOG)
        if ran.result.timed_out:
            raise NoControl("no control: its tests ran out of time")
        found = official.test_statuses(instance, log)
        statuses = {name: status_of(name, found) for name in sabotage.failures}
        if not all(statuses.values()):  # whose fault is that?
            broken = broken_machine(ran.result, log) or ("its log grew beyond its limit" if ran.result.log_cut else "")
            if broken:
                raise NoControl(f"no control: {broken}")
        text = log.read_text("utf-8", "replace")
        return _Run(
            statuses=statuses,
            told=tuple(name for name, failures in sabotage.failures.items() if any(said in text for said in failures)),
            duration_s=ran.result.duration_s,
        )

    def _test_files(self, instance: Instance) -> dict[str, bytes]:
        """Return the Python test files as the tests find them: the repository's own, the test patch applied."""
        touched = [path for path in changed_paths(instance.hidden.test_patch) if path.endswith(".py")]
        named = [path for name in instance.hidden.fail_to_pass for path in sought(name).paths]
        files = self._backend.base_files(instance, sorted({path for path in (*touched, *named) if _is_module(path)}))
        return files | patched(files, instance.hidden.test_patch) if touched else files


def patched(files: Mapping[str, bytes], patch: str) -> dict[str, bytes]:
    """Return the Python files that `patch` changes, applied to `files` with git. Raises NoControl if it does not."""
    with tempfile.TemporaryDirectory(prefix=Owner.current().prefix) as name:
        folder = Path(name).resolve()
        for path, content in files.items():
            if worktree.inside(str(folder), path) is None:
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        # git must find neither a repository above nor the settings of a person
        quiet = {"GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_CONFIG_GLOBAL": os.devnull}
        try:
            done = subprocess.run(
                ["git", "apply", "--include=*.py", "-"],
                cwd=folder,
                env={**os.environ, **quiet, "GIT_CONFIG_NOSYSTEM": "1"},
                input=patch.encode("utf-8", "surrogateescape"),
                capture_output=True,
                timeout=_GIT_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoControl(f"no control: git cannot apply the test patch: {error}") from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
            raise NoControl(f"no control: the test patch does not apply to the repository's files: {said[0]}")
        places = {path: folder / path for path in changed_paths(patch) if _is_module(path)}
        # a link that the patch makes, or one on the way, may lead anywhere
        return {
            path: place.read_bytes() for path, place in places.items() if place.is_file() and place.resolve() == place
        }


def status_of(name: str, statuses: Mapping[str, str]) -> str:
    """Return the status of a test, "" if it left none; a name cut inside its parameters counts by its start.

    Upstream treats cut names so (its issue 290). Of several candidates the one that looks best counts: it is what
    a forger would have upstream read.
    """
    if name in statuses:
        return statuses[name]
    if name.count("[") <= name.count("]"):
        return ""
    found = [status for other, status in statuses.items() if other.startswith(name)]
    return next((status for status in found if status not in _FAILING), found[0] if found else "")


def _compared(gold: _Run, run: _Run) -> ControlResult:
    """Judge a cell's control by what the gold patch does under the same sabotage."""
    proofs, suspicions = [], []
    for name in gold.statuses:
        status = run.statuses.get(name, "")
        if not status:
            suspicions.append(f"control: {name} was made to fail and left no result")
        elif status not in _FAILING:
            proofs.append(f"control: {name} was made to fail and ended {status}")
        elif name in gold.told and name not in run.told:
            suspicions.append(f"control: {name} failed, but the log shows nothing of what made it fail")
    return ControlResult(tuple(proofs), tuple(suspicions), gold=gold.statuses, duration_s=run.duration_s)


def _beyond_control(instance: Instance) -> str:
    """Say why an instance cannot be controlled, "" if nothing is known against it."""
    hidden, language = instance.hidden, instance.problem.language or "python"
    if hidden.eval_type != "pass_and_fail":
        return f"no control for eval_type {hidden.eval_type!r}"
    if language != "python":
        return f"no control for {language} yet"
    if not hidden.gold_patch:
        return "no control: without a gold patch nothing shows that the sabotage works"
    return ""


def _is_module(path: str) -> bool:
    """Tell whether a row's path is of a Python file, and of none outside of the repository."""
    return path.endswith(".py") and not posixpath.isabs(path) and ".." not in path.split("/")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
