"""What `pytest -m experiment` runs when no path is given: the project's own experiments, else the embedded default.

The choice is made before collection, because xdist's workers must all be told the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

from pytest_swebench.options import EXPERIMENT_MARK

DEFAULT_EXPERIMENT: Final = Path(__file__).parent / "experiments"


def experiment_args(config: pytest.Config) -> list[str]:
    """Return the paths to collect: `experiment_paths`, else pytest's own if a test file there is marked, else ours."""
    if configured := config.getini("experiment_paths"):
        return [str(path) for path in configured]
    if any(EXPERIMENT_MARK in path.read_bytes() for path in _test_files(config) if path.is_file()):
        return config.args
    return [str(DEFAULT_EXPERIMENT)]


def _test_files(config: pytest.Config) -> Iterator[Path]:
    """Yield the files pytest would import, without importing them."""
    patterns, skipped = config.getini("python_files"), config.getini("norecursedirs")
    for start in config.args:
        yield config.invocation_params.dir / start  # testpaths may name a file
        for folder, inner, names in os.walk(config.invocation_params.dir / start):
            inner[:] = [
                name
                for name in inner
                if not any(fnmatch(name, pattern) for pattern in skipped)
                and not Path(folder, name, "pyvenv.cfg").exists()
            ]
            yield from (Path(folder, name) for name in names if any(fnmatch(name, one) for one in patterns))
