"""The contract of sandboxes: where arms work and where patches are graded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pytest_swebench.datasets.instance import Instance


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command left: stdout and stderr as one stream, in order. `exit_code` is 124 after a timeout."""

    exit_code: int
    output: str
    timed_out: bool
    duration_s: float


@dataclass(frozen=True, slots=True)
class Script:
    """What one life of a grading container runs, with bash.

    `files` maps names to contents; they lie in the folder that `$SWEBENCH_FILES` names. After `timeout_s` seconds
    everything is killed. Stdout goes to `log` byte for byte, the middle of a huge one left out. `network` is `none`,
    `bridge`, or empty for what the instance asks for, else the backend's own.
    """

    text: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    _: KW_ONLY
    timeout_s: float
    log: Path
    network: str = ""


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """What one life of a grading container left behind.

    `notes` is the script's stderr (what it says about itself), its stdout goes to the log file. `oom_killed` is
    true where the kernel killed any of its processes for memory, `full` names the disks that had no room left at the
    end, and `log_cut` is true where the log grew beyond its limit and lost its middle. `conditions` says what it ran
    under (profile, network, limits, exceptions, a cut log), as plain JSON data for the record.
    """

    exit_code: int
    notes: str
    timed_out: bool
    duration_s: float
    oom_killed: bool = False
    conditions: Mapping[str, Any] = field(default_factory=dict)
    full: tuple[str, ...] = ()
    log_cut: bool = False


class Shell(Protocol):
    """One process in a sandbox that runs many commands, each at a few milliseconds beyond its own time."""

    def run(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command` with bash in the working copy, without input, as if it were the first.

        Nothing of it lasts but what it did to files and what it left in the background: no `cd`, no `exit`, no
        variable, no option. At `timeout_s` its whole process tree is killed. Of more output than can be kept the
        middle is left out. Raises SandboxLost if the sandbox itself is gone.
        """

    def close(self) -> None:
        """End it and all that commands have started in the sandbox, in whichever shell; safe to call twice."""


class Sandbox(Protocol):
    """A working copy of one instance's repository for one arm."""

    workdir: str
    image: str
    image_digest: str
    history: Mapping[str, Any]
    """What was proved of the git history: that nothing lies beyond HEAD. Empty where no image brought any."""
    installs: bool
    """Whether `install` has a network to give."""

    def run(self, command: str, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Run `command` with bash in the working copy; on timeout its whole process tree is killed.

        Raises SandboxLost if the sandbox itself is gone.
        """

    def shell(self) -> Shell:
        """Start a shell; its user closes it. Raises SandboxLost."""

    def install(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command` as `run` does, with a network that is there for this command only.

        Raises InputError where these sandboxes have none to give; `installs` says so before.
        """

    def read(self, path: str, *, max_bytes: int = 1_000_000) -> bytes:
        """Return at most `max_bytes` of a file, relative to the working copy. Raises FileNotFoundError."""

    def read_all(self, paths: Iterable[str], *, max_bytes: int = 1_000_000) -> dict[str, bytes]:
        """Return many files whole and at once, by their paths relative to the working copy.

        What is no regular file, has more than `max_bytes`, or would make the sum exceed `worktree.READ_LIMIT_BYTES` is
        left out.
        """

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, relative to the working copy, making folders as needed."""

    def files(self) -> list[str]:
        """Return the tracked files, sorted, relative to the working copy."""

    def diff(self) -> str:
        """Return the diff of the working copy against HEAD, new files included, binary files as git binary patches."""

    def close(self) -> None:
        """Remove the sandbox with everything in it; safe to call twice."""


class SandboxBackend(Protocol):
    """A way of making sandboxes: `docker`, `local`, or a plugin's own."""

    name: str

    def check(self, instances: list[Instance]) -> None:
        """Fail early: raises DockerUnavailable, ImageMissing or InputError with the fix, before anything is paid."""

    def open(self, instance: Instance) -> Sandbox:
        """Start a sandbox at the instance's base commit, its git history cut off after it, without hidden tests."""

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        """Run `script` in a fresh copy of the instance's environment, as its only process tree.

        The working folder is the instance's repository, which `$SWEBENCH_TESTBED` names too. Raises InfraError where
        the ground breaks.
        """

    def base_files(self, instance: Instance, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the files of the untouched repository by their paths in it; those that are not there are left out."""

    def close(self) -> None:
        """Release the connection to the engine; safe to call twice."""
