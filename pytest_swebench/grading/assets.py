"""Binary files that a text patch cannot carry, such as the expected images of multimodal instances.

The rows name them by URL. As upstream, they are copied into the tree right before the tests start, after the eval
script has applied the test patch.
"""

from __future__ import annotations

import shlex
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import DatasetError, InfraError
from pytest_swebench.grading.official import START_MARKER

_TIMEOUT_S: Final = 60.0  # upstream's, for one file


@dataclass(frozen=True, slots=True)
class Asset:
    """A file for `$SWEBENCH_FILES` and where it belongs in the repository."""

    name: str
    path: str
    content: bytes


def fetch_assets(instance: Instance) -> list[Asset]:
    """Fetch what the row declares for the test patch, then for the patch; usually nothing.

    Raises InfraError if a file cannot be had (upstream warns and goes on, and its tests then miss their baseline),
    DatasetError if its URL is no web address.
    """
    declared = [
        entry
        for key in ("test_patch", "patch")
        for entry in instance.hidden.image_assets.get(key) or ()
        if entry.get("path")
    ]
    return [
        Asset(f"asset-{number}", entry["path"], _fetch(instance, entry.get("url") or ""))
        for number, entry in enumerate(declared)
    ]


def with_assets(eval_script: str, assets: list[Asset]) -> str:
    """Return the script with lines that put `assets` in place before the tests start."""
    if not assets:
        return eval_script
    restore = [
        f"mkdir -p {shlex.quote(str(PurePosixPath(asset.path).parent))}"
        f' && cp "$SWEBENCH_FILES/{asset.name}" {shlex.quote(asset.path)}'
        for asset in assets
    ]
    lines = eval_script.split("\n")
    start = next((number for number, line in enumerate(lines) if START_MARKER in line), len(lines))
    return "\n".join([*lines[:start], *restore, *lines[start:]])


def _fetch(instance: Instance, url: str) -> bytes:
    if not url.startswith(("https://", "http://")):  # a row must not name a file of this machine
        raise DatasetError(f"{instance.instance_id}: test file at {url!r}; image_assets take http and https URLs")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except (OSError, ValueError, HTTPException) as error:
        raise InfraError(f"{instance.instance_id}: test file {url!r} cannot be fetched: {error}") from error
    return content
