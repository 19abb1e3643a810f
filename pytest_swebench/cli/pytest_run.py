"""The pytest line behind a command, to run and for people to see."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_EXPERIMENT: Final = Path(__file__).parents[1] / "experiments"


def pytest_arguments(options: Sequence[str]) -> list[str]:
    """Return the arguments that run the embedded experiment, whatever tests the folder one stands in holds."""
    return ["-m", "experiment", "-o", f"experiment_paths={shlex.quote(str(_EXPERIMENT))}", *options]


def shown(arguments: Sequence[str]) -> str:
    """Return the line that a person could type instead."""
    return shlex.join(["pytest", *arguments])
