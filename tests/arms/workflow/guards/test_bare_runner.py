from __future__ import annotations

import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.arms.workflow.guards.bare_runner import main

CASES = """
import unittest


def test_plain():
    pass


def test_failing():
    assert 1 == 2, "no"


def test_default(x=1):
    assert x == 1


def test_fixture(tmp_path):
    pass


async def test_asynchronous():
    pass


def helper():
    raise RuntimeError


class TestPlain:
    def setup_method(self, method):
        self.name = method.__name__

    def test_named(self):
        assert self.name == "test_named"


class TestBroken:
    def setup_method(self):
        raise RuntimeError("set-up")

    def test_never(self):
        pass


class TestUnclean:
    def teardown_method(self):
        raise RuntimeError("clean-up")

    def test_done(self):
        pass


class Cases(unittest.TestCase):
    def test_error(self):
        raise ValueError("bell \\x07 inside")

    def test_sub(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    @unittest.skip("later")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        assert 0

    @unittest.expectedFailure
    def test_unexpected(self):
        pass


class Unready(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("set-up")

    def test_never(self):
        pass
"""


@pytest.fixture(autouse=True)
def own_path() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def run(folder: Path, code: str, *more: str) -> tuple[int, dict[str, str]]:
    """Return the exit code, and the tests with what became of them."""
    file, report = folder / "test_made.py", folder / "report.xml"
    file.write_text(textwrap.dedent(code))
    exit_code = main([str(file), str(report), *more])
    if not report.exists():
        return exit_code, {}
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return exit_code, {case.attrib["name"]: case[0].tag if len(case) else "passed" for case in cases}


def test_each_test_is_reported_as_pytest_would(tmp_path: Path) -> None:
    exit_code, outcomes = run(tmp_path, CASES)
    assert exit_code == 1
    assert {name.removeprefix("test_made."): outcome for name, outcome in outcomes.items()} == {
        "test_plain": "passed",
        "test_failing": "failure",
        "test_default": "passed",
        "test_fixture": "error",
        "test_asynchronous": "error",
        "TestPlain.test_named": "passed",
        "TestBroken.test_never": "error",
        "TestUnclean.test_done": "error",
        "Cases.test_error": "failure",
        "Cases.test_sub (number=1)": "failure",
        "Cases.test_skipped": "skipped",
        "Cases.test_expected": "skipped",
        "Cases.test_unexpected": "failure",
        "Unready.test_never": "error",
    }


def test_message_is_the_last_line_of_the_traceback(tmp_path: Path) -> None:
    run(tmp_path, CASES)
    cases = {case.attrib["name"]: case for case in ElementTree.parse(tmp_path / "report.xml").getroot()}
    assert cases["test_failing"][0].attrib["message"] == "AssertionError: no"
    assert cases["test_made.Cases.test_error"][0].attrib["message"] == "ValueError: bell  inside"


@pytest.mark.parametrize(
    ("code", "exit_code", "outcomes"),
    [
        ("def test_fine():\n    pass\n", 0, {"test_fine": "passed"}),
        ("x = 1\n", 5, {}),
        ("import nowhere\n", 2, {"test_made.py": "error"}),
        ("raise SystemExit(0)\n", 2, {"test_made.py": "error"}),
        ("def test_fine(:\n", 2, {"test_made.py": "error"}),
    ],
)
def test_exit_codes_are_those_of_pytest(code: str, exit_code: int, outcomes: dict[str, str], tmp_path: Path) -> None:
    assert run(tmp_path, code) == (exit_code, outcomes)


def test_collecting_runs_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "def test_failing():\n    assert 0\n", "collect") == (0, {})
    assert run(tmp_path, "x = 1\n", "collect") == (5, {})
    assert run(tmp_path, "import nowhere\n", "collect")[0] == 2
