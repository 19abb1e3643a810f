"""`swebench-runner watch`: the live table of a run that another terminal, or none, is showing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.mode import current
from pytest_swebench.cli.naming import complete_run
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble

if TYPE_CHECKING:
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.reporting.watch.following import Following, Standing


@click.command("watch")
@click.argument("name", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
@click.pass_context
def watch(context: click.Context, name: str, output_dir: str) -> Answer:
    """Show how far RUN is until it is over: its id, its folder, or the latest one.

    Only its journals are read, so this may start and stop at any time; Ctrl-C leaves the run alone. Without a
    terminal, and with --json, the state is printed once.

    Example:  swebench-runner watch 20260102_030405-abc123
    """
    from pytest_swebench.reporting.watch.attached import once, state_json, stay
    from pytest_swebench.reporting.watch.following import Following, Standing

    layout = _layout(name, results_folder(output_dir))
    following = Following(layout)
    if current(context).plain or not sys.stdout.isatty():
        standing, lines = once(following, sys.stdout)
        click.echo("\n".join(lines))
    else:
        try:
            standing = stay(following, sys.stdout, colour="NO_COLOR" not in os.environ)
        except KeyboardInterrupt:
            click.echo(f"no longer watching; the run goes on: swebench-runner watch {layout.run_id}")
            return Answer(code=ExitCode.INTERRUPTED)
    if following.damaged:
        click.echo(f"damaged lines of the journals, left out: {following.damaged}")
    gate = _gate(layout, following) if standing is Standing.ENDED_BY_GATE else None
    told = {"run_id": layout.run_id, "folder": str(layout.folder), **state_json(following, standing), "gate": gate}
    if standing is Standing.DIED:
        return Answer(code=ExitCode.GENERAL, result=told, trouble=_died(following, layout))
    click.echo(_sentence(following, standing, layout.run_id, gate))
    return Answer(code=ExitCode.OK, result=told)


def _layout(name: str, root: Path) -> RunLayout:
    """Return the layout of the run that is meant, also of one at work without a journal yet: it gets its images first.

    Raises InputError.
    """
    from pytest_swebench.cli.ending import layout_in, run_folder
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.resume import LATEST, at_work

    if name == LATEST:
        locks = sorted(root.glob("*/run.lock"), key=lambda lock: lock.stat().st_mtime)
        begun = locks[-1].parent if locks else root
    else:
        begun = Path(name).resolve() if os.path.isdir(name) else root / name
    if os.path.exists(begun / "run.lock") and at_work(begun) and not (begun / "journal").exists():
        return RunLayout(begun.parent, begun.name, "")
    return layout_in(run_folder(name, root))


def _gate(layout: RunLayout, following: Following) -> str:
    """Return what a gate that ended its run has said, in its verdict's own words where that was written."""
    from pytest_swebench.records.decision import read_decision
    from pytest_swebench.reporting.gate.told import gate_told
    from pytest_swebench.reporting.tree import count

    told = gate_told(layout.folder)
    if told is not None and told.stopped:
        return told.line.removeprefix("gate: ")
    decided = read_decision(layout).removeprefix("gate decided: ") or "decided"
    return f"{decided}; {count(following.missing, 'cell')} left out on purpose"


def _sentence(following: Following, standing: Standing, run_id: str, gate: str | None) -> str:
    state = following.state
    far = f"{state.done} of {state.selected} cells are done"
    if standing == "running":
        return f"run {run_id} is at work: {far}, {len(state.working)} at work"
    if standing == "ended":
        return f"run {run_id} has ended; its summary: swebench-runner show {run_id}"
    if gate is not None:
        return f"run {run_id} was ended by its gate: {gate}; its summary: swebench-runner show {run_id}"
    return f"run {run_id} ended early: {far}; to go on: the same command with --resume={run_id}"


def _died(following: Following, layout: RunLayout) -> Trouble:
    from pytest_swebench.records.decision import read_decision

    state, run_id = following.state, layout.run_id
    cut = f"{len(state.working)} {'was' if len(state.working) == 1 else 'were'} cut off"
    far = f"{state.done} of {state.selected} cells are done, {cut}"
    if decided := read_decision(layout):
        far += f"; {decided}"
    message = f"no process of run {run_id!r} is alive on this machine, and it did not come to its end: {far}"
    return Trouble(type="RunDied", message=message, fix=f"go on by the same command with --resume={run_id}")
