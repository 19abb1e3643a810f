"""The hub's pre-retrieved contexts of SWE-bench: for each instance one text with the files that BM25 found.

Only the texts are taken, never a row's hints, patch or tests, and only those of the instances at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_swebench.cell import slug
from pytest_swebench.datasets.hub import fetch_rows
from pytest_swebench.errors import DatasetError
from pytest_swebench.records.layout import write_whole

SETS: Final = {size: f"princeton-nlp/SWE-bench_bm25_{size}" for size in ("13K", "27K", "40K")}
_SPLIT: Final = "test"
_NAMES: Final = 3


def fetch_contexts(size: str, instance_ids: Sequence[str], cache_dir: Path) -> dict[str, Path]:
    """Return the file with the text of each instance in the set of this `size`, a key of `SETS`.

    What is not in `cache_dir` comes from the hub, once for all processes that ask. Raises DatasetError: the hub cannot
    be reached, or the set lacks an instance.
    """
    from filelock import FileLock

    folder = cache_dir / "contexts" / slug(SETS[size])
    paths = {instance_id: folder / f"{slug(instance_id)}.txt" for instance_id in instance_ids}
    if all(path.is_file() for path in paths.values()):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        missing = {instance_id for instance_id, path in paths.items() if not path.is_file()}
        if missing:
            for row in fetch_rows(SETS[size], _SPLIT, ("instance_id", "text"), missing):
                write_whole(paths[row["instance_id"]], row["text"])
    lacking = [instance_id for instance_id, path in paths.items() if not path.is_file()]
    if lacking:
        more = f" and {len(lacking) - _NAMES} more" if len(lacking) > _NAMES else ""
        raise DatasetError(
            f"--context {size}: {SETS[size]} holds no {', '.join(map(repr, lacking[:_NAMES]))}{more}; it covers the "
            "test split of SWE-bench; leave these instances out, or use --context bm25"
        )
    return paths
