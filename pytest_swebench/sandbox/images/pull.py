"""One image pulled: with progress, again after a cut, and with patience where a registry limits its rate."""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import DockerUnavailable, ImageRefused, InfraError, OutOfResources
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.images.answers import Answer, Failure
from pytest_swebench.sandbox.images.names import PLATFORM_VARIABLE, registry, repository_and_tag
from pytest_swebench.sandbox.images.present import CoolingOff, has, missing

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is. Layers that the engine had already count as done but have no bytes.

    `total_bytes` grows while layers are found out. `note` says why nothing moves, if we are waiting.
    """

    image: str
    layers: int = 0
    layers_done: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. Waits double from `first_s` up to `longest_s`, with jitter so that machines spread out.

    A registry that does not answer gets `attempts`; one that limits its rate has until `deadline_s` after the start,
    for Docker Hub counts in windows of hours.
    """

    attempts: int = 4
    first_s: float = 1.0
    longest_s: float = 300.0
    deadline_s: float = 3600.0

    def wait_s(self, failures: int) -> float:
        """Return how long to wait after that many failures in a row."""
        return min(self.longest_s, self.first_s * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)


class Stopped(Exception):
    """A pull was ended because nobody needs the image any more; never seen where no `stop` is given."""


Listener = Callable[[Progress], None]
_LAYER_HERE: Final = ("Already exists", "Pull complete")


def pull(
    client: DockerClient,
    image: str,
    *,
    on_progress: Listener,
    patience: Patience,
    stop: threading.Event | None = None,
) -> None:
    """Pull `image` and return when it is here. `stop` ends it with `Stopped`, also in the middle.

    The engine keeps finished layers, so another attempt goes on where the last one was cut. Credentials are those of
    Docker's own config file, read afresh each time. Raises ImageMissing where there is no such image, ImageRefused
    where the registry wants a login, InfraError where it does not answer or limits us for too long or the disk is
    full, DockerUnavailable where the engine is gone.
    """
    started, failures = time.monotonic(), 0
    stop = stop or threading.Event()
    cooling = CoolingOff(registry(image))
    while True:
        _sit_out(cooling, image, patience, on_progress, stop)
        failure = _attempt(client, image, on_progress, stop)
        if failure is None:
            return
        failures += 1
        match failure.answer:
            case Answer.MISSING:
                raise missing(image, failure.text)
            case Answer.DENIED:
                raise ImageRefused(
                    f"image {image!r}: {registry(image)} refuses to give it ({failure.text}); {login_fix(image)}"
                )
            case Answer.FULL:
                raise OutOfResources(
                    f"image {image!r}: no room for it ({failure.text}); free disk space of the Docker engine, or give "
                    "--image-disk-cap so that images of earlier instances are removed"
                )
            case Answer.BROKEN if failures >= patience.attempts:
                raise InfraError(f"{missing(image)}; {registry(image)} failed {failures} times, last: {failure.text}")
        wait_s = patience.wait_s(failures)
        if failure.answer is Answer.LIMITED:
            wait_s = min(max(wait_s, failure.retry_after_s or 0.0), patience.longest_s)
        if time.monotonic() - started + wait_s > patience.deadline_s:
            raise InfraError(
                f"image {image!r}: {registry(image)} still refuses after {time.monotonic() - started:.0f} s "
                f"({failure.text}); {login_fix(image)} for a higher limit, or try again later"
            )
        if failure.answer is Answer.LIMITED:
            cooling.start(wait_s)
        else:
            on_progress(Progress(image, note=f"{failure.text}; again in {wait_s:.0f} s"))
            _wait(stop, wait_s)


def login_fix(image: str) -> str:
    """Return what a person can do where a registry wants to know them."""
    host = registry(image)
    return "`docker login`" if host == "docker.io" else f"`docker login {host}`"


def _sit_out(cooling: CoolingOff, image: str, patience: Patience, on_progress: Listener, stop: threading.Event) -> None:
    left_s = min(cooling.left_s(), patience.longest_s)
    if left_s > 0:
        on_progress(Progress(image, note=f"{registry(image)} limits its rate; again in {left_s:.0f} s"))
        _wait(stop, left_s * random.uniform(1.0, 1.2))  # so that not everybody asks at the same moment


def _wait(stop: threading.Event, wait_s: float) -> None:
    if stop.wait(wait_s):
        raise Stopped


def _attempt(client: DockerClient, image: str, on_progress: Listener, stop: threading.Event) -> Failure | None:
    """Pull once; return None when the image is here."""
    from http.client import HTTPException

    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    repository, tag = repository_and_tag(image)
    layers = _Layers(image)
    try:
        client.api.reload_config()  # a person may have logged in meanwhile
        platform = os.environ.get(PLATFORM_VARIABLE) or None
        for event in client.api.pull(repository, tag, stream=True, decode=True, platform=platform):
            if stop.is_set():
                raise Stopped
            if "error" in event:
                return Failure.read(str(event["error"]))
            if layers.take(event):
                on_progress(layers.progress())
    except APIError as error:
        return Failure.read(str(error.explanation or error))
    except (DockerException, RequestException, HTTPError, HTTPException, OSError) as error:
        if "Credentials store error" in str(error):
            return Failure(Answer.DENIED, str(error))
        return _cut(image, str(error))
    # An engine that is stopped ends the stream like one that is done.
    return None if has(client, image) else _cut(image, "the engine stopped before the image was complete")


def _cut(image: str, why: str) -> Failure:
    try:
        connect().close()
    except DockerUnavailable as error:
        raise DockerUnavailable(f"pulling image {image!r}: the Docker engine does not answer ({why})") from error
    return Failure(Answer.BROKEN, why)


class _Layers:
    """Adds up the engine's messages about single layers."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._bytes: dict[str, tuple[int, int]] = {}
        self._done: set[str] = set()
        self._known: set[str] = set()

    def take(self, event: dict[str, Any]) -> bool:
        """Note a message; return whether it changed anything."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        if not re.fullmatch("[0-9a-f]{12}", layer) or status.startswith("Pulling from"):  # that one's id is the tag
            return False
        before = self.progress()
        self._known.add(layer)
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            # After a cut the engine goes on in the middle, and then counts only what was left.
            rest, total = int(detail["total"]), max(int(detail["total"]), self._bytes.get(layer, (0, 0))[1])
            self._bytes[layer] = total - rest + int(detail["current"]), total
        elif status in {"Download complete", *_LAYER_HERE} and layer in self._bytes:
            self._bytes[layer] = (self._bytes[layer][1],) * 2
        if status in _LAYER_HERE:
            self._done.add(layer)
        return self.progress() != before

    def progress(self) -> Progress:
        done, total = (sum(pair[position] for pair in self._bytes.values()) for position in (0, 1))
        return Progress(self._image, len(self._known), len(self._done), done, total)
