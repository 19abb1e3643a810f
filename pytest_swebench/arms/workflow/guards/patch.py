"""`patch`: edits that fit their files and leave source that parses, or what is wrong: format, edit, apply or syntax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_swebench.arms.change import Change
from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.code import Format, compiles, parsed, told
from pytest_swebench.arms.workflow.guards.reports import few, judged, rejected
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.records.trace import GuardReport


@dataclass(frozen=True, slots=True)
class PatchGuard:
    """Refuses a patch that could not be made; with `git_apply` git itself has a word."""

    git_apply: bool = True
    name: str = "patch"
    judges: type[Shape] = Patch
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: Patch, given: Given) -> GuardReport:
        """Look at the edits by themselves, then at the files, then at what they become. Raises EditError."""
        malformed = list(_malformed(answer))
        if malformed:
            return judged(self.name, malformed)
        form = Format().check(answer, given)
        if not form.passed:
            return rejected(self.name, form.feedback)
        change = given.change(answer)
        diff = change.diff
        if not diff:
            return rejected(self.name, "edit: all edits together change nothing")
        if self.git_apply and (complaint := given.complaint(diff)):
            return rejected(self.name, f"apply: git does not take the change:\n{complaint}")
        return judged(self.name, _broken(change))

    def settings(self) -> Mapping[str, Any]:
        """Return whether git is asked."""
        return {"git_apply": self.git_apply}


def _malformed(patch: Patch) -> Iterator[str]:
    if not patch.edits:
        yield "format: there are no edits; give at least one"
    for number, edit in enumerate(patch.edits, start=1):
        if not edit.file.strip():
            yield f"format: edit {number} names no file"
    idle = [edit.file for edit in patch.edits if edit.search == edit.replace]
    if idle:
        yield f"edit: search and replace are the same in {few(idle)}; leave out what does not change"


def _broken(change: Change) -> Iterator[str]:
    """Yield which Python files no longer compile; those that never did may be meant for another version."""
    for path, text in change.after.items():
        if not path.endswith(".py") or text == change.before.get(path):
            continue
        try:
            parsed(text, path)
        except SyntaxError as error:
            if compiles(change.before.get(path, ""), path):
                yield f"syntax: {path} does not parse after the change: {told(error)}"
