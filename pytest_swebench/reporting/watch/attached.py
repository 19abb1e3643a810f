"""The table of a run that another process makes, kept on a terminal until that run is over."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TextIO

from pytest_swebench.reporting.progress.region import Region
from pytest_swebench.reporting.watch.following import Following, Standing
from pytest_swebench.reporting.watch.table import draw_table, whole_table

REFRESH_S: Final = 1.0
GRACE_S: Final = 5.0
"""A run whose last process is just gone may still be about to complete its files."""
ONCE_GRACE_S: Final = 2.0
_LOOK_S: Final = 0.2
_SIGNS: Final = "━─…⏱"


def stay(
    following: Following, out: TextIO, *, colour: bool, refresh_s: float = REFRESH_S, grace_s: float = GRACE_S
) -> Standing:
    """Show the run on the terminal `out` until it is over, however it ends, and leave its last table there.

    Interrupted, it leaves the table as well.
    """
    region, unicode, standing = Region(out, out, threading.RLock()), _writes_signs(out), Standing.RUNNING
    try:
        standing = _until_over(following, refresh_s, grace_s, lambda: _show(region, following, colour, unicode))
    finally:
        region.show(())
        width = max(1, region.size()[0] - 1)
        lines = _whole(following, standing, width=width, colour=colour, unicode=unicode)
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
    return standing


def once(following: Following, out: TextIO) -> tuple[Standing, list[str]]:
    """Return how it is with the run, and its table as lines for what is no terminal."""
    standing = _until_over(following, _LOOK_S, ONCE_GRACE_S, lambda: None, once=True)
    width = shutil.get_terminal_size().columns
    return standing, _whole(following, standing, width=width, colour=False, unicode=_writes_signs(out))


def state_json(following: Following, standing: Standing) -> dict[str, Any]:
    """Return counts, cost and times of the run and of its variants, as JSON data."""
    state, now_s = following.state, _now_s(following, standing)
    variants = {
        name: {
            "selected": tally.selected,
            "done": tally.done,
            "patched": tally.patched + state.grading(name),
            "pending": tally.ungraded + state.grading(name),
            "resolved": tally.resolved,
            "captured": tally.captured,
            "failed": tally.failed,
            "errors": tally.errors,
            "retries": tally.retries,
            "mean_seconds": tally.mean_s,
            "cost_usd": state.usd_of(name),
            "cost_complete": not tally.unpriced,
        }
        for name, tally in sorted(state.variants.items())
    }
    return {
        "state": str(standing),
        "selected": state.selected,
        "done": state.done,
        "at_work": sorted(map(str, state.working)) if standing is Standing.RUNNING else [],
        "elapsed_seconds": max(0.0, now_s - state.started_s) if state.started_s else None,
        "eta_seconds": state.eta_s(now_s) if standing is Standing.RUNNING else None,
        "cost_usd": state.cost_usd,
        "damaged_lines": following.damaged,
        "variants": variants,
    }


def _until_over(
    following: Following, refresh_s: float, grace_s: float, show: Callable[[], None], *, once: bool = False
) -> Standing:
    """Read until the run is over, or with `once` until it is known how it is with it."""
    gone_s = 0.0
    while True:
        standing = following.standing()  # before what is read, so that nothing of a run that ended is missed
        following.read(alive=standing is Standing.RUNNING)
        show()
        if standing.over or (once and standing is Standing.RUNNING):
            standing = following.standing()
            if standing.over:
                following.read_whole()
            return standing
        gone_s = gone_s + refresh_s if standing is Standing.DIED else 0.0
        if gone_s > grace_s:
            following.read_whole()
            return standing
        time.sleep(refresh_s)


def _now_s(following: Following, standing: Standing) -> float:
    """Return the present time, or that at which a run was over."""
    return time.time() if standing is Standing.RUNNING else following.last_s


def _whole(following: Following, standing: Standing, *, width: int, colour: bool, unicode: bool) -> list[str]:
    state, now_s, over = following.state, _now_s(following, standing), standing is not Standing.RUNNING
    return whole_table(state, now_s, width=width, colour=colour, unicode=unicode, over=over)


def _show(region: Region, following: Following, colour: bool, unicode: bool) -> None:
    columns, rows = region.size()
    lines = draw_table(
        following.state, time.time(), width=max(1, columns - 1), height=rows, colour=colour, unicode=unicode
    )
    region.show(lines)


def _writes_signs(out: TextIO) -> bool:
    try:
        _SIGNS.encode(getattr(out, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
