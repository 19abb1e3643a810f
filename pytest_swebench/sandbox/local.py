"""Sandboxes without Docker: a working copy in a temporary folder, for code one trusts.

No boundary stands around it: the commands run as the person who started the run, with that person's files in reach.
Only the environment is clean, and whatever was started is killed.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InfraError, InputError, SwebenchError
from pytest_swebench.sandbox import worktree
from pytest_swebench.sandbox.channel import LocalChannel
from pytest_swebench.sandbox.log import LOG_CAP_BYTES, CappedLog
from pytest_swebench.sandbox.process import converse, copied, drained, kill, shell_code, started
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox, Script, ScriptResult, Shell
from pytest_swebench.sandbox.reaper import MARKER, Owner, kill_marked, sweep_local
from pytest_swebench.sandbox.shell import LOOP, ChannelShell
from pytest_swebench.sandbox.source import SourceTrees
from pytest_swebench.sandbox.worktree import TIMEOUT_EXIT_CODE, Collected

NAME_IMAGE: Final = 'put "image" in its row (`swebench-runner task image` names one)'
TRUST: Final = '"trusted": true there to run it without a container'
_GIT_TIMEOUT_S: Final = 120.0


class LocalBackend:
    """Makes working copies in temporary folders, for instances marked as trusted."""

    name = "local"

    def __init__(self, *, log_cap_bytes: int = LOG_CAP_BYTES) -> None:
        self._log_cap_bytes = log_cap_bytes
        self._owner = Owner.current()
        self._root: Path | None = None
        self._trees: SourceTrees | None = None
        self._open: list[LocalSandbox] = []

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for an instance that is not trusted or has no source."""
        for instance in instances:
            if instance.kind is not Kind.SCENARIO:
                check_local(instance)

    def open(self, instance: Instance) -> Sandbox:
        """Return a working copy of the instance's source in a new folder."""
        check_local(instance)
        sandbox = LocalSandbox(*self._copy(instance))
        self._open = [*(one for one in self._open if not one.closed), sandbox]
        return sandbox

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        """Run `script` in a new working copy, which is removed afterwards with every process it started.

        Nothing here can keep a process off the network or set it limits, so neither `Script.network` nor the
        instance's exceptions change anything.
        """
        check_local(instance)
        folder, marker = self._copy(instance)
        try:
            with CappedLog(script.log, self._log_cap_bytes) as stdout:
                result = _run_script(folder, marker, script, stdout)
            conditions = {"profile": "local", "network": "host"} | ({"log_cut": True} if stdout.cut else {})
            return dataclasses.replace(result, conditions=conditions, log_cut=stdout.cut)
        finally:
            kill_marked(marker)
            shutil.rmtree(folder, ignore_errors=True)

    def base_files(self, instance: Instance, paths: Iterable[str]) -> dict[str, bytes]:
        """Return files of a working copy that nobody has touched."""
        check_local(instance)
        folder, _ = self._copy(instance)
        try:
            places = ((path, _within(str(folder / "testbed"), path)) for path in paths)
            return {path: place.read_bytes() for path, place in places if place is not None and place.is_file()}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Close what is open and remove every folder."""
        while self._open:
            self._open.pop().close()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        self._root = self._trees = None

    def _copy(self, instance: Instance) -> tuple[Path, str]:
        if self._root is None or self._trees is None:
            sweep_local()
            self._root = Path(tempfile.mkdtemp(prefix=self._owner.prefix)).resolve()
            self._trees = SourceTrees(self._root)
        marker = f"{self._owner.prefix}{uuid.uuid4().hex}"
        folder = self._root / marker
        for name in ("home", "tmp"):
            (folder / name).mkdir(parents=True)
        self._trees.copy(instance, folder / "testbed")
        return folder, marker


class LocalSandbox:
    """One working copy in `folder`/testbed, with a home and a temporary folder of its own beside it."""

    image = ""
    image_digest = ""
    history: Mapping[str, Any] = MappingProxyType({})
    installs = False

    def __init__(self, folder: Path, marker: str) -> None:
        self.closed = False
        self._shells: list[Shell] = []
        self._folder = folder
        self._marker = marker
        self._environment = environment(folder, marker)
        self.workdir = str(folder / "testbed")
        self._base = self._script("git rev-parse --verify HEAD", ()).decode().strip()

    def run(self, command: str, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Run `command` with bash; after `timeout_s` seconds all it started is killed."""
        output = Collected()
        begun = time.monotonic()
        with started(["bash", "-c", command], self.workdir, self._environment, subprocess.STDOUT) as process:
            finished = converse(process, stdin, output, deadline=begun + timeout_s)
            if not finished:
                kill(process, self._marker)
        duration_s = time.monotonic() - begun
        code = shell_code(process.returncode) if finished else TIMEOUT_EXIT_CODE
        return CommandResult(code, output.text(), not finished, duration_s)

    def shell(self) -> Shell:
        """Start a shell; a command that meets its limit ends all that runs here, whoever started it."""
        command = ["bash", "-c", LOOP, "shell", self.workdir]
        shell = ChannelShell(
            lambda: LocalChannel(command, self.workdir, self._environment), lambda: kill_marked(self._marker)
        )
        self._shells.append(shell)
        return shell

    def install(self, command: str, *, timeout_s: float) -> CommandResult:
        """Raise InputError: nothing here can keep a process off the network, so there is none to lend either."""
        raise InputError(
            "a local sandbox has no network of its own to install with; use --sandbox docker --agent-network install"
        )

    def read(self, path: str, *, max_bytes: int = 1_000_000) -> bytes:
        """Return the beginning of a file. Raises FileNotFoundError, also for a path that leads out."""
        target = _within(self.workdir, path)
        if target is None or not target.is_file():
            raise FileNotFoundError(f"no file {path!r} in the working copy")
        with target.open("rb") as stream:
            return stream.read(max_bytes)

    def read_all(self, paths: Iterable[str], *, max_bytes: int = 1_000_000) -> dict[str, bytes]:
        room, found = worktree.READ_LIMIT_BYTES, {}
        for path in paths:
            target = _within(self.workdir, path)
            if target is None or not target.is_file() or Path(self.workdir, path).is_symlink():
                continue
            if (size := target.stat().st_size) <= min(max_bytes, room):
                found[path] = target.read_bytes()
                room -= size
        return found

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files; one that exists keeps its mode. Raises PermissionError for a path that leads out."""
        for path, content in files.items():
            target = _within(self.workdir, path)
            if target is None:
                raise PermissionError(f"path {path!r} leads out of the working copy")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def files(self) -> list[str]:
        return worktree.files(self._script)

    def diff(self) -> str:
        return worktree.diff(self._script, self._base)

    def close(self) -> None:
        self.closed = True
        while self._shells:
            self._shells.pop().close()
        kill_marked(self._marker)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _script(self, script: str, arguments: tuple[str, ...]) -> bytes:
        command = ["bash", "-c", script, "sandbox", *arguments]
        output = Collected()
        with (
            tempfile.TemporaryFile() as errors,
            started(command, self.workdir, self._environment, errors) as process,
        ):
            if not converse(process, b"", output, deadline=time.monotonic() + _GIT_TIMEOUT_S):
                kill(process, self._marker)
                raise InfraError(f"git did not end within {_GIT_TIMEOUT_S:g} s in the working copy")
            errors.seek(0)
            tail = errors.read().decode(errors="replace")[-2000:]
        if process.returncode != 0:
            raise SwebenchError(f"git failed in the working copy (was its .git folder damaged?):\n{tail}")
        return output.whole("git's output")


def check_local(instance: Instance) -> None:
    """Raise InputError if `instance` may not or cannot run without Docker."""
    if not instance.trusted:
        raise InputError(
            f"instance {instance.instance_id!r} is not trusted and --sandbox local gives no protection from its code; "
            + ("use --sandbox docker" if instance.image else f"{NAME_IMAGE}, or {TRUST}")
        )
    if instance.source is None:
        raise InputError(f"instance {instance.instance_id!r} has no source folder or URL to copy; use --sandbox docker")


def environment(folder: Path, marker: str) -> dict[str, str]:
    """Return all that commands get to see: nothing of the caller's environment but its PATH."""
    python = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join((python, os.environ.get("PATH", os.defpath))),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "SWEBENCH_TESTBED": str(folder / "testbed"),
        MARKER: marker,
    }


def _within(workdir: str, path: str) -> Path | None:
    """Return where `path` leads, links followed; None where that is outside of the working copy."""
    if worktree.inside(workdir, path) is None:
        return None
    target = Path(workdir, path).resolve()
    return target if target.is_relative_to(workdir) else None


def _run_script(folder: Path, marker: str, script: Script, stdout: CappedLog) -> ScriptResult:
    given = folder / "files"
    given.mkdir()
    for name, content in script.files.items():
        target = given / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    runner = folder / "run.sh"
    runner.write_text(script.text, encoding="utf-8")
    variables = environment(folder, marker) | {"SWEBENCH_FILES": str(given)}
    begun = time.monotonic()
    with (folder / "notes").open("w+b") as notes:
        with started(["bash", str(runner)], folder / "testbed", variables, notes) as process:
            timed_out = not copied(process, stdout, deadline=begun + script.timeout_s)
            kill(process, marker)  # also what the script left in the background
            drained(process, stdout)
        duration_s = time.monotonic() - begun
        notes.seek(0)
        text = notes.read(worktree.OUTPUT_LIMIT_BYTES).decode(errors="replace")
    code = TIMEOUT_EXIT_CODE if timed_out else shell_code(process.returncode)
    return ScriptResult(code, text, timed_out, duration_s)
