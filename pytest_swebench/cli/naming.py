"""Which results a person means: a run by its id, its folder or as the latest, or what any other tool left."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from pytest_swebench.errors import InputError

_OTHERS: Final = (".json", ".jsonl", ".eval")  # no run of ours ends so


def results_named(name: str, root: Path) -> Path:
    """Return the path of results to compare: what exists, a saved baseline, a run in `root` by its id, or `latest`.

    Raises InputError.
    """
    from pytest_swebench.records.resume import LATEST, find_run
    from pytest_swebench.reporting.comparison.reading import ACCEPTED
    from pytest_swebench.reporting.comparison.saved import FOLDER

    given = Path(os.path.expanduser(name))  # which leaves the home of nobody as it is
    if name != LATEST:
        if name and os.path.exists(given):  # no for what no path can be, too
            return given
        if given.name == name and os.path.exists(saved := Path(FOLDER, f"{name}.json")):
            return saved
        if given.suffix in _OTHERS or (len(given.parts) > 1 and not os.path.isdir(given.parent)):
            raise InputError(f"{name!r}: there is no such file or folder; {ACCEPTED}")
    return find_run(root, name, "RUN")


def either(run: str, results: str) -> str:
    """Return the run that RUN or --results names, the latest if neither does. Raises InputError where they differ."""
    if run and results and run != results:
        raise InputError(f"RUN {run!r} and --results {results!r} name two runs; give one of them")
    return run or results or "latest"


def latest_told(given: str, folder: Path) -> str:
    """Return what is to be said beside the run in `folder` where a folder of runs was `given`; "" for a run itself."""
    around = bool(given) and Path(os.path.expanduser(given)).resolve() == folder.parent.resolve()
    return f", the latest in {given!r}; no other is read" if around else ""


def complete_run(context: click.Context, argument: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids of runs that begin so, the latest first; after them the shell offers its files."""
    from pytest_swebench.cli.config import results_folder
    from pytest_swebench.records.resume import LATEST, runs_in

    try:
        root = results_folder(context.params.get("output_dir") or "")
    except InputError:  # settings that cannot be read: the command says so when it is run
        return []
    names = [LATEST, *(folder.name for folder in runs_in(root))]
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]
