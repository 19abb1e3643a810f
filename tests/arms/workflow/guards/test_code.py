from __future__ import annotations

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.code import Format, Syntax
from pytest_swebench.arms.workflow.shapes import Review
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.guards.tree import FIX, RED, given_in, patch_of, written


@pytest.mark.parametrize(
    "code",
    [
        RED,
        "class TestAdd:\n    def test_add(self):\n        pass\n",
        "import unittest\n\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        pass\n",
        "from .base import Shared\n\n\nclass TestShared(Shared):\n    pass\n",
        "async def test_add():\n    pass\n",
        'def test_pattern():\n    assert "\\d"\n',  # CPython warns, and compiles it
    ],
)
def test_tests_pass_that_parse(code: str, given: Given) -> None:
    assert Syntax().check(written(code), given).feedback == ""


@pytest.mark.parametrize(
    ("code", "feedback"),
    [
        ("", "test_code: is empty; give one whole file of tests"),
        (
            "I'm sorry, I cannot do that",
            'test_code: "I\'m sorry, I cannot do that" is no code; give one whole file of tests',
        ),
        ("def test_add(:\n    pass", "test_code: does not parse: line 1: "),
        ("def test_add():\n    pass\nreturn 1\n", "test_code: does not parse: line 3: 'return' outside function"),
        ("x = '\0'\n", "test_code: does not parse: "),
        ("def check():\n    pass\n", "test_code: holds no test: give at least one function `test_*`"),
        ("class TestNothing:\n    pass\n", "test_code: holds no test"),
        ("class Add:\n    def test_add(self):\n        pass\n", "test_code: holds no test"),
        (r"def test_add():\n    assert add(1, 2) == 3\n", r"test_code: line ends are written as \n, all in one line"),
        ('def test_add():\n    x = \\"a\\"\n', r"test_code: every quote is escaped as \"; give them plain"),
        ("```python\n" + RED + "```", "test_code: it is wrapped in a Markdown fence; give the code alone"),
    ],
)
def test_what_is_no_test_is_refused(code: str, feedback: str, given: Given) -> None:
    report = Syntax().check(written(code), given)
    assert (report.passed, report.fatal) == (False, False)
    assert report.feedback.startswith(feedback)


def test_source_that_is_too_deep_to_parse_is_refused(given: Given) -> None:
    code = f"x = {'(' * 5000}1{')' * 5000}\n"
    assert Syntax().check(written(code), given).feedback.startswith("test_code: does not parse: ")


@pytest.mark.parametrize(
    ("code", "feedback"),
    [
        ('it("adds", () => { expect(add(1, 2)).toBe(3); }); // :( \n', ""),
        ("func TestAdd(t *testing.T) {\n}\n", ""),
        ("it('adds', () => {", "test_code: brackets do not match: '{' is never closed"),
        ("it('adds', () => ))", "test_code: brackets do not match: ')' closes nothing"),
        ("it('adds', () => [)", "test_code: brackets do not match: ')' closes nothing"),
        ("const x = 1;\n", "test_code: holds no test that the language's test frameworks would find"),
    ],
)
def test_other_languages_are_looked_at_roughly(code: str, feedback: str, sandbox: Sandbox) -> None:
    assert Syntax().check(written(code), given_in(sandbox, language="javascript")).feedback == feedback


def test_format_looks_into_tests_and_patches(given: Given) -> None:
    assert Format().check(written(RED), given).passed
    assert Format().check(FIX, given).passed
    assert Format().check(Review(verdict="approve", backtrack_target="", comments=r"a\nb\nc"), given).passed
    escaped = Format().check(patch_of(("calc.py", "a", r"    x = 1\n    return x\n")), given)
    assert escaped.feedback == (
        r"format: edit 1 of calc.py, replace: line ends are written as \n, all in one line; give real line ends"
    )
    fenced = Format().check(written("```\nx\n```"), given)
    assert fenced.feedback == "test_code: it is wrapped in a Markdown fence; give the code alone"
    assert fenced.guard == "format"


def test_guards_of_code_have_no_settings() -> None:
    assert Format().settings() == Syntax().settings() == {}


@pytest.mark.parametrize(
    ("file", "search", "replace"),
    [
        ("calc.py", '    return "a\\n" + x + "\\n"', '    return "b\\n" + x + "\\n"'),
        ("readme.md", "```python\nadd(1)\n```", "```python\nadd(1, 2)\n```"),
    ],
)
def test_text_that_only_looks_escaped_passes(file: str, search: str, replace: str, given: Given) -> None:
    assert Format().check(patch_of((file, search, replace)), given).feedback == ""
