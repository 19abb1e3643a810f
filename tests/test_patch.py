from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.patch import (
    EditError,
    changed_paths,
    header_lines,
    looks_like_diff,
    make_diff,
    meant_path,
    named_files,
    repository_path,
    split_lines,
)

# what has tripped diff tools: other line ends, undecodable bytes, and lines that look like parts of a diff
LINES = st.sampled_from(
    [
        *("", "a", "b", "    c", "trailing ", "\ttab", "a\r", "\r", "form\ffeed", "line\u2028end", "\x85", "\v", "\0"),
        *("é", "日本", "😀", "\udcff\udce9", "- a", "+ b", "-- x", "++ b/x", "@@ -1 +1 @@", "diff --git a/q b/q"),
        "\\ No newline at end of file",
    ]
)
TEXTS = st.builds(
    lambda lines, ended: "\n".join(lines) + ("\n" if lines and ended else ""),
    st.lists(LINES, max_size=12),
    st.booleans(),
)
PATHS = st.sampled_from(
    [
        "a.py",
        "pkg/b.py",
        "pkg/sub/c.txt",
        "with space.md",
        "a b/c d b/e.py",
        "é/日本.py",
        "-x",
        "#h",
        "q'\"\\.py",
        "t\tn\n.py",
    ]
)
TREES = st.dictionaries(PATHS, TEXTS, max_size=5)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    folder = tmp_path_factory.mktemp("tree")
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, input=given, env=kept | quiet, capture_output=True, check=False)

    assert run("init", "-q").returncode == 0
    return run


@pytest.fixture(scope="module")
def folder(git: Callable[..., subprocess.CompletedProcess[bytes]]) -> Path:
    return Path(git("rev-parse", "--show-toplevel").stdout.decode().strip())


def replace_tree(folder: Path, files: Mapping[str, str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if ".git" not in path.relative_to(folder).parts:
            path.rmdir() if path.is_dir() else path.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(text))


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: content for name, content in found.items() if not name.startswith(".git/")}


@given(before=TREES, after=TREES)
@settings(deadline=None, max_examples=120)
def test_git_applies_what_make_diff_says(
    git: Callable[..., subprocess.CompletedProcess[bytes]], folder: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    replace_tree(folder, before)
    patch = make_diff(before, after)
    assert bool(patch) == (before != after)
    if patch:
        done = git("apply", "--verbose", given=encoded(patch))
        assert done.returncode == 0, (done.stderr, patch)
    assert tree(folder) == {name: encoded(text) for name, text in after.items()}


@given(before=TREES, after=TREES)
def test_changed_paths_are_those_whose_content_differs(before: dict[str, str], after: dict[str, str]) -> None:
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert changed_paths(make_diff(before, after)) == differing


@given(before=TREES, after=TREES)
@settings(deadline=None, max_examples=40)
def test_changed_paths_reads_what_git_writes(
    git: Callable[..., subprocess.CompletedProcess[bytes]], folder: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    replace_tree(folder, before)
    git("add", "-A")
    first = git("write-tree").stdout.decode().strip()
    replace_tree(folder, after)
    git("add", "-A")
    second = git("write-tree").stdout.decode().strip()
    differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for option in ("--no-renames", "--find-renames=30%", "--binary"):
        patch = git("diff", option, first, second).stdout.decode("utf-8", "surrogateescape")
        assert changed_paths(patch) == differing


@given(TEXTS)
def test_lines_of_a_text_add_up_to_it(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all(line.endswith("\n") for line in lines[:-1])


def test_removed_lines_that_look_like_files_are_none() -> None:
    patch = make_diff({"q.sql": "-- drop a/b.sql\nselect 1\n"}, {"q.sql": "++ b/c.sql\nselect 1\n"})
    assert "--- drop a/b.sql" not in changed_paths(patch)
    assert changed_paths(patch) == ["q.sql"]


def test_renames_modes_and_binary_changes_are_seen() -> None:
    patch = (
        "diff --git a/old name.py b/new.py\nsimilarity index 100%\nrename from old name.py\nrename to new.py\n"
        "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
        "diff --git a/x.bin b/x.bin\nindex 1..2 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n"
    )
    assert changed_paths(patch) == ["new.py", "old name.py", "run.sh", "x.bin"]


def test_plain_diffs_without_git_headers_name_their_files() -> None:
    patch = "--- a/x.py\t2026-01-01 00:00:00\r\n+++ b/x.py\t2026-01-02\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n"
    assert changed_paths(patch) == ["x.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("I would change the + to a -.\n", False),
        ("--- a/x\n+++ b/x\n", False),
        ("@@ -1 +1 @@\n-a\n+b\n", False),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", True),
        ("diff --git a/x b/x\ndeleted file mode 100644\n", True),
    ],
)
def test_a_diff_needs_a_file_and_a_change(text: str, expected: bool) -> None:
    assert looks_like_diff(text) is expected


def test_names_are_those_that_the_headers_give() -> None:
    lines = [
        "diff --git a/x b/x",
        "rename to pkg/y",
        "--- src/z\t2026-01-01",
        "+++ /dev/null",
        'diff --git "a/\\303\\251" "b/\\303\\251"',
        "@@ -1 +1 @@",
    ]
    assert named_files(lines) == {"a/x", "a/pkg/y", "src/z", "a/é", "b/é"}


def test_lines_of_hunks_are_no_headers() -> None:
    patch = make_diff({"x": "-- a\n"}, {"x": "++ b\n"})
    assert list(header_lines(patch)) == ["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1 +1 @@", ""]


@pytest.mark.parametrize(("path", "plain"), [("./a//b", "a/b"), ("a/../b", "b"), ("a b", "a b")])
def test_path_inside_the_repository_is_made_plain(path: str, plain: str) -> None:
    assert repository_path(path) == plain


@pytest.mark.parametrize("path", ["../x", "/etc/hosts", ".", "..", "a/../../b"])
def test_path_that_leads_out_is_no_path_of_the_repository(path: str) -> None:
    with pytest.raises(EditError, match="not a path inside the repository"):
        repository_path(path)


def test_absolute_path_means_a_file_of_the_repository() -> None:
    def read(path: str) -> str:
        return {"src/a.py": "", "testbed/b.py": "b"}[path] if path in {"src/a.py", "testbed/b.py"} else missing(path)

    def missing(path: str) -> str:
        raise FileNotFoundError(path)

    meant = {
        "./src//a.py": "src/a.py",
        "/src/a.py": "src/a.py",
        "/testbed/src/a.py": "src/a.py",
        "/home/me/x/src/a.py": "src/a.py",
        "/testbed/b.py": "testbed/b.py",
        "/testbed/new.py": "new.py",
    }
    assert {path: meant_path(path, read) for path in meant} == meant
    for outside in ("/etc/hosts", "/", "/testbed", "/testbed/../src/a.py", "../x"):
        with pytest.raises(EditError, match="not a path inside the repository"):
            meant_path(outside, read)
