"""Why a preflight failed, by the type of its error, and what a person can do about it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_swebench.checks import engine
from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.errors import (
    DockerUnavailable,
    ImageMissing,
    NeedsNetwork,
    OutOfResources,
    RefusedError,
    SandboxLost,
    SwebenchError,
)
from pytest_swebench.sandbox.images.answers import Answer, Failure


class Kind(StrEnum):
    """How a fix is applied."""

    LOGIN = "login"  # `docker login` runs on the terminal; Docker keeps the credentials
    NAMESPACE = "namespace"  # a person names another place of images
    EMULATE = "emulate"  # x86 images on another architecture, for this run only
    BY_HAND = "by_hand"  # the text says what to do


@dataclass(frozen=True, slots=True)
class Fix:
    """One way out. `text` is told to a person, after an "or"; `command` is what a login runs."""

    kind: Kind
    text: str
    command: tuple[str, ...] = ()

    def as_json(self) -> dict[str, str]:
        """Return the shape that is printed."""
        return {"kind": str(self.kind), "text": self.text}


HEADLINES: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        Cause.DOCKER_MISSING: "Docker is not installed.",
        Cause.DOCKER_STOPPED: "Docker is not running.",
        Cause.DOCKER_PERMISSION: "Docker is running, but this user may not use it.",
        Cause.DOCKER_OLD: "Docker is too old.",
        Cause.DOCKER_FAILED: "Docker failed.",
        Cause.REGISTRY_DENIED: "Image pull was denied by registry.",
        Cause.REGISTRY_LIMITED: "The registry limits its rate.",
        Cause.REGISTRY_SILENT: "The registry does not answer.",
        Cause.IMAGE_MISSING: "The image is in no registry that was asked.",
        Cause.NETWORK: "The network is needed and cannot be reached.",
        Cause.DISK: "A disk has no room left.",
        Cause.MEMORY: "The tests ran out of memory.",
        Cause.EVALUATION: "The evaluation did not end as it must.",
    }
)
"""What a failed preflight begins with."""

_PULLS: Final[Mapping[Answer, Cause]] = MappingProxyType(
    {Answer.LIMITED: Cause.REGISTRY_LIMITED, Answer.FULL: Cause.DISK, Answer.BROKEN: Cause.REGISTRY_SILENT}
)
_NAMES: Final = re.compile(r"\S*/\S*")
_NO_MEMORY: Final = re.compile(r"ran out of the memory|cannot allocate memory", re.IGNORECASE)
_IMAGE_CAUSES: Final = frozenset(
    {Cause.REGISTRY_DENIED, Cause.REGISTRY_LIMITED, Cause.REGISTRY_SILENT, Cause.IMAGE_MISSING}
)


def pull_cause(error: SwebenchError) -> Cause:
    """Say why an image did not come.

    The kinds of broken ground have one type between them, so their words decide, without the names in them.
    """
    match error:
        case DockerUnavailable() | SandboxLost():
            return _engine_cause(error)
        case ImageMissing():
            return Cause.IMAGE_MISSING
        case RefusedError():
            return Cause.REGISTRY_DENIED
        case OutOfResources():
            return _what_gave_out(error)
    return _PULLS.get(Failure.read(_NAMES.sub(" ", str(error))).answer, Cause.REGISTRY_SILENT)


def grading_cause(error: SwebenchError) -> Cause:
    """Say why an evaluation ended without a verdict."""
    match error:
        case DockerUnavailable() | SandboxLost():
            return _engine_cause(error)
        case NeedsNetwork():
            return Cause.NETWORK
        case ImageMissing():  # removed between two steps
            return Cause.IMAGE_MISSING
        case OutOfResources():
            return _what_gave_out(error)
    return Cause.EVALUATION


def _what_gave_out(error: OutOfResources) -> Cause:
    return Cause.MEMORY if _NO_MEMORY.search(_NAMES.sub(" ", str(error))) else Cause.DISK


def fixes_for(check: Check, *, registry: str = "", arch: str = "") -> tuple[Fix, ...]:
    """Return the ways out of what failed, best first; `registry` and `arch` are those of the image that was asked."""
    cause = check.cause
    if cause not in _IMAGE_CAUSES:
        return (Fix(Kind.BY_HAND, check.fix),)
    fixes = []
    if cause in {Cause.REGISTRY_DENIED, Cause.REGISTRY_LIMITED}:
        fixes.append(login(registry, higher_limit=cause is Cause.REGISTRY_LIMITED))
    if cause is Cause.REGISTRY_LIMITED:
        fixes.append(Fix(Kind.BY_HAND, "wait; Docker Hub counts in windows of six hours"))
    if cause is Cause.REGISTRY_SILENT:
        fixes.append(Fix(Kind.BY_HAND, "check the network of the Docker engine and its proxy"))
    fixes.append(Fix(Kind.NAMESPACE, "use an alternate namespace (a registry mirror): SWEBENCH_DOCKER_NAMESPACE=..."))
    if arch not in {"", "x86_64"} and cause in {Cause.REGISTRY_DENIED, Cause.IMAGE_MISSING}:
        fixes.append(
            Fix(Kind.EMULATE, "switch to emulation (x86) for this run: DOCKER_DEFAULT_PLATFORM=linux/amd64, slow")
        )
    return tuple(fixes)


def login(registry: str, *, higher_limit: bool = False) -> Fix:
    """Return the login to a registry; by hand where there is no docker command to run it."""
    command = ("docker", "login") if registry in {"", "docker.io"} else ("docker", "login", registry)
    why = ", which raises the limit" if higher_limit else ""
    token = ", with a token that may read packages as the password" if registry == "ghcr.io" else ""
    kind = Kind.LOGIN if shutil.which(command[0]) else Kind.BY_HAND
    return Fix(kind, f"run: {' '.join(command)}{why}{token}", command)


def _engine_cause(error: SwebenchError) -> Cause:
    if isinstance(error, DockerUnavailable):
        return engine.diagnosed(error).cause or Cause.DOCKER_FAILED
    return Cause.DOCKER_FAILED


def short_fix(cause: Cause, registry: str, output_dir: Path) -> str:
    """Return the one fix that stands beside what failed in a preflight; `fixes_for` has more for images."""
    by_cause = {
        Cause.REGISTRY_DENIED: login(registry).text,
        Cause.REGISTRY_LIMITED: login(registry, higher_limit=True).text,
        Cause.REGISTRY_SILENT: "check the network of the Docker engine and its proxy",
        Cause.IMAGE_MISSING: "build it, or name another place: SWEBENCH_DOCKER_NAMESPACE=registry.example/path",
        Cause.DISK: f"free space where Docker keeps images or at {str(output_dir)!r}: swebench-runner clean --all",
        Cause.MEMORY: "let containers take more: --sandbox-option memory=8g",
        Cause.NETWORK: "give gradings a network: --grade-network bridge",
        Cause.EVALUATION: "try another: --instance ID; which are fit: swebench-runner validate-env DATASET",
    }
    return by_cause.get(cause, "swebench-runner doctor looks at Docker closely")
