from __future__ import annotations

import pytest

from pytest_swebench.arms.context.retrieved import retrieved_files

HEAD = "You will be provided with a partial code base.\n<issue>\nsee [start of x.py]\n</issue>\n\n<code>\n"
TAIL = "</code>\n\nHere is an example.\n<patch>\n[start of y.py]\n1 no\n[end of y.py]\n</patch>\n"


def numbered(path: str, text: str) -> str:
    lines = "\n".join(f"{number} {line}" for number, line in enumerate(text.split("\n"), 1))
    return f"[start of {path}]\n{lines}\n[end of {path}]\n"


def test_numbered_files_come_back_as_they_were() -> None:
    files = {
        "README.md": "# calc\n\n10 reasons\n",
        "calc/ops.py": "def add(a, b):\n    return a - b\n",
        "calc/no_end.py": "x = 1",
        "calc/empty.py": "",
        "calc/marks.py": "'''\n[end of other.py]\n<code>\n</code>\n'''\n",
    }
    text = HEAD + "".join(numbered(path, content) for path, content in files.items()) + TAIL
    assert retrieved_files(text) == files
    assert list(retrieved_files(text)) == list(files)


def test_files_without_numbers_stay_as_they_are() -> None:
    text = f"{HEAD}[start of a.py]\n1 = one\nx = 2\n[end of a.py]\n{TAIL}"
    assert retrieved_files(text) == {"a.py": "1 = one\nx = 2"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1 x\n</code>", "x\n</code>"),
        ("1 x\n2 y\nstray\n3 ", "x\ny\nstray\n"),
        ("1 x\n2 y\n4 z\n3 ", "x\ny\n4 z\n"),
    ],
)
def test_line_without_a_number_leaves_others_theirs_off(body: str, expected: str) -> None:
    assert retrieved_files(f"{HEAD}[start of a.py]\n{body}\n[end of a.py]\n{TAIL}") == {"a.py": expected}


def test_text_without_code_holds_no_files() -> None:
    assert retrieved_files("[start of a.py]\n1 x\n[end of a.py]") == {}
