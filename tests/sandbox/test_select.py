from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import DockerUnavailable, InputError
from pytest_swebench.sandbox.protocol import Script
from pytest_swebench.sandbox.select import make_backend

SCENARIO = Instance(problem=Problem(instance_id="s", statement="say hi"), kind=Kind.SCENARIO)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


def test_auto_needs_no_engine_for_trusted_sources(no_engine: None, local_instance: Instance, tmp_path: Path) -> None:
    backend = make_backend("auto", [local_instance, SCENARIO], run_id="r")
    backend.check([local_instance, SCENARIO])
    sandbox = backend.open(local_instance)
    assert sandbox.image == ""
    log = tmp_path / "log"
    assert backend.run_script(local_instance, Script("cat README.md", timeout_s=60, log=log)).exit_code == 0
    assert log.read_text() == "first\nsecond\nthird\n"
    backend.close()
    assert not Path(sandbox.workdir).exists()


def test_auto_sends_images_to_docker(docker_engine: None, local_instance: Instance, docker_instance: Instance) -> None:
    backend = make_backend("auto", [local_instance, docker_instance], run_id="r")
    trusted_with_image = replace(docker_instance, trusted=True)
    backend.check([local_instance, docker_instance])
    assert backend.open(trusted_with_image).workdir == "/testbed"
    assert backend.open(local_instance).workdir != "/testbed"
    backend.close()


def test_auto_says_how_to_do_without_docker(no_engine: None) -> None:
    instance = Instance(problem=Problem(instance_id="a", statement=""), image="some/image")
    backend = make_backend("auto", [instance], run_id="r")
    with pytest.raises(DockerUnavailable, match="start Docker, or use --sandbox local"):
        backend.check([instance])
    backend.close()


def test_auto_refuses_what_no_sandbox_can_hold(no_engine: None, local_instance: Instance) -> None:
    untrusted = replace(local_instance, trusted=False)
    backend = make_backend("auto", [untrusted], run_id="r")
    with pytest.raises(
        InputError, match=r'has no image.*put "image" in its row .*`swebench-runner task image`.*trusted'
    ):
        backend.check([untrusted])
    with pytest.raises(InputError, match=r'not trusted.*put "image" in its row .*"trusted": true'):
        make_backend("local", [untrusted], run_id="r")


def test_docker_refuses_an_instance_without_image(no_engine: None, local_instance: Instance) -> None:
    with pytest.raises(InputError, match=r"'tests__local-1' has no image.*--sandbox local or auto"):
        make_backend("docker", [SCENARIO, local_instance], run_id="r")


def test_local_refuses_what_is_not_trusted(no_engine: None) -> None:
    instance = Instance(problem=Problem(instance_id="a", statement=""), image="some/image")
    with pytest.raises(InputError, match="'a' is not trusted"):
        make_backend("local", [SCENARIO, instance], run_id="r")


@pytest.mark.parametrize("name", ["auto", "docker", "local"])
def test_scenarios_need_no_sandbox(no_engine: None, name: str) -> None:
    backend = make_backend(name, [SCENARIO], run_id="r")
    backend.check([SCENARIO])
    assert backend.name == name
    backend.close()


def test_unknown_sandbox_offers_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown sandbox 'dokcer'; did you mean 'docker'"):
        make_backend("dokcer", [], run_id="r")


def test_unknown_option_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match="unknown docker option 'memroy'"):
        make_backend("auto", [], run_id="r", extra={"memroy": "1g"})
