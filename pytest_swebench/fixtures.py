"""The fixtures: a cell and its parts for tests that run their own experiment, `experiment` for the usual way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.errors import InfraError
from pytest_swebench.gating.looking import decided
from pytest_swebench.items import key_of
from pytest_swebench.stash import CURRENT, RESULT, session_of
from pytest_swebench.wiring import captures

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.cell import Cell, Variant
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.experiment import Experiment
    from pytest_swebench.grading.protocol import Grader
    from pytest_swebench.providers.meter import Meter
    from pytest_swebench.records.writers import RelayPool
    from pytest_swebench.sandbox.protocol import Sandbox


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> Cell:
    """Return the cell of this item. Mark the test with `@pytest.mark.experiment` to get one."""
    from pytest_swebench.cell import Cell

    param = getattr(request, "param", None)
    if not isinstance(param, Cell):
        raise pytest.UsageError(f"{request.node.nodeid}: 'cell' needs the marker @pytest.mark.experiment on the test")
    return param


@pytest.fixture
def experiment(cell: Cell, request: pytest.FixtureRequest) -> Experiment:
    """Run the whole cell now and return how it ended; broken infrastructure is an ERROR of this set-up."""
    from pytest_swebench.experiment import Experiment

    session = session_of(request.config)
    session.stop_reason = session.stop_reason or decided(request.config)
    if not session.stop_reason:
        try:
            result = session.run(key_of(request.node), cell, attempt_of(request.node))
        finally:
            request.session.shouldstop = session.stop_reason or request.session.shouldstop
    else:  # xdist hands out an item ahead
        request.session.shouldstop = session.stop_reason
        pytest.skip(session.stop_reason)
    request.node.stash[RESULT] = result
    if result.error is not None:
        # the record's words, not the exception's: they are redacted, and told once
        error = result.record["error"]
        where = f"\ntraceback: {error['traceback']}" if "traceback" in error else ""
        text = f"{cell}: {result.outcome}: {error['type']}: {error['message']}{where}"
        failure = pytest.fail.Exception(text, pytrace=False)
        failure.rerunnable = isinstance(result.error, InfraError)  # type: ignore[attr-defined]
        raise failure from None
    return Experiment(cell, result.record, captures(request.config))


@pytest.fixture
def instance(cell: Cell, request: pytest.FixtureRequest) -> Instance:
    """Return the instance of this cell."""
    return session_of(request.config).planned(key_of(request.node)).manifest.instance(cell.instance_id)


@pytest.fixture
def variant(cell: Cell, request: pytest.FixtureRequest) -> Variant:
    """Return the variant of this cell: arm, model and settings."""
    return session_of(request.config).planned(key_of(request.node)).variants[cell.variant]


@pytest.fixture
def arm(variant: Variant, request: pytest.FixtureRequest) -> Arm:
    """Return the arm of this cell."""
    return session_of(request.config).planned(key_of(request.node)).arms[variant.arm]


@pytest.fixture
def rep_number(request: pytest.FixtureRequest) -> int:
    """Return the repetition, 1-based: the cell's own, or the one pytest-repeat is at, or 1."""
    from pytest_swebench.cell import Cell

    callspec = getattr(request.node, "callspec", None)
    params = callspec.params if callspec is not None else {}
    if isinstance(params.get("cell"), Cell):
        return int(params["cell"].rep)
    if not request.config.getoption("count", 1):
        return 1
    return int(params.get("__pytest_repeat_step_number", 0)) + 1


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> Iterator[Meter]:
    """Yield a counting client of the configured provider; in a test without a cell, of the command line's."""
    from pytest_swebench.providers.meter import Meter

    session = session_of(request.config)
    marker = request.node.get_closest_marker("experiment")
    spec = session.spec(marker, request.path.parent)
    meter = Meter(session.calls.aside(spec, request.node.nodeid), redactor=session.redactor)
    yield meter
    meter.close()


@pytest.fixture
def sandbox(instance: Instance, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Yield a working copy of the instance's repository, removed after the test."""
    opened = session_of(request.config).context(key_of(request.node)).backend.open(instance)
    yield opened
    opened.close()


@pytest.fixture
def grader(cell: Cell, request: pytest.FixtureRequest) -> Grader:
    """Return the grader: `grade(instance, patch, folder)` runs the hidden tests in a fresh environment."""
    return session_of(request.config).context(key_of(request.node)).grader


@pytest.fixture(scope="session")
def writer_pool(request: pytest.FixtureRequest) -> RelayPool:
    """Return the pool of result files: `get(variant, rep).write_result(...)`; every line is stored exactly once."""
    from pytest_swebench.records.writers import RelayPool

    session, stash = session_of(request.config), request.config.stash

    def send(variant: str, rep: int, metadata: dict[str, Any], line: dict[str, Any]) -> None:
        item = stash[CURRENT]
        content = {"variant": variant, "rep": rep, "metadata": metadata, "line": line}
        session.send_line(item.nodeid, attempt_of(item), content)

    return RelayPool(session.handle.run_id, send)


def attempt_of(item: pytest.Item) -> int:
    """Return the 1-based attempt: pytest-rerunfailures counts on the item, and only where it is at work."""
    return int(getattr(item, "execution_count", 1))
