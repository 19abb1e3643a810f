"""A network for the time of one command, in a container that has none before and after."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InfraError, SandboxLost
from pytest_swebench.sandbox.engine import engine_errors, execute

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LENT: Final = "bridge"
"""The engine's default network. Between loans a container has no interface but loopback, as with `none`."""

_SIGNAL_S: Final = 10.0
_ATTEMPTS: Final = 3


class Lent:
    """A context in which `container` has a network, and all processes it had before stand still.

    They stand still because a network for one command is none for what waits in the background. What the command
    itself leaves there goes on without network. For its time it reaches what any container on that network does: the
    world, open ports of the engine's host, and other containers that are on it. Raises InfraError or SandboxLost.
    """

    def __init__(self, client: DockerClient, container: Container) -> None:
        self._client = client
        self._container = container
        self._id = str(container.id)

    def __enter__(self) -> None:
        self._signal("STOP")
        try:
            with engine_errors("connecting a sandbox"):
                self._client.api.connect_container_to_network(self._id, LENT)
        except BaseException:
            self._end()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def take_away(self) -> None:
        """Leave the container without network. Raises SandboxLost, having removed it, where the engine does not."""
        problem: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                with engine_errors("disconnecting a sandbox"):
                    networks = self._client.api.inspect_container(self._id)["NetworkSettings"]["Networks"]
                    if not networks:
                        return
                    for name in networks:
                        self._client.api.disconnect_container_from_network(self._id, name, force=True)
            except SandboxLost:
                raise
            except InfraError as failed:
                problem = failed
        with engine_errors("removing a sandbox that cannot be disconnected"):
            self._container.remove(force=True, v=True)
        raise SandboxLost(f"a sandbox could not be disconnected from network {LENT!r}, so it was removed: {problem}")

    def _end(self) -> None:
        self.take_away()
        self._signal("CONT")

    def _signal(self, name: str) -> None:
        """Send every process but the keeper a signal; one that finds no process (code 1) is fine."""
        result = execute(self._client, self._id, ["bash", "-c", f"kill -{name} -1"], timeout_s=_SIGNAL_S)
        if result.exit_code not in (0, 1):
            raise InfraError(f"signal {name} could not be sent in a sandbox (exit code {result.exit_code})")
