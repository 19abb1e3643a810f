"""What in a test log cannot come from an honest run of its script.

The official reader takes the first start marker, the first end marker and the first exit code of a log, wherever
they stand, and reads a lone carriage return as the end of a line. A patch that gets its own text into the log can
so write results of its own. All of this is read here on the raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pytest_swebench.grading.official import END_MARKER, EXIT_CODE_MARKER, START_MARKER

_MARKER: Final = re.compile(
    r">>>>> (?:Start Test Output|End Test Output|Test Exit Code|Applied Patch|Patch Apply Failed|Reset Failed"
    r"|Tests (?:Errored|Timed Out)|(?:Some Tests Failed|All Tests Passed))"
)
_RESULT: Final = re.compile(r"^(?P<status>PASSED|FAILED|ERROR|XFAIL) (?P<test>\S+::.*)$", re.MULTILINE)
_HIDDEN: Final = re.compile(r"\r(?!\n)(?=(?:\++ : '|)>>>>> |(?:PASSED|FAILED|ERROR|XFAIL|SKIPPED) \S+::)")
_SESSION: Final = re.compile(r"^=+ test session starts =+$", re.MULTILINE)
_CLOSING: Final = re.compile(
    r"^(?:=+ )?\d+ [a-z-]+(?:, \d+ [a-z-]+)* in [\d.]+ ?s(?:econds)?(?: \([\d:]+\))?(?: =+)?$", re.MULTILINE
)
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")


def marker_in(text: str) -> str:
    """Return the first marker of the official harness in `text`, "" if there is none."""
    found = _MARKER.search(text)
    return found[0] if found else ""


def lint_log(
    log: bytes, script: str, *, resolved: bool, tests: Iterable[str] = (), in_order: bool = True
) -> tuple[str, ...]:
    """Return what is wrong with a log, one line each; empty if nothing is.

    `script` is what ran, as `official.eval_script_text` gives it, and says how often a marker may appear. Markers may
    be missing where nothing was won (not `resolved`): tests that run out of time leave none. `tests` are the
    required ones, whose results are compared with one another. Logs of the official harness are not `in_order`: it
    reads two streams apart, so that honest results may stand outside of the markers.
    """
    text = log.decode("utf-8", "replace")
    if not text:
        return ()
    reasons = [
        *_markers(text, script, START_MARKER, resolved=resolved),
        *_markers(text, script, END_MARKER, resolved=resolved),
        *_exit_codes(text, script, resolved=resolved),
    ]
    if _HIDDEN.search(text):
        reasons.append("log: a lone carriage return in front of a marker or a result")
    # from here on lines are those that the official reader sees
    lines = _COLOUR.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    before, started, rest = lines.partition(START_MARKER)
    inside, ended, after = rest.partition(END_MARKER)
    if started and ended:
        reasons += _outside(before, after) if in_order else []
        reasons += _after_the_end(inside)
        reasons += _contradictions(inside, frozenset(tests))
    return tuple(reasons)


def _markers(text: str, script: str, marker: str, *, resolved: bool) -> list[str]:
    wanted = [line for line in script.split("\n") if marker in line]
    if wanted != [f": '{marker}'"]:
        return []  # a script of its own making; what bash shows of it is not known
    count = text.count(marker)
    if count > 1 or (resolved and count == 0):
        return [f"log: marker {marker!r} stands there {count} times instead of once"]
    # output that lacks a last newline may stand in front of the end marker, and of no other
    start = "" if marker == END_MARKER else "^"
    if count and not re.search(rf"{start}\+ : '{re.escape(marker)}'\r?$", text, re.MULTILINE):
        return [f"log: marker {marker!r} is not the line that bash writes"]
    return []


def _exit_codes(text: str, script: str, *, resolved: bool) -> list[str]:
    if script.count(EXIT_CODE_MARKER) != 1:
        return []
    traced = len(re.findall(rf"^\+ echo '{re.escape(EXIT_CODE_MARKER)}: -?\d+'\r?$", text, re.MULTILINE))
    shown = len(re.findall(rf"^{re.escape(EXIT_CODE_MARKER)}: -?\d+\r?$", text, re.MULTILINE))
    if (traced, shown) == (1, 1) and text.count(EXIT_CODE_MARKER) == 2:
        return []
    if not resolved and not text.count(EXIT_CODE_MARKER):
        return []
    return [f"log: the exit code is traced {traced} times and told {shown} times instead of once each"]


def _outside(before: str, after: str) -> list[str]:
    found = _RESULT.search(before) or _RESULT.search(after)
    return [f"log: the result {found[0][:100]!r} stands outside of the markers"] if found else []


def _after_the_end(inside: str) -> list[str]:
    """Find results that pytest did not write: they follow its closing line, or there is none."""
    if not _SESSION.search(inside):
        return []
    closing = [match.end() for match in _CLOSING.finditer(inside)]
    late = _RESULT.search(inside, closing[-1] if closing else 0)
    if late is None:
        return []
    where = "after pytest's closing line" if closing else "but pytest's closing line does not"
    return [f"log: the result {late[0][:100]!r} stands there {where}"]


def _contradictions(inside: str, tests: frozenset[str]) -> list[str]:
    """Find required tests that both passed and failed. A failing teardown is an ERROR beside PASSED, and honest."""
    passed = {match["test"].strip() for match in _RESULT.finditer(inside) if match["status"] in ("PASSED", "XFAIL")}
    failed = [match["test"].strip() for match in _RESULT.finditer(inside) if match["status"] == "FAILED"]
    both = {name for name in failed for name in (name, name.partition(" - ")[0]) if name in passed & tests}
    return [f"log: {name} both passed and failed" for name in sorted(both)]
