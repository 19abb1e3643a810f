from __future__ import annotations

import tracemalloc

import pytest

from pytest_swebench.arms.workflow.change import change_of
from pytest_swebench.arms.workflow.shapes import Edit, Patch
from pytest_swebench.patch import EditError

FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "box.py": "class Box:\n    def size(self):\n        if self:\n            return 1\n        return 2\n",
    "twice.py": "x = 1\ny = 2\nx = 1\n",
    "dos.py": "a = 1\r\nb = 2\r\n",
    "mixed.py": "a = 1\r\nb = 2\n",
    "bare.py": "a = 1\nb = 2",
    "empty.py": "",
}


def read(path: str) -> str:
    try:
        return FILES[path]
    except KeyError:
        raise FileNotFoundError(path) from None


def changed(*edits: tuple[str, str, str]) -> dict[str, str]:
    return change_of(patch(*edits), read).after


def patch(*edits: tuple[str, str, str]) -> Patch:
    return Patch(edits=[Edit(file=file, search=old, replace=new) for file, old, new in edits], reasoning="")


def test_whole_lines_are_replaced() -> None:
    assert changed(("calc.py", "    return a - b\n", "    return a + b\n")) == {
        "calc.py": "def add(a, b):\n    return a + b\n"
    }
    assert changed(("calc.py", "    return a - b", "    c = a\n    return c + b"))["calc.py"].endswith(
        "\n    c = a\n    return c + b\n"
    )


def test_diff_has_the_form_of_git() -> None:
    assert change_of(patch(("calc.py", "a - b", "a + b")), read).diff == (
        "diff --git a/calc.py b/calc.py\n--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n"
        " def add(a, b):\n-    return a - b\n+    return a + b\n"
    )
    assert change_of(patch(("calc.py", "a - b", "a - b")), read).diff == ""


def test_lines_are_taken_out_by_an_empty_replacement() -> None:
    assert changed(("calc.py", "    return a - b\n", ""))["calc.py"] == "def add(a, b):\n"


def test_later_edits_see_what_earlier_ones_made() -> None:
    after = changed(("calc.py", "a - b", "total(a, b)"), ("calc.py", "total(a, b)", "a + b"))
    assert after["calc.py"] == "def add(a, b):\n    return a + b\n"


def test_part_of_a_line_is_replaced_where_it_stands_once() -> None:
    assert changed(("calc.py", "a - b", "a + b"))["calc.py"] == "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("if self:\n    return 1", "if self:\n    return 3"),  # four columns too far left
        ("            if self:\n                return 1", "            if self:\n                return 3"),
        ("        if self: \n            return 1  \n", "        if self:\n            return 3\n"),
        ("\n        if self:\n            return 1\n\n", "        if self:\n            return 3\n"),
    ],
)
def test_other_blanks_are_made_those_of_the_file(search: str, replace: str) -> None:
    assert changed(("box.py", search, replace))["box.py"] == FILES["box.py"].replace("return 1", "return 3")


@pytest.mark.parametrize(
    ("search", "replace", "result"),
    [
        ("\nif self:\n    return 1\n\n", "\nif self:\n    return 3\n\n", "        if self:\n            return 3\n"),
        ("\nif self:\n    return 1", "\n\nif self:\n    return 3", "\n        if self:\n            return 3\n"),
        ("if self:\n    return 1\n", "if self:\n    return 3\n\n", "        if self:\n            return 3\n\n"),
        ("\nif self:\n    return 1\n", "\n", ""),
        ("if self:\n    return 1\n", "\n", "\n"),
    ],
)
def test_blank_lines_around_the_search_text_are_none_of_the_replacement(search: str, replace: str, result: str) -> None:
    there = "        if self:\n            return 1\n"
    assert changed(("box.py", search, replace))["box.py"] == FILES["box.py"].replace(there, result)


def test_indentation_that_is_no_shift_is_not_guessed() -> None:
    with pytest.raises(EditError, match=r"box\.py: the SEARCH text is not in the file; the nearest lines are:\n"):
        changed(("box.py", "if self:\n        return 1", "if self:\n        return 3"))


def test_replacement_that_cannot_be_moved_left_is_not_guessed() -> None:
    with pytest.raises(EditError, match="nearest lines"):
        changed(("box.py", "            if self:\n                return 1", "pass"))


def test_ambiguous_search_text_is_refused() -> None:
    with pytest.raises(EditError, match=r"twice\.py: the search text stands there 2 times, it must be unique"):
        changed(("twice.py", "x = 1\n", "x = 2\n"))
    with pytest.raises(EditError, match=r"stands there 2 times"):
        changed(("calc.py", "a, b", "b, a"), ("calc.py", "b", "c"))


def test_missing_search_text_shows_the_nearest_lines() -> None:
    with pytest.raises(EditError, match=r"calc\.py: the SEARCH text is not in the file; .*:\n    return a - b"):
        changed(("calc.py", "    return a * b", "    return a + b"))


def test_new_and_empty_files_are_filled() -> None:
    change = change_of(patch(("new.py", "", "x = 1\n"), ("empty.py", "", "y = 2\n")), read)
    assert change.after == {"new.py": "x = 1\n", "empty.py": "y = 2\n"}
    assert change.before == {"empty.py": ""}
    assert "new file mode" in change.diff


def test_new_file_can_be_edited_again() -> None:
    assert changed(("new.py", "", "x = 1\n"), ("new.py", "x = 1", "x = 2")) == {"new.py": "x = 2\n"}


def test_search_in_a_missing_file_is_refused() -> None:
    with pytest.raises(EditError, match=r"gone\.py: no such file"):
        changed(("gone.py", "x", "y"))


def test_empty_search_in_a_full_file_is_refused() -> None:
    with pytest.raises(EditError, match=r"calc\.py: the search text is empty, but the file exists and is not"):
        changed(("calc.py", " \n", "y"))


def test_path_that_leads_out_is_refused() -> None:
    with pytest.raises(EditError, match=r"\.\./x\.py: not a path inside the repository"):
        changed(("../x.py", "", "y"))


def test_line_ends_of_the_file_are_kept() -> None:
    assert changed(("dos.py", "a = 1\nb = 2\n", "a = 3\nb = 4\n")) == {"dos.py": "a = 3\r\nb = 4\r\n"}
    assert changed(("mixed.py", "b = 2", "b = 4")) == {"mixed.py": "a = 1\r\nb = 4\n"}
    assert changed(("mixed.py", "a = 1", "a = 3")) == {"mixed.py": "a = 3\r\nb = 2\n"}
    assert changed(("mixed.py", "a = 1\nb = 2\n", "a = 3\nb = 4\nc = 5\n")) == {"mixed.py": "a = 3\r\nb = 4\nc = 5\n"}
    assert changed(("bare.py", "b = 2\n", "b = 3\n")) == {"bare.py": "a = 1\nb = 3"}
    assert changed(("bare.py", "a = 1\n", "a = 3\n")) == {"bare.py": "a = 3\nb = 2"}


def test_text_that_stands_everywhere_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(EditError, match="stands there 5000 times"):
            change_of(patch(("many.py", "pass", "x")), lambda path: "pass\n" * 5000)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
