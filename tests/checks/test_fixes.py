from __future__ import annotations

import pytest

from pytest_swebench.checks import Cause, Check
from pytest_swebench.checks.fixes import HEADLINES, Kind, fixes_for, grading_cause, login, pull_cause
from pytest_swebench.errors import (
    DockerUnavailable,
    ImageMissing,
    InfraError,
    NeedsNetwork,
    OutOfResources,
    RefusedError,
    SandboxLost,
    SwebenchError,
)

IMAGE = "localhost:429/swebench/sweb.eval.x86_64.denied_1776_denied-429:latest"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ImageMissing(f"image {IMAGE!r} is not on this Docker engine"), Cause.IMAGE_MISSING),
        (RefusedError(f"image {IMAGE!r}: it refuses to give it"), Cause.REGISTRY_DENIED),
        (InfraError(f"image {IMAGE!r}: still refuses after 6 s (toomanyrequests: x)"), Cause.REGISTRY_LIMITED),
        (InfraError(f"image {IMAGE!r}: no room for it (no space left on device)"), Cause.DISK),
        (OutOfResources(f"image {IMAGE!r}: Disk quota exceeded"), Cause.DISK),
        (InfraError(f"image {IMAGE!r}; failed 2 times, last: dial tcp: no such host"), Cause.REGISTRY_SILENT),
        (SandboxLost("the container is gone"), Cause.DOCKER_FAILED),
    ],
)
def test_cause_of_a_pull_is_told_by_type_and_not_by_names(error: SwebenchError, cause: Cause) -> None:
    assert pull_cause(error) is cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NeedsNetwork("install failed"), Cause.NETWORK),
        (ImageMissing("gone meanwhile"), Cause.IMAGE_MISSING),
        (OutOfResources("grading x: the tests ran out of the memory of 4g"), Cause.MEMORY),
        (OutOfResources("grading x: no space was left on /testbed in the container"), Cause.DISK),
        (OutOfResources("'/r/x' cannot be written (No space left on device); free space"), Cause.DISK),
        (OutOfResources("'/r/x' cannot be written: Disk quota exceeded"), Cause.DISK),
        (OutOfResources("'/memory/x' cannot be written: Cannot allocate memory"), Cause.MEMORY),
        (InfraError("grading x ended with exit code 3"), Cause.EVALUATION),
        (RefusedError("the log grew beyond its limit"), Cause.EVALUATION),
        (SandboxLost("killed"), Cause.DOCKER_FAILED),
    ],
)
def test_cause_of_an_evaluation_is_told_by_type(error: SwebenchError, cause: Cause) -> None:
    assert grading_cause(error) is cause


def test_engine_that_is_gone_is_diagnosed(no_engine: None) -> None:
    assert pull_cause(DockerUnavailable("gone")) is Cause.DOCKER_STOPPED


def test_every_cause_of_a_preflight_has_a_headline() -> None:
    assert set(Cause) - set(HEADLINES) == {Cause.CONFIGURATION, Cause.INSTALLATION}


@pytest.mark.parametrize(
    ("cause", "arch", "kinds"),
    [
        (Cause.REGISTRY_DENIED, "x86_64", [Kind.LOGIN, Kind.NAMESPACE]),
        (Cause.REGISTRY_DENIED, "arm64", [Kind.LOGIN, Kind.NAMESPACE, Kind.EMULATE]),
        (Cause.REGISTRY_LIMITED, "arm64", [Kind.LOGIN, Kind.BY_HAND, Kind.NAMESPACE]),
        (Cause.REGISTRY_SILENT, "", [Kind.BY_HAND, Kind.NAMESPACE]),
        (Cause.IMAGE_MISSING, "arm64", [Kind.NAMESPACE, Kind.EMULATE]),
        (Cause.DISK, "arm64", [Kind.BY_HAND]),
        (Cause.DOCKER_PERMISSION, "", [Kind.BY_HAND]),
    ],
)
def test_ways_out_depend_on_cause_and_architecture(
    cause: Cause, arch: str, kinds: list[Kind], docker_engine: None
) -> None:
    fixes = fixes_for(Check.fail("x", cause, "y", "by hand so"), registry="ghcr.io", arch=arch)
    assert [fix.kind for fix in fixes] == kinds
    assert all(fix.as_json()["text"] for fix in fixes)


def test_login_names_its_registry(docker_engine: None) -> None:
    assert login("docker.io").command == ("docker", "login")
    assert login("ghcr.io").text.startswith("run: docker login ghcr.io, with a token")


def test_login_is_by_hand_where_there_is_no_docker_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert login("ghcr.io").kind is Kind.BY_HAND
