from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_swebench.arms.context.material import from_repository
from pytest_swebench.arms.context.shown import LISTING_TOKENS
from pytest_swebench.arms.workflow.shapes import Analysis, EditPlan, LocalisedTests, Shape
from pytest_swebench.arms.workflow.specification import (
    FILES_TOKENS,
    SAMPLE_CHARS,
    STATEMENT_CHARS,
    shown_files,
    specification,
)
from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflows.answers import GOOD

LONG = "".join(f"def function_{number}():\n    return {number}\n\n\n" for number in range(6_000))
TREE = {
    "README.md": "# calc\n",
    "calc/ops.py": "def add(a, b):\n    return a - b\n",
    "calc/other.py": "OTHER = 1\n",
    "calc/long.py": LONG,
    "calc/latin.py": b"# caf\xe9\nx = 1\n",
    "calc/picture.png": b"\x89PNG\0\0",
    "tests/conftest.py": "# the conftest\n" + "#" * 5_000,
    "tests/deep/conftest.py": "# a deep conftest\n",
    "tests/test_ops.py": "def test_zero(): ...\n",
    "tests/deep/test_more.py": "def test_more(): ...\n",
}
Make = Callable[[dict[str, str | bytes]], Sandbox]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    backend = LocalBackend()

    def opened(tree: dict[str, str | bytes]) -> Sandbox:
        for name, content in tree.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = Source(path=str(tmp_path / "tree"))
        return backend.open(Instance(problem=problem(), source=source, trusted=True))

    yield opened
    backend.close()


def problem(statement: str = "add() in calc/ops.py subtracts.") -> Problem:
    return Problem(instance_id="calc__calc-1", statement=statement, repo="calc/calc")


def analysis(*files: str, components: tuple[str, ...] = ()) -> dict[type[Shape], Shape]:
    answer = GOOD["analysis"] | {"files": list(files), "affected_components": list(components)}
    return {Analysis: Analysis(**answer)}


def paths(shown: str) -> list[str]:
    return [line.split('"')[1] for line in shown.splitlines() if line.startswith('<file path="')]


def test_specification_holds_issue_listing_and_how_tests_look(make: Make) -> None:
    text = specification(problem(), make(TREE))
    assert "<issue>\nadd() in calc/ops.py subtracts.\n</issue>" in text
    assert '<files repository="calc/calc">\nREADME.md\ncalc/latin.py\n' in text
    assert '<test_infrastructure path="tests/conftest.py">\n# the conftest\n' in text
    assert '<test_infrastructure path="tests/test_ops.py">\ndef test_zero(): ...\n' in text
    assert "deep conftest" not in text
    assert "test_more()" not in text


def test_sample_is_the_file_of_tests_that_is_named_most_like_the_issue(make: Make) -> None:
    text = specification(problem("more() is wrong"), make(TREE))
    assert '<test_infrastructure path="tests/deep/test_more.py">\ndef test_more(): ...\n' in text
    assert "test_zero()" not in text


def test_specification_is_bounded(make: Make) -> None:
    tree = TREE | {f"calc/many/file_{number}.py": "" for number in range(3_000)}
    text = specification(problem("x" * 100_000), make(tree))
    assert "x" * STATEMENT_CHARS + "\n[... 40000 more characters ...]" in text
    assert "#" * SAMPLE_CHARS not in text
    assert "[... 2015 more characters ...]" in text
    assert "calc/many/ (3000 files)" in text
    assert estimate_tokens(text) < LISTING_TOKENS + (STATEMENT_CHARS + 2 * SAMPLE_CHARS) / 3 + 200


def test_repository_without_tests_has_no_samples(make: Make) -> None:
    assert "test_infrastructure" not in specification(problem(), make({"calc/ops.py": "x = 1\n"}))


def shown_of(problem: Problem, sandbox: Sandbox, accepted: dict[type[Shape], Shape], limit: int = 3) -> str:
    with TemporaryDirectory() as cache_dir:
        material = partial(from_repository, problem, sandbox, Path(cache_dir))
        return shown_files(problem, sandbox, accepted, limit, material)


def test_files_are_those_that_the_analysis_names_in_its_order(make: Make) -> None:
    shown = shown_of(problem(), make(TREE), analysis("calc/other.py", "./calc/ops.py", "calc/gone.py", "README.md"))
    assert paths(shown) == ["calc/other.py", "calc/ops.py", "README.md"]
    assert '<file path="calc/ops.py">\ndef add(a, b):\n    return a - b\n\n</file>' in shown


def test_no_more_files_than_asked_for(make: Make) -> None:
    accepted = analysis("calc/other.py", "calc/ops.py", "README.md")
    assert paths(shown_of(problem(), make(TREE), accepted, 2)) == ["calc/other.py", "calc/ops.py"]


def test_later_answers_count_first_and_tests_near_the_fault_do_not(make: Make) -> None:
    accepted = analysis("calc/other.py")
    accepted[LocalisedTests] = LocalisedTests(files=["tests/test_ops.py"], conventions="")
    plan = {"edits": [{"file": "calc/ops.py", "new_file": False, "change": "x"}], "reasoning": ""}
    accepted[EditPlan] = EditPlan(**plan)  # type: ignore[arg-type]
    assert paths(shown_of(problem(), make(TREE), accepted)) == ["calc/ops.py", "calc/other.py"]


@pytest.mark.parametrize("accepted", [{}, analysis("calc/gone.py", "calc/picture.png")])
def test_where_nothing_is_named_the_best_matches_are_shown_but_no_tests(
    make: Make, accepted: dict[type[Shape], Shape]
) -> None:
    shown = paths(shown_of(problem(), make(TREE), accepted))
    assert shown[0] == "calc/ops.py"
    assert len(shown) == 3
    assert not [path for path in shown if path.startswith("tests/")]


def test_test_file_that_the_issue_names_is_shown(make: Make) -> None:
    assert "tests/test_ops.py" in paths(shown_of(problem("tests/test_ops.py is wrong"), make(TREE), {}))


def test_of_a_long_file_the_named_definitions_are_shown(make: Make) -> None:
    named = analysis("calc/long.py", "calc/ops.py", components=("function_3000",))
    shown = shown_of(problem(), make(TREE), named)
    assert "def function_3000():\n    return 3000\n" in shown
    assert "function_100()" not in shown
    assert "[... lines 1 to 11990 are left out ...]" in shown
    assert shown.count("are left out") == 2
    assert paths(shown) == ["calc/long.py", "calc/ops.py"]


def test_of_a_long_file_without_named_definitions_the_beginning_is_shown(make: Make) -> None:
    shown = shown_of(problem("all is wrong"), make(TREE), analysis("calc/long.py"))
    assert shown.startswith('<file path="calc/long.py">\ndef function_0():\n    return 0\n')
    assert estimate_tokens(shown) < FILES_TOKENS


def test_files_keep_to_the_room_for_them_all(make: Make) -> None:
    words = " ".join(f"function_{number}" for number in range(6_000))
    tree = {f"calc/long_{number}.py": LONG for number in range(3)}
    shown = shown_of(problem(words), make(TREE | tree), analysis(*tree))
    assert paths(shown) == list(tree)
    assert estimate_tokens(shown) < FILES_TOKENS + 300


def test_bytes_that_are_no_text_are_sent_to_nobody(make: Make) -> None:
    shown = shown_of(problem("caf\udce9"), make(TREE), analysis("calc/latin.py"))
    shown.encode()
    assert "x = 1" in shown
    specification(problem("caf\udce9"), make(TREE)).encode()
