"""Our environment under the library's own agent, which its own deterministic model drives."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.mini.environment import MARKER, SandboxEnvironment
from pytest_swebench.arms.mini.library import Library, Settings
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.kept import Kept
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

MEND = "sed -i 's/a - b/a + b/' calc.py"
DIFF = "git diff -- calc.py > patch.txt"
SUBMIT = f"echo {MARKER} && cat patch.txt"


def drive(library: Library, environment: SandboxEnvironment, *commands: str) -> tuple[dict[str, Any], list[str]]:
    """Let the library's agent run `commands`, one a step; return how it ended and what the model was told."""
    models = importlib.import_module("minisweagent.models.test_models")
    outputs = [models.make_output("", [{"command": command}], cost=0.0) for command in commands]
    agent = library.agent(
        models.DeterministicModel(outputs=outputs, cost_per_call=0.0),
        environment,
        system_template="You are in {{cwd}}.",
        instance_template="{{task}}",
    )
    ended: dict[str, Any] = agent.run(task="mend it")
    return ended, [message["content"] for message in agent.messages if message["role"] == "user"][1:]


@pytest.fixture
def environment(library: Library, settings: Settings, sandbox: Sandbox) -> Iterator[SandboxEnvironment]:
    with closing(Workbench(sandbox, Clock(120.0))) as bench:
        yield SandboxEnvironment(bench, settings, library, Progress("mini", Kept()))


def test_commands_run_and_a_submission_ends_the_agent(
    library: Library, environment: SandboxEnvironment, sandbox: Sandbox
) -> None:
    ended, told = drive(library, environment, MEND, "cd /; exit 3", "pwd; echo $PAGER", DIFF, SUBMIT)
    assert ended["exit_status"] == "Submitted"
    assert ended["submission"].startswith("diff --git a/calc.py b/calc.py\n")
    assert told[1] == "<returncode>3</returncode>\n<output>\n</output>"
    assert told[2] == f"<returncode>0</returncode>\n<output>\n{sandbox.workdir}\ncat\n</output>"
    assert "+    return a + b" in sandbox.diff()


@pytest.mark.parametrize("command", [f"echo {MARKER}; false", f"echo first; echo {MARKER}", f"echo {MARKER}x"])
def test_what_only_looks_like_a_submission_is_none(environment: SandboxEnvironment, command: str) -> None:
    assert MARKER in environment.execute({"command": command})["output"]


def test_command_over_its_time_is_told_so(library: Library, settings: Settings, sandbox: Sandbox) -> None:
    hasty = dataclasses.replace(settings, command_timeout_s=0.5)
    with closing(Workbench(sandbox, Clock(120.0))) as bench:
        output = SandboxEnvironment(bench, hasty, library, Progress("mini", Kept())).execute(
            {"command": "echo on; sleep 60"}
        )
    assert (output["output"], output["returncode"]) == ("on\n", -1)
    assert output["exception_info"].startswith("The command took more than 0.5 s; it was killed")


def test_end_of_all_time_ends_the_agent(library: Library, settings: Settings, sandbox: Sandbox) -> None:
    with closing(Workbench(sandbox, Clock(0.0))) as bench:
        ended, told = drive(library, SandboxEnvironment(bench, settings, library, Progress("mini", Kept())), MEND)
    assert ended["exit_status"] == "TimeExceeded"
    assert told == []


def test_folder_of_an_action_is_gone_to(environment: SandboxEnvironment) -> None:
    assert environment.execute({"command": "pwd"}, cwd="/usr")["output"] == "/usr\n"


def test_templates_are_not_given_a_person_s_environment(
    environment: SandboxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "sk-of-this-test")
    assert set(environment.get_template_vars(task="x")) == {"cwd", "timeout", "env", "task"}
    assert "sk-of-this-test" not in str(environment.serialize())


def test_same_in_a_container(library: Library, settings: Settings, docker_client: DockerClient) -> None:
    trivial_image(docker_client)
    with (
        closing(DockerBackend(run_id="test-mini")) as backend,
        closing(backend.open(trivial_instance(1))) as sandbox,
        closing(Workbench(sandbox, Clock(120.0))) as bench,
    ):
        environment = SandboxEnvironment(bench, settings, library, Progress("mini", Kept()))
        ended, told = drive(library, environment, "pwd; exit 4", "ls /sys/class/net", MEND, DIFF, SUBMIT)
        assert "+    return a + b" in sandbox.diff()
    assert ended["exit_status"] == "Submitted"
    assert told[0] == "<returncode>4</returncode>\n<output>\n/testbed\n</output>"
    assert told[1] == "<returncode>0</returncode>\n<output>\nlo\n</output>"
