"""Datasets of the Hugging Face hub, read once through the `datasets` library and then from a cache of our own.

The only module that imports `datasets`: that takes seconds and well over 100 MB, so the cache, one compact JSONL
file for each dataset and split, is read without it and without a network. A cached split is never refreshed by
itself, so a benchmark does not change under a comparison; delete the file to fetch it again.
"""

from __future__ import annotations

import json
import os
import re
import socket
import urllib.parse
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import digest, slug
from pytest_swebench.datasets import rows, scenarios
from pytest_swebench.errors import DatasetError, unknown
from pytest_swebench.records.layout import write_whole

ALIASES: Final = {
    "full": "SWE-bench/SWE-bench",
    "lite": "SWE-bench/SWE-bench_Lite",
    "multilingual": "SWE-bench/SWE-bench_Multilingual",
    "multimodal": "SWE-bench/SWE-bench_Multimodal",
    "pro": "ScaleAI/SWE-bench_Pro",
    "verified": "SWE-bench/SWE-bench_Verified",
}

# No tasks: a row from elsewhere must not call itself trusted.
_COLUMNS: Final = rows.COLUMNS | scenarios.COLUMNS
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_PREFIX: Final = re.compile(r"^swe-?bench-?")
_DEFAULT_ENDPOINT: Final = "https://huggingface.co"
_CONNECT_TIMEOUT_S: Final = 3.0
_OFFLINE_HINT: Final = (
    " (HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set: only what the `datasets` library"
    " has in its own cache can be loaded)"
)
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})  # what the hub's own libraries take for true


def hub_id(name: str) -> str | None:
    """Return the hub's `owner/name` for an alias (also `SWE-bench_Lite` and the like) or an id, else None."""
    alias = _PREFIX.sub("", name.lower().replace("_", "-")) or "full"
    return ALIASES.get(alias) or (name if _HUB_ID.fullmatch(name) else None)


def default_cache_dir() -> Path:
    """Return SWEBENCH_CACHE_DIR, else `pytest-swebench` in the user's cache folder."""
    if given := os.environ.get("SWEBENCH_CACHE_DIR"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "pytest-swebench"


def load_hub(name: str, split: str, cache_dir: Path) -> Path:
    """Return the JSONL file that holds one split of a hub dataset (`owner/name`), fetching it at the first call.

    Processes that ask at the same time fetch once. Raises DatasetError: unreachable, no such dataset, no such split.
    """
    from filelock import FileLock

    file = cache_dir / "datasets" / f"{slug(name)}-{slug(split)}-{digest([name, split, sorted(_COLUMNS)])[:8]}.jsonl"
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.is_file():
            if not _offline():
                _check_reachable(name)
            write_whole(file, _as_jsonl(_fetched(name, split)))
    return file


def fetch_rows(name: str, split: str, columns: Collection[str], instance_ids: Collection[str]) -> list[dict[str, Any]]:
    """Return some columns of the rows of these instances, in the dataset's order; nothing of ours is cached.

    Raises DatasetError as `load_hub` does, and for a dataset without one of the columns.
    """
    if not _offline():
        _check_reachable(name)
    found = _fetched(name, split, columns)
    lacking = sorted({*columns} - {*found.column_names})
    if lacking:
        raise DatasetError(f"{name}: no column {lacking[0]!r}; it has {', '.join(found.column_names)}")
    wanted = [place for place, instance_id in enumerate(found["instance_id"]) if instance_id in instance_ids]
    return list(found.select(wanted))


def saved_rows(folder: Path) -> Iterable[dict[str, Any]]:
    """Return the rows that `Dataset.save_to_disk` left in `folder`. Raises DatasetError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's deprecations are not ours to fail on
        import datasets

        try:
            saved: Iterable[dict[str, Any]] = datasets.load_from_disk(str(folder))
        except (OSError, ValueError) as error:
            raise DatasetError(f"{folder}: not a dataset that can be read: {error}") from error
    return saved


def _fetched(name: str, split: str, columns: Collection[str] = _COLUMNS) -> Any:
    """Return a split as a `datasets.Dataset` of those `columns` that it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets
        from datasets.exceptions import DatasetNotFoundError

        try:
            found = datasets.load_dataset(name, split=split)
        except DatasetNotFoundError as error:
            raise DatasetError(
                f"the hub has no dataset {name!r}, or it is private: {error}; aliases: {', '.join(ALIASES)}"
            ) from error
        except ValueError as error:
            raise DatasetError(_split_message(name, split, error)) from error
        except Exception as error:  # the errors of the HTTP client come through as well, whichever it is
            reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
            hint = _OFFLINE_HINT if _offline() else ""
            raise DatasetError(f"cannot load {name!r} from the hub: {type(error).__name__}: {reason}{hint}") from error
        return found.select_columns([column for column in found.column_names if column in columns])


def _split_message(name: str, split: str, error: ValueError) -> str:
    """Say which splits there are, asking the hub again; the library's own words where that is not the trouble."""
    import datasets

    try:
        known = datasets.get_dataset_split_names(name)
    except Exception:  # the first error is the one to tell
        known = [split]
    if split in known:
        return f"cannot load {name!r} from the hub: {error}"
    return f"{name}: {unknown('split', split, known)}"


def _as_jsonl(found: Iterable[dict[str, Any]]) -> bytes:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_refuse) for row in found]
    return "".join(f"{line}\n" for line in lines).encode()


def _refuse(value: object) -> str:
    raise DatasetError(f"a {type(value).__name__} in a dataset of the hub cannot be kept as JSON: {repr(value)[:80]}")


def _offline() -> bool:
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"))


def _check_reachable(name: str) -> None:
    """Connect once, in seconds, where the library would try for minutes. Raises DatasetError."""
    endpoint = os.environ.get("HF_ENDPOINT") or _DEFAULT_ENDPOINT
    host, port = _address(_proxy_of(endpoint) or endpoint)
    try:
        socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise DatasetError(
            f"cannot reach the hub at {endpoint!r} to fetch {name!r} ({host}:{port}: {error}); use a local file "
            f"({', '.join(('.jsonl', '.json', '.parquet'))}) or a dataset cached by an earlier run "
            "(SWEBENCH_CACHE_DIR), or set HF_HUB_OFFLINE=1 to take what the `datasets` library has in its own cache"
        ) from error


def _proxy_of(endpoint: str) -> str:
    import urllib.request  # brings in the HTTP client, for this one question

    url = urllib.parse.urlsplit(endpoint)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return ""
    return urllib.request.getproxies().get(url.scheme, "")


def _address(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
