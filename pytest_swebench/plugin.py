"""The plugin: pytest's hooks, each a few lines that delegate.

Importing this module costs an unrelated pytest run next to nothing: only the standard library, pytest and light
modules of ours. The plugin is *active* when one of its options is set or `-m` asks for experiments; only then does
it validate anything.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_swebench import hookspecs, options
from pytest_swebench.config.active import settings_of
from pytest_swebench.ending import end_run
from pytest_swebench.errors import SwebenchError
from pytest_swebench.estimating import announce_cost
from pytest_swebench.gating.looking import order_for_looks
from pytest_swebench.items import (
    LEFT_OUT_ID,
    check_items,
    leave_out_unasked,
    planned_cells,
    refuse_items,
    rerun_infrastructure_only,
)
from pytest_swebench.reporting import junit
from pytest_swebench.reporting.terminal import TerminalReport
from pytest_swebench.resuming import asked_run, keep_checkpoint, leave_out_done, leaving_nothing, take_over
from pytest_swebench.stash import (
    ATTRIBUTE,
    CHOSEN_PATHS,
    CURRENT,
    HANDLE,
    INBOX,
    RESULT,
    SESSION,
    inbox_of,
    is_worker,
    session_of,
)
from pytest_swebench.termination import clean_up_on_termination
from pytest_swebench.xdist import (
    XdistHooks,
    check_distribution,
    choose_workers,
    collect_the_same,
    set_defaults,
    workers_in_vain,
)

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell

pytest_plugins = ("pytest_swebench.fixtures",)


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    options.keep_file_argument(args)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True)  # before pytest-xdist reads how many
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    choose_workers(config)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", options.MARKER_LINE)
    if is_worker(config):
        collect_the_same(config)
        _redact(config)
        return
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(XdistHooks(config), "swebench-xdist")
    config.pluginmanager.register(TerminalReport(config), "swebench-terminal")
    if options.is_active(config):
        _activate(config)
        _redact(config)
        if not config.getoption("collectonly"):
            from pytest_swebench.reporting.progress.plugin import Progress

            config.pluginmanager.register(Progress(config), "swebench-progress")


def _redact(config: pytest.Config) -> None:
    """Keep secrets out of pytest's own output, once the run has its name: earlier warnings are told at once."""
    if options.is_active(config):
        from pytest_swebench.reporting.redacted import RedactedReports

        config.pluginmanager.register(RedactedReports(config), "swebench-redacted")


def _activate(config: pytest.Config) -> None:
    """Check what can be checked before any process is started, and name the run."""
    from pytest_swebench.discover import experiment_args
    from pytest_swebench.handle import RunHandle, git_commit, output_root
    from pytest_swebench.preflight import preflight
    from pytest_swebench.records.layout import stopping_if_full

    check_distribution(config)
    set_defaults(config)
    may_choose = options.asks_for_experiments(config) and options.names_no_path(config)
    if may_choose and (chosen := experiment_args(config)) != config.args:
        config.args = config.stash[CHOSEN_PATHS] = chosen
    try:
        root = output_root(config, os.environ)
        commit = git_commit(config.invocation_params.dir)
        config.stash[HANDLE] = RunHandle.new(root, run_id=asked_run(config, root), git_commit=commit)
        take_over(config)
        inbox_of(config)
        session_of(config).tell([*settings_of(config).notices, *workers_in_vain(config)])
        with leaving_nothing(config), stopping_if_full():
            preflight(session_of(config))
        keep_checkpoint(config)
    except SwebenchError as error:
        raise pytest.UsageError(_redacted(config, str(error))) from None


def _redacted(config: pytest.Config, message: str) -> str:
    """Return what a run is refused with, without secrets; settings that cannot be read hold none that is known."""
    from pytest_swebench.redact import Redactor

    try:
        redactor = session_of(config).redactor
    except SwebenchError:
        redactor = Redactor.from_env(os.environ)
    return redactor.text(message)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if options.is_active(session.config):
        clean_up_on_termination(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("experiment")
    if marker is None or "cell" not in metafunc.fixturenames:
        return
    if metafunc.config.pluginmanager.hasplugin("repeat"):
        # repetitions are ours: ids stay the same for any --count
        metafunc.definition.add_marker(pytest.mark.repeat(1), append=False)
    cells: list[Cell | None] = [None]  # a place holder, to be deselected: nobody asked for experiments
    if options.is_active(metafunc.config):
        with _garbage_left_lying():
            cells = planned_cells(metafunc, marker)
    ids = [str(cell) if cell else LEFT_OUT_ID for cell in cells]
    metafunc.parametrize("cell", cells, indirect=True, ids=ids)


@contextmanager
def _garbage_left_lying() -> Iterator[None]:
    """Pause the garbage collector: a tenth of collecting a whole dataset went into searching what all stays alive."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if not options.is_active(config):
        leave_out_unasked(config, items)
        return
    with _garbage_left_lying():
        try:
            tests = check_items(config, items)
            leave_out_done(config, items)
            order_for_looks(config, items)
        except SwebenchError as error:
            refuse_items(session, items, str(error))
        else:
            rerun_infrastructure_only(config, tests, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    if options.is_active(config) and not is_worker(config) and not config.getoption("collectonly"):
        inbox = inbox_of(config)
        inbox.note_collection(item.nodeid for item in session.items)
        announce_cost(config, inbox)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[CURRENT] = item
    item.stash[RESULT] = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    session = item.config.stash.get(SESSION, None)
    if session is None:
        return report
    if texts := session.take_outbox():
        setattr(report, ATTRIBUTE, texts)
    result = item.stash.get(RESULT, None)
    if result is not None and report.when == ("setup" if result.error is not None else "call"):
        item.user_properties.extend(junit.properties(result.record))
        report.user_properties[:] = item.user_properties
    if report.when == "teardown":  # pytest keeps every item to its end
        item.user_properties[:] = [pair for pair in item.user_properties if pair[0] not in junit.NAMES]
        item.stash[RESULT] = None
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    try:
        return (yield)  # xdist stops its workers in here; the terminal prints after us
    finally:
        config = session.config
        if (ours := config.stash.get(SESSION, None)) is not None:
            ours.close()
        if (inbox := config.stash.get(INBOX, None)) is not None:
            session.exitstatus = end_run(config, inbox, session.exitstatus)
