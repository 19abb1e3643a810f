from __future__ import annotations

import pytest

from pytest_swebench.arms.context.sources import is_source, is_test, text_of


@pytest.mark.parametrize(
    ("path", "source"),
    [("a/b.py", True), ("a.TSX", True), ("a.min.js", True), ("py", False), ("a.pyc", False), ("a/b.md", False)],
)
def test_source_is_told_by_its_suffix(path: str, source: bool) -> None:
    assert is_source(path) is source


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/a.py", True),
        ("django/test/client.py", True),
        ("src/__tests__/a.js", True),
        ("pkg/test_a.py", True),
        ("pkg/a_test.go", True),
        ("src/a.spec.ts", True),
        ("src/ATest.java", True),
        ("conftest.py", True),
        ("pkg/tests.py", True),
        ("pkg/latest.py", False),
        ("pkg/testify.py", False),
        ("contests/a.py", False),
    ],
)
def test_tests_are_told_by_folder_or_name(path: str, test: bool) -> None:
    assert is_test(path) is test


def test_binary_files_are_no_text_and_others_always_are() -> None:
    assert text_of(b"a\0b") is None
    assert text_of(b"caf\xe9\r\n") == "caf\ufffd\r\n"
