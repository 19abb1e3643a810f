"""Local tasks: a git repository at a ref whose own tests decide, one JSON object a line.

Required: `task_id`, `repo` (git URL, or a path relative to the task file), `ref` (empty: the default branch).
Optional: `pytest_k`, `pytest_paths` (test files; all by default), `patch_b64` (a unified diff in base64, the known
answer), `timeouts` (`clone`, `install`, `test`, seconds), `problem_statement`, `image`, `trusted` (may run without a
container), and `sandbox` (what its containers get beyond the usual).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.allowances import allowances
from pytest_swebench.datasets.fields import Fields
from pytest_swebench.datasets.instance import WORKDIR, Hidden, Instance, Kind, Problem, Source, Task
from pytest_swebench.datasets.taskscript import eval_script
from pytest_swebench.errors import DatasetError, unknown

DEFAULT_TIMEOUTS_S: Final[Mapping[str, float]] = {"clone": 5.0, "install": 20.0, "test": 5.0}

LITE: Final = "swebench-lite"
"""The repository name of images made for local tasks, which have no repository of their own."""

PROJECT_FOLDER: Final = "/workspace/project"
"""Where a task's repository lies in a container of such an image."""

_FIELDS: Final = (
    *("task_id", "repo", "ref", "pytest_k", "pytest_paths", "patch_b64", "timeouts", "problem_statement", "image"),
    *("trusted", "sandbox"),
)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/\\]+@[^/\\]+:")
# over HTTP a name alone may be a token, elsewhere it is who logs in
_LOGIN: Final = re.compile(r"([a-z0-9+.-]+\+)?https?://[^/?#]*@|[a-z][a-z0-9+.-]*://[^/?#@]*:[^/?#]*@", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def instance_from_task(row: Mapping[str, Any], *, where: str, folder: Path) -> Instance:
    """Turn one task into an instance graded by the exit code of its tests. Raises DatasetError.

    `folder` is where the task file lies.
    """
    fields = Fields(row, where)
    if strange := [name for name in row if name not in _FIELDS]:
        raise DatasetError(f"{where}: {unknown('field', strange[0], _FIELDS)}")
    timeouts_s = _timeouts(fields)
    pytest_k = _one_line(fields, "pytest_k")
    repo, image, ref = _repo(fields), fields.text("image"), _ref(fields)
    task = Task(ref=ref, pytest_k=pytest_k, pytest_paths=_paths(fields), timeouts_s=timeouts_s)
    problem = Problem(
        instance_id=fields.identifier("task_id"),
        statement=fields.text("problem_statement") or _default_statement(pytest_k),
        repo=repo,
        language="python",
        workdir=_workdir(image),
        task=task,
    )
    hidden = Hidden(
        gold_patch=_patch(fields),
        eval_script=eval_script(task),
        eval_type="exit_code",
    )
    return Instance(
        problem=problem,
        hidden=hidden,
        kind=Kind.TASK,
        image=image,
        source=Source(url=location(repo, folder), ref=ref),
        trusted=fields.flag("trusted"),
        timeouts_s=timeouts_s,
        exceptions=allowances(fields),
    )


def _timeouts(fields: Fields) -> dict[str, float]:
    timeouts_s = dict(DEFAULT_TIMEOUTS_S)
    for name, value in fields.mapping("timeouts").items():
        if name not in timeouts_s:
            raise fields.error("timeouts", name, f"only the names {', '.join(timeouts_s)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise fields.error(f"timeouts.{name}", value, "seconds, a number above 0")
        timeouts_s[name] = float(value)
    return timeouts_s


def _one_line(fields: Fields, name: str) -> str:
    value = fields.text(name)
    if _CONTROL.search(value):
        raise fields.error(name, value, "one line of text")
    return value.strip()


def _paths(fields: Fields) -> tuple[str, ...]:
    paths = fields.names("pytest_paths") if fields.row.get("pytest_paths") else ()
    for path in paths:
        if path.startswith(("-", "/")) or _CONTROL.search(path):  # pytest would take the first for an option
            raise fields.error("pytest_paths", path, "paths relative to the repository")
    return tuple(paths)


def _repo(fields: Fields) -> str:
    repo = fields.text("repo", required=True)
    if _LOGIN.match(repo):  # it would end up in every record; what is wrong with it must not be shown either
        raise fields.error("repo", "a URL with a login", "one without: git asks its credential helper")
    return repo


def _ref(fields: Fields) -> str:
    if "ref" not in fields.row:
        raise fields.missing("ref")
    ref = _one_line(fields, "ref")
    if ref.startswith("-"):  # git would take it for an option
        raise fields.error("ref", ref, "a commit, branch or tag")
    return ref


def _patch(fields: Fields) -> str:
    encoded = fields.text("patch_b64")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise fields.error("patch_b64", encoded, f"a unified diff in base64 ({error})") from error


def location(repo: str, folder: Path) -> str:
    """Return a URL as it is and a path as an absolute one."""
    if _URL.match(repo):
        return repo
    return str((folder / Path(repo).expanduser()).resolve())


def _default_statement(pytest_k: str) -> str:
    which = f" that match `-k {pytest_k}`" if pytest_k else ""
    return f"Tests of this repository{which} fail. Change the code, not the tests, so that they pass."


def _workdir(image: str) -> str:
    name = re.split("[:@]", image.rpartition("/")[2])[0]
    return PROJECT_FOLDER if name == LITE else WORKDIR
