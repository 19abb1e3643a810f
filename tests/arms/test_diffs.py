"""Unified diffs in whatever models put around them, and those that are nearly right."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.diffs import diffs_in
from pytest_swebench.patch import make_diff
from pytest_swebench.records.layout import as_bytes

CODE = "".join(f"    line({number})\n" for number in range(1, 31))
MENDED = CODE.replace("line(15)", "mended(15)")
BEFORE, AFTER = {"pkg/a.py": CODE}, {"pkg/a.py": MENDED}
DIFF = make_diff(BEFORE, AFTER)
PLAIN = DIFF.split("\n", 1)[1]
TWO = make_diff(
    {"pkg/a.py": CODE, "b.md": "# B\n\n- one\n"}, {"pkg/a.py": MENDED, "b.md": "# B\n\n- two\n", "c": "c\n"}
)

WRAPPINGS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "prose around": lambda diff: f"The sign is wrong.\n\n{diff}\nThat is all.\n\n- It is small.\n",
    "fence": lambda diff: f"So:\n\n```diff\n{diff}```\nDone.\n",
    "fence of no language": lambda diff: f"```\n{diff}```\n",
    "patch fence": lambda diff: f"```patch\n{diff}```\n",
    "udiff fence": lambda diff: f"```udiff title=x\n{diff}```\n",
    "long fence": lambda diff: f"````diff\n{diff}````\n",
    "tilde fence": lambda diff: f"~~~diff\n{diff}~~~\n",
    "indented fence": lambda diff: "1. Do:\n\n   ```diff\n" + "".join(f"   {x}" for x in split(diff)) + "   ```\n",
    "unclosed fence": lambda diff: f"```diff\n{diff}",
    "fence that runs on": lambda diff: f"```diff\n{diff}\nThis mends it.\n- a list\n```\n",
    "list right after": lambda diff: f"```diff\n{diff}- It adds.\n- It works.\n```\n",
    "patch tags": lambda diff: f"<patch>\n{diff}</patch>\n",
    "diff tags": lambda diff: f"words <diff>\n{diff}</diff> words",
    "fence in tags": lambda diff: f"<patch>\n```diff\n{diff}```\n</patch>",
    "signature": lambda diff: f"From: me\nSubject: [PATCH] x\n\n---\n a.py | 2 +-\n\n{diff}-- \n2.39.5\n\n",
    "twice": lambda diff: f"First:\n```diff\n{diff}```\nSo, finally:\n```diff\n{diff}```\n",
    "other fences": lambda diff: f"```python\nprint(1)\n```\n\n```diff\n{diff}```\n\n```sh\nls\n```\n",
    "indented note": lambda diff: f"{diff}    indented note\n",
    "indented note after a gap": lambda diff: f"So:\n\n{diff}\n    indented note\n\nDone.\n",
    "tag at the last line": lambda diff: f"<patch>\n{diff.removesuffix(chr(10))}</patch>\n",
    "carriage returns": lambda diff: f"So:\n```diff\n{diff}```\nDone.\n".replace("\n", "\r\n"),
}

LINES = st.sampled_from(
    [
        *(
            "",
            "a",
            "b",
            "    c",
            "trailing ",
            "\ttab",
            "- a",
            "+ b",
            "-- x",
            "++ b/x",
            "@@ -1 +1 @@",
            "é",
            "* c",
            "--",
            "#",
        ),
        *("```python", "```", "  ```", "~~~", "<patch>", "x </patch>", "</diff>"),
    ]
)
TEXTS = st.builds(
    lambda lines, ended: "\n".join(lines) + ("\n" if lines and ended else ""),
    st.lists(LINES, max_size=12),
    st.booleans(),
)
TREES = st.dictionaries(st.sampled_from(["a.py", "pkg/b.py", "with space.md", "é/日本.py", "-x"]), TEXTS, max_size=4)


def split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def found(answer: str, before: dict[str, str] | None = None) -> str:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    files = BEFORE if before is None else before
    return diffs_in(answer, read)


@pytest.mark.parametrize("diff", [DIFF, PLAIN, TWO], ids=["git", "plain", "two"])
@pytest.mark.parametrize("name", WRAPPINGS)
def test_right_diff_comes_out_as_it_is(name: str, diff: str) -> None:
    assert found(WRAPPINGS[name](diff)) == diff


@given(before=TREES, after=TREES, name=st.sampled_from(sorted(WRAPPINGS)))
def test_any_right_diff_comes_out_as_it_is(before: dict[str, str], after: dict[str, str], name: str) -> None:
    diff = make_diff(before, after)
    assert found(WRAPPINGS[name](diff), before) == diff


@pytest.mark.parametrize("off", [-3, -2, -1, 1, 2, 5])
@pytest.mark.parametrize("told", ["-2,7 +2,7", "-17,7 +17,7"])
@pytest.mark.parametrize("name", ["fence", "fence that runs on", "prose around", "patch tags"])
def test_wrong_lengths_are_counted_again(name: str, told: str, off: int) -> None:
    before = {"f": CODE}
    diff = make_diff(before, {"f": CODE.replace("line(5)", "x").replace("line(20)", "y")})
    assert told in diff
    assert found(WRAPPINGS[name](diff.replace(told, told.replace(",7", f",{7 + off}"))), before) == diff


@pytest.mark.parametrize(
    "written",
    [
        PLAIN.replace("a/pkg", "pkg").replace("b/pkg", "pkg"),
        PLAIN.replace("a/pkg", "./pkg").replace("b/pkg", "./pkg"),
        PLAIN.replace("a/pkg", "/testbed/pkg").replace("b/pkg", "/testbed/pkg"),
        PLAIN.replace("a/pkg", "/home/me/repo/pkg").replace("b/pkg", "/home/me/repo/pkg"),
        PLAIN.replace("b/pkg", "pkg"),
    ],
)
def test_names_get_the_prefixes_that_git_strips(written: str) -> None:
    assert found(f"```diff\n{written}```") == PLAIN


def test_names_of_a_git_header_get_them_too() -> None:
    written = DIFF.replace("a/pkg", "pkg").replace("b/pkg", "pkg")
    assert found(written) == DIFF


def test_new_file_keeps_its_null_side() -> None:
    written = "--- /dev/null\n+++ /testbed/pkg/new.py\n@@ -0,0 +1,9 @@\n+x = 1\n+y = 2\n"
    assert found(written) == "--- /dev/null\n+++ b/pkg/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n"


@pytest.mark.parametrize("header", ["@@", "@@ ... @@", "@@ -15 @@", "@@     line(3)"])
def test_hunk_without_numbers_gets_its_place(header: str) -> None:
    hunk = "     line(14)\n-    line(15)\n+    mended(15)\n     line(16)\n"
    written = f"--- a/pkg/a.py\n+++ b/pkg/a.py\n{header}\n{hunk}"
    assert found(written) == f"--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -14,3 +14,3 @@\n{hunk}"


def test_quoted_line_tells_which_of_two_places() -> None:
    before = {"f": "def one():\n    x\n\ndef two():\n    x\n"}
    written = "--- a/f\n+++ b/f\n@@ def two():\n-    x\n+    y\n+    z\n@@\n+end\n"
    expected = "--- a/f\n+++ b/f\n@@ -5,1 +5,2 @@\n-    x\n+    y\n+    z\n@@ -1,0 +2,1 @@\n+end\n"
    assert found(written, before) == expected


def test_context_that_lost_its_space_is_context() -> None:
    lost = DIFF.replace("     line(16)\n", "line(16)\n").replace("     line(14)\n", "line(14)\n")
    assert found(lost) == DIFF.replace("     line(14)\n", " line(14)\n").removesuffix(
        "     line(16)\n     line(17)\n     line(18)\n"
    ).replace("@@ -12,7 +12,7 @@", "@@ -12,4 +12,4 @@")


def test_line_ends_follow_the_file() -> None:
    before = {"pkg/a.py": CODE.replace("\n", "\r\n")}
    right = make_diff(before, {"pkg/a.py": MENDED.replace("\n", "\r\n")})
    assert found(f"```diff\n{DIFF}```", before) == right
    assert found(f"```diff\n{right}```", before) == right


def test_missing_last_newline_is_added() -> None:
    assert found(DIFF.removesuffix("\n")) == DIFF


def test_hunk_after_a_break_belongs_to_the_file_before() -> None:
    before = {"f": CODE}
    diff = make_diff(before, {"f": CODE.replace("line(5)", "x").replace("line(25)", "y")})
    first, second = diff.split("@@ -22")
    assert found(f"{first}\nand further down\n\n@@ -22{second}", before) == diff


@pytest.mark.parametrize(
    "diff",
    [
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
        "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n",
        "diff --git a/x b/x\nindex 12..34\nGIT binary patch\nliteral 2\nJcmZQzfB+yM\n\nliteral 0\nHcmV?d00001\n\n",
        "diff --git a/x b/x\nBinary files a/x and b/x differ\n",
        "diff --git a/e b/e\nnew file mode 100644\n",
    ],
)
def test_changes_without_hunks_come_out_too(diff: str) -> None:
    assert found(f"```diff\n{diff}```\n") == diff


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I would do `git diff --git a b` first.",
        "diff --git a/x b/x\n",
        "--- a/x\n+++ b/x\nno hunk\n",
        "@@ -1 +1 @@\n-a\n+b\n",
        "```diff\n- a\n+ b\n```",
        "<patch></patch>",
        "Title\n--- \n+++ what\n",
    ],
)
def test_what_names_no_file_or_no_change_is_no_diff(answer: str) -> None:
    assert found(answer) == ""


def test_git_applies_what_was_mended(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "pkg").mkdir()
    written = f"```diff\n{PLAIN.replace('a/pkg', 'pkg').replace('b/pkg', 'pkg').replace(',7 ', ',9 ')}```\n- done\n"
    for answer in (written, written.replace("\n", "\r\n"), written.replace("```", "~~~")):
        (tmp_path / "pkg/a.py").write_text(CODE)
        (tmp_path / "patch").write_bytes(as_bytes(found(answer)))
        subprocess.run(["git", "-C", str(tmp_path), "apply", "--verbose", "patch"], check=True, capture_output=True)
        assert (tmp_path / "pkg/a.py").read_text() == MENDED


READ_ME = "# Use\n\n```python\nimport calc\n```\n\nWrite <patch>, then\n</patch>, or <diff>.\n\n```sh\nls\n```\n"


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("off", [0, 1, -1])
def test_fences_and_tags_inside_hunks_are_text(name: str, off: int) -> None:
    before = {"README.md": READ_ME, "a.py": CODE, "z.py": CODE}
    after = {"README.md": READ_ME.replace("calc", "calc2").replace("ls", "dir"), "a.py": MENDED, "z.py": MENDED}
    right = make_diff(before, after)
    told = "-15,7 +15,7" if "-15,7" in right else "-12,7 +12,7"
    answer = WRAPPINGS[name](right.replace(told, told.replace(",7", f",{7 + off}"), 1))
    if off < 0 and name == "indented note":
        return  # nothing tells the note from the rest of the hunk
    assert found(answer, before) == right


def test_hunk_in_a_later_fence_belongs_to_the_file_of_the_earlier() -> None:
    before = {"f": CODE}
    right = make_diff(before, {"f": CODE.replace("line(5)", "x").replace("line(25)", "y")})
    first, second = right.split("@@ -22")
    assert found(f"```diff\n{first}```\n\nand\n\n```diff\n@@ -22{second}```\n", before) == right


@pytest.mark.parametrize("fence", ["```diff\n{}```\n", "1. So:\n\n   ```diff\n   {}   ```\n"])
def test_files_inside_and_outside_of_fences_are_all_taken(fence: str) -> None:
    files = {"a.py": CODE, "b.py": CODE}
    first, second = (make_diff({name: CODE}, {name: MENDED}) for name in files)
    inside = first.replace("\n", "\n   ").removesuffix("   ") if "   {}" in fence else first
    assert found(f"{fence.format(inside)}\nand\n\n{second}", files) == first + second


def test_tags_win_over_drafts_outside() -> None:
    draft = DIFF.replace("mended", "tried")
    assert found(f"```diff\n{draft}{TWO}```\n<patch>\n{DIFF}</patch>\n{draft}") == DIFF


def test_each_pair_of_tags_counts() -> None:
    files = {"a.py": CODE, "b.py": CODE}
    first, second = (make_diff({name: CODE}, {name: MENDED}) for name in files)
    for first_end in ("\n</patch>", "</patch>"):
        answer = f"<patch>\n{first.removesuffix(chr(10))}{first_end}\n<patch>\n{second}</patch>"
        assert found(answer, files) == first + second


NOTES = ["    indented note\n", "\n+1 from me\n", "\n    note\n\n+1 from me\n+1 too\n", "    a note\n\n- item\n"]


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("diff", [DIFF, PLAIN, TWO], ids=["git", "plain", "two"])
def test_prose_after_a_right_diff_is_none_of_it(diff: str, note: str) -> None:
    assert found(f"{diff}{note}") == diff
    assert found(f"So:\n\n{diff}{note}\nDone.\n") == diff


@pytest.mark.parametrize("note", NOTES)
def test_prose_after_lengths_that_are_too_short_is_none_of_it(note: str) -> None:
    assert found(f"{PLAIN.replace(',7 ', ',5 ')}{note}") == PLAIN


def test_blank_line_that_the_file_has_does_not_make_prose_an_edit() -> None:
    before = {"f": "a\nb\nc\n\nd\n"}
    diff = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n-a\n+A\n b\n c\n"
    assert found(f"{diff}\n+1 from me\n", before) == diff
    longer = diff + " \n+1 from me\n"
    assert found(longer, before) == longer.replace("-1,3 +1,3", "-1,4 +1,5")


@pytest.mark.parametrize("rest", [" other\n-c\n+C\n", "+C\n", " c\n\n+C\n d\n"])
def test_lengths_that_are_too_short_lose_no_change(rest: str) -> None:
    before = {"f": "a\nb\nc\n\nd\n"}
    diff = f"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n{rest}"
    assert found(diff, before).split("@@\n")[1].replace(" \n", "\n") == diff.split("@@\n")[1]


def test_note_after_a_new_file_is_none_of_it() -> None:
    diff = make_diff({}, {"n.py": "x\n"})
    assert found(f"{diff}    indented note\n") == diff


def test_blanks_after_a_name_take_no_time() -> None:
    started = time.process_time()
    blanks = " " * 100_000
    assert f"{blanks}x" in found(f"--- a{blanks}x\n+++ b{blanks}x\n@@\n+y\n")
    assert time.process_time() - started < 2  # where each blank is tried with each other, it is minutes
