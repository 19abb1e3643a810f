"""What changes when pytest-xdist shares the cells out: names handed over, lost workers, ways to share."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest

from pytest_swebench.config.active import settings_of
from pytest_swebench.errors import SwebenchError
from pytest_swebench.estimating import announce_cost
from pytest_swebench.options import is_active
from pytest_swebench.stash import CHOSEN_PATHS, INBOX, WORKER_INPUT, is_worker, shared_handle

# loadgroup, loadscope and loadfile run a cell again, or hang, when a worker dies (pytest-xdist #1323, #1327);
# each pays for every cell once a worker
_REFUSED: Final = ("loadgroup", "loadscope", "loadfile", "each")


def collect_the_same(config: pytest.Config) -> None:
    """Collect what the controller collects.

    xdist repeats the command line in its workers, so a choice made after parsing must travel apart from it.
    """
    given = cast(Any, config).workerinput[WORKER_INPUT]
    if given["args"]:
        config.args = list(given["args"])


def check_distribution(config: pytest.Config) -> None:
    """Raise UsageError for a way of sharing cells that may run one twice."""
    mode = config.getoption("dist", "no")
    if mode in _REFUSED:
        raise pytest.UsageError(
            f"--dist {mode}: would run a cell again, and pay again, when a worker dies; "
            "leave --dist away or use --dist load for experiments"
        )
    if mode != "no" and config.getoption("langsmith_output", False):  # langsmith's own plugin would end in a traceback
        raise pytest.UsageError(
            "--langsmith-output: the table of langsmith's own plugin cannot be drawn under -n; leave it out, "
            "--langsmith traces every cell"
        )


def choose_workers(config: pytest.Config) -> None:
    """Start as many workers as environment or files say, unless the command line has a say. Raises UsageError."""
    option = config.getoption
    if is_worker(config) or option("numprocesses", 0) is not None or not is_active(config):
        return
    if any(option(name, None) for name in ("tx", "usepdb", "trace", "collectonly")):
        return
    try:
        workers = settings_of(config).value("max_workers")
    except SwebenchError as error:
        raise pytest.UsageError(str(error)) from None
    if workers > 1:
        config.option.numprocesses = workers


def workers_in_vain(config: pytest.Config) -> list[str]:
    """Return a note where settings ask for workers and pytest-xdist, which makes them, is switched off."""
    workers = settings_of(config)["max_workers"]
    if config.pluginmanager.hasplugin("xdist") or workers.value == 1:
        return []
    return [f"{workers.source} asks for {workers.value} workers; without pytest-xdist one process runs all cells"]


def set_defaults(config: pytest.Config) -> None:
    """Hand out cells one at a time and stop replacing workers that keep dying, unless the person chose otherwise."""
    if config.getoption("dist", "no") == "no":
        return
    if config.getoption("maxschedchunk", None) is None:
        config.option.maxschedchunk = 1
    if config.getoption("maxworkerrestart", None) is None:
        config.option.maxworkerrestart = str(4 * (config.getoption("numprocesses", None) or 1))


class XdistHooks:
    """The controller's side; registered only where pytest-xdist is."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        try:
            handle = shared_handle(self._config)
        except SwebenchError as error:
            raise pytest.UsageError(str(error)) from None
        args = self._config.stash.get(CHOSEN_PATHS, ())
        node.workerinput[WORKER_INPUT] = {"handle": handle.as_dict(), "args": args}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        inbox = self._config.stash.get(INBOX, None)
        if inbox is not None:
            inbox.note_collection(ids)
            announce_cost(self._config, inbox)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> bool | None:
        """Keep pytest-rerunfailures from running a cell again that has already called a model."""
        from pytest_swebench.cell import parse_cell

        cell = parse_cell(crashitem)
        inbox = self._config.stash.get(INBOX, None)
        if cell is None or inbox is None:
            return None
        from pytest_swebench.records.journal import read_journals
        from pytest_swebench.records.results import paid

        entries = read_journals(inbox.handle.layout.journals).entries
        return True if paid(entries, str(cell)) else None
