"""The image of local tasks as tests use it: built from the local base image, under a name of the tests' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_swebench.sandbox.images.lite import LiteImage, lite_image

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY: Final = "pytest-swebench-test/swebench-lite"


def local_lite(client: DockerClient, base: str) -> LiteImage:
    """Return the image upon `base`, building it without any network where it is missing."""
    return lite_image(client, base, repository=REPOSITORY)
