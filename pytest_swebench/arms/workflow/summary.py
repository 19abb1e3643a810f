"""What a step is told of the failures that led back to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pytest_swebench.arms.workflow.policy import Rejection
from pytest_swebench.arms.workflow.shapes import Shape

PATTERN_CHARS: Final = 100
APPROACHES: Final = 5
LATEST_CHARS: Final = 500
_PATTERNS: Final = 5
_APPROACH_CHARS: Final = 160
_ERROR: Final = re.compile(r"^\s*(?:E  +|FAILED |ERROR |error: |\w*(?:Error|Exception|Failure)\b).*", re.MULTILINE)
_DIFFER: Final = (
    "Do not repeat any of this. Choose an answer that differs in substance from what led to these failures."
)


def failure_summary(rejections: Sequence[Rejection], latest: str = "") -> str:
    """Return error patterns, approaches tried, the latest feedback (`latest` where it is no rejection), an order."""
    patterns = dict.fromkeys(signature(one.feedback) for one in reversed(rejections))
    approaches = dict.fromkeys(one.approach for one in reversed(rejections) if one.approach)
    latest = latest or (rejections[-1].feedback if rejections else "")
    parts = [
        _bullets("Error patterns", list(patterns)[:_PATTERNS]),
        _bullets("Approaches tried", list(approaches)[:APPROACHES]),
        f"Latest feedback:\n{latest.strip()[:LATEST_CHARS]}" if latest.strip() else "",
        _DIFFER,
    ]
    return "\n\n".join(filter(None, parts))


def signature(feedback: str) -> str:
    """Return the line of a feedback that names the error, else its first one, at most 100 characters."""
    found = _ERROR.search(feedback)
    lines = [found[0]] if found else [line for line in feedback.splitlines() if line.strip()]
    return " ".join(lines[0].split())[:PATTERN_CHARS] if lines else "(no feedback)"


def approach(answer: Shape) -> str:
    """Return in one line what an answer tries: its longest text that is prose, not code."""
    texts = [value for name in type(answer).model_fields if isinstance(value := getattr(answer, name), str)]
    prose = [text for text in texts if "\n" not in text.strip()] or texts
    return " ".join(max(prose, key=len, default="").split())[:_APPROACH_CHARS]


def _bullets(heading: str, items: Sequence[str]) -> str:
    return "\n".join([f"{heading}:", *(f"- {item}" for item in items)]) if items else ""
