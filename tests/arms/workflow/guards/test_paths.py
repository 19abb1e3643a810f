from __future__ import annotations

import pytest

from pytest_swebench.arms.workflow.guards.paths import folders_of, is_test_file


@pytest.mark.parametrize(
    "path",
    [
        "tests/data.json",
        "a/tests/x.py",
        "test_x.py",
        "a/x_test.go",
        "conftest.py",
        "web/x.spec.ts",
        "a/tests.py",
        "src/FooTest.java",
        "web/test.js",
    ],
)
def test_test_files_are_known_by_their_names(path: str) -> None:
    assert is_test_file(path)


@pytest.mark.parametrize("path", ["django/test/client.py", "sympy/testing/runtests.py", "latest.py", "contest.py"])
def test_library_files_are_not_taken_for_tests(path: str) -> None:
    assert not is_test_file(path)


def test_every_folder_above_a_file_counts() -> None:
    assert folders_of(["a/b/c.py", "d.py"]) == {".", "a", "a/b"}
