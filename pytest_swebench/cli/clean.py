"""`swebench-runner clean`: remove what runs left behind, and what else takes room if it is named."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.mode import current
from pytest_swebench.errors import DockerUnavailable, InputError, SwebenchError
from pytest_swebench.records.layout import LOG_FILE

if TYPE_CHECKING:
    from pytest_swebench.sandbox.leftovers import Leftover


@click.command("clean")
@click.option("--run", "run_id", default="", metavar="RUN_ID", help="Only what belongs to this run.")
@click.option("--images", is_flag=True, help="Also the images made for arms to work in; they are made again on demand.")
@click.option("--datasets", is_flag=True, help="Also datasets fetched from the hub.")
@click.option("--logs", is_flag=True, help="Also test logs of ended runs, without which nothing can be regraded.")
@click.option("--all", "everything", is_flag=True, help="All of these, but never results.")
@click.option("--results", is_flag=True, help="Also the folders and files of ended runs; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask about --results.")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def clean(
    run_id: str,
    images: bool,
    datasets: bool,
    logs: bool,
    everything: bool,
    results: bool,
    yes: bool,
    output_dir: str,
    dry_run: bool,
) -> int:
    """Remove containers, processes, folders and locks of runs whose processes are gone.

    What belongs to a living process is never touched. Containers of other hosts' runs go only where --run names
    their run, for nobody here can see whether they are still in use.

    Example:  swebench-runner clean --all --dry-run
    """
    root = results_folder(output_dir)
    with ExitStack() as stack:
        found: list[Leftover] = list(_on_engine(stack, run_id, images=(images or everything) and not run_id))
        if not run_id:
            found += _here(datasets=datasets or everything)
        if logs or everything or results:
            found += _of_runs(root, run_id, logs=logs or everything, results=results)
        if any(leftover.kind == "results" for leftover in found) and not (dry_run or yes):
            _ask(found)
        return _removed(found, dry_run=dry_run)


def _on_engine(stack: ExitStack, run_id: str, *, images: bool) -> Iterator[Leftover]:
    """Yield what lies on the Docker engine; without one there is nothing, which is said."""
    from pytest_swebench.sandbox.engine import connect
    from pytest_swebench.sandbox.images.derive import CLEAN_REPOSITORY
    from pytest_swebench.sandbox.leftovers import clean_images, left_containers
    from pytest_swebench.sandbox.reaper import owners_at_work

    try:
        client = connect()
    except DockerUnavailable as error:
        click.echo(f"containers and images are left out: {error}", err=True)
        return
    stack.callback(client.close)
    yield from left_containers(client, run_id)
    if images and owners_at_work(client):
        click.echo("images are left out: a run is at work on this engine; clean them when it has ended", err=True)
    elif images:
        yield from clean_images(client, CLEAN_REPOSITORY)


def _here(*, datasets: bool) -> Iterator[Leftover]:
    from pytest_swebench.datasets.hub import default_cache_dir
    from pytest_swebench.sandbox.leftovers import Leftover, left_locally, left_locks

    yield from left_locally()
    yield from left_locks()
    if datasets:
        for path in sorted((default_cache_dir() / "datasets").glob("*.jsonl")):
            yield Leftover("dataset", str(path), path.stat().st_size, path.unlink)


def _of_runs(root: Path, run_id: str, *, logs: bool, results: bool) -> Iterator[Leftover]:
    """Yield logs or everything of ended runs in `root`. Raises InputError for a run that is not there."""
    from pytest_swebench.handle import check_run_id
    from pytest_swebench.records.resume import at_work
    from pytest_swebench.sandbox.leftovers import Leftover, folder_bytes

    if run_id:
        check_run_id("--run", run_id)  # it goes into a pattern and becomes a path
    runs = [journal.parent for journal in sorted(root.glob(f"{run_id or '*'}/journal"))]
    if run_id and not runs:
        raise InputError(f"--run {run_id!r}: no such run in {str(root)!r}; give the name of a folder in there")
    for run in runs:
        if at_work(run):
            click.echo(f"run {run.name} is left out: it is at work", err=True)
        elif results:
            files = [*_variant_files(root, run.name), *root.glob(f"{run.name}.log")]
            size_bytes = folder_bytes(run) + sum(path.stat().st_size for path in files)
            yield Leftover("results", str(run), size_bytes, partial(_alone, run, partial(_remove_run, run, files)))
        elif logs and (found := list(run.glob(f"cells/**/{LOG_FILE}"))):
            size_bytes = sum(path.stat().st_size for path in found)
            name, remove = f"{len(found)} of run {run.name}", partial(_unlink, found)
            yield Leftover("logs", name, size_bytes, partial(_alone, run, remove))


def _alone(run: Path, remove: Callable[[], object]) -> None:
    """Call `remove` while no process of the run can be at work. Raises InputError if one began since we looked."""
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.resume import RunLock

    lock = RunLock(RunLayout(run.parent, run.name, ""))
    lock.take_over(wait_s=0)
    try:
        remove()
    finally:
        lock.release()


def _variant_files(root: Path, run_id: str) -> Iterator[Path]:
    """Yield the per-variant files of a run; their first line names it."""
    for path in sorted(root.glob("*.jsonl")):
        with path.open("rb") as lines:
            head = next(lines, b"")
        try:
            about = json.loads(head)
        except ValueError:  # not one of ours
            continue
        if isinstance(about, dict) and about.get("run_id") == run_id:
            yield path


def _remove_run(run: Path, files: Iterable[Path]) -> None:
    _unlink(files)
    shutil.rmtree(run)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _ask(found: list[Leftover]) -> None:
    """Ask whether results may go. Raises InputError where nobody can answer, click.Abort for a no."""
    for leftover in found:
        if leftover.kind == "results":
            click.echo(f"{leftover.kind} {leftover.name} ({_size(leftover.size_bytes)})")
    if current().plain:
        raise InputError("--results deletes results for good and nobody is here to ask; add --yes, or look --dry-run")
    click.confirm("delete these results for good?", abort=True)


def _removed(found: list[Leftover], *, dry_run: bool) -> int:
    """Remove everything, telling each; return 1 if something would not go."""
    gone: Counter[str] = Counter()
    freed_bytes = stuck = 0
    for leftover in found:
        try:
            if not dry_run:
                leftover.remove()
        except (SwebenchError, OSError) as error:
            stuck += 1
            click.echo(f"not removed: {leftover.kind} {leftover.name}: {error}", err=True)
            continue
        gone[leftover.kind] += 1
        freed_bytes += leftover.size_bytes
        if leftover.kind != "lock":  # hundreds of empty files, which would hide the rest; their number is told
            click.echo(f"{'would remove' if dry_run else 'removed'} {leftover.kind} {leftover.name}")
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(gone.items())) or "nothing"
    click.echo(f"{'would be' if dry_run else ''} removed: {kinds}; freed: {_size(freed_bytes)}".strip())
    return 1 if stuck else 0


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"
