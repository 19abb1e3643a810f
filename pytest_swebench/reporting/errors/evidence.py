"""One line for what a guard or a log of tests says at length: the line that a person would look for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_swebench.records.traceline import shortened
from pytest_swebench.reporting.markdown import one_line

LENGTH: Final = 80  # characters
_TESTS: Final = (
    re.compile(r"^E   +\S.*"),
    re.compile(r"^\S*(Error|Exception)\b.*"),
    re.compile(r"^(FAILED|ERROR)\b.*"),
    re.compile(r".*\b\d+ (failed|passed|errors?)\b.*"),
)
_BY_GUARD: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = MappingProxyType(
    {
        "test_green": _TESTS,
        "test_red": _TESTS,
        "test_setup_verification": _TESTS,
        "full_eval": _TESTS,
        "lint": (re.compile(r".*\b(F821|E999)\b.*"), re.compile(r".*(undefined name|invalid syntax).*", re.IGNORECASE)),
        "patch": (
            re.compile(r".*(SEARCH text|not in the file|no (patch|edit)|does not apply|patch failed).*", re.IGNORECASE),
            re.compile(r".*(SyntaxError|syntax|context).*", re.IGNORECASE),
        ),
    }
)
_LOG: Final = (re.compile(r"^(FAILED|ERROR|FAIL:|ERROR:)\b.*"), re.compile(r"^E   +\S.*"), re.compile(r"^\w*Error\b.*"))
_PROMISE: Final = re.compile(r"; [^;]*:$")


def without_promise(line: str) -> str:
    """Return a line without an end that only says what comes in the next ones."""
    return _PROMISE.sub("", line)


def in_one_line(guard: str, feedback: str) -> str:
    """Return what a guard's feedback comes to, in at most `LENGTH` characters."""
    lines = [line.rstrip() for line in feedback.splitlines() if line.strip()]
    for pattern in _BY_GUARD.get(guard, ()):
        if found := next((line for line in lines if pattern.match(line)), ""):
            return shortened(without_promise(one_line(found)), LENGTH)
    return shortened(without_promise(one_line(lines[0])), LENGTH) if lines else "no reason given"


def of_log(text: str, most: int = 3) -> list[str]:
    """Return the first few lines of a log of tests that tell what failed, of the clearest kind that it has."""
    for pattern in _LOG:
        if found := [line for line in text.splitlines() if pattern.match(line)]:
            return [shortened(one_line(line), 2 * LENGTH) for line in dict.fromkeys(found)][:most]
    return []
