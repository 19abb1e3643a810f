from __future__ import annotations

import re

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.patch import PatchGuard
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.patch import EditError
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.guards.tree import FIX, given_in, patch_of


@pytest.mark.parametrize("git_apply", [False, True])
def test_patch_that_fits_passes(git_apply: bool, given: Given) -> None:
    report = PatchGuard(git_apply=git_apply).check(FIX, given)
    assert (report.passed, report.feedback, report.guard) == (True, "", "patch")


def test_other_indentation_passes(given: Given) -> None:
    assert (
        PatchGuard().check(patch_of(("pkg/core.py", "if self:\n    return 1", "if self:\n    return 3")), given).passed
    )


def test_file_that_never_parsed_may_be_changed(given: Given) -> None:
    assert PatchGuard().check(patch_of(("pkg/old.py", "spam", "eggs")), given).passed
    assert PatchGuard().check(patch_of(("pkg/notes.txt", "two", "(")), given).passed


@pytest.mark.parametrize(
    ("patch", "feedback"),
    [
        (Patch(edits=[], reasoning=""), "format: there are no edits; give at least one"),
        (patch_of((" ", "a", "b")), "format: edit 1 names no file"),
        (
            patch_of(("calc.py", "a", "```python\nx\n```")),
            "format: edit 1 of calc.py, replace: it is wrapped in a Markdown",
        ),
        (
            patch_of(("calc.py", "a - b", "a - b")),
            "edit: search and replace are the same in 'calc.py'; leave out what does not change",
        ),
        (
            patch_of(("calc.py", "a - b", "a + b"), ("calc.py", "a + b", "a - b")),
            "edit: all edits together change nothing",
        ),
        (
            patch_of(("calc.py", "    return a - b", "    return (a + b")),
            "syntax: calc.py does not parse after the change: line 2: '(' was never closed: 'return (a + b'",
        ),
        (patch_of(("new.py", "", "def f(:\n")), "syntax: new.py does not parse after the change: line 1: "),
    ],
)
def test_patch_that_does_not_fit_is_told_why(patch: Patch, feedback: str, given: Given) -> None:
    report = PatchGuard().check(patch, given)
    assert (report.passed, report.fatal) == (False, False)
    assert report.feedback.startswith(feedback)


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        (patch_of(("gone.py", "a", "b")), "gone.py: no such file"),
        (patch_of(("a\0b", "", "x\n")), r"'a\x00b': no file can have this name"),
        (patch_of(("x" * 300, "", "x\n")), "'xxx"),
        (patch_of(("x/" * 2000 + "y", "", "x\n")), "'x/x/"),
        (patch_of(("\ud800.py", "", "x\n")), r"'\ud800.py': no file can have this name"),
        (patch_of((".git/hooks/pre-commit", "", "x\n")), ".git/hooks/pre-commit: belongs to git"),
        (patch_of(("./pkg/", "", "x\n")), "pkg: is a folder; name a file"),
        (patch_of(("calc.py/more/x.py", "", "x\n")), "calc.py/more/x.py: calc.py is a file, not a folder"),
        (patch_of(("calc.py", "", "b")), "calc.py: the search text is empty, but the file exists and is not"),
        (
            patch_of(("calc.py", "return a * b", "b")),
            "calc.py: the SEARCH text is not in the file; the nearest lines",
        ),
        (patch_of(("calc.py", "b", "c")), "calc.py: the search text stands there 2 times, it must be unique"),
    ],
)
def test_edit_that_does_not_fit_is_told_why(patch: Patch, told: str, given: Given) -> None:
    with pytest.raises(EditError, match=f"^{re.escape(told)}"):
        PatchGuard().check(patch, given)


def test_missing_search_text_shows_what_stands_there(given: Given) -> None:
    with pytest.raises(EditError, match=r"the nearest lines are:\n    return a - b$"):
        PatchGuard().check(patch_of(("calc.py", "    return a * b", "    return a + b")), given)


def test_what_git_does_not_take_is_refused(given: Given) -> None:
    patch = patch_of(("linked/core.py", "return 1", "return 3"))
    report = PatchGuard().check(patch, given)
    beyond = "error: affected file 'linked/core.py' is beyond a symbolic link"
    assert report.feedback == f"apply: git does not take the change:\n{beyond}"
    assert PatchGuard(git_apply=False).check(patch, given).passed


def test_working_copy_stays_as_it_was(sandbox: Sandbox) -> None:
    assert PatchGuard().check(FIX, given_in(sandbox)).passed
    assert sandbox.diff() == ""


def test_settings_tell_whether_git_is_asked() -> None:
    assert PatchGuard(git_apply=False).settings() == {"git_apply": False}
