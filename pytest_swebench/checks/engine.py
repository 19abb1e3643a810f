"""The Docker engine: whether one answers, why not, and what it says of itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.errors import DockerUnavailable, InfraError, ProviderError
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.deadline import within
from pytest_swebench.sandbox.engine import DEFAULT_HOST, connect, engine_errors

NAME: Final = "Docker engine"
DEADLINE_S: Final = 8.0
OLDEST: Final = (20, 10)
"""The oldest engine that this package is tried on."""

_INSTALL: Final = "install Docker (https://docs.docker.com/engine/install); the demo and trusted tasks run without it"
_DESKTOP: Final = Path("/Applications/Docker.app")
_LOOPBACK: Final = re.compile(r"\w+://(localhost|127\.|\[::1\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What an engine says of itself. `root` is where it keeps images, in its own file system; `id` tells it apart."""

    host: str
    id: str
    version: str
    api: str
    arch: str
    root: str
    memory_bytes: int
    cpus: int

    @property
    def remote(self) -> bool:
        """Whether it runs on another machine, as far as its address shows."""
        return not self.host.startswith("unix://") and _LOOPBACK.match(self.host) is None


def look(deadline_s: float = DEADLINE_S) -> tuple[Check, Engine | None]:
    """Ask the engine that DOCKER_HOST or the default socket names; the engine is None unless it can be used."""
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    try:
        engine = within(lambda _: _asked(host), timeout_s=deadline_s, abandon=_leave, what="the Docker engine")
    except DockerUnavailable as error:
        return diagnosed(error), None
    except ProviderError:  # the deadline's
        detail = f"{shown(host)!r} is there and gives no answer within {deadline_s:g} s"
        return Check.fail(NAME, Cause.DOCKER_FAILED, detail, f"restart Docker: {_start()}"), None
    except InfraError as error:
        return Check.fail(NAME, Cause.DOCKER_FAILED, _one_line(error), f"restart Docker: {_start()}"), None
    if _number(engine.version) < OLDEST:
        detail = f"{engine.version} is too old"
        return Check.fail(NAME, Cause.DOCKER_OLD, detail, _update()), None
    where = f" on another machine, {shown(host)}" if engine.remote else ""
    words = f"{engine.version} (API {engine.api}), {engine.arch}, {engine.cpus} CPUs{where}"
    return Check.ok(NAME, words), engine


def diagnosed(error: DockerUnavailable) -> Check:
    """Say why no engine can be used, by what caused `error`, and what helps."""
    host = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    place = shown(host)
    for cause in _causes(error):
        if isinstance(cause, PermissionError):
            detail = f"{place!r} is there, and this user may not use it"
            return Check.fail(NAME, Cause.DOCKER_PERMISSION, detail, _permission(host))
        if type(cause).__name__ == "InvalidVersion":  # the SDK's, which need not be imported for this
            return Check.fail(NAME, Cause.DOCKER_OLD, f"it is too old: {_one_line(cause)}", _update())
    if given := os.environ.get("DOCKER_HOST"):
        detail = f"nothing answers at {shown(given)!r}, which DOCKER_HOST names"
        return Check.fail(NAME, Cause.DOCKER_STOPPED, detail, "start that engine, or correct or unset DOCKER_HOST")
    if context := _other_context(os.environ):
        detail = f"nothing answers at {place!r}; the docker command uses its context {context!r} instead"
        fix = "export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}')"
        return Check.fail(NAME, Cause.DOCKER_STOPPED, detail, fix)
    if shutil.which("docker") or shutil.which("dockerd") or _DESKTOP.exists():
        return Check.fail(NAME, Cause.DOCKER_STOPPED, f"not running: nothing answers at {place!r}", _start())
    return Check.fail(NAME, Cause.DOCKER_MISSING, "not installed", _INSTALL)


def _asked(host: str) -> Engine:
    client = connect()
    try:
        with engine_errors("asking the Docker engine about itself"):
            version: Mapping[str, Any] = client.version()
            info: Mapping[str, Any] = client.info()
    finally:
        client.close()
    return Engine(
        host=host,
        id=str(info.get("ID", "")),
        version=str(version.get("Version", "")),
        api=str(version.get("ApiVersion", "")),
        arch=str(info.get("Architecture", "")),
        root=str(info.get("DockerRootDir", "")),
        memory_bytes=int(info.get("MemTotal", 0)),
        cpus=int(info.get("NCPU", 0)),
    )


def _leave() -> None:
    """Leave the thread to end with this process: nothing can cut a connection that it has not handed over yet."""


def _number(version: str) -> tuple[int, ...]:
    """Return major and minor; what is no number (a build from source) counts as new."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else OLDEST


def _update() -> str:
    return f"update Docker to {'.'.join(map(str, OLDEST))} or newer"


def _start() -> str:
    return "open -a Docker" if sys.platform == "darwin" else "sudo systemctl start docker"


def _permission(host: str) -> str:
    group = "docker"
    if host.startswith("unix://"):
        try:
            group = Path(host.removeprefix("unix://")).group()
        except (OSError, KeyError):  # its folder is closed too, or the group has no name here
            group = "docker"
    who = "docker" if group == "root" else group
    return f"sudo usermod -aG {who} $USER, then log in again"


def _other_context(env: Mapping[str, str]) -> str:
    """Return the context that the docker command uses and its SDK does not look at; "" for its default."""
    if "DOCKER_CONTEXT" in env:
        context = env["DOCKER_CONTEXT"]
    else:
        config = Path(env.get("DOCKER_CONFIG") or "~/.docker").expanduser() / "config.json"
        try:
            context = str(json.loads(config.read_bytes()).get("currentContext", ""))
        except (OSError, ValueError, AttributeError):  # there is none, or it is not the docker command's
            context = ""
    return "" if context == "default" else context


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield all that led to `error`: chained, or wrapped as the HTTP libraries below the SDK do it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *(arg for arg in one.args if isinstance(arg, BaseException))]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
