"""Local tasks in containers: the lite image, its folder for a repository, and a network for installs alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.local.baseline import Baseline
from pytest_swebench.arms.local.onepatch import OnePatchAgent
from pytest_swebench.arms.local.stages import Stages
from pytest_swebench.arms.local.tools import task_tools
from pytest_swebench.datasets.tasks import PROJECT_FOLDER
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.profile import DockerOptions
from tests.arms.local.conftest import Place
from tests.support.lite import local_lite
from tests.support.local_tasks import fix_of

if TYPE_CHECKING:
    from docker import DockerClient

Open = Callable[..., Place]


@pytest.fixture
def contained(open_task: Open, docker_client: DockerClient, base_image: str) -> Open:
    image = local_lite(docker_client, base_image).name

    def opened(task_id: str, agent_network: str = "install") -> Place:
        options = DockerOptions.from_extra({"agent_network": agent_network})
        return open_task(task_id, DockerBackend(run_id="local-tasks", options=options), image=image, trusted=False)

    return opened


def test_baseline_in_a_container(contained: Open) -> None:
    place = contained("colours-case")
    solution = Baseline().solve(place.context)
    assert (place.result["status_before"], place.result["status"]) == ("fail", "pass")
    assert place.result["tail"].startswith("2 passed in ")
    assert place.context.sandbox().workdir == PROJECT_FOLDER == "/workspace/project"
    assert solution.patch == fix_of("colours-case")


def test_only_installing_has_a_network(contained: Open) -> None:
    place = contained("basket-all")
    stages = Stages(place.context, Clock(300))
    seen = b"import os\nopen('%s', 'w').write(' '.join(os.listdir('/sys/class/net')))\n"
    stages.clone().write({"conftest.py": seen % b"testing.txt", "setup.py": seen % b"installing.txt"})
    stages.install()
    stages.test()
    assert b"eth" in stages.sandbox.read("installing.txt")
    assert b"eth" not in stages.sandbox.read("testing.txt")


def test_agent_in_a_container_with_its_pip_tool(contained: Open) -> None:
    place = contained("basket-total")
    context, model = place.with_model(
        [("swe_pip_install", {"packages": ["pluggy>=1", "--index-url=http://example.org"]})],
        [("swe_pip_install", {"packages": ["pluggy>=1"]})],
        [("swe_pytest", {})],
        [("swe_apply_patch_text", {"patch": fix_of("basket-total")})],
        [("swe_pytest", {})],
    )
    solution = OnePatchAgent().solve(context)
    refused, installed = [message.content for message in model.requests[-1].messages if message.role == "tool"][:2]
    assert refused.startswith("error: '--index-url=http://example.org' is not the name of a package")
    assert not installed.startswith("error"), installed
    assert place.result["status"] == "pass"
    assert solution.commands == ("pip install 'pluggy>=1'",)


def test_without_a_network_there_is_no_pip_tool(contained: Open) -> None:
    place = contained("basket-total", "none")
    assert "swe_pip_install" not in task_tools(Stages(place.context, Clock(300)))
