"""The pytest side of resuming: which run is meant, claiming it, leaving out the cells that it has done."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.items import cell_items, key_of
from pytest_swebench.stash import HANDLE, handle_of, inbox_of, session_of

if TYPE_CHECKING:
    import pytest


_NAMING: Final = ("run_id", "resume", "checkpoint")


def asked_run(config: pytest.Config, root: Path) -> str:
    """Return the id of the run that the options name, "" for a new one that nobody named. Raises InputError."""
    option = config.getoption
    given = [name for name in _NAMING if option(f"swe_{name}")]
    if len(given) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"{names} each name the run; give one of them")
    if not given or option("collectonly"):
        return option("swe_run_id") or ""
    if option("swe_resume"):
        from pytest_swebench.records.resume import find_run

        return find_run(root, option("swe_resume"), "--resume").name
    if option("swe_checkpoint"):
        from pytest_swebench.records.checkpoint import read_checkpoint

        return read_checkpoint(checkpoint_path(config), root)
    return str(option("swe_run_id"))


def checkpoint_path(config: pytest.Config) -> Path:
    """Return the file that `--checkpoint` names: a path, or a bare name in the folder of checkpoints."""
    from pytest_swebench.config.active import settings_of

    given, here = str(config.getoption("swe_checkpoint")), config.invocation_params.dir
    return here / given if os.sep in given else here / settings_of(config).value("checkpoint_dir") / given


def keep_checkpoint(config: pytest.Config) -> None:
    """Let the file that `--checkpoint` names follow the run from now on."""
    if config.getoption("swe_checkpoint") and not config.getoption("collectonly"):
        from pytest_swebench.records.checkpoint import Checkpoint

        inbox = inbox_of(config)
        inbox.checkpoint = Checkpoint(checkpoint_path(config), inbox.handle.layout)


def take_over(config: pytest.Config) -> None:
    """Claim the run for this invocation, and fix what earlier ones did. Raises InputError if it is at work."""
    if config.getoption("collectonly") or not any(config.getoption(f"swe_{name}") for name in _NAMING):
        return
    from pytest_swebench.records.resume import RunLock, keep_earlier

    handle = handle_of(config)
    lock = RunLock(handle.layout)
    lock.take_over()
    config.add_cleanup(lock.release)
    handle = config.stash[HANDLE] = handle.taken_over()
    if handle.resumed:
        keep_earlier(handle.layout)


def failed_before(config: pytest.Config) -> frozenset[str] | None:
    """Return the cells that `--rerun-failed` narrows the run to, None without it. Raises InputError if none failed."""
    name = config.getoption("swe_rerun_failed")
    if not name:
        return None
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.resume import failed_cells, find_run

    handle = handle_of(config)
    folder = find_run(Path(handle.root), name, "--rerun-failed", besides=handle.run_id)
    cells = failed_cells(RunLayout(folder.parent, folder.name, ""))
    if not cells:
        raise InputError(f"--rerun-failed={name}: every cell that ran there passed; nothing is left to run again")
    return cells


@contextmanager
def leaving_nothing(config: pytest.Config) -> Iterator[None]:
    """Remove what was made for a run that is refused in here."""
    try:
        yield
    except SwebenchError:
        from pytest_swebench.records.layout import discard_unused

        if not handle_of(config).resumed:
            discard_unused(handle_of(config).layout)
        raise


def leave_out_done(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the cells that need no run: their key has a final record, or `--rerun-failed` does not name them.

    The session keeps which instances are left.
    """
    session, handle = session_of(config), handle_of(config)
    if (failed := failed_before(config)) is not None:
        passed = {id(item) for item, cell in cell_items(items) if str(cell) not in failed}
        _deselect(config, items, passed)
    if handle.resumed:
        from pytest_swebench.records.resume import keep_left_out

        done = {id(item): str(cell) for item, cell in cell_items(items) if session.is_done(key_of(item), cell)}
        keep_left_out(handle.layout, done.values())
        _deselect(config, items, done)
    session.chosen_ids = list(dict.fromkeys(cell.instance_id for _, cell in cell_items(items)))


def _deselect(config: pytest.Config, items: list[pytest.Item], left_out: Container[int]) -> None:
    gone = [item for item in items if id(item) in left_out]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if id(item) not in left_out]
