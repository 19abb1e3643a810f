"""A running container as a sandbox: commands, shells, installs, files and the diff."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import InfraError, InputError, SandboxLost, SwebenchError
from pytest_swebench.sandbox import worktree
from pytest_swebench.sandbox.channel import ExecChannel
from pytest_swebench.sandbox.engine import ExecResult, engine_errors, execute, gone
from pytest_swebench.sandbox.lending import Lent
from pytest_swebench.sandbox.protocol import CommandResult, Shell
from pytest_swebench.sandbox.shell import LOOP, ChannelShell
from pytest_swebench.sandbox.worktree import TIMEOUT_EXIT_CODE

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_KILLED_EXIT_CODE: Final = 137
_KILL_AFTER_S: Final = 2.0
_GRACE_S: Final = 10.0
_AGAIN_S: Final = 0.05
_GIT_TIMEOUT_S: Final = 120.0
_READ_OUTPUT_BYTES: Final = worktree.READ_LIMIT_BYTES + 16 * 1024 * 1024  # the sizes that stand before the contents

# PID 1 of an arm's container. `kill -9 -1` cannot touch it, `wait` reaps what is orphaned, and it ends by itself, which
# removes a container that everybody forgot. docker-init would not do: killing all would kill its only child. It kills
# all when told to by USR1: for that it needs no new process, which a fork bomb would not leave it. Without a trap for
# TERM the kernel keeps that from it, so `pkill bash` does not reach it either.
KEEPER: Final = """
trap 'kill -9 -1' USR1
while (((left = $1 - SECONDS) > 0)); do sleep $((left < 30 ? left : 30)) & wait $!; done
"""

_PROBE: Final = f"""
if [ -r /opt/miniconda3/bin/activate ]; then
  . /opt/miniconda3/bin/activate && conda activate testbed
fi >/dev/null 2>&1
printf '%s\\n' "$PATH"
{worktree.GIT} rev-parse --verify --quiet 'HEAD^{{commit}}'
"""

# Fails while USR1 (bit 9 of the signals that wait) has not yet done its work, or while anything runs, or is dead and
# not yet reaped, but the keeper, its `sleep` and this.
_ALONE: Final = """
while read -r key value; do
  case $key in SigPnd: | ShdPnd:) [[ $value != *[2367abef]?? ]] || exit 1;; esac
done < /proc/1/status
read -r _ _ state _ < /proc/1/stat && [[ $state == S ]] || exit 1
for folder in /proc/[0-9]*; do
  id=${folder#/proc/}
  if ((id == 1 || id == $$)) || ! read -r _ name _ parent _ 2>/dev/null < "$folder/stat"; then continue; fi
  [[ $name == "(sleep)" && $parent == 1 ]] || exit 1
done
"""
_READ: Final = '[ -f "$1" ] || exit 66; exec head -c "$2" -- "$1"'
_WRITE: Final = """
set -e
while (($#)); do
  mkdir -p -- "$(dirname -- "$1")"
  head -c "$2" > "$1"
  shift 2
done
"""


class DockerSandbox:
    """A running container; commands enter it as `docker exec` does, as `user` (root).

    `lent` gives it a network for installs; None where it has none to give, or one of its own all the time.
    """

    def __init__(
        self,
        client: DockerClient,
        container: Container,
        *,
        workdir: str,
        image: str,
        image_digest: str,
        history: Mapping[str, Any],
        user: str = "0",
        lent: Lent | None = None,
        online: bool = False,
    ) -> None:
        self.closed = False
        self.installs = online or lent is not None
        self._lent = lent
        self._shells: list[Shell] = []
        self._client = client
        self._container = container
        self._id = str(container.id)
        self._user = user
        self.workdir = workdir
        self.image = image
        self.image_digest = image_digest
        self.history = history
        self._path = ""
        probe = self._execute(["bash", "-c", _PROBE], timeout_s=_GIT_TIMEOUT_S)
        lines = probe.stdout.text().splitlines()
        if probe.exit_code != 0 or len(lines) != 2:
            raise InfraError(
                f"image {image!r}: no git repository with a commit stands in {workdir!r} "
                f"(exit code {probe.exit_code}): {(probe.stdout.text() + probe.stderr.text())[-500:]}"
            )
        self._path, self._base = lines

    def run(self, command: str, *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Run `command` with bash in the project's own environment (conda's, where the image has one).

        A timeout ends every process in the container but its keeper, those of earlier commands too: a process that
        changed its session cannot be told from them.
        """
        watch = ["timeout", "-k", str(_KILL_AFTER_S), f"{timeout_s:.3f}"]
        # The two streams become one inside the container: as two pipes they may arrive out of order.
        merged = ["bash", "-c", 'exec "$@" 2>&1', "run", "bash", "-c", command]
        started = time.monotonic()
        result = self._execute([*watch, *merged], timeout_s=timeout_s + _KILL_AFTER_S + 1, stdin=stdin)
        duration_s = time.monotonic() - started
        killed = result.exit_code in {TIMEOUT_EXIT_CODE, _KILLED_EXIT_CODE} and duration_s >= timeout_s
        timed_out = killed or not result.finished
        if timed_out:
            self._kill_all()
        elif result.exit_code == _KILLED_EXIT_CODE:
            self._check_alive()
        code = TIMEOUT_EXIT_CODE if timed_out else result.exit_code
        return CommandResult(code, result.stdout.text() + result.stderr.text(), timed_out, duration_s)

    def shell(self) -> Shell:
        """Start a shell. A command that meets its limit ends every process but the keeper, as with `run`."""
        command = ["bash", "-c", LOOP, "shell", self.workdir]

        def start() -> ExecChannel:
            return ExecChannel(
                self._client,
                self._id,
                command,
                workdir="/",  # the loop goes to the working copy itself, which a command may have moved away
                environment=self._variables,
                user=self._user,
            )

        shell = ChannelShell(start, self._kill_all)
        self._shells.append(shell)
        return shell

    def install(self, command: str, *, timeout_s: float) -> CommandResult:
        """Run `command` with a network, while all else that runs here stands still.

        Where the network cannot be taken away again the container goes: raises SandboxLost.
        """
        if not self.installs:
            raise InputError("this sandbox has no network to install with; give --agent-network install")
        if self._lent is None:
            return self.run(command, timeout_s=timeout_s)
        with self._lent:
            return self.run(command, timeout_s=timeout_s)

    def read(self, path: str, *, max_bytes: int = 1_000_000) -> bytes:
        """Return the beginning of a file. Raises FileNotFoundError, also for a path that leads out."""
        relative = worktree.inside(self.workdir, path)
        if relative is None:
            raise FileNotFoundError(f"no file {path!r} in the working copy")
        command = ["bash", "-c", _READ, "read", f"./{relative}", str(max_bytes)]
        result = self._execute(command, timeout_s=_GIT_TIMEOUT_S)
        if result.exit_code != 0:
            raise FileNotFoundError(f"no file {path!r} in the working copy")
        return result.stdout.whole(f"file {path!r}")

    def read_all(self, paths: Iterable[str], *, max_bytes: int = 1_000_000) -> dict[str, bytes]:
        limits = str(max_bytes), str(worktree.READ_LIMIT_BYTES)

        def run(names: bytes) -> bytes:
            return self._script(worktree.READ_ALL_SCRIPT, limits, stdin=names, limit_bytes=_READ_OUTPUT_BYTES)

        return worktree.read_all(run, self.workdir, paths)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files; one that exists keeps its mode. Raises PermissionError for a path that leads out."""
        arguments: list[str] = []
        for path, content in files.items():
            relative = worktree.inside(self.workdir, path)
            if relative is None:
                raise PermissionError(f"path {path!r} leads out of the working copy")
            arguments += [f"./{relative}", str(len(content))]
        command = ["bash", "-c", _WRITE, "write", *arguments]
        result = self._execute(command, timeout_s=_GIT_TIMEOUT_S, stdin=b"".join(files.values()))
        if result.exit_code != 0:
            raise OSError(f"writing {sorted(files)!r} failed: {result.stderr.text()[-500:]}")

    def files(self) -> list[str]:
        return worktree.files(self._script)

    def diff(self) -> str:
        return worktree.diff(self._script, self._base)

    def close(self) -> None:
        self.closed = True
        remove(self._container)
        while self._shells:
            self._shells.pop().close()

    def _script(
        self,
        script: str,
        arguments: tuple[str, ...],
        *,
        stdin: bytes = b"",
        limit_bytes: int = worktree.OUTPUT_LIMIT_BYTES,
    ) -> bytes:
        command = ["bash", "-c", script, "sandbox", *arguments]
        result = self._execute(command, timeout_s=_GIT_TIMEOUT_S, stdin=stdin, limit_bytes=limit_bytes)
        if not result.finished:
            raise InfraError(f"git did not end within {_GIT_TIMEOUT_S:g} s in {self.workdir!r}")
        if result.exit_code != 0:
            tail = result.stderr.text()[-2000:]
            raise SwebenchError(f"git failed in {self.workdir!r} (was its .git folder damaged?):\n{tail}")
        return result.stdout.whole("git's output")

    def _execute(
        self,
        command: list[str],
        *,
        timeout_s: float,
        stdin: bytes = b"",
        limit_bytes: int = worktree.OUTPUT_LIMIT_BYTES,
    ) -> ExecResult:
        result = execute(
            self._client,
            self._id,
            command,
            timeout_s=timeout_s,
            workdir=self.workdir,
            environment=self._variables,
            stdin=stdin,
            user=self._user,
            limit_bytes=limit_bytes,
        )
        return result

    @property
    def _variables(self) -> dict[str, str]:
        return {"SWEBENCH_TESTBED": self.workdir} | ({"PATH": self._path} if self._path else {})

    def _kill_all(self) -> None:
        """End all but the keeper, and wait until there is room for new processes. Raises SandboxLost."""
        with engine_errors("ending what runs in a sandbox"):
            self._container.kill(signal="USR1")
        deadline = time.monotonic() + _GRACE_S
        while not self._alone():
            if time.monotonic() > deadline:
                self._check_alive()
                raise SandboxLost(f"the processes in the sandbox of image {self.image!r} do not end")
            time.sleep(_AGAIN_S)

    def _alone(self) -> bool:
        try:
            return execute(self._client, self._id, ["bash", "-c", _ALONE], timeout_s=_GRACE_S).exit_code == 0
        except SandboxLost:
            raise
        except InfraError:  # no room for a process yet
            return False

    def _check_alive(self) -> None:
        with engine_errors("looking after a sandbox"):
            state = self._client.api.inspect_container(self._id)["State"]
        if not state["Running"]:
            raise SandboxLost(f"the sandbox of image {self.image!r} ended with exit code {state['ExitCode']}")


def remove(container: Container) -> None:
    """Remove a container at once with what runs in it; one that is gone already is fine."""
    with engine_errors("removing a container"), gone(), contextlib.suppress(SandboxLost):
        container.remove(force=True, v=True)
