"""`lint`: what pyflakes calls an error and the change brought in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.change import Change
from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.code import parsed
from pytest_swebench.arms.workflow.guards.reports import judged
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.records.trace import GuardReport

MOST: Final = 5
_FATAL: Final = ("UndefinedName", "UndefinedExport", "UndefinedLocal", "ImportStarUsed", "ImportStarUsage")

Fault = tuple[str, str]
"""Kind and message, without the line: lines move."""


@dataclass(frozen=True, slots=True)
class Lint:
    """Refuses a change that brings in undefined names, exports or locals, or star imports."""

    name: str = "lint"
    judges: type[Shape] = Patch
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: Patch, given: Given) -> GuardReport:
        """Compare the changed Python files before and after; those that do not parse are for `patch` to judge.

        Raises EditError.
        """
        found = list(_new_faults(given.change(answer)))
        if len(found) > MOST:
            found[MOST:] = [f"and {len(found) - MOST} more"]
        return judged(self.name, found)

    def settings(self) -> Mapping[str, Any]:
        """Return the kinds that count and the version of pyflakes, which decides what is one."""
        from importlib.metadata import version

        return {"fatal": list(_FATAL), "pyflakes": version("pyflakes")}


def _new_faults(change: Change) -> Iterator[str]:
    for path, text in change.after.items():
        if path.endswith(".py"):
            known = Counter(fault for fault, _ in _faults(change.before.get(path, ""), path))
            for fault, line in _faults(text, path):
                if known[fault]:
                    known[fault] -= 1
                else:
                    yield f"{path}:{line}: {fault[1]}"


def _faults(text: str, path: str) -> list[tuple[Fault, int]]:
    """Return the fatal faults of a file with their lines, in order; none for source that does not parse."""
    from pyflakes.checker import Checker

    try:
        tree = parsed(text, path)
    except SyntaxError:
        return []
    try:
        # never read from the environment what counts as a built-in name: a verdict must not depend on it
        found = Checker(tree, filename=path, builtins=set()).messages
    except RecursionError:  # a sum of some hundred terms is enough
        return []
    messages = sorted(found, key=lambda message: message.lineno)
    return [
        ((kind, message.message % message.message_args), message.lineno)
        for message in messages
        if (kind := type(message).__name__) in _FATAL
    ]
