"""Base trees that no image holds: a folder or a git URL becomes a repository with its history cut off at HEAD."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.errors import DatasetError, InfraError
from pytest_swebench.sandbox.hygiene import clean_repository, git_environment
from pytest_swebench.sandbox.worktree import IGNORED

CLONE_TIMEOUT_S: Final = 5.0
LOCAL_GIT_TIMEOUT_S: Final = 120.0

# Author and date are fixed, so the same tree has the same commit id on every machine.
_IDENTITY: Final = {"name": "base", "email": "base@example.invalid"}
_DATE: Final = "2000-01-01T00:00:00+0000"


class SourceTrees:
    """Prepares each source once below `root` and hands out copies. Safe to share between threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._ready: dict[Source, Path] = {}

    def copy(self, instance: Instance, target: Path) -> None:
        """Copy the prepared tree of `instance.source` to `target`, which must not exist."""
        shutil.copytree(self.prepared(instance), target, symlinks=True)

    def prepared(self, instance: Instance) -> Path:
        """Return the folder of the prepared tree; read it only. Raises DatasetError or InfraError."""
        source = instance.source
        if source is None:
            raise DatasetError(f"instance {instance.instance_id!r} names no source; give it a folder or a git URL")
        with self._lock:
            if source not in self._ready:
                target = self._root / f"source-{len(self._ready)}"
                shutil.rmtree(target, ignore_errors=True)  # what an attempt that failed left
                materialise(source, target, clone_timeout_s=instance.timeouts_s.get("clone", CLONE_TIMEOUT_S))
                self._ready[source] = target
            return self._ready[source]


def materialise(source: Source, target: Path, *, clone_timeout_s: float = CLONE_TIMEOUT_S) -> None:
    """Make `target` a git repository with the tree of `source` at HEAD and nothing beyond it.

    Nothing of the repository runs: no hooks, no configuration of its own. Raises DatasetError for a source that is
    not there, InfraError where cloning fails or takes longer than `clone_timeout_s` seconds.
    """
    if source.url:
        _clone(source, target, clone_timeout_s)
    elif source.path:
        _copy(Path(source.path), target)
    else:
        raise DatasetError(f"source {source!r} has neither a path nor a url; give one of them")
    if (target / ".git").is_dir():
        clean_repository(target)
        _configure(target)
    else:
        _first_commit(target)


def check_path(source: Source) -> None:
    """Raise DatasetError where `source` is a repository on this machine that is not there, or has no such ref.

    Nothing is said of URLs, nor of the refs in a bundle.
    """
    path = _here(source)
    if path is None or path.is_file():
        return
    ref = re.sub(r"^(refs/remotes/)?origin/", "", source.ref) or "HEAD"  # as the clone, not the repository, has them
    alone = git_environment() | {"GIT_CEILING_DIRECTORIES": str(path.parent)}  # not what it may lie in
    if not any(_commit(path, name, alone) for name in (source.ref or ref, ref)):
        raise _no_ref(source)


def _here(source: Source) -> Path | None:
    """Return where a source that is cloned lies on this machine, None for a URL. Raises DatasetError."""
    path = Path(source.url)
    if not path.is_absolute():
        return None
    if not path.exists():
        raise DatasetError(f"repository {source.url!r} does not exist; correct the path")
    return path


def _no_ref(source: Source) -> DatasetError:
    return DatasetError(f"{source.url!r} has no ref {source.ref or 'HEAD'!r}; give a branch, tag or commit of it")


def _copy(tree: Path, target: Path) -> None:
    if not tree.is_dir():
        raise DatasetError(f"source folder {str(tree)!r} does not exist; correct the path or create it")
    patterns = [pattern.rstrip("/") for pattern in IGNORED]
    shutil.copytree(tree, target, symlinks=True, ignore=shutil.ignore_patterns(*patterns))
    pointer = target / ".git"
    # a worktree, a submodule or a link: the repository lies elsewhere and is not ours to change
    if pointer.is_symlink() or pointer.is_file():
        pointer.unlink()


def _clone(source: Source, target: Path, timeout_s: float) -> None:
    if source.url.startswith("-") or source.ref.startswith("-"):
        raise DatasetError(f"source {source!r}: a url or ref may not start with a dash")
    _here(source)
    # People's own git settings hold their credentials and proxies, so cloning alone keeps the environment; variables
    # that point at another repository (set inside git hooks) must go.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    deadline = time.monotonic() + timeout_s
    commit = _fetched(source, target, timeout_s, environment)
    if not commit:
        left_s = max(deadline - time.monotonic(), 0.0)
        commit = _cloned(source, target, left_s, environment, limit_s=timeout_s)
    _git(["checkout", "--quiet", "--force", "-B", "main", commit, "--"], cwd=target)


def _fetched(source: Source, target: Path, timeout_s: float, environment: dict[str, str]) -> str:
    """Fetch the one commit that is asked for; "" where no server is there or it does not hand out single commits."""
    if "://" not in source.url:
        return ""
    _git(["init", "--quiet", "--template=", str(target)], cwd=target.parent)
    wanted = source.ref or "HEAD"
    command = ["fetch", "--quiet", "--depth=1", "--no-tags", "--", source.url, wanted]
    failures = (0, 1, 128)  # a clone will tell what is wrong
    what = f"cloning {source.url!r}"
    _git(command, cwd=target, timeout_s=timeout_s, environment=environment, accept=failures, what=what)
    return _commit(target, "FETCH_HEAD")


def _cloned(source: Source, target: Path, left_s: float, environment: dict[str, str], *, limit_s: float) -> str:
    """Clone everything in the `left_s` of `limit_s` seconds and return the commit that is asked for."""
    shutil.rmtree(target, ignore_errors=True)
    command = ["clone", "--quiet", "--no-checkout", "--template=", "--", source.url, str(target)]
    what = f"cloning {source.url!r}"
    _git(command, cwd=target.parent, timeout_s=left_s, environment=environment, what=what, limit_s=limit_s)
    wanted = [f"refs/remotes/origin/{source.ref}", source.ref] if source.ref else ["refs/remotes/origin/HEAD", "HEAD"]
    for name in wanted:
        if commit := _commit(target, name):
            return commit
    raise _no_ref(source)


def _commit(target: Path, name: str, environment: dict[str, str] | None = None) -> str:
    command = ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    return _git(command, cwd=target, environment=environment, accept=(0, 1, 128))


def _first_commit(target: Path) -> None:
    # An automatic gc that dies in the middle leaves locks behind, so it is off before the first commit.
    _git(["-c", "init.defaultBranch=main", "init", "--quiet", "--template="], cwd=target)
    _configure(target)
    _git(["add", "--all", "--force"], cwd=target)
    dates = {"GIT_AUTHOR_DATE": _DATE, "GIT_COMMITTER_DATE": _DATE}
    command = ["commit", "--quiet", "--allow-empty", "--no-verify", "--message", "base"]
    _git(command, cwd=target, environment=git_environment() | dates)


def _configure(target: Path) -> None:
    settings = {"gc.auto": "0", "commit.gpgSign": "false"} | {f"user.{key}": value for key, value in _IDENTITY.items()}
    for key, value in settings.items():
        _git(["config", key, value], cwd=target)
    exclude = target / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    with exclude.open("a", encoding="utf-8") as stream:
        stream.write("\n".join(("", *IGNORED, "")))


def _git(
    arguments: list[str],
    *,
    cwd: Path,
    timeout_s: float = LOCAL_GIT_TIMEOUT_S,
    environment: dict[str, str] | None = None,
    accept: tuple[int, ...] = (0,),
    what: str = "",
    limit_s: float | None = None,
) -> str:
    """Return what git says. Raises InfraError, which names `limit_s` where `timeout_s` is only the rest of it."""
    process = subprocess.Popen(
        ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", *arguments],
        cwd=cwd,
        env=git_environment() if environment is None else environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # cloning has children of its own, which must die with it
    )
    what = what or f"git {arguments[0]} in {str(cwd)!r}"
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        most_s = timeout_s if limit_s is None else limit_s
        message = f"{what} took more than {most_s:g} s; raise the instance's timeout 'clone' if that is too short"
        raise InfraError(message) from None
    if process.returncode not in accept:
        said = " ".join(filter(None, errors.strip().splitlines()[-5:]))  # summaries show one line
        raise InfraError(f"{what} failed with exit code {process.returncode}: {said}")
    return output.strip()
