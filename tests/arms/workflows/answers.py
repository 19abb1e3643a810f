"""What a model would answer to the steps of every workflow, on the demo's `tinyconf__tinyconf-5`: right and wrong."""

from __future__ import annotations

from typing import Any, Final

from pytest_swebench.arms.workflow.generate import schema_of
from pytest_swebench.arms.workflow.shapes import SHAPES
from pytest_swebench.cell import digest

FILE: Final = "tinyconf/lexer.py"
TEST: Final = """\
from tinyconf.lexer import strip_comment


def test_hash_between_quotes_is_kept():
    assert strip_comment('motd = "a # b"  # shown') == 'motd = "a # b"'
"""
ALREADY_GREEN: Final = """\
from tinyconf.lexer import strip_comment


def test_comment_is_dropped():
    assert strip_comment("a = 1 # b") == "a = 1"
"""
_BEFORE: Final = """\
    for index, char in enumerate(line):
        if char == "#" and (index == 0 or line[index - 1].isspace()):
"""
_AFTER: Final = """\
    value = line.partition("=")[2].lstrip()
    start = len(line) - len(value) + value.find('"', 1) + 1 if value.startswith('"') and '"' in value[1:] else 0
    for index in range(start, len(line)):
        if line[index] == "#" and (index == 0 or line[index - 1].isspace()):
"""


def patch(search: str = _BEFORE, replace: str = _AFTER, file: str = FILE) -> dict[str, Any]:
    """Return an answer with one edit."""
    return {"edits": [{"file": file, "search": search, "replace": replace}], "reasoning": "it looks right"}


GOOD: Final[dict[str, dict[str, Any]]] = {
    "analysis": {
        "bug_type": "logic",
        "root_cause_hypothesis": "strip_comment does not know quotes",
        "affected_components": ["strip_comment"],
        "files": [FILE],
        "fix_approach": "begin to look for a comment behind the closing quote",
        "confidence": "high",
    },
    "localization": {"files": [FILE], "functions": ["strip_comment"], "reasoning": "the issue names it"},
    "classification": {"category": "single_file_bug", "complexity": 2, "reasoning": "one function"},
    "structure": {
        "packages": ["tinyconf"],
        "entry_points": ["tinyconf/__init__.py"],
        "test_folders": ["tests"],
        "summary": "a lexer and a parser",
    },
    "root_cause": {
        "cause": "every # behind a blank opens a comment",
        "triggers": ['motd = "a # b"'],
        "files": [FILE],
        "confidence": "high",
    },
    "context": {
        "snippets": [{"file": FILE, "code": _BEFORE, "relevance": "the loop that looks for a comment"}],
        "summary": "one loop decides",
    },
    "localised_tests": {"files": ["tests/test_lexer.py"], "conventions": "plain functions"},
    "fix_approach": {"steps": ["skip the quoted value"], "files": [FILE], "reasoning": "small"},
    "impact": {
        "risk": "low",
        "affected_components": ["logical_lines"],
        "affected_tests": ["tests/test_lexer.py"],
        "compatibility": "values with a # in quotes stay whole",
    },
    "edit_plan": {
        "edits": [{"file": FILE, "new_file": False, "change": "start behind the quotes"}],
        "reasoning": "enough",
    },
    "test": {"test_code": TEST, "target_behavior": "a # in quotes is kept", "expected_to_fail": True},
    "patch": patch(),
    "review": {"verdict": "approve", "backtrack_target": "", "comments": "fine"},
    "workflow_plan": {
        "steps": [
            {"name": "look", "kind": "analysis", "requires": [], "guards": ["analysis"], "rmax": 2},
            {"name": "show", "kind": "test", "requires": ["look"], "guards": ["test_syntax", "test_red"], "rmax": 4},
            {
                "name": "mend",
                "kind": "patch",
                "requires": ["look", "show"],
                "guards": ["patch", "lint", "test_green"],
                "rmax": 4,
            },
        ],
        "reasoning": "a test first",
    },
}
"""A right answer by the key of its shape."""

BAD: Final[dict[str, dict[str, Any]]] = {
    "analysis": {**GOOD["analysis"], "files": ["tinyconf/nowhere.py"]},
    "localization": {**GOOD["localization"], "files": ["tinyconf/nowhere.py"]},
    "classification": {**GOOD["classification"], "reasoning": ""},
    "test": {**GOOD["test"], "test_code": "def test_(:\n"},
    "patch": patch(search="    for it in nothing_like_this:\n"),
}
"""An answer that the first guard of its step refuses."""

_KEYS: Final = {digest(schema_of(shape)): shape.key for shape in SHAPES}


def key_of(schema: dict[str, Any]) -> str:
    """Return the key of the shape that a request's schema describes."""
    return _KEYS[digest(schema)]


_LOOP: Final = "    for index, char in enumerate(line):\n"
IDLE: Final = patch(_LOOP, "    for index, char in enumerate(line):  # each\n")
"""A patch that fits and changes nothing that a test could see."""

CHEATING: Final = patch(_LOOP, f"    if line.endswith('# shown'):\n        return line[:-7].rstrip()\n{_LOOP}")
"""A patch that the generated test takes for right, and the hidden ones do not."""
