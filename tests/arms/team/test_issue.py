"""Teams on an issue, in a container: the tools of a single agent, and a patch that the official rules judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.arms.team.arm import TeamArm, team_leader_follower, team_review, team_round_robin
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.sandbox.docker import DockerBackend, DockerOptions
from tests.arms.team.conftest import Stage
from tests.support.calc import FIX
from tests.support.team_model import call, over
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

SCRIPT = {
    "installer": [over("nothing to install")],
    "tester": [call("run_tests", args=["-q"]), over("they pass: add(1, 2) has no test")],
    "patcher": [call("read_file", path="calc.py"), call("apply_patch", patch=FIX), over("it adds now")],
    "leader": [
        call("give_floor", role="tester", task="Look for tests."),
        call("give_floor", role="patcher", task="Mend add."),
        call("give_floor", role="tester", task="Test again."),
        call("finish", reason="add is mended"),
    ],
    "reviewer": [call("search_code", text="add("), call("approve", reason="that is it")],
}
AGAIN = {
    "installer": [over("still nothing")] * 9,
    "tester": [call("run_tests", args=["-q"]), over("they pass")] * 9,
    "patcher": [over("nothing left to change")] * 9,
}


@pytest.fixture(autouse=True)
def image(docker_client: DockerClient) -> str:
    return trivial_image(docker_client)


@pytest.fixture
def in_docker(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    backends: list[DockerBackend] = []

    def opened(agent_network: str = "none") -> Stage:
        backends.append(DockerBackend(run_id="test-team", options=DockerOptions(agent_network=agent_network)))
        return Stage(trivial_instance(1), backends[-1].open(trivial_instance(1)), tmp_path)

    yield opened
    for backend in backends:
        backend.close()


def test_round_without_a_change_ends_the_work_and_the_patch_resolves(
    in_docker: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = in_docker()
    solution = stage.play(team_round_robin(), {name: [*SCRIPT[name], *AGAIN[name]] for name in AGAIN})
    assert solution.notes == "a round went by in which nothing changed: the patch stands"
    assert stage.trace.floor()[:3] == ["installer", "tester", "patcher"]
    assert solution.response_text.startswith("1 passed")
    with closing(DockerBackend(run_id="test-team")) as backend:
        assert OfficialGrader(backend).grade(stage.instance, solution.patch, tmp_path / "grade").verdict.resolved


def test_leader_calls_an_issue_finished(in_docker: Callable[..., Stage]) -> None:
    stage = in_docker()
    script = SCRIPT | {"tester": [*SCRIPT["tester"], *AGAIN["tester"]]}
    solution = stage.play(team_leader_follower(), script)
    assert solution.notes == "the leader ended it: add is mended"
    assert "+    return a + b" in solution.patch
    assert [command.split(" -m ")[-1] for command in solution.commands] == ["pytest -q", "pytest -q"]


def test_reviewed_patch_of_an_issue_is_applied(in_docker: Callable[..., Stage]) -> None:
    stage = in_docker()
    proposal = call("propose_patch", patch=FIX, reason="add must add")
    solution = stage.play(team_review(), SCRIPT | {"patcher": [call("run_tests", args=[]), proposal]})
    assert solution.notes == "the approved patch is applied"
    assert "1 passed" in stage.heard("reviewer")
    assert "+    return a + b" in stage.sandbox.diff()


@pytest.mark.parametrize(("network", "offered"), [("none", False), ("install", True)])
def test_installer_has_the_pip_tool_only_with_a_network(
    in_docker: Callable[..., Stage], network: str, offered: bool
) -> None:
    stage = in_docker(network)
    arm: TeamArm = team_leader_follower(agent_network=network)
    script = {
        "leader": [call("give_floor", role="installer", task="Install."), call("finish", reason="enough")],
        "installer": [over("done")],
    }
    stage.play(arm, script)
    (request,) = stage.model.asked_by("installer")
    assert ("pip_install" in {tool.name for tool in request.tools}) is offered
