"""Images: whether they are here, fetching them once, and deriving the ones arms work in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.cell import digest as short_digest
from pytest_swebench.cell import slug
from pytest_swebench.errors import DockerUnavailable, ImageMissing, InfraError, SandboxLost
from pytest_swebench.sandbox import hygiene
from pytest_swebench.sandbox.engine import engine_errors, execute, gone
from pytest_swebench.sandbox.reaper import LABEL_HOST, LABEL_INSTANCE, LABEL_PID, LABEL_RUN, LABEL_START

if TYPE_CHECKING:
    from docker import DockerClient

CLEAN_REPOSITORY: Final = "pytest-swebench/clean"
LABEL_ORIGIN: Final = "pytest_swebench.cleaned_from"
CLEAN_TIMEOUT_S: Final = 1800.0


def has(client: DockerClient, image: str) -> bool:
    """Whether `image` is on this engine."""
    try:
        with engine_errors(f"looking for image {image!r}"):
            client.images.get(image)
    except ImageMissing:
        return False
    return True


def pullable(image: str) -> bool:
    """Whether the name can stand in a registry we may ask: a bare name is a local build."""
    return "/" in image


def missing(image: str, why: str = "") -> ImageMissing:
    """Return the error for an image that is not here, with the fix."""
    reason = f" ({why})" if why else ""
    return ImageMissing(f"image {image!r} is not on this Docker engine{reason}; build it, or `docker pull {image}`")


def ensure(client: DockerClient, image: str) -> None:
    """Pull `image` if it is not here; of many processes one pulls while the others wait.

    Raises ImageMissing where the name is local or the registry says no, InfraError where no registry answers.
    """
    if has(client, image):
        return
    if not pullable(image):
        raise missing(image)
    with _locked(f"pull-{image}"):
        if has(client, image):
            return
        try:
            with engine_errors(f"pulling image {image!r}"):
                client.images.pull(*_reference(image))
        except (ImageMissing, SandboxLost) as error:  # a 404, whatever was meant to be there
            raise missing(image, str(error)) from error
        except DockerUnavailable:
            raise
        except InfraError as error:
            if any(word in str(error) for word in ("denied", "not found", "unauthorized", "manifest unknown")):
                raise missing(image, str(error)) from error
            raise InfraError(f"{missing(image)}; {error}") from error


def _reference(image: str) -> tuple[str, str | None]:
    name = image.rpartition("/")[2]
    return (image, None) if ":" in name or "@" in name else (image, "latest")


def digest(client: DockerClient, image: str) -> str:
    """Return what identifies the image's content: its registry digest if it has one, else its id."""
    with engine_errors(f"inspecting image {image!r}"):
        data = client.images.get(image).attrs
    pulled = data.get("RepoDigests") or []
    return str(pulled[0]).rpartition("@")[2] if pulled else str(data["Id"])


def cleaned(client: DockerClient, image: str, workdir: str, labels: dict[str, str]) -> str:
    """Return the name of an image like `image` whose repository in `workdir` holds nothing beyond HEAD.

    Made once per image content, folder and cleaning script. Where the listing shows nothing to remove, the name is a
    second tag of `image` itself, so the proof is kept and costs no disk. `labels` go to the container that does the
    work. Raises InfraError where the history cannot be cut off.
    """
    with engine_errors(f"inspecting image {image!r}"):
        image_id = str(client.images.get(image).id)
    tag = short_digest([image_id, workdir, hygiene.SCRIPT])
    name = f"{CLEAN_REPOSITORY}:{tag}"
    if has(client, name):
        return name
    with _locked(f"clean-{tag}"):
        if not has(client, name):
            _derive(client, image_id, workdir, tag, labels, shown=image)
    return name


def _derive(client: DockerClient, image_id: str, workdir: str, tag: str, labels: dict[str, str], shown: str) -> None:
    with engine_errors(f"cleaning the git history in image {shown!r}"):
        container = client.containers.create(
            image_id,
            entrypoint=["sleep", str(int(CLEAN_TIMEOUT_S))],
            command=[],
            user="0",
            network_mode="none",
            security_opt=["no-new-privileges:true"],
            labels=labels,
        )
        try:
            container.start()
            if _hygiene(client, str(container.id), workdir, "check", shown) == hygiene.CLEAN:
                client.images.get(image_id).tag(CLEAN_REPOSITORY, tag)
                return
            _hygiene(client, str(container.id), workdir, "clean", shown)
            # An image hands its labels on: those of the worker must not make every later container look like its own.
            owner = dict.fromkeys((LABEL_RUN, LABEL_INSTANCE, LABEL_PID, LABEL_START, LABEL_HOST), "")
            container.commit(CLEAN_REPOSITORY, tag, conf={"Labels": {**owner, LABEL_ORIGIN: image_id}})
        finally:
            with gone():
                container.remove(force=True, v=True)


def _hygiene(client: DockerClient, container_id: str, workdir: str, mode: str, shown: str) -> int:
    command = ["bash", "-c", hygiene.SCRIPT, "hygiene", workdir, mode]
    result = execute(client, container_id, command, timeout_s=CLEAN_TIMEOUT_S)
    accepted = {hygiene.CLEAN, hygiene.LEFTOVERS} if mode == "check" else {hygiene.CLEAN}
    if result.exit_code not in accepted:
        output = result.stdout.text() + result.stderr.text()
        raise InfraError(hygiene.describe(f"image {shown!r}, folder {workdir!r}", result.exit_code, output))
    return result.exit_code


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold a lock that all processes of this user share."""
    from filelock import FileLock

    folder = Path(tempfile.gettempdir()) / f"pytest-swebench-locks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with FileLock(folder / f"{slug(name)[-200:]}.lock"):
        yield
