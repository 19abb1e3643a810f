"""All that a request about one problem may show, before anything is left out for lack of room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_swebench.arms.context.named import named_files
from pytest_swebench.arms.context.ranking import ranked
from pytest_swebench.arms.context.remembered import best_files
from pytest_swebench.arms.context.sources import MAX_BYTES, is_source, text_of
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.sandbox.protocol import Sandbox

_BEST: Final = 30  # files taken from the ranking; what comes later never has room


@dataclass(frozen=True, slots=True)
class Material:
    """A problem's statement, its repository's tracked files, and candidates (path to text) in the order they matter.

    `wanted` are the candidates worth a larger request: those that the statement names, else the best match.
    """

    repo: str
    statement: str
    tracked: tuple[str, ...]
    candidates: Mapping[str, str]
    wanted: frozenset[str]


def from_repository(problem: Problem, sandbox: Sandbox, cache_dir: Path) -> Material:
    """Retrieve candidates from the working copy as it stands.

    It is read anew each time. Searching it takes up to half a second, where `cache_dir` does not know the answer.
    """
    tracked = sandbox.files()
    named = named_files(problem.statement, tracked)
    sources = list(filter(is_source, tracked))
    read = sandbox.read_all(dict.fromkeys((*named, *sources)), max_bytes=MAX_BYTES)
    searched = {path: read[path] for path in sources if path in read}
    best = best_files(problem.statement, searched, _BEST, cache_dir)
    order = (*named, *best)
    texts = {path: text for path in order if path in read and (text := text_of(read[path])) is not None}
    return _material(problem, tracked, named, best, order, texts)


def from_retrieved(problem: Problem, sandbox: Sandbox, files: Mapping[str, str]) -> Material:
    """Take what somebody else retrieved (path to text) as the candidates, all of it."""
    named = named_files(problem.statement, list(files))
    best = ranked(problem.statement, files)
    return _material(problem, sandbox.files(), named, best, (*named, *best, *files), files)


def _material(
    problem: Problem,
    tracked: Sequence[str],
    named: Sequence[str],
    best: Sequence[str],
    order: Sequence[str],
    texts: Mapping[str, str],
) -> Material:
    return Material(
        repo=problem.repo,
        statement=problem.statement,
        tracked=tuple(tracked),
        candidates={path: texts[path] for path in order if path in texts},
        wanted=frozenset(path for path in named if path in texts) or frozenset(best[:1]),
    )
