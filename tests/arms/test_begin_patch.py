from __future__ import annotations

import pytest

from pytest_swebench.arms.edits import EditError, diff_from_answer
from pytest_swebench.patch import make_diff

CODE = "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n"
FILES = {"pkg/a.py": CODE, "old.py": "x = 1\n", "dos.py": "a\r\nb\r\n", "unended.py": "a\nb"}


def edited(body: str) -> str:
    def read(path: str) -> str:
        if path not in FILES:
            raise FileNotFoundError(path)
        return FILES[path]

    return diff_from_answer(f"Here:\n\n```\n*** Begin Patch\n{body}*** End Patch\n```\nDone.\n", read)


def changed(path: str, after: str) -> str:
    return make_diff({path: FILES[path]}, {path: after})


def test_files_are_added_deleted_updated_and_moved() -> None:
    body = (
        "*** Add File: new.py\n+y = 2\n+\n+z = 3\n"
        "*** Delete File: old.py\n"
        "*** Update File: unended.py\n*** Move to: ended.py\n@@\n a\n-b\n+c\n"
    )
    after = {"new.py": "y = 2\n\nz = 3\n", "ended.py": "a\nc"}
    assert edited(body) == make_diff({"old.py": "x = 1\n", "unended.py": "a\nb"}, after)


@pytest.mark.parametrize(
    "hunks",
    [
        "@@ class B:\n     def f(self):\n-        return 1\n+        return 2\n",
        "@@ class B:\n@@     def f(self):\n-        return 1\n+        return 2\n",
        "@@ class B: @@\n-        return 1\n+        return 2\n",
        "@@\n class B:\n     def f(self):\n-        return 1\n+        return 2\n\n",
        " class B:\n     def f(self):\n-        return 1\n+        return 2\n*** End of File\n",
        "@@\n-        return 1\n+        return 2\n*** End of File\n",
        "@@\n class B:  \n def f(self):\n-return 1\n+        return 2\n",
    ],
)
def test_hunk_is_found_by_its_lines_and_by_what_it_quotes(hunks: str) -> None:
    expected = "        return 1\n".join(CODE.split("        return 1\n")[:2]) + "        return 2\n"
    assert edited(f"*** Update File: pkg/a.py\n{hunks}") == changed("pkg/a.py", expected)


def test_hunks_come_one_after_another() -> None:
    hunk = "@@\n     def f(self):\n-        return 1\n+        return 2\n"
    assert edited(f"*** Update File: pkg/a.py\n{hunk}{hunk}") == changed(
        "pkg/a.py", CODE.replace("return 1", "return 2")
    )


def test_lines_are_only_added_at_the_end_or_after_what_is_quoted() -> None:
    assert edited("*** Update File: pkg/a.py\n@@\n+end\n") == changed("pkg/a.py", f"{CODE}end\n")
    after = CODE.replace("class B:\n", "class B:\n    x = 1\n")
    assert edited("*** Update File: pkg/a.py\n@@ class B:\n+    x = 1\n") == changed("pkg/a.py", after)


def test_line_ends_stay_those_of_the_file() -> None:
    assert edited("*** Update File: dos.py\n@@\n a\n-b\n+c\n") == changed("dos.py", "a\r\nc\r\n")


def test_carriage_returns_of_the_answer_are_not_the_files() -> None:
    assert edited("*** Update File: old.py\r\n@@\r\n-x = 1\r\n+x = 2\r\n") == changed("old.py", "x = 2\n")


def test_patch_without_its_last_line_counts() -> None:
    def nothing(path: str) -> str:
        raise FileNotFoundError(path)

    assert diff_from_answer("*** Begin Patch\n*** Add File: n\n+y\n", nothing) == make_diff({}, {"n": "y\n"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("*** Update File: gone.py\n@@\n-a\n+b\n", "gone.py: no such file"),
        ("*** Delete File: gone.py\n", "gone.py: no such file"),
        ("*** Update File: ../x\n@@\n-a\n+b\n", "../x: not a path inside the repository; give it relative to its root"),
        (
            "*** Update File: old.py\n@@\n-x = 3\n+b\n",
            "old.py: these lines of a hunk are not in the file, or not in this order:\nx = 3",
        ),
    ],
)
def test_what_does_not_fit_says_why(body: str, message: str) -> None:
    with pytest.raises(EditError) as caught:
        edited(body)
    assert str(caught.value) == message


def test_marker_without_files_asks_for_nothing() -> None:
    assert edited("just words\n") == ""


@pytest.mark.parametrize("path", ["/testbed/old.py", "/home/me/repo/old.py", "./old.py"])
def test_absolute_path_means_the_one_in_the_repository(path: str) -> None:
    assert edited(f"*** Update File: {path}\n@@\n-x = 1\n+x = 2\n") == changed("old.py", "x = 2\n")


def test_long_hunk_that_does_not_fit_is_shown_in_part() -> None:
    with pytest.raises(EditError) as caught:
        edited("*** Update File: old.py\n@@\n" + "-no\n" * 100)
    assert str(caught.value).endswith(":\n" + "no\n" * 10 + "...")
