"""What is done to the items of experiments: cells planned, clashes refused, reruns narrowed, secrets redacted."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.errors import InfraError, SelectionError, SwebenchError
from pytest_swebench.stash import LEFT_OUT, is_worker, session_of

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell
    from pytest_swebench.redact import Redactor


def key_of(node: pytest.Item) -> str:
    """Return what tells a test function of one class and module from all others, whatever its parameters."""
    assert node.parent is not None
    name = getattr(node, "originalname", None) or node.name
    return f"{node.parent.nodeid}::{name}"


def is_experiment(item: pytest.Item) -> bool:
    """Say whether an item runs a cell, or stands in for the cells that nobody asked for."""
    callspec = getattr(item, "callspec", None)
    marked = item.get_closest_marker("experiment") is not None
    return marked and callspec is not None and "cell" in callspec.params


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
    unasked = [item for item in items if is_experiment(item) and _cell(item) is None]
    if unasked:
        config.stash[LEFT_OUT] = len(unasked)
        config.hook.pytest_deselected(items=unasked)
        items[:] = [item for item in items if item not in unasked]


def refuse_items(session: pytest.Session, items: list[pytest.Item], message: str) -> None:
    """Run nothing and say why: a usage error, or, from a worker, a collection error, which is all that travels."""
    if not is_worker(session.config):
        raise pytest.UsageError(message)
    report = pytest.CollectReport("experiments", "failed", message, [])
    session.config.hook.pytest_collectreport(report=report)
    session.testsfailed += 1
    items.clear()


def check_items(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raise SelectionError for selected items that would run one cell twice, or mean two things by one variant."""
    taken: dict[Cell, str] = {}
    variants: dict[str, tuple[Any, str]] = {}
    for item in filter(is_experiment, items):
        cell: Any = _cell(item)
        if item.callspec.id != str(cell):  # type: ignore[attr-defined]
            raise SelectionError(f"{item.nodeid}: a test with a cell takes no other parameters; loop inside it")
        if cell in taken:
            raise SelectionError(
                f"{item.nodeid} and {taken[cell]} would both run the cell {cell}; give their markers different arms "
                "or datasets, or select one of them"
            )
        taken[cell] = item.nodeid
        if cell.variant not in variants or variants[cell.variant][1] != key_of(item):
            _check_variant(config, item, cell.variant, variants)


def _check_variant(config: pytest.Config, item: pytest.Item, name: str, variants: dict[str, tuple[Any, str]]) -> None:
    plan = session_of(config).planned(key_of(item))
    variant = plan.variants[name]
    meaning = (variant, plan.arms[variant.arm].version)
    known, where = variants.setdefault(name, (meaning, key_of(item)))
    if known != meaning:
        raise SelectionError(
            f"{key_of(item)} and {where} mean different things by the variant {name!r}: {meaning[0]} and {known[0]}; "
            "run them apart"
        )


def rerun_infrastructure_only(item: pytest.Item) -> None:
    """Narrow whatever reruns are asked for, by option, ini or marker: a wrong answer asked again is best of n."""
    if not is_experiment(item) or not item.config.pluginmanager.hasplugin("rerunfailures"):
        return
    option = item.config.getoption
    own = item.get_closest_marker("flaky")
    wanted = own.kwargs.get("reruns", own.args[0] if own.args else 1) if own is not None else option("reruns", None)
    reruns = int(wanted if wanted is not None else item.config.getini("reruns") or 0)
    delay = own.kwargs.get("reruns_delay", 0) if own is not None else option("reruns_delay", None) or 0
    if reruns or option("force_reruns", None):
        narrowed = pytest.mark.flaky(reruns=reruns, reruns_delay=delay, condition=may_rerun)
        item.add_marker(narrowed, append=False)


def may_rerun(error: BaseException | None) -> bool:
    """Say whether a failure was the ground's and not the answer's; `rerunnable` is set by the fixture `experiment`."""
    return isinstance(error, InfraError) or bool(getattr(error, "rerunnable", False))


def redact_report(report: pytest.TestReport, redactor: Redactor) -> None:
    """Keep secrets out of what the terminal and JUnit show of a failure."""
    if report.longrepr is not None:
        text = str(report.longrepr)
        if (clean := redactor.text(text)) != text:
            report.longrepr = clean
    report.sections[:] = [(name, redactor.text(content)) for name, content in report.sections]


def _cell(item: pytest.Item) -> Cell | None:
    cell: Cell | None = item.callspec.params["cell"]  # type: ignore[attr-defined]
    return cell
