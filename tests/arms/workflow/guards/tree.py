"""A small repository in which guards look for what they are asked about."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pytest_swebench.arms.workflow.base_tree import BaseTree
from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.shapes import Edit, GeneratedTest, Patch, Shape
from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.sandbox.protocol import Sandbox

FILES: Final = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "pkg/__init__.py": "",
    "pkg/core.py": "class Box:\n    def size(self):\n        if self:\n            return 1\n        return 2\n",
    "pkg/old.py": "print 'spam'\n",
    "pkg/shaky.py": "print(spam)\n",
    "pkg/notes.txt": "one\ntwo\n",
    "tests/test_calc.py": "from calc import add\n\n\ndef test_zero():\n    assert add(1, 0) == 1\n",
    ".gitignore": "built/\n",
    # what a project asks of pytest must not decide whether a generated test runs
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--no-such-option"\nrequired_plugins = ["no-such-plugin"]\n'
    'filterwarnings = ["error"]\npython_functions = ["check_*"]\nstrict = true\nno_such_key = "x"\n',
    "conftest.py": "raise RuntimeError('not to be loaded')\n",
}
LINKS: Final = {"link.py": "calc.py", "nowhere.py": "gone/far.py", "linked": "pkg"}
FIX: Final = Patch(edits=[Edit(file="calc.py", search="    return a - b", replace="    return a + b")], reasoning="")
RED: Final = "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"


def write_tree(folder: Path) -> Instance:
    """Write the repository into `folder` and return an instance of it."""
    for path, text in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for path, goal in LINKS.items():
        (folder / path).symlink_to(goal)
    problem = Problem(instance_id="made__guards-1", statement="add() subtracts", repo="made/guards")
    return Instance(problem=problem, source=Source(path=str(folder)), trusted=True)


def given_in(
    sandbox: Sandbox,
    *accepted: Shape,
    language: str = "python",
    left_s: float = 600.0,
    evaluate: Callable[[str], Grade] | None = None,
) -> Given:
    """Return what a guard is given in `sandbox`."""
    tree = BaseTree(sandbox)
    taken: Mapping[type[Shape], Shape] = {type(answer): answer for answer in accepted}
    return Given(
        problem=Problem(instance_id="made__guards-1", statement="add() subtracts", language=language),
        sandbox=sandbox,
        accepted=taken,
        change=tree.change,
        complaint=tree.complaint,
        left_s=lambda: left_s,
        evaluate=evaluate,
    )


def written(code: str) -> GeneratedTest:
    """Return a generated test of this code."""
    return GeneratedTest(test_code=textwrap.dedent(code), target_behavior="adds", expected_to_fail=True)


def patch_of(*edits: tuple[str, str, str]) -> Patch:
    """Return a patch of (file, search, replace)."""
    return Patch(edits=[Edit(file=file, search=old, replace=new) for file, old, new in edits], reasoning="")
