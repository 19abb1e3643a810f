"""What a check found: a state, what it saw, and how to mend it; and which exit code that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pytest_swebench.cli.outcome import WORST_FIRST, ExitCode


class State(StrEnum):
    """How a check ended; only `FAIL` is in the way of a run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Cause(StrEnum):
    """What is wrong, as a closed set that programs may rely on."""

    DOCKER_MISSING = "docker_missing"
    DOCKER_STOPPED = "docker_stopped"
    DOCKER_PERMISSION = "docker_permission"
    DOCKER_OLD = "docker_old"
    DOCKER_FAILED = "docker_failed"
    REGISTRY_DENIED = "registry_denied"
    REGISTRY_LIMITED = "registry_limited"
    REGISTRY_SILENT = "registry_silent"
    IMAGE_MISSING = "image_missing"
    NETWORK = "network"
    DISK = "disk"
    MEMORY = "memory"
    EVALUATION = "evaluation"
    CONFIGURATION = "configuration"
    INSTALLATION = "installation"

    @property
    def exit_code(self) -> ExitCode:
        """The command's exit code for it."""
        return _EXIT_CODES.get(self, ExitCode.GENERAL)


_EXIT_CODES: Final[Mapping[Cause, ExitCode]] = MappingProxyType(
    {
        **{cause: ExitCode.DOCKER for cause in Cause if cause.startswith("docker_")},
        **{cause: ExitCode.NETWORK for cause in Cause if cause.startswith("registry_")},
        Cause.IMAGE_MISSING: ExitCode.NETWORK,
        Cause.NETWORK: ExitCode.NETWORK,
        Cause.DISK: ExitCode.RESOURCES,
        Cause.MEMORY: ExitCode.RESOURCES,
    }
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` and `cause` are there for all but `OK`."""

    name: str
    state: State
    detail: str
    fix: str = ""
    cause: Cause | None = None

    @classmethod
    def ok(cls, name: str, detail: str) -> Check:
        return cls(name, State.OK, detail)

    @classmethod
    def warn(cls, name: str, cause: Cause, detail: str, fix: str) -> Check:
        return cls(name, State.WARN, detail, fix, cause)

    @classmethod
    def fail(cls, name: str, cause: Cause, detail: str, fix: str) -> Check:
        return cls(name, State.FAIL, detail, fix, cause)

    @property
    def failed(self) -> bool:
        return self.state is State.FAIL

    def as_json(self) -> dict[str, Any]:
        """Return the shape that is printed."""
        return {
            "name": self.name,
            "state": str(self.state),
            "detail": self.detail,
            "fix": self.fix,
            "cause": None if self.cause is None else str(self.cause),
        }


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """Return the exit code of the worst failure, as runs are told."""
    codes = {check.cause.exit_code if check.cause else ExitCode.GENERAL for check in checks if check.failed}
    return next((code for code in WORST_FIRST if code in codes), ExitCode.OK)
