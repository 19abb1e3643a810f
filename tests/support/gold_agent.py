"""What a good agent would do with an issue whose answer is known: look, read, edit by search and replace, test."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from unidiff import PatchSet

from pytest_swebench.patch import changed_paths
from tests.support.llm_server import ScriptedAnswer

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Hunk:
    """The lines of one hunk before and after."""

    path: str
    before: str
    after: str


def hunks(patch: str) -> list[Hunk]:
    """Return the hunks of a diff that only changes files."""
    return [
        Hunk(
            file.path,
            "".join(line.value for line in hunk if line.is_context or line.is_removed),
            "".join(line.value for line in hunk if line.is_context or line.is_added),
        )
        for file in PatchSet(patch)
        for hunk in file
    ]


def edits(patch: str) -> list[Call]:
    """Return the calls that make `patch`."""
    return [("edit_file", {"path": hunk.path, "search": hunk.before, "replace": hunk.after}) for hunk in hunks(patch)]


def good_work(patch: str, test: Call) -> list[ScriptedAnswer]:
    """Return the answers of a model that explores with the shell, makes `patch`, makes the call `test` and submits."""
    path = changed_paths(patch)[0]
    line = max(hunks(patch)[0].before.splitlines(), key=len)
    quoted = shlex.quote(path)
    look: list[Call] = [
        ("run", {"command": f"git status --short; ls; cd {shlex.quote(path.rpartition('/')[0] or '.')}; exit 4"}),
        ("run", {"command": f"grep -nF -- {shlex.quote(line)} {quoted}; cat {quoted} | wc -l"}),
        ("run", {"command": f"sed -n '1,20p' {quoted}"}),
    ]
    usage = {"input": 900, "output": 80}
    return [
        ScriptedAnswer("I look for the place.", tuple(look), usage=usage),
        ScriptedAnswer("I read it.", (("read_file", {"path": path, "first": 1, "last": 30}),), usage=usage),
        ScriptedAnswer("I mend it.", tuple(edits(patch)), usage=usage),
        ScriptedAnswer("I test it.", (test,), usage=usage),
        ScriptedAnswer("It is mended.", (("submit", {}),), usage=usage),
    ]
