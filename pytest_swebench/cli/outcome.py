"""What a command came to: its exit code by typed errors, and the one JSON object that tells all of it."""

from __future__ import annotations

import builtins
import errno
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

from pytest_swebench import errors
from pytest_swebench.errors import (
    BudgetExhausted,
    DockerUnavailable,
    ImageMissing,
    ImageRefused,
    NeedsNetwork,
    OutOfResources,
    ProviderError,
    ProviderRefused,
    SandboxLost,
)


class ExitCode(IntEnum):
    """What the command returns; from 2 on it says which ground is broken, or that a person stopped it."""

    OK = 0
    GENERAL = 1
    DOCKER = 2
    NETWORK = 3
    RESOURCES = 4
    INTERRUPTED = 130  # 128 and the number of SIGINT, as shells say it


_CODES: Final[Mapping[type[BaseException], ExitCode]] = MappingProxyType(
    {
        DockerUnavailable: ExitCode.DOCKER,
        SandboxLost: ExitCode.DOCKER,
        ImageMissing: ExitCode.NETWORK,  # what is missing here was asked of a registry
        ImageRefused: ExitCode.NETWORK,
        NeedsNetwork: ExitCode.NETWORK,
        ProviderError: ExitCode.NETWORK,
        ProviderRefused: ExitCode.NETWORK,
        BudgetExhausted: ExitCode.RESOURCES,
        OutOfResources: ExitCode.RESOURCES,
        MemoryError: ExitCode.RESOURCES,
        ConnectionError: ExitCode.NETWORK,
        TimeoutError: ExitCode.NETWORK,
        socket.gaierror: ExitCode.NETWORK,
    }
)
_ERRNOS: Final[Mapping[int, ExitCode]] = MappingProxyType(
    {
        errno.ENETUNREACH: ExitCode.NETWORK,
        errno.EHOSTUNREACH: ExitCode.NETWORK,
        errno.ENOSPC: ExitCode.RESOURCES,
        errno.EDQUOT: ExitCode.RESOURCES,
        errno.ENOMEM: ExitCode.RESOURCES,
    }
)
WORST_FIRST: Final = (ExitCode.RESOURCES, ExitCode.DOCKER, ExitCode.NETWORK, ExitCode.GENERAL)
"""Of several errors the first of these is told: what stops everything, before what stops some, before the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a command did not do all of it.

    `type` is the error's class, `log` a file to read, `tail` its last lines, `way_on` the command that goes on.
    """

    type: str
    message: str
    fix: str = ""
    log: str = ""
    tail: tuple[str, ...] = ()
    way_on: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the member `error` of the JSON answer."""
        fix = "; ".join(filter(None, [self.fix, self.way_on]))
        told = {"type": self.type, "message": self.message, "fix": fix, "log": self.log}
        return told | {"log_tail": list(self.tail)}

    def lines(self) -> list[str]:
        """Return what a person is told."""
        told = [self.message if not self.fix or self.fix in self.message else f"{self.message}; {self.fix}"]
        told += [f"log: {self.log}"] if self.log else []
        return [*told, *(f"  | {line}" for line in self.tail), *filter(None, [self.way_on])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command returns that has more to say than its exit code. `result` is JSON data.

    `code` is an ExitCode, or one of the command's own, which begin at 10.
    """

    code: int
    result: Mapping[str, Any] = field(default_factory=dict)
    trouble: Trouble | None = None


def answer_json(code: int, result: Any, trouble: Trouble | None) -> str:
    """Return the one object that a command with --json prints; the schema stands in docs/command.md."""
    told = {
        "ok": code == ExitCode.OK,
        "exit_code": int(code),
        "error": trouble.as_json() if trouble else None,
        "result": result,
    }
    return json.dumps(told, indent=2, ensure_ascii=True)


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code of an error: its own kind's, else that of what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        if (of_kind := code_of(type(cause))) is not ExitCode.GENERAL:
            return of_kind
        if isinstance(cause, OSError) and (code := _ERRNOS.get(cause.errno or 0)) is not None:
            return code
        cause = cause.__cause__
    return ExitCode.GENERAL


def code_of(kind: type[BaseException]) -> ExitCode:
    """Return the exit code of a class of errors."""
    return next((code for known, code in _CODES.items() if issubclass(kind, known)), ExitCode.GENERAL)


def code_named(name: str) -> ExitCode:
    """Return the exit code of an error that a record names by its class."""
    kind = getattr(errors, name, None) or getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return code_of(kind)
    return ExitCode.GENERAL


def trouble_of(error: BaseException, log: str = "") -> Trouble:
    """Return an error as a person and a program are told; the fix is what our messages say after their last `; `."""
    message = " ".join(str(error).split()) or type(error).__name__
    return Trouble(type=type(error).__name__, message=message, fix=fix_in(message), log=log)


def fix_in(message: str) -> str:
    """Return the part of a message of ours that says what to do, "" if it has none."""
    return message.rpartition("; ")[2] if "; " in message else ""
