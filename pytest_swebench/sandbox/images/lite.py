"""The image `swebench-lite:py3.X` for local tasks: found by its label, or built from the Dockerfile in `sandbox/lite`.

Built upon an image of a registry where one answers, else upon a local one that has Python, pip and git. The tag says
the Python that is in there.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import files as files_of
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.datasets.tasks import LITE
from pytest_swebench.errors import ImageMissing, InfraError
from pytest_swebench.sandbox.engine import engine_errors
from pytest_swebench.sandbox.images.present import has, locked

if TYPE_CHECKING:
    from docker import DockerClient

REGISTRY_BASE: Final = "python:3.10-slim-bookworm"
LOCAL_BASES: Final = ("pytest-swebench-base:latest", f"{LITE}:py3.11")
LABEL: Final = "pytest_swebench.lite"
"""The label of a lite image; its value is what it was built upon."""

# Pure Python all of them, so any interpreter of about this age runs them.
_COPIED: Final = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_VERSION: Final = "import sys; print('py%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True, slots=True)
class LiteImage:
    """A lite image's name, what it stands upon, and whether it was built just now."""

    name: str
    base: str
    built: bool


def lite_image(client: DockerClient, base: str = "", *, repository: str = LITE) -> LiteImage:
    """Return the lite image, building it where there is none (or none upon `base`).

    Without `base` it is built upon a registry's Python image, and where that cannot be had, upon a local one. Raises
    InfraError where neither is there.
    """
    with locked(f"lite-{repository.replace('/', '-')}"):
        return _found(client, base, repository) or _built(client, base, repository)


def _found(client: DockerClient, base: str, repository: str) -> LiteImage | None:
    with engine_errors("listing images"):
        images = client.images.list(name=repository, filters={"label": f"{LABEL}={base}" if base else LABEL})
    tags = ((tag, image.labels[LABEL]) for image in images for tag in image.tags)
    names = sorted(one for one in tags if one[0].rpartition(":")[0] == repository)
    return LiteImage(*names[0], built=False) if names else None


def _built(client: DockerClient, base: str, repository: str) -> LiteImage:
    if base:
        return _build(client, base, repository, online=not has(client, base))
    try:
        return _build(client, REGISTRY_BASE, repository, online=True)
    except (InfraError, ImageMissing) as error:
        for local in LOCAL_BASES:
            if has(client, local):
                return _build(client, local, repository, online=False)
        raise InfraError(
            f"no image for local tasks: {error}; build one upon an image of yours that has Python, pip and git: "
            "swebench-runner task image --base NAME"
        ) from error


def _build(client: DockerClient, base: str, repository: str, *, online: bool) -> LiteImage:
    """Build upon `base`; without `online` nothing is fetched. Raises InfraError with the build's last words."""
    from docker.errors import BuildError

    context = {"Dockerfile": (files("pytest_swebench") / "sandbox/lite/Dockerfile").read_bytes()}
    context |= {f"site/{name}": content for name, content in pytest_files().items()}
    arguments = {"BASE": base} | ({} if online else {"PACKAGES": ""})
    what = f"building {repository!r} upon {base!r}"
    with engine_errors(what):
        try:
            image, _ = client.images.build(
                fileobj=build_context(context),
                custom_context=True,
                buildargs=arguments,
                labels={LABEL: base},
                rm=True,
                forcerm=True,
                network_mode=None if online else "none",
            )
        except BuildError as error:
            said = "".join(str(line.get("stream", "")) for line in error.build_log).strip().splitlines()[-3:]
            raise InfraError(f"{what} failed: {error}; it said: {' / '.join(said)}") from error
        version = client.containers.run(
            image, ["python", "-c", _VERSION], remove=True, network_mode="none", entrypoint=[]
        )
        tag = version.decode().strip()
        if has(client, f"{repository}:{tag}") and LABEL not in client.images.get(f"{repository}:{tag}").labels:
            tag += "-pytest"  # somebody's own image has that name, perhaps the very base
        image.tag(repository, tag)
    return LiteImage(f"{repository}:{tag}", base, built=True)


def pytest_files() -> dict[str, bytes]:
    """Return pytest as it is installed here, by paths below a folder of packages."""
    return {
        str(file): Path(str(file.locate())).read_bytes()
        for package in _COPIED
        for file in files_of(package) or ()
        if ".." not in file.parts and "__pycache__" not in file.parts
    }


def build_context(files: Mapping[str, bytes]) -> io.BytesIO:
    """Return what the engine builds from: a tar of `files`, the Dockerfile among them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    stream.seek(0)
    return stream
