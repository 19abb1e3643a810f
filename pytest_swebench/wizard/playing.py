"""The run itself: started as the command `run` starts it, shown as bars, and what came of it."""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TextIO

from pytest_swebench.cli.outcome import ExitCode
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.wizard.progress import Follower, now
from pytest_swebench.wizard.screen import BAD, DOUBT, OK, Screen, bullets

if TYPE_CHECKING:
    from pytest_swebench.cli.ending import End
    from pytest_swebench.cli.line import Request

_TICK_S: Final = 0.25
_NAMED_CELLS: Final = 20
_AGAIN: Final = "r"
_NAMING: Final = ("run_id", "resume", "checkpoint", "rerun_failed")


def play(
    screen: Screen,
    request: Request,
    total: int,
    fixes: Mapping[str, str],
    secret: Mapping[str, str] = MappingProxyType({}),
    *,
    asks: bool,
) -> int:
    """Run what was chosen, and show what came of it; with `asks` the person may run again what failed.

    `total` is how many cells are expected. `fixes` and `secret` stand in the environment of the run, and of these
    only the first are shown. Raises InputError for a request that cannot be meant.
    """
    while True:
        end = _run(screen, request, total, fixes, secret)
        again = _results(screen, end) and asks
        screen.say("", "The same without questions:", f"  {_typed(request, fixes)}", "")
        if end.code is ExitCode.INTERRUPTED or not asks:
            return end.code
        if not again:
            screen.enter("Press Enter to exit.")
            return end.code
        if screen.enter('Press Enter to exit or type "R" to rerun failed only.') != _AGAIN:
            return end.code
        request = replace(request, rerun_failed=end.told.run_id)
        total = _failed(end)


def check_unnamed(extra: Sequence[str]) -> None:
    """Raise InputError where pytest's options name the run: what is followed here is named here."""
    from pytest_swebench.cli.pytest_options import read_options

    asked = read_options(extra, os.environ, Path.cwd())
    for name in _NAMING:
        if value := asked.option(name):
            option = f"--{name.replace('_', '-')}={shlex.quote(value)}"
            raise InputError(
                f"{option}: a run that is led through has a name of its own; leave it out, or use "
                f"swebench-runner run {option}"
            )


def _run(screen: Screen, request: Request, total: int, fixes: Mapping[str, str], secret: Mapping[str, str]) -> End:
    from pytest_swebench.cli.line import line_of
    from pytest_swebench.cli.run import start
    from pytest_swebench.handle import RunHandle

    root = Path.cwd() / line_of(request, os.environ, Path.cwd()).settings.value("output_dir")
    run_id = RunHandle.new(root).run_id
    root.mkdir(parents=True, exist_ok=True)
    log = root / f"{run_id}.log"
    screen.say("")
    with _printing_to(log) as terminal, _shown(Follower(log, root / run_id, total), terminal):
        way_on = partial(_way_on, request, fixes)
        return start(replace(request, run_id=run_id), env={**fixes, **secret}, way_on=way_on)


def _way_on(request: Request, fixes: Mapping[str, str], run_id: str) -> str:
    """Return the line that goes on with a run of `request`; one of what failed stays narrowed to that."""
    going_on = replace(request, run_id=run_id) if request.rerun_failed else replace(request, resume=run_id)
    return f"to go on: {_typed(going_on, fixes)}"


def _typed(request: Request, fixes: Mapping[str, str]) -> str:
    """Return what a person could type instead, without secrets."""
    from pytest_swebench.cli.line import clean, line_of

    told = {name: text for name, text in fixes.items() if os.environ.get(name) != text}
    before = "".join(f"{name}={shlex.quote(text)} " for name, text in told.items())
    return clean(before) + line_of(request, os.environ, Path.cwd()).shown


@contextmanager
def _printing_to(log: Path) -> Iterator[TextIO]:
    """Send what this process and its children print into a file; yield the terminal, for who draws there."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)
        with os.fdopen(os.dup(kept[0]), "w", encoding="utf-8", errors="replace") as terminal:
            yield terminal
    finally:
        for number, before in enumerate(kept, start=1):
            os.dup2(before, number)
            os.close(before)


@contextmanager
def _shown(follower: Follower, terminal: TextIO) -> Iterator[None]:
    """Draw how far a run is, over and over in the same place; at the end it stays there."""
    from pytest_swebench.reporting.progress.region import Region

    region, done = Region(terminal, terminal, threading.RLock()), threading.Event()

    def draw() -> None:
        told = follower.look()
        lines = tuple(_fitting(line, region.size()[0] - 1) for line in follower.standing.lines(now()))
        if told:
            region.write("".join(f"{line}\n" for line in told))
        if told or lines != drawn[-1]:
            drawn.append(lines)
            del drawn[:-1]
            region.show(lines)

    def go_on() -> None:
        while not done.wait(_TICK_S):
            draw()

    drawn: list[tuple[str, ...]] = [()]
    drawing = threading.Thread(target=go_on, name="wizard-progress", daemon=True)
    drawing.start()
    try:
        yield
    finally:
        done.set()
        drawing.join()
        told = follower.look()
        follower.standing.phases.clear()
        region.hide()
        terminal.write("".join(f"{line}\n" for line in [*told, *follower.standing.lines(now())]))


def _fitting(line: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return line if cell_len(line) <= width else set_cell_size(line, width)


def _results(screen: Screen, end: End) -> bool:
    """Show what a run came to; return whether anything in it could be run again."""
    if end.merged is not None and end.layout is not None:
        outcomes = [Outcome(record["outcome"]) for record in end.merged.records]
        passed = sum(one.passes for one in outcomes)
        evaluated = sum(one.final for one in outcomes)
        without = len(outcomes) - evaluated
        spent = [one.cost_usd for one in end.merged.summaries]
        cost = sum(usd for usd in spent if usd is not None)
        screen.say(
            "",
            "🎯 EVALUATION SUMMARY",
            *bullets(
                ("Selected", str(sum(one.selected for one in end.merged.summaries))),
                ("Evaluated", str(evaluated)),
                ("Passed", f"  {passed}"),
                ("Failed", f"  {evaluated - passed}"),
                ("Infra", f"   {without} (no answer; not counted as failed)" if without else ""),
                ("Not run", f" {end.merged.not_run}" if end.merged.not_run else ""),
                ("Left out", f"{end.merged.left_by_gate} (by the gate)" if end.merged.left_by_gate else ""),
                ("Cost", f"    ${cost:.4f}" if cost else ""),
            ),
        )
        screen.say(*_cells(end))
        folder = os.path.relpath(end.layout.folder)
        screen.say(f"📁 Results saved to {folder}/ and {folder}/cells/<instance_id>/")
    if end.trouble is not None:
        first, *rest = end.trouble.lines()
        screen.say(f"❌ {first}", *rest)
    return _failed(end) > 0


def _failed(end: End) -> int:
    """Return how many cells were run and did not pass."""
    if end.merged is None:
        return 0
    return sum(not Outcome(record["outcome"]).passes for record in end.merged.records)


def _cells(end: End) -> list[str]:
    """Name the cells and how each ended, where they are few enough to read."""
    from pytest_swebench.records.schema import cell_of

    assert end.merged is not None
    lines = []
    for record in end.merged.records if len(end.merged.records) <= _NAMED_CELLS else ():
        outcome = Outcome(record["outcome"])
        sign = OK if outcome.passes else BAD if outcome.final else DOUBT
        lines.append(f"      {cell_of(record)}: {str(outcome).replace('_', ' ')} {sign}")
    return lines
