from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.execution import Green, Red, Setup
from pytest_swebench.arms.workflow.guards.generated import run_test
from pytest_swebench.errors import InfraError
from pytest_swebench.patch import EditError
from pytest_swebench.records.trace import GuardReport
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.guards.tree import FIX, RED, given_in, patch_of, written
from tests.support.bent import Bent

PASSING = "def test_fine():\n    pass\n"
WRONG_FIX = patch_of(("calc.py", "a - b", "a * b"))


def red(given: Given, code: str) -> GuardReport:
    return Red().check(written(code), given)


def green(sandbox: Sandbox, code: str = RED) -> GuardReport:
    return Green().check(FIX, given_in(sandbox, written(code)))


@pytest.mark.parametrize(
    "code",
    [
        RED,
        "def test_body():\n    raise ValueError('the fault')\n",
        "import unittest\nfrom calc import add\n\n\nclass Add(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n",
        RED + "\n\ndef test_fine():\n    pass\n",  # one that fails is enough
        RED + "\n\ndef test_tmp(tmp_path):\n    (tmp_path / 'x').write_text('x')\n",
    ],
)
def test_failing_test_is_red(code: str, given: Given) -> None:
    report = red(given, code)
    assert (report.passed, report.feedback, report.guard) == (True, "", "test_red")


@pytest.mark.parametrize(
    ("code", "feedback"),
    [
        (PASSING, "the test passes on the code as it is (1 passed); it must fail because of the fault"),
        ("def test_words():\n    print('Error FAILED error')\n", "the test passes on the code as it is (1 passed)"),
        (
            "import pytest\n\n\ndef test_skipped():\n    pytest.skip('no')\n",
            "no test ran: all were skipped or expected to fail",
        ),
        (
            "import pytest\n\n\n@pytest.mark.xfail\ndef test_expected():\n    assert 0\n",
            "no test ran: all were skipped or expected to fail",
        ),
        (
            "from nowhere import gone\n\n\ndef test_add():\n    assert 0\n",
            "the test is broken, an error occurred outside of its body:\n",
        ),
        (
            "def test_add(no_such_fixture):\n    assert 0\n",
            "the test is broken, an error occurred outside of its body:\n",
        ),
        (
            RED + "\n\ndef test_other(no_such_fixture):\n    pass\n",  # a failure beside an error does not count
            "the test is broken, an error occurred outside of its body:\n",
        ),
        ("def check_nothing():\n    pass\n", "no test was found in the file"),
        ("import os\n\n\ndef test_exit():\n    os._exit(7)\n", "the test file could not be run (exit code 7)"),
        ("import os\n\n\ndef test_exit():\n    os._exit(1)\n", "the test file could not be run (exit code 1)"),
    ],
)
def test_what_is_not_red_is_told_why(code: str, feedback: str, given: Given) -> None:
    report = red(given, code)
    assert (report.passed, report.fatal) == (False, False)
    assert report.feedback.startswith(feedback)


def test_import_error_is_told_with_its_message(given: Given) -> None:
    assert (
        "No module named 'nowhere'"
        in red(given, "from nowhere import gone\n\n\ndef test_add():\n    assert 0\n").feedback
    )


def test_patched_code_is_green(sandbox: Sandbox) -> None:
    report = green(sandbox)
    assert (report.passed, report.feedback, report.guard) == (True, "", "test_green")


def test_wrong_patch_is_told_which_tests_fail(sandbox: Sandbox) -> None:
    report = Green().check(WRONG_FIX, given_in(sandbox, written(RED)))
    assert report.feedback.startswith("tests that fail with the patch (1):\ntest_add: assert 2 == 3")
    assert "assert add(1, 2) == 3" in report.feedback


def test_green_needs_a_test_that_passes(sandbox: Sandbox) -> None:
    assert green(sandbox, "import pytest\n\n\ndef test_skipped():\n    pytest.skip('no')\n").feedback == (
        "no test passes: all were skipped or expected to fail"
    )
    broken = green(sandbox, "from calc import gone\n\n\ndef test_add():\n    pass\n")
    assert broken.feedback.startswith("the test is broken, an error occurred outside of its body:\n")


def test_patch_that_breaks_the_import_is_told(sandbox: Sandbox) -> None:
    report = Green().check(patch_of(("calc.py", "def add", "def plus")), given_in(sandbox, written(RED)))
    assert "cannot import name 'add'" in report.feedback


def test_patch_that_cannot_be_made_runs_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(EditError, match=r"^gone\.py: no such file"):
        Green().check(patch_of(("gone.py", "a", "b")), given_in(sandbox, written(RED)))


def test_patch_that_git_refuses_is_told(sandbox: Sandbox) -> None:
    report = Green().check(patch_of(("linked/core.py", "return 1", "return 3")), given_in(sandbox, written(RED)))
    assert report.feedback == (
        "the patch does not apply:\nerror: affected file 'linked/core.py' is beyond a symbolic link"
    )
    assert sandbox.diff() == ""


@pytest.mark.parametrize(
    ("code", "feedback"),
    [
        (RED, ""),
        ("from nowhere import gone\n\n\ndef test_add():\n    pass\n", "the test is broken, an error occurred"),
        ("x = 1\n", "no test was found in the file"),
    ],
)
def test_setup_is_verified_without_running(code: str, feedback: str, given: Given) -> None:
    report = Setup().check(written(code), given)
    assert report.passed == (feedback == "")
    assert report.feedback.startswith(feedback)


def test_working_copy_is_restored(sandbox: Sandbox) -> None:
    litter = """
    import os, pathlib, subprocess

    def test_litter():
        os.makedirs("new/folder")
        pathlib.Path("new/folder/x").write_text("x")
        pathlib.Path("calc.py").write_text("gone")
        os.remove("pkg/core.py")
        os.makedirs("built", exist_ok=True)
        pathlib.Path("built/artefact.bin").write_text("kept")
        subprocess.run(["git", "init", "-q", "nested"], check=True)
        subprocess.run(["git", "add", "-A"], check=True)
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "litter"], check=True)
        assert 0
    """
    given, head = given_in(sandbox), sandbox.run("git rev-parse HEAD", timeout_s=30).output
    assert red(given, litter).passed
    assert sandbox.run("git rev-parse HEAD", timeout_s=30).output == head
    assert sandbox.diff() == ""
    status = sandbox.run("git status --porcelain --ignored; ls", timeout_s=30).output
    assert status.splitlines()[0] == "!! built/"
    assert "nested" not in status
    assert sandbox.read("built/artefact.bin") == b"kept"
    assert red(given, RED).passed


def test_leftovers_of_earlier_steps_do_not_count(sandbox: Sandbox) -> None:
    sandbox.write({"calc.py": b"def add(a, b):\n    return a + b\n"})
    assert red(given_in(sandbox), RED).passed
    assert sandbox.diff() == ""


@pytest.mark.parametrize(("guard", "limit"), [(Red(timeout_s=1), "1 s"), (Setup(timeout_s=1), "1 s")])
def test_test_that_hangs_is_ended(guard: Red | Setup, limit: str, sandbox: Sandbox) -> None:
    code = "import time\n\ntime.sleep(600)\n\n\ndef test_add():\n    assert 0\n"
    report = guard.check(written(code), given_in(sandbox))
    assert (report.passed, report.fatal, report.feedback) == (False, False, f"the test did not end within {limit}")
    assert sandbox.diff() == ""


def test_time_that_the_cell_has_left_bounds_a_test(sandbox: Sandbox) -> None:
    code = "import time\n\n\ndef test_add():\n    time.sleep(600)\n"
    report = Green().check(FIX, given_in(sandbox, written(code), left_s=0.5))
    assert report.feedback == "the test did not end within 1 s"


@pytest.mark.parametrize("victim", ["os.killpg(0, 9)", "os.kill(os.getppid(), 9)"])
def test_test_that_kills_what_runs_it_is_refused(victim: str, sandbox: Sandbox) -> None:
    report = red(given_in(sandbox), f"import os\n\n\ndef test_add():\n    {victim}\n")
    assert report.feedback.startswith("the test file could not be run (exit code 137)")
    assert (report.fatal, sandbox.diff()) == (False, "")


def test_test_that_commits_and_hangs_leaves_nothing(sandbox: Sandbox) -> None:
    code = """
    import pathlib, subprocess, time

    pathlib.Path("calc.py").write_text("gone")
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "litter"], check=True)
    pathlib.Path(".git/index.lock").write_text("")
    time.sleep(600)

    def test_add():
        assert 0
    """
    head = sandbox.run("git rev-parse HEAD", timeout_s=30).output
    report = Red(timeout_s=3).check(written(code), given_in(sandbox))
    assert report.feedback == "the test did not end within 3 s"
    assert sandbox.run("git rev-parse HEAD", timeout_s=30).output == head
    assert sandbox.run("git status --porcelain", timeout_s=30).output == ""
    assert red(given_in(sandbox), RED).passed


def test_new_file_that_the_project_ignores_is_removed(sandbox: Sandbox) -> None:
    patch = patch_of(("built/more.py", "", "x = 1\n"))
    given = given_in(sandbox, written("from built.more import x\n\n\ndef test_add():\n    assert x == 1\n"))
    for _ in range(2):  # left there, it would be in the way of the next one
        assert Green().check(patch, given).feedback == ""
    with pytest.raises(FileNotFoundError):
        sandbox.read("built/more.py")


def test_test_cannot_fill_the_disk(given: Given) -> None:
    code = (
        "def test_big(tmp_path):\n    with open(tmp_path / 'big', 'wb') as stream:\n        stream.truncate(1 << 30)\n"
    )
    assert red(given, code).passed  # OSError: File too large


def test_report_that_the_test_has_spoiled_does_not_count(given: Given) -> None:
    spoil = """
    import atexit, glob, os, sys

    report = next(word.partition("=")[2] for word in sys.argv if word.startswith("--junitxml"))

    def spoil():
        with open(report, "w") as stream:
            stream.write("<!DOCTYPE x><testsuite><testcase name='a'/></testsuite>" if {doctype} else "<<<")

    atexit.register(spoil)

    def test_add():
        assert 0
    """
    for doctype in (True, False):
        report = red(given, spoil.replace("{doctype}", str(doctype)))
        assert report.feedback.startswith("the test file could not be run (exit code 1)")


def test_settings_tell_the_time_given() -> None:
    assert [guard.settings() for guard in (Red(), Green(), Setup())] == [
        {"timeout_s": 300.0},
        {"timeout_s": 300.0},
        {"timeout_s": 30.0},
    ]


def test_environment_without_pytest_still_runs_tests(sandbox: Sandbox, tmp_path: Path) -> None:
    bare = Bent(sandbox, tools(tmp_path, python=True))
    given = given_in(bare, written(RED))
    assert run_test(bare, written(RED), timeout_s=60).runner == "bare"
    assert red(given, RED).passed
    assert Green().check(FIX, given).passed
    assert Setup().check(written(RED), given).passed
    wrong = Green().check(WRONG_FIX, given)
    assert wrong.feedback.startswith("tests that fail with the patch (1):\ntest_add: AssertionError")
    report = red(given, "import pytest\n\n\ndef test_add():\n    assert 0\n")
    assert "This environment has no pytest: use unittest or plain functions." in report.feedback
    assert sandbox.diff() == ""


def test_environment_without_python_is_fatal(sandbox: Sandbox, tmp_path: Path) -> None:
    given = given_in(Bent(sandbox, tools(tmp_path, python=False)), written(RED))
    for report in (red(given, RED), Green().check(FIX, given), Setup().check(written(RED), given)):
        assert (report.passed, report.fatal) == (False, True)
        assert report.feedback == "the environment has no Python, so no test can be run in it"


def test_tests_of_other_languages_are_fatal(sandbox: Sandbox) -> None:
    script = written("it('adds', () => { expect(add(1, 2)).toBe(3); });\n")
    given = given_in(sandbox, script, language="javascript")
    for report in (Red().check(script, given), Green().check(FIX, given), Setup().check(script, given)):
        assert (report.passed, report.fatal) == (False, True)
        assert report.feedback == "tests can be run in Python only, and the problem is in 'javascript'"
    assert Red().check(written(RED), given_in(sandbox, language="c")).passed  # of an extension, perhaps


def test_broken_ground_is_no_verdict(sandbox: Sandbox) -> None:
    path = os.environ["PATH"]
    with pytest.raises(InfraError, match=r"a test could not be run in the sandbox \(exit code 9\): no space left"):
        red(given_in(Bent(sandbox, path, spoilt="mktemp")), RED)
    with pytest.raises(InfraError, match="the working copy could not be restored after a test: no space left"):
        red(given_in(Bent(sandbox, path, spoilt="reset")), RED)


def tools(folder: Path, *, python: bool) -> str:
    """Return a folder with what a bare image has: git and the usual small tools, and perhaps a Python by itself."""
    for name in ("git", "bash", "mktemp", "head", "tail", "cat", "rm", "base64", "tr"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).symlink_to(found)
    if python:  # without its packages
        script = folder / "python"
        script.write_text(f'#!/bin/bash\nexec {sys.executable} -S "$@"\n')
        script.chmod(0o755)
    return str(folder)
