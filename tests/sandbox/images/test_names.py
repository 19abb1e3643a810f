from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.sandbox.images import names
from pytest_swebench.sandbox.images.names import EvalImage, located, second_source

if TYPE_CHECKING:
    from docker import DockerClient

OFFICIAL = "swebench/sweb.eval.x86_64.django_1776_django-16901:latest"


def test_official_name_is_taken_apart_and_put_together() -> None:
    found = EvalImage.parse(OFFICIAL)
    assert found == EvalImage("swebench", "x86_64", "django__django-16901")
    assert names.official_name("Django__django-16901", "x86_64") == OFFICIAL


def test_names_of_mirrors_with_a_port_are_taken_apart() -> None:
    assert EvalImage.parse("localhost:5000/swebench/sweb.eval.arm64.a_1776_b-1") == EvalImage(
        "localhost:5000/swebench", "arm64", "a__b-1"
    )


@pytest.mark.parametrize(
    "image",
    [
        "sweb.eval.x86_64.a_1776_b-1:latest",
        "swebench/sweb.eval.x86_64.a_1776_b-1:v2",
        "python:3.11",
        "jefzda/sweap-images:some.tag",
        "ghcr.io/epoch-research/swe-bench.eval.x86_64.a__b-1:latest",
    ],
)
def test_other_names_are_used_as_they_are(image: str) -> None:
    assert located(image, "ghcr.io/epoch-research", "arm64") == image


def test_row_name_stays_without_a_namespace() -> None:
    assert located(OFFICIAL, "", "x86_64") == OFFICIAL


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("ghcr.io/epoch-research", "ghcr.io/epoch-research/swe-bench.eval.x86_64.django__django-16901:latest"),
        ("ghcr.io/epoch-research/", "ghcr.io/epoch-research/swe-bench.eval.x86_64.django__django-16901:latest"),
        ("localhost:5000/mine", "localhost:5000/mine/sweb.eval.x86_64.django_1776_django-16901:latest"),
        ("r.example/a/{arch}/swe-{id}", "r.example/a/x86_64/swe-django__django-16901:latest"),
        ("r.example/swe:{id}", "r.example/swe:django__django-16901"),
        ("r.example/x/sweb.eval.{arch}.{id}", "r.example/x/sweb.eval.x86_64.django_1776_django-16901:latest"),
    ],
)
def test_namespace_says_where_official_names_are_looked_up(namespace: str, expected: str) -> None:
    assert located(OFFICIAL, namespace, "x86_64") == expected


def test_arm_engine_asks_for_the_image_of_its_own_architecture() -> None:
    assert located(OFFICIAL, "", "arm64") == "swebench/sweb.eval.arm64.django_1776_django-16901:latest"
    assert located(OFFICIAL, "ghcr.io/epoch-research", "arm64").startswith(
        "ghcr.io/epoch-research/swe-bench.eval.arm64."
    )


@pytest.mark.parametrize(
    "namespace", ["https://ghcr.io/epoch-research", "GHCR.io/x", "a b", "r.example/{arch}", "r.example/{name}", "x/{id"]
)
def test_bad_namespace_is_named_with_the_fix(namespace: str) -> None:
    with pytest.raises(InputError, match=r"SWEBENCH_DOCKER_NAMESPACE=.*give a registry and a path as in"):
        located(OFFICIAL, namespace, "x86_64")


def test_only_official_arm_images_have_a_second_source() -> None:
    arm = names.official_name("a__b-1", "arm64")
    assert second_source(arm, names.EPOCH) == "ghcr.io/epoch-research/swe-bench.eval.arm64.a__b-1:latest"
    assert second_source(OFFICIAL, names.EPOCH) is None
    assert second_source("other/sweb.eval.arm64.a_1776_b-1", names.EPOCH) is None
    assert second_source("ghcr.io/epoch-research/swe-bench.eval.arm64.a__b-1:latest", names.EPOCH) is None


def test_architecture_is_the_engines_unless_a_platform_is_asked_for(docker_client: DockerClient) -> None:
    assert names.engine_arch(docker_client) in {"x86_64", "arm64"}
    assert names.engine_arch(docker_client, "linux/amd64") == "x86_64"
    assert names.engine_arch(docker_client, "linux/arm64/v8") == "arm64"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("swebench/x", "docker.io"),
        ("python:3", "docker.io"),
        ("ghcr.io/a/b:c", "ghcr.io"),
        ("localhost/x", "localhost"),
        ("host:5000/a", "host:5000"),
    ],
)
def test_registry_of_a_name(image: str, expected: str) -> None:
    assert names.registry(image) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("docker.io/a/b", "a/b:latest"),
        ("host:5000/a", "host:5000/a:latest"),
        ("host:5000/a:v1", "host:5000/a:v1"),
        ("a/b@sha256:" + "0" * 64, "a/b@sha256:" + "0" * 64),
    ],
)
def test_full_name_is_what_an_engine_lists(image: str, expected: str) -> None:
    assert names.full_name(image) == expected


def test_digest_is_split_off_like_a_tag() -> None:
    assert names.repository_and_tag("host:5000/a@sha256:00") == ("host:5000/a", "sha256:00")
