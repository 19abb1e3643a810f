"""Name and place of a run, and what else every file of it says about where it came from."""

from __future__ import annotations

import functools
import platform
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_swebench.config.active import settings_of
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.records.layout import RunLayout


_RUN_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class RunHandle:
    """Name and place of a run, made once in the controller and handed to every worker.

    `timestamp` names this invocation; `resumed` says that there were others of the same run before.
    """

    run_id: str
    timestamp: str
    root: str
    git_commit: str = ""
    resumed: bool = False

    @classmethod
    def new(cls, root: Path, *, run_id: str = "", git_commit: str = "") -> RunHandle:
        """Name a run after the present moment, or as `run_id` says. Raises InputError for what is no name."""
        stamp = time.strftime("%Y%m%d_%H%M%S")
        if run_id:
            check_run_id("--run-id", run_id)
        return cls(run_id or f"{stamp}-{uuid.uuid4().hex[:6]}", stamp, str(root), git_commit)

    def taken_over(self) -> RunHandle:
        """Return this for a run that is ours alone now: resumed if an earlier invocation left anything."""
        left = (self.layout.journals, self.layout.folder / "manifests")
        return replace(self, resumed=any(folder.exists() for folder in left))

    def as_dict(self) -> dict[str, str | bool]:
        return asdict(self)

    @property
    def layout(self) -> RunLayout:
        from pytest_swebench.records.layout import RunLayout

        return RunLayout(Path(self.root), self.run_id, self.timestamp)


def check_run_id(option: str, run_id: str) -> None:
    """Raise InputError for what no run can be called: it names a folder."""
    if not _RUN_ID.fullmatch(run_id):
        raise InputError(f"{option} {run_id!r}: may hold letters, digits and . _ + - only, and starts with neither")


def output_root(config: pytest.Config, env: Mapping[str, str]) -> Path:
    """Return the absolute folder for results: the setting `output_dir`, `results` by default. Raises InputError.

    With `--collect-only` it is a temporary one: a look at what would run leaves nothing behind.
    """
    if config.getoption("collectonly"):
        from pytest_swebench.sandbox.reaper import Owner

        root = Path(tempfile.mkdtemp(prefix=Owner.current().prefix))
        config.add_cleanup(lambda: shutil.rmtree(root))
        return root
    folder: str = settings_of(config, env).value("output_dir")
    return config.invocation_params.dir / folder


def git_commit(folder: Path) -> str:
    """Return the short commit of the repository around `folder`, "" where there is none."""
    try:
        command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of what shapes a result."""
    found = {"python": platform.python_version()}
    for name in ("pytest-swebench", "swebench", "pytest", "anthropic", "openai"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
