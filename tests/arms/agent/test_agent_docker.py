"""The arm in a container: real commands, a shell that nothing breaks, no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.arms.agent.agent import Agent
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.patch import changed_paths
from pytest_swebench.sandbox.docker import DockerBackend, DockerOptions
from tests.arms.agent.scripted import Scripted, calls, context
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

EDIT = ("edit_file", {"path": "calc.py", "search": "    return a - b", "replace": "    return a + b"})
SUBMIT = calls(("submit", {}))


@pytest.fixture(autouse=True)
def image(docker_client: DockerClient) -> str:
    return trivial_image(docker_client)


@pytest.fixture
def backend() -> Iterator[DockerBackend]:
    with closing(DockerBackend(run_id="test-agent")) as made:
        yield made


def solve(backend: DockerBackend, model: Scripted, folder: Path, agent: Agent | None = None) -> Solution:
    instance = trivial_instance(1)
    with closing(backend.open(instance)) as sandbox:
        given = context(model, folder, sandbox=lambda: sandbox, problem=instance.problem, timeout_s=120.0)
        return (agent or Agent()).solve(given)


def test_real_commands_end_in_the_right_patch(backend: DockerBackend, tmp_path: Path) -> None:
    model = Scripted(
        [
            calls(
                ("run", {"command": "grep -n 'def ' -r . --include=*.py | sort; cat calc.py"}),
                ("run", {"command": "cd /tmp; exit 9"}),
                ("run", {"command": "python3 -c 'import calc; print(calc.add(1, 2))'"}),
            ),
            calls(EDIT, ("run_tests", {"args": ["-q", "-p", "no:cacheprovider"]})),
            calls(("edit_file", {"path": "docs/notes.txt", "search": "", "replace": "add adds"})),
            SUBMIT,
        ]
    )
    solution = solve(backend, model, tmp_path)
    results = [message.content for message in model.requests[-1].messages if message.role == "tool"]
    assert "./calc.py:1:def add(a, b):" in results[0]
    assert results[1:4] == ["exit code 9\n", "exit code 0\n-1\n", "replaced"]
    assert results[4].startswith("exit code 0\n")
    assert "1 failed" not in results[4]
    assert changed_paths(solution.patch) == ["calc.py", "docs/notes.txt"]
    assert "+    return a + b" in solution.patch
    assert len(solution.commands) == 4


def test_commands_that_try_to_break_the_shell_break_nothing(backend: DockerBackend, tmp_path: Path) -> None:
    rough = [
        "set -e; false",
        "exec cat",
        "kill -9 $PPID",
        "sleep 1000 & disown",
        "sleep 60",
        "head -c 2000000 /dev/zero",
    ]
    asked = [("run", {"command": command, "timeout_s": 2}) for command in rough]
    model = Scripted([calls(*asked), calls(("run", {"command": "pwd"}), EDIT), SUBMIT])
    solution = solve(backend, model, tmp_path)
    assert model.told() == ["exit code 0\n/testbed\n", "replaced"]
    assert "+    return a + b" in solution.patch


@pytest.mark.parametrize("command", ["rm -rf .git", "rm -rf /testbed", "rm $(command -v git)"])
def test_who_destroys_the_repository_leaves_no_patch_and_a_note(
    backend: DockerBackend, tmp_path: Path, command: str
) -> None:
    solution = solve(backend, Scripted([calls(EDIT, ("run", {"command": command})), SUBMIT]), tmp_path)
    assert solution.patch == ""
    assert "no patch can be taken from what was left: git failed in '/testbed'" in solution.notes


def test_there_is_no_network_unless_it_is_asked_for(backend: DockerBackend, tmp_path: Path) -> None:
    model = Scripted([calls(("run", {"command": "ls /sys/class/net"})), SUBMIT])
    solve(backend, model, tmp_path)
    assert model.told() == ["exit code 0\nlo\n"]
    assert "pip_install" not in [tool.name for tool in model.requests[0].tools]


def test_installing_has_a_network_of_its_own_and_is_kept_for_the_audit(tmp_path: Path) -> None:
    model = Scripted(
        [
            calls(
                ("pip_install", {"packages": ["../calc"]}), ("pip_install", {"packages": ["no-such-package-here==0"]})
            ),
            calls(("run", {"command": "ls /sys/class/net"})),
            SUBMIT,
        ]
    )
    with closing(DockerBackend(run_id="test-install", options=DockerOptions(agent_network="install"))) as backend:
        solution = solve(backend, model, tmp_path, Agent("install"))
    results = [message.content for message in model.requests[-1].messages if message.role == "tool"]
    assert results[0].startswith("error: '../calc' is not the name of a package")
    assert results[1].startswith("exit code 1\n")  # whatever index there is, it has no such package
    assert results[2] == "exit code 0\nlo\n"
    assert len(solution.commands) == 2
    assert solution.commands[0].endswith(" no-such-package-here==0")
    assert "pip_install alone" in model.requests[0].system
    assert solution.notes == ""
