from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.arms.context.material import from_repository, from_retrieved
from pytest_swebench.arms.context.sources import MAX_BYTES
from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox

TREE = {
    "README.md": b"# calc merges spans\n",
    "calc/ops.py": b"def merge(span): ...\n",
    "calc/spans.py": b"class Span: ...\n",
    "calc/other.py": b"x = 1\n",
    "calc/latin.py": b"# caf\xe9 merge\n",
    "calc/blob.py": b"merge\0merge",
    "calc/huge.py": b"# merge\n" * (MAX_BYTES // 8 + 1),
    "notes.txt": b"merge span\n",
    "tests/test_ops.py": b"def test_merge(span): ...\n",
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    for name, content in TREE.items():
        path = tmp_path / "calc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    instance = Instance(problem=problem(""), source=Source(path=str(tmp_path / "calc")), trusted=True)
    backend = LocalBackend()
    yield backend.open(instance)
    backend.close()


def problem(statement: str) -> Problem:
    return Problem(instance_id="calc__calc-1", statement=statement, repo="calc/calc")


def test_named_files_come_first_then_sources_that_match(sandbox: Sandbox, tmp_path: Path) -> None:
    material = from_repository(
        problem("merge of a span fails, see README.md and notes.txt"), sandbox, tmp_path / "cache"
    )
    assert list(material.candidates)[:2] == ["README.md", "notes.txt"]
    assert set(material.candidates) == {
        "README.md", "notes.txt", "calc/ops.py", "calc/spans.py", "calc/latin.py", "tests/test_ops.py",
    }  # fmt: skip
    assert material.wanted == {"README.md", "notes.txt"}
    assert (material.repo, material.tracked) == ("calc/calc", tuple(sorted(TREE)))


def test_best_match_is_wanted_where_the_issue_names_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    material = from_repository(problem("merge of a span fails"), sandbox, tmp_path / "cache")
    assert material.wanted == {"calc/ops.py"}
    assert next(iter(material.candidates)) == "calc/ops.py"


def test_named_file_that_cannot_be_shown_is_not_wanted(sandbox: Sandbox, tmp_path: Path) -> None:
    material = from_repository(problem("calc/blob.py and calc/huge.py"), sandbox, tmp_path / "cache")
    assert {"calc/blob.py", "calc/huge.py"}.isdisjoint(material.candidates)
    assert {"calc/blob.py", "calc/huge.py"}.isdisjoint(material.wanted)


def test_retrieved_files_are_all_candidates_the_named_first(sandbox: Sandbox) -> None:
    files = {"README.rst": "hello\n", "a/far.py": "x = 1\n", "a/near.py": "def merge(): ...\n", "a/said.py": "y = 2\n"}
    material = from_retrieved(problem("merge fails in said.py"), sandbox, files)
    assert list(material.candidates) == ["a/said.py", "a/near.py", "a/far.py", "README.rst"]
    assert material.candidates == files
    assert material.wanted == {"a/said.py"}
    assert material.tracked == tuple(sorted(TREE))


def test_same_tree_gives_the_same_material(sandbox: Sandbox, tmp_path: Path) -> None:
    found = [from_repository(problem("merge span"), sandbox, tmp_path / "cache") for _ in range(2)]
    found.append(from_repository(problem("merge span"), sandbox, tmp_path / "empty"))
    digests = {hashlib.sha256(repr(material).encode()).hexdigest() for material in found}
    assert len(digests) == 1
    assert list(found[0].candidates.items()) == list(found[1].candidates.items())


def test_changed_working_copy_is_searched_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    before = from_repository(problem("merge span"), sandbox, tmp_path / "cache")
    sandbox.write({"calc/other.py": b"merge = span = 1\n"})
    after = from_repository(problem("merge span"), sandbox, tmp_path / "cache")
    assert "calc/other.py" not in before.candidates
    assert after.candidates["calc/other.py"] == "merge = span = 1\n"
