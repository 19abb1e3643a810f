"""Choosing sandboxes by name, and by instance where the name is `auto`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError, unknown
from pytest_swebench.sandbox.docker import DockerBackend, check_docker
from pytest_swebench.sandbox.images import Fetcher
from pytest_swebench.sandbox.local import LocalBackend, check_local
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend, Script, ScriptResult

NAMES: Final = ("auto", "docker", "local")


class AutoBackend:
    """Sends each instance to the sandbox it needs: `local` for trusted ones without an image, else `docker`."""

    name = "auto"

    def __init__(self, docker: SandboxBackend, local: SandboxBackend) -> None:
        self._docker = docker
        self._local = local

    def check(self, instances: list[Instance]) -> None:
        """Check every instance where it will run; Docker is asked only if one needs it."""
        needed = [instance for instance in instances if instance.kind is not Kind.SCENARIO]
        for backend in (self._local, self._docker):
            mine = [instance for instance in needed if self._of(instance) is backend]
            if mine:
                backend.check(mine)

    def open(self, instance: Instance) -> Sandbox:
        return self._of(instance).open(instance)

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        return self._of(instance).run_script(instance, script)

    def base_files(self, instance: Instance, paths: Iterable[str]) -> dict[str, bytes]:
        return self._of(instance).base_files(instance, paths)

    def close(self) -> None:
        try:
            self._docker.close()
        finally:
            self._local.close()

    def _of(self, instance: Instance) -> SandboxBackend:
        return self._local if goes_local(instance) else self._docker


def goes_local(instance: Instance) -> bool:
    """Say whether `auto` runs an instance in the local sandbox."""
    return not instance.image and instance.trusted


def make_backend(
    name: str,
    instances: Sequence[Instance] = (),
    *,
    run_id: str,
    extra: Mapping[str, Any] | None = None,
    fetcher: Fetcher | None = None,
) -> SandboxBackend:
    """Return the sandboxes called `name` for `instances`, without asking any engine yet: `check` does that.

    `extra` holds Docker options (see `DockerOptions`), `fetcher` gets the images. Raises InputError for an unknown
    name or option, or for an instance that these sandboxes cannot run. Prompt scenarios need no sandbox and
    are never checked.
    """
    options = DockerOptions.from_extra(extra or {})
    needed = [instance for instance in instances if instance.kind is not Kind.SCENARIO]
    if name == "local":
        for instance in needed:
            check_local(instance)
        return LocalBackend(log_cap_bytes=options.log_cap_bytes)
    if name == "docker":
        for instance in needed:
            check_docker(instance)
        return DockerBackend(run_id=run_id, options=options, fetcher=fetcher)
    if name == "auto":
        docker = DockerBackend(run_id=run_id, options=options, fetcher=fetcher)
        return AutoBackend(docker, LocalBackend(log_cap_bytes=options.log_cap_bytes))
    raise InputError(f"--sandbox: {unknown('sandbox', name, NAMES)}")
