"""Paths that a model names, against the files of the repository."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence

from pytest_swebench.arms.context.sources import TEST_FILE
from pytest_swebench.arms.workflow.guards.reports import FEW, few, quoted
from pytest_swebench.patch import EditError, repository_path


def is_test_file(path: str) -> bool:
    """Tell whether `path` surely holds tests; a folder `test` or `testing` may be part of a library."""
    *folders, name = path.split("/")
    return bool({"tests", "__tests__"}.intersection(folders)) or TEST_FILE.fullmatch(name) is not None


def missing(what: str, paths: Sequence[str], files: Collection[str]) -> Iterator[str]:
    """Yield an objection if some of `paths` are no file of the repository, with the nearest names for the first few."""
    lacking = [path for path in paths if path.strip() and not exists(path, files)]
    if lacking:
        hints = [hint for path in lacking[:FEW] if (hint := _nearest(path, files))]
        yield f"{what}: no such file in the repository: {few(lacking)}{'; ' if hints else ''}{'; '.join(hints)}"


def exists(path: str, files: Collection[str]) -> bool:
    """Tell whether `path`, relative to the root of the repository, is one of its files."""
    try:
        return repository_path(path) in files
    except EditError:
        return False


def folders_of(files: Iterable[str]) -> set[str]:
    """Return every folder that holds a file, at any depth, and `.`."""
    found = {"."}
    for path in files:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return found


def _nearest(path: str, files: Collection[str]) -> str:
    """Return what may be meant by `path`: files of that name, else the most similar path."""
    name = path.rsplit("/", 1)[-1]
    near = sorted(file for file in files if file.rsplit("/", 1)[-1] == name)[:FEW]
    near = near or difflib.get_close_matches(path, files, n=1)
    return f"for {quoted(path)} there is {few(near)}" if near else ""
