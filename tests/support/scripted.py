"""A provider that answers from a script, for arms that ask many times.

    Scripted([{"category": "trivial_fix", ...}, "no JSON", ProviderError("503")])
    Scripted({"ap_analysis": [GOOD], "ap_patch": [BAD, GOOD]})  # by who asks: `Request.agent`

A dict is a structured answer, a string plain text, an Answer goes out as it is, an exception is raised, and a
function is given the request and returns any of these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_swebench.providers.protocol import Answer, Request, StopReason, Usage
from pytest_swebench.providers.structured import with_data

Line = dict[str, Any] | str | Answer | Exception | Callable[[Request], Any]


class ScriptEnded(AssertionError):
    """The script has no line for a request."""


class Scripted:
    """Answers the n-th request with the n-th line of the script, or of the asking agent's part of it.

    `requests` and `timeouts_s` keep what was asked, `usage` is what each answer costs. With `again` the last line
    goes on for ever.
    """

    name = "scripted"

    def __init__(
        self, answers: Sequence[Line] | Mapping[str, Sequence[Line]], *, usage: Usage | None = None, again: bool = False
    ) -> None:
        self.requests: list[Request] = []
        self.timeouts_s: list[float] = []
        self.usage = usage or Usage(input=10, output=5)
        self._answers = answers
        self._again = again
        self._asked: Counter[str] = Counter()

    @property
    def calls(self) -> int:
        """How many requests there were."""
        return len(self.requests)

    def asked_by(self, agent: str) -> list[Request]:
        """Return the requests of one agent."""
        return [request for request in self.requests if request.agent == agent]

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Return the next answer of the script. Raises ScriptEnded after the last one."""
        self.requests.append(request)
        self.timeouts_s.append(timeout_s)
        part = request.agent if isinstance(self._answers, Mapping) else ""
        lines = self._answers.get(part, ()) if isinstance(self._answers, Mapping) else self._answers
        number = self._asked[part]
        self._asked[part] += 1
        if number >= len(lines) and not (self._again and lines):
            raise ScriptEnded(f"request {number + 1} of {part or 'the arm'!r}: the script has {len(lines)} answers")
        return self._answer(lines[min(number, len(lines) - 1)], request)

    def close(self) -> None:
        """Nothing to release."""

    def _answer(self, line: Any, request: Request) -> Answer:
        while callable(line):
            line = line(request)
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Answer):
            return line
        text = line if isinstance(line, str) else json.dumps(line)
        return with_data(Answer(text=text, model=request.model, stop_reason=StopReason.END, usage=self.usage), request)
