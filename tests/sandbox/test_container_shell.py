"""A shell in a container, among commands that no other machine should see: they kill by name, or all at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.errors import SandboxLost
from pytest_swebench.sandbox.container import DockerSandbox
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import CommandResult, Shell
from pytest_swebench.sandbox.reaper import LABEL_RUN


class Confined:
    """A shell that is surely in a container of its own: it looks before every command."""

    def __init__(self, backend: DockerBackend, image: str, tree: Path) -> None:
        (tree / "README.md").write_text("first\n")
        problem = Problem(instance_id="tests__shell-2", statement="")
        sandbox = backend.open(Instance(problem=problem, image=image, source=Source(path=str(tree))))
        assert isinstance(sandbox, DockerSandbox)
        self.shell: Shell = sandbox.shell()

    def run(self, command: str, timeout_s: float = 20) -> CommandResult:
        first = self.shell.run("cat /proc/1/cmdline | tr '\\0' ' '; test -e /.dockerenv && echo inside", timeout_s=30)
        assert first.output.endswith("inside\n"), first
        assert " keeper " in first.output, first
        return self.shell.run(command, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="container-shell", options=DockerOptions(pids=128))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def confined(backend: DockerBackend, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Confined:
    return Confined(backend, base_image, tmp_path_factory.mktemp("tree"))


@pytest.mark.parametrize(
    "command",
    [
        "pkill bash",
        "pkill -9 bash",
        "pkill -u root",
        "kill -9 -1",
        "kill 1; kill -9 1; exit 3",
        "kill -USR1 1; sleep 9",
    ],
    ids=["name", "name-9", "user", "all", "keeper", "keeper-usr1"],
)
def test_killing_by_name_or_all_at_once_costs_one_command_at_most(confined: Confined, command: str) -> None:
    result = confined.run(command)
    assert (result.timed_out, result.exit_code) in [(False, code) for code in (0, 3, 137, 143)]
    assert confined.run("echo alive").output == "alive\n"


def test_killing_what_carries_the_output_costs_the_output_alone(confined: Confined) -> None:
    result = confined.run("pkill -9 cat; sleep 0.1; (exit 4); exit 4")
    assert (result.exit_code, result.output, result.timed_out) == (4, "", False)
    assert confined.run("echo alive").output == "alive\n"


def test_fork_bomb_is_contained(confined: Confined) -> None:
    assert confined.run("bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do :; done", timeout_s=2).timed_out
    assert confined.run("echo fine").output == "fine\n"


@pytest.mark.soak
def test_fork_bomb_in_the_background_is_ended_when_nothing_else_can_begin(confined: Confined) -> None:
    confined.run("bomb() { bomb | bomb & }; bomb 2>/dev/null")
    deadline = time.monotonic() + 60
    while confined.shell.run("echo fine", timeout_s=2).output != "fine\n":
        assert time.monotonic() < deadline


def test_lost_container_is_told_from_a_lost_shell(backend: DockerBackend, base_image: str, tmp_path: Path) -> None:
    known = {found.id for found in backend.client.containers.list(filters={"label": f"{LABEL_RUN}=container-shell"})}
    confined = Confined(backend, base_image, tmp_path)
    found = backend.client.containers.list(filters={"label": f"{LABEL_RUN}=container-shell"})
    (container,) = [one for one in found if one.id not in known]
    container.kill()
    with pytest.raises(SandboxLost):
        confined.shell.run("true", timeout_s=20)
    confined.shell.close()
