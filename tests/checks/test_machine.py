from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_swebench.checks import Cause, State, machine
from pytest_swebench.checks.engine import Engine, look
from tests.support.lacking import mounted


def engine(root: str = "/var/lib/docker", host: str = "unix:///x.sock", memory_bytes: int = 8 << 30) -> Engine:
    return Engine(
        host=host, id="x", version="28.1", api="1.41", arch="x86_64", root=root, memory_bytes=memory_bytes, cpus=2
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount file systems of a given size."""
    with ExitStack() as stack:
        yield lambda size: stack.enter_context(mounted(tmp_path / f"disk{size}", size))


def test_python_is_told() -> None:
    check = machine.python_check()
    assert check.state is State.OK
    assert check.detail.startswith(sys.version.split()[0])


def test_git_is_found_or_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.git_check().state is State.OK
    monkeypatch.setenv("PATH", "/nowhere")
    check = machine.git_check()
    assert (check.state, check.cause) == (State.FAIL, Cause.INSTALLATION)


@pytest.mark.parametrize(("size", "state"), [("50m", State.FAIL), ("500m", State.WARN), ("1500m", State.OK)])
def test_room_for_results_is_measured_where_they_will_lie(disk: Callable[[str], Path], size: str, state: State) -> None:
    check = machine.results_check(disk(size) / "not" / "there" / "yet")
    assert check.state is state
    assert "GB free at" in check.detail
    assert (check.cause is Cause.DISK) is (state is not State.OK)


@pytest.mark.parametrize(("size", "state"), [("1g", State.FAIL), ("5g", State.WARN)])
def test_room_for_images_is_measured_where_the_engine_keeps_them(
    disk: Callable[[str], Path], size: str, state: State
) -> None:
    check = machine.images_check(engine(root=str(disk(size))))
    assert check.state is state
    assert check.cause is Cause.DISK
    assert "swebench-runner clean" in check.fix


def test_room_of_an_engine_elsewhere_is_not_guessed() -> None:
    for one in (engine(host="tcp://build.example:2376", root="/"), engine(root="/no/such/folder"), engine(root="")):
        check = machine.images_check(one)
        assert check.state is State.WARN
        assert "cannot be seen" in check.detail


def test_memory_is_that_of_the_engine_if_there_is_one(docker_engine: None) -> None:
    _, found = look()
    assert "of the Docker engine" in machine.memory_check(found).detail
    assert "of this machine" in machine.memory_check(None).detail
    small = machine.memory_check(engine(memory_bytes=2 << 30))
    assert (small.state, small.cause) == (State.WARN, Cause.MEMORY)
    assert "--sandbox-option memory=" in small.fix
