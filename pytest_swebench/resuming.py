"""The pytest side of resuming: which run is meant, claiming it, leaving out the cells that it has done."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Collection, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.items import cell_items, key_of
from pytest_swebench.stash import HANDLE, WITNESSED, handle_of, inbox_of, session_of

if TYPE_CHECKING:
    import pytest


_NAMING: Final = ("run_id", "resume", "checkpoint")
_RESUMED: Final = ("done", "infra again", "to grade", "changed", "new")


def asked_run(config: pytest.Config, root: Path) -> str:
    """Return the id of the run that the options name, "" for a new one that nobody named. Raises InputError."""
    option = config.getoption
    given = [name for name in (*_NAMING, "rerun_failed") if option(f"swe_{name}")]
    if "rerun_failed" in given and {"resume", "checkpoint"} & set(given):
        raise InputError("--rerun-failed starts a run of its own; leave --resume and --checkpoint out")
    given = [name for name in given if name in _NAMING]
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


def way_on(config: pytest.Config) -> str:
    """Return the very command that goes on with a run that was stopped.

    "" where none of its cells had begun, and where the console command started it, which has a line of its own.
    """
    told_by_command = config.stash.get(WITNESSED, False)
    if told_by_command or HANDLE not in config.stash or not any(handle_of(config).layout.journals.glob("*.jsonl")):
        return ""
    option, given = config.getoption, list(config.invocation_params.args)
    if not any(option(f"swe_{name}") for name in _NAMING):  # else the same command goes on by itself
        again = "--run-id" if option("swe_rerun_failed") else "--resume"
        given.append(f"{again}={handle_of(config).run_id}")
    own = Path(sys.argv[0]).name in {"pytest", "py.test"}
    command = shlex.join([*(["pytest"] if own else ["python", "-m", "pytest"]), *given])
    return f"to go on: {session_of(config).redactor.text(command)}"


def resumed_line(config: pytest.Config) -> str:
    """Say of how many selected cells a resumed run leaves out those that are done, and why it runs the others."""
    from pytest_swebench.records.resume import Earlier

    inbox, session = inbox_of(config), session_of(config)
    counts = Counter({"done": len(inbox.left_out)})
    for cell in inbox.to_run:
        known = session.earlier.get(str(cell), Earlier(0))
        if not known.attempts:
            counts["new"] += 1
        elif not known.final_key:
            counts["infra again"] += 1
        else:
            counts["to grade" if known.ungraded and session.grades else "changed"] += 1
    shown = [f"{counts[name]} {name}" for name in _RESUMED if counts[name]]
    return f"{sum(inbox.selected.values())} selected: {', '.join(shown)}"


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

    The session keeps which instances are left. Raises InputError where a run is named that knows none of the cells.
    """
    session, handle = session_of(config), handle_of(config)
    cells = {id(item): (key_of(item), cell) for item, cell in cell_items(items)}
    if (failed := failed_before(config)) is not None:
        passed = {place for place, (_, cell) in cells.items() if str(cell) not in failed}
        if len(passed) == len(cells):
            raise InputError(
                f"--rerun-failed={config.getoption('swe_rerun_failed')}: none of its {len(failed)} failed cells is "
                f"selected, {_among(failed)}; give the dataset and arms of that run"
            )
        _deselect(config, items, passed)
    if handle.resumed:
        from pytest_swebench.records.resume import LeftOut, keep_left_out

        known = {place for place, (_, cell) in cells.items() if str(cell) in session.earlier}
        if session.earlier and not known and not config.getoption("swe_run_id"):
            raise InputError(
                f"none of the {len(cells)} selected cells is of the run {handle.run_id!r}, {_among(session.earlier)}; "
                "give the command that it was started with, and --resume"
            )
        done = {place for place in known if session.is_done(*cells[place])}
        again = [session.earlier[str(cells[place][1])] for place in known - done]
        changed = sum(bool(one.final_key) and not (one.ungraded and session.grades) for one in again)
        keep_left_out(handle.layout, LeftOut(frozenset(str(cells[place][1]) for place in done), changed))
        _deselect(config, items, done)
    session.chosen_ids = list(dict.fromkeys(cell.instance_id for _, cell in cell_items(items)))


def _among(cells: Collection[str]) -> str:
    return f"e.g. {min(cells)}"


def _deselect(config: pytest.Config, items: list[pytest.Item], left_out: Container[int]) -> None:
    gone = [item for item in items if id(item) in left_out]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if id(item) not in left_out]
