from __future__ import annotations

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.lint import Lint
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.patch import EditError
from tests.arms.workflow.guards.tree import FIX, patch_of


@pytest.mark.parametrize(
    "patch",
    [
        FIX,
        patch_of(("calc.py", "def add", "import os\n\n\ndef add")),  # an unused import is no fatal kind
        patch_of(("new.txt", "", "undefined_name\n")),
        patch_of(("pkg/old.py", "spam", "eggs")),  # parses neither before nor after
        patch_of(("calc.py", "return a - b", "return (")),  # for `patch` to refuse
    ],
)
def test_nothing_new_and_fatal_passes(patch: Patch, given: Given) -> None:
    report = Lint().check(patch, given)
    assert (report.passed, report.feedback, report.guard) == (True, "", "lint")


@pytest.mark.parametrize(
    ("patch", "feedback"),
    [
        (patch_of(("calc.py", "a - b", "a + c")), "calc.py:2: undefined name 'c'"),
        (
            patch_of(("new.py", "", '__all__ = ["gone"]\n')),
            "new.py:1: undefined name 'gone' in __all__",
        ),
        (
            patch_of(
                ("calc.py", "    return a - b", "    print(x)\n    x = a\n"),
                ("calc.py", "def add", "x = 1\n\n\ndef add"),
            ),
            "calc.py:5: local variable 'x' ",
        ),
        (
            patch_of(("calc.py", "def add", "from os import *\n\n\ndef add")),
            "calc.py:1: 'from os import *' used; unable to detect undefined names",
        ),
    ],
)
def test_new_fatal_faults_are_refused(patch: Patch, feedback: str, given: Given) -> None:
    report = Lint().check(patch, given)
    assert not report.passed
    assert feedback in report.feedback


def test_faults_that_were_there_do_not_count(given: Given) -> None:
    moved = patch_of(("pkg/shaky.py", "print(spam)", "x = 1\nprint(spam)"))
    assert Lint().check(moved, given).passed
    again = patch_of(("pkg/shaky.py", "print(spam)", "print(spam)\nprint(spam)"))
    assert Lint().check(again, given).feedback == "pkg/shaky.py:2: undefined name 'spam'"


def test_no_more_than_five_are_shown(given: Given) -> None:
    report = Lint().check(patch_of(("new.py", "", "".join(f"print(x{n})\n" for n in range(8)))), given)
    assert report.feedback.splitlines() == [*(f"new.py:{n + 1}: undefined name 'x{n}'" for n in range(5)), "and 3 more"]


def test_edit_that_does_not_fit_is_refused(given: Given) -> None:
    with pytest.raises(EditError, match=r"^gone\.py: no such file"):
        Lint().check(patch_of(("gone.py", "a", "b")), given)


def test_settings_name_what_decides() -> None:
    assert set(Lint().settings()) == {"fatal", "pyflakes"}


def test_names_no_file_can_have_are_refused(given: Given) -> None:
    with pytest.raises(EditError, match=r"^'a\\x00b\.py': no file can have this name"):
        Lint().check(patch_of(("a\0b.py", "", "x\n")), given)


def test_a_sum_too_deep_for_pyflakes_is_no_fault(given: Given) -> None:
    assert Lint().check(patch_of(("new.py", "", f"x = 1{' + 1' * 600}\n")), given).passed
