"""What the answer of a tool is worth to a newcomer: whether it names the cause, a fix, the verdicts.

By regular expressions, which know the words of these tools and no others; the texts are kept for a person's judgement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from walk_place import NOWHERE
from walk_process import Seen

READ_LINES: Final = 15  # what is above the last ones has scrolled away
_TRACE: Final = "Traceback (most recent call last)"
_RAISED: Final = re.compile(r"[\w.]*(?:Error|Exception)\b")
NO_IMAGE: Final = f"{NOWHERE}/never/built:latest"
NO_INSTANCE: Final = "mwaskom__seaborn-9999"


@dataclass(frozen=True, slots=True)
class Told:
    """What a message has to hold to name the cause of what went wrong, and a way to mend it: regular expressions."""

    cause: str
    fix: str


TOLD: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "default": Told(r"network|reach|connect|proxy", r"offline|mirror|local (file|path)|HF_|--dataset"),
        "known-dataset": Told(r"network|reach|connect|proxy", r"offline|mirror|local (file|path)|HF_|--dataset"),
        "unknown-dataset": Told(r"verifeid", r"\bverified\b"),
        "unknown-instance": Told(r"9999", r"seaborn-3010|sympy-24661"),
        "missing-key": Told(r"api.?key", r"OPENAI_API_KEY|LLM_API_KEY|secrets set"),
        "unpriced-model": Told(r"price|cost", r"--price|COST_TRACKING|cost_tracking"),
        "dead-docker": Told(
            r"cannot connect|connection (refused|aborted)|not running|nothing answers",
            r"start (docker|that)|daemon\s+running|DOCKER_HOST|systemctl",
        ),
        "missing-image": Told(re.escape("never/built"), r"docker pull|build|NAMESPACE|registry|--sandbox"),
    }
)
BROKEN: Final[Mapping[str, tuple[str, Told]]] = MappingProxyType(
    {
        "bad JSON": ('{"instance_id": "mwa', Told(r"bad.jsonl", r"line 1|JSON")),
        "no patch key": ('{"instance_id": "mwaskom__seaborn-3010"}', Told(r"nokey.jsonl", r"model_patch")),
        "unknown id": (
            '{"instance_id": "no__such-1", "model_name_or_path": "m", "model_patch": "x"}',
            Told("no__such-1", "known|exist|not in|not found"),
        ),
        "no diff": ("", Told("not a diff|appl(y|ies|ied)|malformed|garbage", "seaborn-3010")),
    }
)


def told(seen: Seen, what: Told) -> str:
    """Return whether the lines that a person still reads name the cause and a fix."""
    end = "\n".join(_read(seen))
    words = [
        f"{name} {'yes' if re.search(pattern, end, re.IGNORECASE) else 'NO'}"
        for name, pattern in (("cause", what.cause), ("fix", what.fix))
    ]
    return f"{', '.join(words)}{'; traceback' if _TRACE in seen.text else ''}"


def _read(seen: Seen) -> list[str]:
    """Return the last lines, and of a traceback what comes after its lines of code."""
    last = seen.lines[-READ_LINES:]
    if _TRACE not in seen.text:
        return last
    places = [place for place, line in enumerate(last) if _RAISED.match(line)]
    return last[places[-1] :] if places else last


def hindered(seen: Seen) -> str:
    """Return the line by which a tool refuses this machine's engine altogether, whatever the moment is about."""
    found = re.search(r"^.*sandbox environments require Docker Engine .*$", seen.text, re.MULTILINE)
    return f"not reached: {found[0].strip()}" if found else ""


def basic(seen: Seen) -> str:
    """Return seconds, exit code and lines."""
    code = "gave up waiting" if seen.code is None else f"rc {seen.code}"
    return f"{seen.seconds:.1f} s, {code}, {len(seen.lines)} lines"


def resolved(text: str) -> str:
    """Return how many cells the output calls resolved, run by run."""
    found = re.findall(r"(?:^resolved (?=\d+:)|\b[Rr]esolved: )(\d+)", text, re.MULTILINE)
    return "+".join(found) or "not told"
