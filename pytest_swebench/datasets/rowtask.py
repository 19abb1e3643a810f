"""An official SWE-bench row as a local task: its repository at its base commit, its tests by name."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import DatasetError
from pytest_swebench.patch import changed_paths

TIMEOUTS_S: Final = {"clone": 300, "install": 60, "test": 120}
"""Real projects are no small tasks: the defaults of local tasks are for seconds."""

_NAME: Final = re.compile(r"(?:^|[:\s(.])(test\w*)")


def task_from_row(row: Mapping[str, Any], *, where: str, repo: str = "") -> dict[str, Any]:
    """Return the row of a local task. Raises DatasetError for a row that no pytest selection can stand for.

    `pytest_k` and `pytest_paths` name the tests of FAIL_TO_PASS. They come with `patch_b64`, which holds the row's test
    patch and gold patch: without it pytest finds none of them, or old ones that pass. `repo` is the URL or path of the
    repository where that is not GitHub's. The row's image has the environment; the tree is put over its own.
    """
    instance = instance_from_row(row, where=where)
    hidden, problem = instance.hidden, instance.problem
    if problem.repo == "django/django":
        raise DatasetError(f"{where}: Django runs its tests by a runner of its own, and a local task by pytest")
    names = functions_of(hidden.fail_to_pass)
    if not names:
        raise DatasetError(f"{where}: FAIL_TO_PASS names no test that pytest's -k could select")
    patch = "".join(part if part.endswith("\n") else f"{part}\n" for part in (hidden.test_patch, hidden.gold_patch))
    return {
        "task_id": instance.instance_id,
        "repo": repo or f"https://github.com/{problem.repo}",
        "ref": problem.base_commit,
        "pytest_k": " or ".join(names),
        "pytest_paths": files_of(hidden.fail_to_pass, hidden.test_patch),
        "patch_b64": base64.b64encode(patch.encode(errors="surrogateescape")).decode(),
        "timeouts": dict(TIMEOUTS_S),
        "problem_statement": problem.statement,
        "image": instance.image,
    }


def functions_of(ids: Iterable[str]) -> list[str]:
    """Return the functions that test ids name, each once, sorted; ids of unittest name them first."""
    found = (_NAME.search(one.partition("[")[0].rpartition("::")[2]) for one in ids)
    return sorted({match[1] for match in found if match})


def files_of(ids: Iterable[str], test_patch: str) -> list[str]:
    """Return the files that test ids name, else the Python files that the test patch changes; sorted."""
    named = {one.partition("::")[0] for one in ids if "::" in one}
    return sorted(named or {path for path in changed_paths(test_patch) if path.endswith(".py")})
