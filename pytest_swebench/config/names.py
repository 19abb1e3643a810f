"""Names that look like settings and are none: a misspelt cap is no cap."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from pytest_swebench.config.settings import TRUE
from pytest_swebench.config.table import SETTINGS

_PREFIX: Final = "SWEBENCH_"
# read or set elsewhere in this package and by its tests
_OTHERS: Final = frozenset(
    {
        "SWEBENCH_CACHE_DIR",
        "SWEBENCH_FILES",
        "SWEBENCH_HARNESS_PYTHON",
        "SWEBENCH_HARNESS_PYTHON_41",
        "SWEBENCH_REAL_INSTANCES",
        "SWEBENCH_REQUIRE_DOCKER",
        "SWEBENCH_SANDBOX",
        "SWEBENCH_SHARED_DATA",
        "SWEBENCH_TESTBED",
        "SWEBENCH_TEST_EXIT_CODE",
    }
)


def unheeded_names(values: Mapping[str, str], place: str) -> list[str]:
    """Return a line for a name that only the script run_experiment.sh heeds, if it asks for other than what is done."""
    if values.get("EVALUATE", "true").lower() in TRUE:
        return []
    return [f"{place}: 'EVALUATE' is for run_experiment.sh; here patches are graded, unless --generate-only is given"]


def strange_names(names: Iterable[str], place: str) -> list[str]:
    """Return a line for each name that starts like a setting's and is none, with the nearest that is one."""
    settings = [setting.name.upper() for setting in SETTINGS.values()]
    lines = []
    for name in sorted(names):
        short = name.removeprefix(_PREFIX)
        if short == name or name in _OTHERS or short in settings:
            continue
        near = difflib.get_close_matches(short, settings, n=1)  # without what all begin with, or all would be near
        hint = f"did you mean {_PREFIX + near[0]!r}? " if near else ""
        lines.append(f"{place}: {name!r} is no setting; {hint}swebench-runner config show lists all")
    return lines
