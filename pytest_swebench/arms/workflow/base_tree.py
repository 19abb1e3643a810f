"""The files of the base commit, read once, and what a patch makes of them."""

from __future__ import annotations

import posixpath
from typing import Final

from pytest_swebench.arms.change import Change
from pytest_swebench.arms.workflow.change import change_of
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.errors import SandboxLost
from pytest_swebench.patch import EditError
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.sandbox.worktree import GIT

MAX_BYTES: Final = 1_000_000
_GIT_TIMEOUT_S: Final = 60.0
_SAID: Final = 2000  # characters of what git says
_NAME_BYTES: Final = 255  # of a file or folder, on all file systems that repositories lie on
_PATH_BYTES: Final = 3000  # Linux takes 4096, the folder of the repository included


class OverLarge(EditError):
    """An edit in a file that is too large to be edited; no other edit of it would do better."""


class BaseTree:
    """Reads files of a sandbox that stands at its base commit, each once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._read: dict[str, str | None] = {}
        self._tracked: frozenset[str] | None = None

    def read(self, path: str) -> str:
        """Return a file, bytes that are no text as surrogates.

        Raises FileNotFoundError where one could be made, OverLarge, and EditError where none can be.
        """
        _check_name(path)
        if path not in self._read:
            self._read[path] = self._content(path)
        content = self._read[path]
        if content is None:
            raise FileNotFoundError(path)
        return content

    def change(self, patch: Patch) -> Change:
        """Return what `patch` makes of the files. Raises EditError for an edit that does not fit its file."""
        return change_of(patch, self.read)

    def complaint(self, diff: str) -> str:
        """Return what `git apply --check` has against `diff`, "" for nothing."""
        content = diff.encode("utf-8", errors="surrogateescape")
        result = self._sandbox.run(f"{GIT} apply --check -", timeout_s=_GIT_TIMEOUT_S, stdin=content)
        if result.timed_out:
            raise SandboxLost(f"git apply --check did not end within {_GIT_TIMEOUT_S:g} s")
        return "" if result.exit_code == 0 else result.output[-_SAID:].strip() or f"exit code {result.exit_code}"

    def _content(self, path: str) -> str | None:
        try:
            content = self._sandbox.read(path, max_bytes=MAX_BYTES + 1)
        except FileNotFoundError:
            self._check_room(posixpath.normpath(path))
            return None
        if len(content) > MAX_BYTES:
            raise OverLarge(f"{path}: more than {MAX_BYTES} bytes, too large to be edited")
        return content.decode("utf-8", errors="surrogateescape")

    def _check_room(self, path: str) -> None:
        """Raise EditError where no file can be made; `git apply --check` sees nothing wrong with it."""
        if self._tracked is None:
            self._tracked = frozenset(self._sandbox.files())
        if any(file.startswith(f"{path}/") for file in self._tracked):
            raise EditError(f"{path}: is a folder; name a file")
        parts = path.split("/")
        for folder in ("/".join(parts[:depth]) for depth in range(1, len(parts))):
            if folder in self._tracked:
                raise EditError(f"{path}: {folder} is a file, not a folder")


def _check_name(path: str) -> None:
    whole = path.encode(errors="replace")
    too_long = len(whole) > _PATH_BYTES or any(len(name) > _NAME_BYTES for name in whole.split(b"/"))
    if too_long or "\0" in path or any("\ud800" <= char <= "\udfff" for char in path):
        raise EditError(f"{path[:_NAME_BYTES]!r}: no file can have this name")
    if ".git" in path.lower().split("/"):
        raise EditError(f"{path}: belongs to git, not to the repository; leave it alone")
