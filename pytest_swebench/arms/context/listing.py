"""A repository's tracked files as a listing of limited length."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pytest_swebench.arms.context.sources import is_test
from pytest_swebench.providers.tokens import estimate_tokens


def listing(tracked: Sequence[str], limit_tokens: int) -> str:
    """Return the paths one a line; a folder for which there is no room becomes `folder/ (n files)`.

    Folders near the top are opened first, those of tests after all others. Where even the top has no room, the rest
    of it is counted.
    """
    inside: defaultdict[str, list[str]] = defaultdict(list)
    number: defaultdict[str, int] = defaultdict(int)
    for path in tracked:
        entry = path
        while entry:
            folder = _parent(entry)
            if entry.endswith("/"):
                number[entry] += 1
            if entry == path or number[entry] == 1:
                inside[folder].append(entry)
            entry = folder

    def lines(entries: Iterable[str], opened: frozenset[str] | set[str] = frozenset()) -> Iterator[str]:
        for entry in sorted(entries):
            if entry in opened:
                yield from lines(inside[entry], opened)
            else:
                yield f"{entry} ({number[entry]} files)" if entry.endswith("/") else entry

    room = limit_tokens - _tokens(lines(inside[""]))
    if room < 0:
        return _counted(list(lines(inside[""])), limit_tokens)
    opened: set[str] = set()
    waiting = [_turn(entry) for entry in inside[""] if entry.endswith("/")]
    heapq.heapify(waiting)
    while waiting:
        *_, folder = heapq.heappop(waiting)
        needed = _tokens(lines(inside[folder])) - _tokens(lines([folder]))
        if needed <= room:
            room -= needed
            opened.add(folder)
            for entry in inside[folder]:
                if entry.endswith("/"):
                    heapq.heappush(waiting, _turn(entry))
    return "\n".join(lines(inside[""], opened))


def _parent(entry: str) -> str:
    """Return the folder of a path, or of a folder (which ends in a slash), as `a/b/`; "" at the top."""
    return entry[: entry.rstrip("/").rfind("/") + 1]


def _turn(folder: str) -> tuple[bool, int, str]:
    return is_test(f"{folder}x"), folder.count("/"), folder


def _counted(lines: list[str], limit_tokens: int) -> str:
    room, kept = limit_tokens - _tokens([f"... and {len(lines)} more"]), 0
    while (room := room - _tokens(lines[kept : kept + 1])) >= 0:
        kept += 1
    return "\n".join([*lines[:kept], f"... and {len(lines) - kept} more"])


def _tokens(lines: Iterable[str]) -> int:
    return sum(estimate_tokens(f"{line}\n") for line in lines)
