from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.checks import Cause, State
from pytest_swebench.checks.doctor import essentials, examine
from tests.checks.conftest import answering


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "cache"))
    return {"HF_ENDPOINT": "http://localhost:1", "SWEBENCH_DOCKER_NAMESPACE": "localhost:1/x"}


def test_every_group_comes_even_without_engine_and_network(
    no_engine: None, env: dict[str, str], tmp_path: Path
) -> None:
    groups = {group.title: group for group in examine(env, tmp_path)}
    assert list(groups) == ["this machine", "Docker", "network", "configuration", "installation", "caches"]
    (docker,) = groups["Docker"].checks
    assert docker.cause is Cause.DOCKER_STOPPED
    assert {check.state for check in groups["network"].checks} == {State.FAIL}
    assert groups["caches"].as_json()["title"] == "caches"


def test_settings_that_cannot_be_read_leave_out_what_hangs_on_them(no_engine: None, tmp_path: Path) -> None:
    env = {"SWEBENCH_MAX_WORKERS": "many"}
    groups = {group.title: group for group in examine(env, tmp_path)}
    assert "network" not in groups
    assert groups["configuration"].checks[0].state is State.FAIL
    assert [check.state for check in essentials(env, tmp_path)][-1] is State.WARN


def test_engine_brings_its_memory_and_its_disk(docker_engine: None, env: dict[str, str], tmp_path: Path) -> None:
    groups = {group.title: group for group in examine(env, tmp_path)}
    assert [check.name for check in groups["Docker"].checks] == ["Docker engine", "memory", "disk for images"]


def test_essentials_are_four_with_the_worst_of_each(docker_engine: None, env: dict[str, str], tmp_path: Path) -> None:
    with answering(200) as (address, _):
        half = env | {"HF_ENDPOINT": f"http://{address}"}
        checks = {check.name: check for check in essentials(half, tmp_path)}
        assert list(checks) == ["Python", "Docker engine", "disk space", "network"]
        assert checks["Docker engine"].state is State.OK
        assert (checks["network"].state, checks["network"].cause) == (State.FAIL, Cause.REGISTRY_SILENT)
        whole = half | {"SWEBENCH_DOCKER_NAMESPACE": f"{address}/x"}
        assert list(essentials(whole, tmp_path))[-1].state is State.OK
