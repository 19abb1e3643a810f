from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.edits import Edit, EditError, apply_edits, diff_from_answer, parse_edits
from pytest_swebench.patch import make_diff

ADD = "def add(a, b):\n    return a - b\n"
MENDED = "def add(a, b):\n    return a + b\n"
BLOCK = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"


def reader(files: dict[str, str]) -> Callable[[str], str]:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read


def edited(before: dict[str, str], answer: str) -> str:
    return diff_from_answer(answer, reader(before))


@pytest.mark.parametrize(
    "answer",
    [
        BLOCK,
        f"The sign is wrong.\n\n{BLOCK}\nThat is all.",
        f"```python\n{BLOCK}```\n",
        BLOCK.replace("<<<<<<<", "```python\n<<<<<<<") + "```\n",
        BLOCK.replace("<<<<<<<", "~~~\n<<<<<<<") + "~~~\n",
        BLOCK.replace("calc.py", "`calc.py`"),
        BLOCK.replace("calc.py", "**calc.py**:"),
        BLOCK.replace("calc.py", "### calc.py"),
        BLOCK.replace("calc.py\n", "calc.py\n\n"),
        BLOCK.replace("calc.py", "./calc.py"),
        BLOCK.replace("calc.py", "File: calc.py"),
        BLOCK.replace("calc.py", "**File path:** calc.py"),
        BLOCK.replace("calc.py", "### File: `calc.py`"),
        BLOCK.replace("calc.py", "1. calc.py"),
        BLOCK.replace("calc.py", "- **calc.py** (modified):"),
        BLOCK.replace("calc.py", "`calc.py` (modified)"),
        BLOCK.replace("calc.py", "In `add()` of `calc.py`:"),
        BLOCK.replace("calc.py", "# calc.py"),
        BLOCK.replace("calc.py", "/testbed/calc.py"),
        BLOCK.replace("calc.py", "/home/me/repo/calc.py"),
        f"Mended in other.py/calc.py:\n\n```python:calc.py\n{BLOCK.removeprefix('calc.py')[1:]}```\n",
        BLOCK.replace("=======", "=======  ").replace("SEARCH", "SEARCH "),
        BLOCK.replace("<" * 7, "<" * 5).replace("=" * 7, "=" * 5).replace(">" * 7, ">" * 5),
        BLOCK.replace("\n", "\r\n"),
    ],
)
def test_block_is_found_however_models_dress_it(answer: str) -> None:
    assert edited({"calc.py": ADD}, answer) == make_diff({"calc.py": ADD}, {"calc.py": MENDED})


def test_several_blocks_are_made_one_after_another() -> None:
    second = "calc.py\n<<<<<<< SEARCH\n    return a + b\n=======\n    return b + a\n>>>>>>> REPLACE\n"
    other = "other.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
    before = {"calc.py": ADD, "other.py": "x = 1\n"}
    after = {"calc.py": ADD.replace("a - b", "b + a"), "other.py": "x = 2\n"}
    assert edited(before, f"{BLOCK}\n{other}\nand then\n\n{second}") == make_diff(before, after)


def test_empty_search_makes_a_file() -> None:
    answer = "pkg/new.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n"
    assert parse_edits(answer) == [Edit("pkg/new.py", "", "x = 1\n")]
    assert edited({}, answer) == make_diff({}, {"pkg/new.py": "x = 1\n"})


def test_empty_search_and_replace_make_an_empty_file() -> None:
    answer = "pkg/__init__.py\n<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE\n"
    assert edited({}, answer) == "diff --git a/pkg/__init__.py b/pkg/__init__.py\nnew file mode 100644\n"


def test_empty_replace_removes_lines() -> None:
    answer = "x.py\n<<<<<<< SEARCH\nb\n=======\n>>>>>>> REPLACE\n"
    assert edited({"x.py": "a\nb\nc\n"}, answer) == make_diff({"x.py": "a\nb\nc\n"}, {"x.py": "a\nc\n"})


def test_longer_or_shorter_rules_in_the_text_do_not_part_a_block() -> None:
    answer = "x.rst\n<<<<<<< SEARCH\nTitle\n=====\n=======\nOther\n=====\n>>>>>>> REPLACE\n"
    before = {"x.rst": "Title\n=====\n\nText.\n"}
    assert edited(before, answer) == make_diff(before, {"x.rst": "Other\n=====\n\nText.\n"})


def test_lines_match_whole_and_not_within_others() -> None:
    before = {"x.py": "max = 1\nx = 1\n"}
    answer = "x.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
    assert edited(before, answer) == make_diff(before, {"x.py": "max = 1\nx = 2\n"})


def test_answer_without_carriage_returns_edits_a_file_that_has_them() -> None:
    before = {"calc.py": ADD.replace("\n", "\r\n")}
    assert edited(before, BLOCK) == make_diff(before, {"calc.py": MENDED.replace("\n", "\r\n")})


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_last_line_without_an_end_keeps_having_none(newline: str) -> None:
    before = {"calc.py": ADD.replace("\n", newline).removesuffix(newline)}
    after = {"calc.py": MENDED.replace("\n", newline).removesuffix(newline)}
    assert edited(before, BLOCK) == make_diff(before, after)


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r<=>"), max_size=6), min_size=1, max_size=20, unique=True),
    st.data(),
)
def test_any_span_of_lines_can_be_replaced(lines: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(lines) - 1))
    last = data.draw(st.integers(first + 1, len(lines)))
    search = "".join(f"{line}\n" for line in lines[first:last])
    if not search.strip():
        return
    before = {"f": "".join(f"{line}\n" for line in lines)}
    after = {"f": "".join(f"{line}\n" for line in [*lines[:first], "NEW", *lines[last:]])}
    answer = f"f\n<<<<<<< SEARCH\n{search}=======\nNEW\n>>>>>>> REPLACE\n"
    assert edited(before, answer) == make_diff(before, after)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("gone.py", "x\n", "y\n"), "gone.py: no such file"),
        (Edit("x.py", "", "y\n"), "x.py: the SEARCH part is empty, but the file exists and is not"),
        (Edit("x.py", "a\n", "y\n"), "x.py: the SEARCH text stands there 2 times, it must be unique"),
        (
            Edit("x.py", "        total = price\n", ""),
            "x.py: the SEARCH text is not in the file; the nearest lines are:\n    total = prices",
        ),
        (Edit("../x.py", "a\n", "b\n"), "../x.py: not a path inside the repository; give it relative to its root"),
        (Edit("/etc/hosts", "", "b\n"), "/etc/hosts: not a path inside the repository; give it relative to its root"),
    ],
)
def test_edit_that_does_not_fit_says_why(edit: Edit, message: str) -> None:
    with pytest.raises(EditError) as caught:
        apply_edits([edit], reader({"x.py": "a\nb\na\n    total = prices\n"}))
    assert str(caught.value) == message


def test_repeats_that_overlap_are_not_unique() -> None:
    with pytest.raises(EditError, match="stands there 2 times"):
        apply_edits([Edit("x.py", "a\na\n", "b\n")], reader({"x.py": "a\na\na\n"}))


def test_fenced_diffs_are_taken_as_they_are() -> None:
    first = make_diff({"x.py": "a\n"}, {"x.py": "b\n"})
    second = make_diff({"y.py": "a\n"}, {"y.py": "b\n"})
    answer = f"First:\n\n```diff\n{first}```\n\n```python\nprint(1)\n```\n\n```patch\n{second}```\n"
    assert edited({}, answer) == first + second
    assert edited({}, answer.replace("\n", "\r\n")) == first + second


def test_blocks_win_over_other_formats_and_diffs_come_last() -> None:
    diff = make_diff({"x.py": "a\n"}, {"x.py": "b\n"})
    begun = "*** Begin Patch\n*** Add File: z.py\n+z = 1\n*** End Patch\n"
    after_blocks = make_diff({"calc.py": ADD}, {"calc.py": MENDED})
    assert edited({"calc.py": ADD}, f"```diff\n{diff}```\n{begun}{BLOCK}") == after_blocks
    assert edited({"calc.py": ADD}, f"```diff\n{diff}```\n{begun}") == make_diff({}, {"z.py": "z = 1\n"})


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot help with that.",
        "```diff\nthis is no diff\n```",
        "```python\nx = 1\n```",
        BLOCK[: BLOCK.index(">>>>>>>")],
    ],
)
def test_answer_without_a_whole_edit_asks_for_nothing(answer: str) -> None:
    assert edited({"calc.py": ADD}, answer) == ""


@pytest.mark.parametrize("answer", [f"{BLOCK}{BLOCK[: BLOCK.index('>>>>>>>')]}", f"{BLOCK}{BLOCK[:30]}"])
def test_block_that_was_cut_leaves_those_before_it(answer: str) -> None:
    assert edited({"calc.py": ADD}, answer) == make_diff({"calc.py": ADD}, {"calc.py": MENDED})


SEVERAL = [("a", "A"), ("b", "B"), ("c", "C")]


def block(search: str, replace: str, marks: int = 7) -> str:
    return f"{'<' * marks} SEARCH\n{search}\n{'=' * marks}\n{replace}\n{'>' * marks} REPLACE\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n", "\n"),
        ("```python\n", "```\n"),
        ("```python\n", "```\n\n"),
        ("\n~~~\n", "~~~\n\n\n"),
        ("", "\nand then:\n\n"),
        ("```\n", "```\n\nIn the same file:\n"),
    ],
)
def test_path_holds_for_the_blocks_that_follow(before: str, after: str) -> None:
    answer = "x.py\n" + "".join(f"{before}{block(*edit)}{after}" for edit in SEVERAL)
    assert [(edit.path, edit.search) for edit in parse_edits(answer)] == [("x.py", f"{old}\n") for old, _ in SEVERAL]
    assert edited({"x.py": "a\nb\nc\n"}, answer) == make_diff({"x.py": "a\nb\nc\n"}, {"x.py": "A\nB\nC\n"})


def test_path_above_wins_over_that_of_the_block_before() -> None:
    answer = (
        f"x.py\n{block('a', 'A')}\n### y.py\n\n```python\n{block('b', 'B')}```\n\n```py z.py\n{block('c', 'C')}```\n"
    )
    assert [edit.path for edit in parse_edits(answer)] == ["x.py", "y.py", "z.py"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (block("a", "b"), "the SEARCH block in line 1 of the answer has no path; "),
        (f"```python\n{block('a', 'b')}```\n", "the SEARCH block in line 2 of the answer has no path; "),
        (f"This mends it:\n\n{block('a', 'b')}", "the SEARCH block in line 3 of the answer has no path; "),
        (
            f"x.py\n{block('a', 'b')}As in y.py it goes\nlike that:\n{block('b', 'c')}",
            "line 9 of the answer has no path",
        ),
        (f"-> x.py\n{block('a', 'b')}", "has no path; the file's path belongs on the line above it"),
        (f"x.py\n{block('a', 'b')}{block('b', 'c').replace('=======', '===')}", "of x.py has no line of 7 `="),
        (BLOCK.replace("=======\n", ""), "line 2 of the answer of calc.py has no line of 7 `=` between its parts"),
        (BLOCK[: BLOCK.index(">>>>")] + BLOCK, "line 2 of the answer has no `>>>>>>> REPLACE` line before the next"),
    ],
)
def test_block_that_is_no_edit_is_told(answer: str, message: str) -> None:
    diff = make_diff({"x.py": "a\n"}, {"x.py": "b\n"})
    with pytest.raises(EditError) as caught:
        edited({"x.py": "a\n", "calc.py": ADD}, f"{answer}\n```diff\n{diff}```\n")
    assert message in str(caught.value)


def test_block_may_hold_markers_of_another_length() -> None:
    text = "Write:\n\npath\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE"
    answer = f"doc.md\n{block(text, 'Write nothing.', marks=9)}"
    assert edited({"doc.md": f"{text}\n"}, answer) == make_diff({"doc.md": f"{text}\n"}, {"doc.md": "Write nothing.\n"})


def test_end_may_have_other_marks() -> None:
    answer = BLOCK.replace(">" * 7, ">" * 6)
    assert edited({"calc.py": ADD}, answer) == make_diff({"calc.py": ADD}, {"calc.py": MENDED})


HEADED = "Intro\n=======\n\nText.\n\nUsage\n=======\n\nMore.\n"


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("Intro\n=======\n\nText.", "Intro\n=======\n\nOther."),
        ("Text.\n\nUsage\n=======", "Text."),
        ("Text.", "Text.\n\nOther\n=======\n\nNew."),
        ("=======\n\nMore.", "=======\n\nLess."),
        ("Usage", "Use it"),
    ],
)
def test_headings_do_not_part_a_block(search: str, replace: str) -> None:
    after = HEADED.replace(f"{search}\n", f"{replace}\n")
    assert edited({"x.rst": HEADED}, f"x.rst\n{block(search, replace)}") == make_diff(
        {"x.rst": HEADED}, {"x.rst": after}
    )


def test_new_file_may_have_headings() -> None:
    answer = f"new.rst\n<<<<<<< SEARCH\n=======\n{HEADED}>>>>>>> REPLACE\n"
    assert edited({}, answer) == make_diff({}, {"new.rst": HEADED})


def test_block_whose_every_reading_misses_is_told() -> None:
    with pytest.raises(EditError, match="the SEARCH text is not in the file"):
        edited({"x.rst": HEADED}, f"x.rst\n{block('Outro', 'Outro' + chr(10) + '=' * 7)}")


def test_nearest_lines_are_few_and_hold_the_difference() -> None:
    lines = [f"    value_{number} = {number}\n" for number in range(8_000)]
    wanted = lines[4_000:4_200]
    wanted[150] = "    value_4150 = 0\n"
    with pytest.raises(EditError) as caught:
        apply_edits([Edit("x.py", "".join(wanted), "")], reader({"x.py": "".join(lines)}))
    shown = str(caught.value).split("\n")[1:]
    assert shown == [line.removesuffix("\n") for line in lines[4_145:4_155]]


def test_nearest_lines_are_sought_in_bounded_time() -> None:
    content = "".join(f"    call(number_{number}, {number})\n" for number in range(8_000))
    search = "".join(f"    nothing_of({number})  # {'x' * 300}\n" for number in range(200))
    started = time.process_time()
    with pytest.raises(EditError) as caught:
        apply_edits([Edit("x.py", search, "")], reader({"x.py": content}))
    assert time.process_time() - started < 2  # all windows compared take four times that
    assert str(caught.value).count("\n") == 10
    assert len(str(caught.value)) < 3_000
