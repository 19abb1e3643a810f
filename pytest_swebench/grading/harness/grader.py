"""A grader that leaves everything to the installed official harness, and takes from it nothing but the verdict."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InfraError, InputError
from pytest_swebench.grading.harness.call import (
    MODEL,
    SLACK_S,
    Ended,
    command,
    image_of,
    kill_group,
    put_input,
    remove_containers,
    run_harness,
)
from pytest_swebench.grading.harness.probe import Harness, probe
from pytest_swebench.grading.harness.results import INSTANCE_LOG, Result, Written, read_result
from pytest_swebench.grading.protocol import TIMEOUT_S, Grade
from pytest_swebench.outcome import Integrity, IntegrityState, Verdict
from pytest_swebench.records.layout import EVAL_FILE, LOG_FILE, REPORT_FILE, write_whole
from pytest_swebench.sandbox.images.names import NAMESPACE_VARIABLE
from pytest_swebench.sandbox.reaper import Owner

PYTHON_VARIABLE: Final = "SWEBENCH_HARNESS_PYTHON"
OUTPUT_FILE: Final = "harness.log"
"""What the harness printed, then its log of the instance."""

_KEPT: Final = (LOG_FILE, REPORT_FILE, EVAL_FILE)
_TAIL_LINES: Final = 12
_UNCONTROLLED: Final = Integrity(IntegrityState.NOT_CONTROLLED, ("the official harness has no negative control",))
_WORKDIR: Final = "/testbed"  # the only one that the harness knows


class HarnessGrader:
    """Grader that runs the official harness for each patch: 4.1.x or 5.x, as it is, with its own containers.

    `python` is the interpreter that has it: else the one that SWEBENCH_HARNESS_PYTHON names, else this one.
    `timeout_s` bounds the tests of one grading. `run_id` stands in the names of containers. `namespace` says where the
    official images are looked up: else what SWEBENCH_DOCKER_NAMESPACE says, and nothing where it is not set.
    """

    def __init__(
        self, *, python: str | None = None, timeout_s: float = TIMEOUT_S, run_id: str = "", namespace: str | None = None
    ) -> None:
        self._python = python or os.environ.get(PYTHON_VARIABLE) or sys.executable
        self._timeout_s = timeout_s
        self._run_id = run_id
        self._namespace = os.environ.get(NAMESPACE_VARIABLE, "") if namespace is None else namespace
        self._harness: Harness | None = None
        self._probing = threading.Lock()
        self._running: dict[str, set[int]] = {}  # process groups, by the token in the names of their containers

    @property
    def harness(self) -> Harness:
        """The harness, asked for its version and flags on first use. Raises InputError."""
        with self._probing:
            if self._harness is None:
                self._harness = probe(self._python)
            return self._harness

    def check(self, instances: Iterable[Instance]) -> None:
        """Raise InputError without a harness that can be used, or for an instance that it cannot grade."""
        harness = self.harness
        if "{" in self._namespace and not harness.images_come_from_rows:
            raise InputError(
                f"{NAMESPACE_VARIABLE}={self._namespace!r}: swebench {harness.version} makes the names of images by "
                "itself and takes a namespace, no template"
            )
        for instance in instances:
            if instance.kind is Kind.SCENARIO:
                continue
            if lack := _lack(harness, instance):
                raise InputError(
                    f"swebench {harness.version} cannot grade {instance.instance_id!r}: {lack}; "
                    "grade it without --harness official"
                )

    def grade(self, instance: Instance, patch: str, folder: Path) -> Grade:
        """Grade `patch`, leaving `harness.log` and the harness's `test_output.txt`, `report.json` and `eval.sh`.

        An empty patch is never run, as upstream, and leaves nothing. Raises InfraError where the harness left no
        result, an error, or what it calls a failure of the infrastructure; InputError as `check` does.
        """
        if not patch:
            return Grade(Verdict(resolved=False, applied=False, reason="empty_patch"))
        self.check([instance])
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*_KEPT, OUTPUT_FILE):  # of an earlier grading, which this one may fail to replace
            (folder / name).unlink(missing_ok=True)
        # not in the results: it holds the row, and whoever stores the patch knows what to redact
        with tempfile.TemporaryDirectory(prefix=Owner.current().prefix) as name:
            result = self._run(instance, patch, Path(name), folder)
        conditions = {"harness": f"swebench {self.harness.version}", "profile": "official", "network": "bridge"}
        return Grade(result.verdict, _UNCONTROLLED, duration_s=time.monotonic() - started, conditions=conditions)

    def close(self) -> None:
        """End the calls at work with their containers. Safe in a signal handler that interrupted one of them.

        Raises DockerUnavailable or InfraError.
        """
        running = dict(self._running)
        for groups in running.values():
            for group in tuple(groups):
                kill_group(group)
        for token in running:
            remove_containers(token)

    def _run(self, instance: Instance, patch: str, work: Path, folder: Path) -> Result:
        """Call the harness in `work`, and keep in `folder` what it says."""
        # unique: the harness removes a container of the same name, though another run's cell be working in it
        run_id = f"{self._run_id.replace('+', '-')}.{work.name}".lstrip(".")  # no plus in a container's name
        written = Written(work, run_id, MODEL, instance.instance_id)
        harness, output = self.harness, folder / OUTPUT_FILE
        put_input(instance, patch, work, image=image_of(harness, instance, self._namespace))
        arguments = command(harness, run_id=run_id, timeout_s=self._timeout_s, namespace=self._namespace)
        running = self._running[work.name] = set()
        try:
            ended = run_harness(arguments, work, output, timeout_s=self._timeout_s + SLACK_S, running=running)
        finally:
            remove_containers(work.name)
            del self._running[work.name]
            _keep(written, folder)
        try:
            result = read_result(written)
        except InfraError as error:
            raise InfraError(f"{error}; {_end_of(output)}") from error
        if result is None:
            raise _no_result(instance, harness, ended, output)
        if result.report:
            write_whole(folder / REPORT_FILE, json.dumps(result.report, indent=4))
        return result


def _lack(harness: Harness, instance: Instance) -> str:
    """Say why this harness cannot grade `instance`; nothing where it can."""
    if instance.kind is not Kind.ISSUE or instance.source is not None:
        return "it is a task of its own tree, without an official row"
    if instance.problem.workdir != _WORKDIR:
        return f"its repository lies in {instance.problem.workdir!r}, and the harness knows {_WORKDIR!r} alone"
    if harness.images_come_from_rows and (missing := instance.missing_for_grading()):
        return f"its row lacks {', '.join(missing)}"
    return ""


def _keep(written: Written, folder: Path) -> None:
    """Copy the instance's files to the cell's folder, and join the harness's two logs."""
    for name in _KEPT:
        if (written.logs / name).is_file():
            shutil.copyfile(written.logs / name, folder / name)
    log = written.logs / INSTANCE_LOG
    if log.is_file():
        with (folder / OUTPUT_FILE).open("ab") as output:
            output.write(f"\n== {INSTANCE_LOG}\n".encode() + log.read_bytes())


def _no_result(instance: Instance, harness: Harness, ended: Ended, output: Path) -> InfraError:
    return InfraError(f"{instance.instance_id}: swebench {harness.version} left no result ({ended}); {_end_of(output)}")


def _end_of(output: Path) -> str:
    lines = output.read_text("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:]
    return f"the end of {output}:\n" + "\n".join(line[:500] for line in lines)
