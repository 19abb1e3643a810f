"""Every key under which the plugin keeps state on pytest's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.run import CellResult
    from pytest_swebench.session import ExperimentSession

# config: name and place of this run
HANDLE: Final[pytest.StashKey[RunHandle]] = pytest.StashKey()
# config: what this process needs to run cells
SESSION: Final[pytest.StashKey[ExperimentSession]] = pytest.StashKey()
# config of the process that reports: what came back from the cells
INBOX: Final[pytest.StashKey[Inbox]] = pytest.StashKey()
# config: the item that runs at present
CURRENT: Final[pytest.StashKey[pytest.Item]] = pytest.StashKey()
# config: the paths we chose to collect because none was given
CHOSEN_PATHS: Final[pytest.StashKey[list[str]]] = pytest.StashKey()
# item: how its cell ended in the present attempt
RESULT: Final[pytest.StashKey[CellResult | None]] = pytest.StashKey()
# report: a list of JSON texts, each one bundle of an outbox; an attribute, because a stash does not travel
ATTRIBUTE: Final = "swebench"
