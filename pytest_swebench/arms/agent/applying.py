"""Diffs that git puts into the working copy of a sandbox."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from typing import Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.errors import LimitReached, SandboxLost
from pytest_swebench.patch import changed_paths
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox
from pytest_swebench.sandbox.worktree import GIT

_TIMEOUT_S: Final = 60.0
_GRACE_S: Final = 3.0  # beyond the clock: what an answer of the last moment asks for still counts


def check_diff(sandbox: Sandbox, diff: str, clock: Clock) -> CommandResult:
    """Ask git whether `diff` applies, and change nothing. Raises as `apply_diff`."""
    return _run(sandbox, f"{GIT} apply --check -", diff, clock)


def apply_diff(sandbox: Sandbox, diff: str, clock: Clock, *, recount: bool = False) -> CommandResult:
    """Apply `diff`, which keeps mode and line ends; git refuses what leads out of the repository.

    With `recount` the line counts of hunks need not be right. Raises SandboxLost where git does not come to an end,
    LimitReached where it is the clock that has cut it.
    """
    command = f"{GIT} apply {'--recount ' if recount else ''}--whitespace=nowarn -"
    return _run(sandbox, f"{command} && {_without_bytecode(changed_paths(diff))}", diff, clock)


def _run(sandbox: Sandbox, command: str, diff: str, clock: Clock) -> CommandResult:
    text = diff if diff.endswith("\n") else f"{diff}\n"
    try:
        timeout_s = min(_TIMEOUT_S, clock.left_s() + _GRACE_S)
    except LimitReached:
        timeout_s = _GRACE_S
    done = sandbox.run(command, timeout_s=timeout_s, stdin=text.encode(errors="surrogateescape"))
    if done.timed_out:
        clock.left_s()  # the clock may have cut it
        raise SandboxLost(f"git apply did not end within {timeout_s:g} s")
    return done


def _without_bytecode(paths: Iterable[str]) -> str:
    """Return the command that removes what Python keeps of `paths`.

    It takes bytecode for current where time, in whole seconds, and size are the same, and an agent can be that fast.
    """
    places = (posixpath.split(path.removesuffix(".py")) for path in paths)
    kept = (f"{shlex.quote(posixpath.join('.', folder, '__pycache__', name))}.*.pyc" for folder, name in places)
    return f"rm -f -- {' '.join(kept)}"
