"""Every key under which the plugin keeps state on pytest's objects, and how that state comes into being."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

if TYPE_CHECKING:
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.reporting.comparison.source import Source
    from pytest_swebench.run import CellResult
    from pytest_swebench.session import ExperimentSession

# config: name and place of this run
HANDLE: Final[pytest.StashKey[RunHandle]] = pytest.StashKey()
# config: what this process needs to run cells
SESSION: Final[pytest.StashKey[ExperimentSession]] = pytest.StashKey()
# config of the process that reports: what came back from the cells
INBOX: Final[pytest.StashKey[Inbox]] = pytest.StashKey()
# config of the process that reports: the baseline that a gate holds the run against
GATE: Final[pytest.StashKey[Source]] = pytest.StashKey()
# config: whether a command started this run, and tells its end
WITNESSED: Final[pytest.StashKey[bool]] = pytest.StashKey()
# config: the item that runs at present
CURRENT: Final[pytest.StashKey[pytest.Item]] = pytest.StashKey()
# config: the paths we chose to collect because none was given
CHOSEN_PATHS: Final[pytest.StashKey[list[str]]] = pytest.StashKey()
# config: whether the marker `experiment` is the project's own and has nothing to do with ours
FOREIGN_MARKER: Final[pytest.StashKey[bool]] = pytest.StashKey()
# config: how many experiments were left out because nobody asked for any
LEFT_OUT: Final[pytest.StashKey[int]] = pytest.StashKey()
# item: how its cell ended in the present attempt
RESULT: Final[pytest.StashKey[CellResult | None]] = pytest.StashKey()
# report: a list of JSON texts, each one bundle of an outbox; an attribute, because a stash does not travel
ATTRIBUTE: Final = "swebench"
# what the controller hands to a worker
WORKER_INPUT: Final = "swebench"


def is_worker(config: pytest.Config) -> bool:
    """Say whether this process runs tests for an xdist controller elsewhere."""
    return hasattr(config, "workerinput")


def session_of(config: pytest.Config) -> ExperimentSession:
    """Return what this process needs to run cells, made on first use."""
    if SESSION not in config.stash:
        from pytest_swebench.session import ExperimentSession

        config.stash[SESSION] = ExperimentSession(config, handle_of(config), dict(os.environ))
    return config.stash[SESSION]


def handle_of(config: pytest.Config) -> RunHandle:
    """Return name and place of this run, made on first use; in a worker, those of the controller. Raises InputError."""
    if HANDLE not in config.stash:
        from pytest_swebench.handle import RunHandle, output_root

        if is_worker(config):
            config.stash[HANDLE] = RunHandle(**cast(Any, config).workerinput[WORKER_INPUT]["handle"])
        else:
            from pytest_swebench.resuming import asked_run

            root = output_root(config, os.environ)
            config.stash[HANDLE] = RunHandle.new(root, run_id=asked_run(config, root))
    if not config.stash[HANDLE].root:
        from pytest_swebench.handle import output_root

        config.stash[HANDLE] = replace(config.stash[HANDLE], root=str(output_root(config, os.environ)))
    return config.stash[HANDLE]


def shared_handle(config: pytest.Config) -> RunHandle:
    """Return what the controller hands to its workers.

    A run without experiments gets a name and no place. To know the place takes settings, which such a run does not
    read, unless a test in it writes results of its own: then `handle_of` completes it.
    """
    if HANDLE not in config.stash:
        from pathlib import Path

        from pytest_swebench.handle import RunHandle

        named = RunHandle.new(Path(), run_id=config.getoption("swe_run_id") or "")
        config.stash[HANDLE] = replace(named, root="")
    return config.stash[HANDLE]


def inbox_of(config: pytest.Config) -> Inbox:
    """Return the inbox of the process that reports, made on first use."""
    if INBOX not in config.stash:
        from pytest_swebench.inbox import Inbox

        config.stash[INBOX] = Inbox(handle_of(config))
    return config.stash[INBOX]
