"""Rankings that are known already: every cell of an instance, of whichever arm or process, asks for the same one.

One small file a ranking, named by a digest over all that it hangs on: statement, files, the code that ranks, Python. So
nothing here goes stale, and a working copy that somebody changed asks for another. A damaged file tells nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from pytest_swebench.arms.context.ranking import ranked
from pytest_swebench.arms.context.sources import text_of
from pytest_swebench.records.journal import seal, unseal
from pytest_swebench.records.layout import write_whole

MOST: Final = 2_000
"""How many rankings are kept; beyond that the older half goes."""

_CODE: Final = ("bm25.py", "ranking.py", "remembered.py", "sources.py", "words.py")


def best_files(statement: str, contents: Mapping[str, bytes], number: int, cache_dir: Path) -> list[str]:
    """Return the first `number` of `ranking.ranked` over those of `contents` (path to bytes) that are text.

    What is kept lies below `cache_dir`; a folder that cannot be written costs nobody an answer.
    """
    path = cache_dir / "rankings" / f"{_digest(statement, contents, number)}.json"
    if (kept := _kept(path)) is not None:
        return kept
    texts = {name: text for name, content in contents.items() if (text := text_of(content)) is not None}
    best = ranked(statement, texts)[:number]
    with contextlib.suppress(OSError):
        write_whole(path, seal({"paths": best}))
        _make_room(path.parent)
    return best


def _kept(path: Path) -> list[str] | None:
    try:
        entry = unseal(path.read_bytes())
    except OSError:
        return None
    paths: list[str] | None = None if entry is None else entry["paths"]
    return paths


def _digest(statement: str, contents: Mapping[str, bytes], number: int) -> str:
    total = hashlib.sha256(f"{sys.version} {number}".encode())
    package = files("pytest_swebench.arms.context")
    code = [package.joinpath(name).read_bytes() for name in _CODE]
    named = ((name.encode(errors="surrogateescape"), contents[name]) for name in sorted(contents))
    for part in (*code, statement.encode(errors="surrogatepass"), *(part for pair in named for part in pair)):
        total.update(b"%d:" % len(part))
        total.update(part)
    return total.hexdigest()


def _make_room(folder: Path) -> None:
    kept = list(folder.iterdir())
    if len(kept) > MOST:
        for path in sorted(kept, key=lambda path: path.stat().st_mtime)[: -MOST // 2]:
            path.unlink(missing_ok=True)
