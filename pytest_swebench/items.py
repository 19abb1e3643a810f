"""What is done to the items of experiments: cells planned, clashes refused, reruns narrowed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from pytest_swebench.errors import InfraError, SelectionError, SwebenchError
from pytest_swebench.stash import LEFT_OUT, is_worker, session_of

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell

LEFT_OUT_ID: Final = "left-out"


def key_of(node: pytest.Item) -> str:
    """Return what tells a test function of one class and module from all others, whatever its parameters."""
    assert node.parent is not None
    name = getattr(node, "originalname", None) or node.name
    return f"{node.parent.nodeid}::{name}"


def cell_items(items: Iterable[pytest.Item]) -> Iterator[tuple[pytest.Function, Cell]]:
    """Yield the items that run a cell, each with it.

    A dataset gives tens of thousands of items, so this looks at nothing but what parametrization left.
    """
    from pytest_swebench.cell import Cell

    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and isinstance(callspec.params.get("cell"), Cell):
            yield cast(pytest.Function, item), callspec.params["cell"]


def _stands_in(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and LEFT_OUT_ID in callspec.id and callspec.params.get("cell", item) is None


def planned_cells(metafunc: pytest.Metafunc, marker: pytest.Mark) -> list[Cell | None]:
    """Return the cells a test function asks for. Raises CollectError, which pytest shows without a traceback."""
    definition = metafunc.definition
    if inspect.iscoroutinefunction(metafunc.function):
        raise pytest.Collector.CollectError(f"{definition.nodeid}: an experiment is a plain function, not async")
    try:
        plan = session_of(metafunc.config).plan(key_of(definition), marker, definition.path.parent)
    except SwebenchError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    return list(plan.cells())


def leave_out_unasked(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the place holders of experiments: a plain `pytest` must never start to pay."""
    unasked = [item for item in items if _stands_in(item)]
    if unasked:
        config.stash[LEFT_OUT] = len(unasked)
        config.hook.pytest_deselected(items=unasked)
        items[:] = [item for item in items if item not in unasked]


def refuse_items(session: pytest.Session, items: list[pytest.Item], message: str) -> None:
    """Run nothing and say why: a usage error, or, from a worker, a collection error, which is all that travels."""
    items.clear()  # pytest goes on to tell that collection has finished
    if not is_worker(session.config):
        raise pytest.UsageError(message)
    report = pytest.CollectReport("experiments", "failed", message, [])
    session.config.hook.pytest_collectreport(report=report)
    session.testsfailed += 1


def check_items(config: pytest.Config, items: list[pytest.Item]) -> list[pytest.Function]:
    """Return one item of each test function and variant.

    Raises SelectionError for selected items that would run one cell twice, or mean two things by one variant.
    """
    taken: dict[str, pytest.Item] = {}
    variants: dict[tuple[str, tuple[int, str]], pytest.Function] = {}
    for item, cell in cell_items(items):
        name = item.callspec.id
        if name != str(cell):
            raise SelectionError(f"{item.nodeid}: a test with a cell takes no other parameters; loop inside it")
        if name in taken:
            raise SelectionError(
                f"{item.nodeid} and {taken[name].nodeid} would both run the cell {cell}; give their markers different "
                "arms or datasets, or select one of them"
            )
        taken[name] = item
        variants.setdefault((cell.variant, _test_of(item)), item)
    _check_variants(config, {(variant, key_of(item)) for (variant, _), item in variants.items()})
    return list(variants.values())


def _check_variants(config: pytest.Config, used: set[tuple[str, str]]) -> None:
    meanings: dict[str, tuple[Any, str]] = {}
    for name, test in sorted(used):
        plan = session_of(config).planned(test)
        variant = plan.variants[name]
        meaning = (variant, plan.arms[variant.arm].version)
        known, where = meanings.setdefault(name, (meaning, test))
        if known != meaning:
            raise SelectionError(
                f"{test} and {where} mean different things by the variant {name!r}: {meaning[0]} and {known[0]}; "
                "run them apart"
            )


def rerun_infrastructure_only(
    config: pytest.Config, tests: Iterable[pytest.Function], items: list[pytest.Item]
) -> None:
    """Narrow whatever reruns are asked for, by option, ini or marker: a wrong answer asked again is best of n.

    `tests` holds one item of each test function; `items` are looked through only if one of them may be rerun.
    """
    if not config.pluginmanager.hasplugin("rerunfailures"):
        return
    narrowed = {_test_of(item): _narrowed(config, item.get_closest_marker("flaky")) for item in tests}
    if not any(narrowed.values()):
        return
    for item, _ in cell_items(items):
        if (marker := narrowed[_test_of(item)]) is not None:
            item.add_marker(marker, append=False)


def _test_of(item: pytest.Function) -> tuple[int, str]:
    return id(item.parent), item.originalname


def _narrowed(config: pytest.Config, own: pytest.Mark | None) -> pytest.MarkDecorator | None:
    option = config.getoption
    if own is not None:
        reruns, delay = own.kwargs.get("reruns", own.args[0] if own.args else 1), own.kwargs.get("reruns_delay", 0)
    else:
        reruns, delay = option("reruns", None), option("reruns_delay", None) or 0
    count = int(reruns if reruns is not None else config.getini("reruns") or 0)
    if not count and not option("force_reruns", None):
        return None
    return pytest.mark.flaky(reruns=count, reruns_delay=delay, condition=may_rerun)


def may_rerun(error: BaseException | None) -> bool:
    """Say whether a failure was the ground's and not the answer's; `rerunnable` is set by the fixture `experiment`."""
    return isinstance(error, InfraError) or bool(getattr(error, "rerunnable", False))
