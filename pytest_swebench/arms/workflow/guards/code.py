"""Code in answers, looked at without running it: `format` and `test_syntax`."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.reports import judged
from pytest_swebench.arms.workflow.shapes import GeneratedTest, Patch, Shape
from pytest_swebench.records.trace import GuardReport

_QUOTE: Final = re.compile(r'(?<!\\)"')
_APOLOGY: Final = re.compile(r"\s*(?:error\b|i(?:'m| am) sorry|i can(?:no|')t\b|as an ai\b)", re.IGNORECASE)
_FOREIGN_TEST: Final = re.compile(
    r"\bfunc Test\w*\(|@Test\b|#\[(?:\w+::)?test\]|\b(?:it|test|describe|specify)\b\s*[(\"']|\bTEST(?:_F|_P)?\s*\(|"
    r"\bfunction test\w*\(|\bdef test_\w+|@(?:Fact|ParameterizedTest)\b|\[(?:Fact|Test|Theory)\b"
)
_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_FENCED: Final = "it is wrapped in a Markdown fence; give the code alone"
_LITERAL: Final = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`|//[^\n]*|/\*.*?\*/', re.DOTALL)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Format:
    """Refuses code that was escaped once too often, or is wrapped in Markdown."""

    name: str = "format"
    judges: type[Shape] = Shape
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: Any, given: Given) -> GuardReport:
        """Look at the code of tests and patches; other answers hold none."""
        return judged(self.name, _escaped(answer))

    def settings(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Syntax:
    """Refuses a test that is no code, does not parse, or holds no test."""

    name: str = "test_syntax"
    judges: type[Shape] = GeneratedTest
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: Any, given: Given) -> GuardReport:
        """Parse Python; of other languages count brackets and look for what declares a test."""
        code = answer.test_code
        if not code.strip():
            return judged(self.name, ["test_code: is empty; give one whole file of tests"])
        if len(code.strip().splitlines()) == 1 and _APOLOGY.match(code):
            return judged(self.name, [f"test_code: {code.strip()[:200]!r} is no code; give one whole file of tests"])
        wrong = list(artefacts(code))
        objections = wrong or list(_python(code) if given.problem.in_python else _foreign(code))
        return judged(self.name, (f"test_code: {what}" for what in objections))

    def settings(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


def artefacts(text: str) -> Iterator[str]:
    """Yield what shows that `text` is not code as it has to stand in a file."""
    if "\n" not in text.strip() and _STRING.sub("", text).count("\\n") > 1:
        yield r"line ends are written as \n, all in one line; give real line ends"
    if '\\"' in text and not _QUOTE.search(text) and "'" not in text:
        yield r"every quote is escaped as \"; give them plain"
    if text.lstrip().startswith("```"):
        yield _FENCED


def parsed(text: str, path: str) -> ast.Module:
    """Return the tree of Python source that compiles. Raises SyntaxError, for whatever keeps it from that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid escapes and the like, which are no errors
        try:
            tree = ast.parse(text, path)
            compile(tree, path, "exec", dont_inherit=True)  # finds what a tree may still hold: a `return` outside
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__) from error
    return tree


def compiles(text: str, path: str) -> bool:
    """Tell whether `text` is Python source."""
    try:
        parsed(text, path)
    except SyntaxError:
        return False
    return True


def told(error: SyntaxError) -> str:
    """Say where and why source does not compile."""
    line = (error.text or "").strip()
    where = f"line {error.lineno}: " if error.lineno else ""
    return f"{where}{error.msg}{f': {line[:200]!r}' if line else ''}"


def _escaped(answer: Shape) -> Iterator[str]:
    if isinstance(answer, GeneratedTest):
        yield from (f"test_code: {what}" for what in artefacts(answer.test_code))
    for number, edit in enumerate(answer.edits if isinstance(answer, Patch) else (), start=1):
        where = f"format: edit {number} of {edit.file}"
        search, replace = list(artefacts(edit.search)), list(artefacts(edit.replace))
        if _FENCED in search:  # text with fences is edited; if it is not, nothing like it stands in the file
            search.remove(_FENCED)
            replace = [what for what in replace if what != _FENCED]
        yield from (f"{where}, search: {what}" for what in search)
        yield from (f"{where}, replace: {what}" for what in replace)


def _python(code: str) -> Iterator[str]:
    try:
        tree = parsed(code, "<test>")
    except SyntaxError as error:
        yield f"does not parse: {told(error)}"
        return
    if not any(_is_test(node) for node in tree.body):
        yield "holds no test: give at least one function `test_*` or class of tests at module level"


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.startswith("test")
    if not isinstance(node, ast.ClassDef):
        return False
    named = node.name.startswith("Test") or any("Test" in _last_name(base) for base in node.bases)
    return named and (any(_is_test(inner) for inner in node.body) or bool(node.bases))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _foreign(code: str) -> Iterator[str]:
    if wrong := _unbalanced(code):
        yield f"brackets do not match: {wrong}"
    elif _FOREIGN_TEST.search(code) is None:
        yield "holds no test that the language's test frameworks would find"


def _unbalanced(code: str) -> str:
    open_: list[str] = []
    for char in _LITERAL.sub("", code):
        if char in "([{":
            open_.append(char)
        elif char in _PAIRS and (not open_ or open_.pop() != _PAIRS[char]):
            return f"{char!r} closes nothing"
    return f"{open_[-1]!r} is never closed" if open_ else ""
