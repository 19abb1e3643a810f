"""Questions asked through a cassette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import ReplayMiss
from pytest_swebench.providers.cassette import Cassette, CassetteMode
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Usage
from pytest_swebench.redact import Redactor

RECORD, REPLAY, ONCE = CassetteMode.RECORD, CassetteMode.REPLAY, CassetteMode.ONCE
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), system="Be brief.", temperature=0.2)


class Echo:
    """Answers with a number of its own and the last words of the question, or ends as `endings` says."""

    name = "echo"
    base_url = "http://echo.invalid"

    def __init__(self, *endings: Exception | None) -> None:
        self.asked: list[str] = []
        self._endings = list(endings)

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.asked.append(request.messages[-1].content)
        ending = self._endings.pop(0) if self._endings else None
        if ending is not None:
            raise ending
        text = f"{len(self.asked)}: {request.messages[-1].content}"
        return Answer(text=text, model=request.model, stop_reason=StopReason.END, usage=Usage(7, 3))

    def close(self) -> None:
        """Nothing to release."""


def question(text: str, **changes: Any) -> Request:
    return replace(QUESTION, messages=(Message("user", text),), **changes)


def nobody() -> Provider:
    raise AssertionError("a cassette that is replayed made a provider")


def asked(
    path: Path,
    mode: CassetteMode,
    requests: Sequence[Request],
    make: Callable[[], Provider] = nobody,
    *,
    redactor: Redactor | None = None,
    finished: bool = True,
) -> tuple[list[Answer], list[str]]:
    """Ask all `requests` through a cassette; return the answers, and the notes at its end."""
    cassette = Cassette(path, mode, redactor or Redactor())
    provider = cassette.provider(make)
    answers = [provider.complete(request, timeout_s=30) for request in requests]
    provider.close()
    return answers, cassette.close(finished=finished)


def miss(path: Path, *requests: Request, mode: CassetteMode = REPLAY, redactor: Redactor | None = None) -> str:
    with pytest.raises(ReplayMiss) as caught:
        asked(path, mode, requests, nobody if mode is REPLAY else Echo, redactor=redactor)
    return str(caught.value)


def texts(answers: Sequence[Answer]) -> list[str]:
    return [answer.text for answer in answers]
