from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend

if TYPE_CHECKING:
    from docker import DockerClient

TREE = {
    "README.md": b"first\nsecond\nthird\n",
    "src/core.py": b"def add(a, b):\n    return a - b\n",
    "src/gone.py": b"GONE = 1\n",
    "run.sh": b"#!/bin/sh\necho run\n",
    "data.bin": bytes(range(256)),
}

# A repository as benchmark images hold it, but with its future left in every place where a future can hide.
DOCKERFILE = """
FROM {base}
SHELL ["/bin/bash", "-c"]
WORKDIR /testbed
RUN export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=a \
      GIT_COMMITTER_EMAIL=a@example.invalid && \
    git init -q -b main . && git config user.name a && git config user.email a@example.invalid && \
    echo past > app.py && git add . && git commit -q -m past && git tag v1 && \
    echo now > app.py && git commit -q -a -m now && git rev-parse HEAD > /now && \
    echo 'the answer is 42' > app.py && git commit -q -a -m future && git rev-parse HEAD > /future && \
    git tag -a -m two v2 && git branch dev && git update-ref refs/stash HEAD && \
    git repack -a -d -q && git reset -q --hard "$(cat /now)" && \
    git clone -q --bare . /upstream.git && git remote add origin /upstream.git && git fetch -q origin && \
    git fetch -q origin dev && rm -rf /upstream.git && mv /future /now /tmp/
ENV FROM_IMAGE=1
LABEL keeps=this
"""


@pytest.fixture(scope="session")
def leaky_image(docker_client: DockerClient, base_image: str) -> str:
    """An image whose repository still holds the commit after HEAD."""
    name = "pytest-swebench-test-leaky:latest"
    docker_client.images.build(
        fileobj=BytesIO(DOCKERFILE.format(base=base_image).encode()), tag=name, rm=True, network_mode="none"
    )
    return name


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name, content in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def local_instance(tree: Path) -> Instance:
    problem = Problem(instance_id="tests__local-1", statement="fix add")
    return Instance(problem=problem, source=Source(path=str(tree)), trusted=True)


@pytest.fixture
def docker_instance(base_image: str, tree: Path) -> Instance:
    problem = Problem(instance_id="tests__docker-1", statement="fix add")
    return Instance(problem=problem, image=base_image, source=Source(path=str(tree)))


@pytest.fixture
def leaky_instance(leaky_image: str) -> Instance:
    return Instance(problem=Problem(instance_id="tests__leaky-1", statement=""), image=leaky_image)


@pytest.fixture
def docker_backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="tests")
    yield backend
    backend.close()


@pytest.fixture(params=["local", "docker"])
def ground(request: pytest.FixtureRequest) -> Iterator[tuple[SandboxBackend, Instance]]:
    """Every kind of sandbox with an instance whose tree is TREE."""
    if request.param == "docker":
        yield request.getfixturevalue("docker_backend"), request.getfixturevalue("docker_instance")
        return
    backend = LocalBackend()
    yield backend, request.getfixturevalue("local_instance")
    backend.close()


@pytest.fixture
def sandbox(ground: tuple[SandboxBackend, Instance]) -> Iterator[Sandbox]:
    backend, instance = ground
    sandbox = backend.open(instance)
    yield sandbox
    sandbox.close()


@contextlib.contextmanager
def interrupt_after(seconds: float) -> Iterator[None]:
    """Raise KeyboardInterrupt in the body, as Ctrl-C would."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
