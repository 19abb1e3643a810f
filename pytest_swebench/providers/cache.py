"""A cache of answers: what was asked once is not paid for again, in this run or a later one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import digest
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.protocol import Answer, Provider, Request, StopReason, pass_over
from pytest_swebench.providers.replay import FORMAT, answer_from_json, exchange_as_json
from pytest_swebench.providers.tokens import count_tokens
from pytest_swebench.records.journal import seal, unseal
from pytest_swebench.records.layout import write_whole
from pytest_swebench.redact import Redactor

WHOLE: Final = frozenset({StopReason.END, StopReason.TOOL_USE})
"""What is kept: an answer that was cut off or refused is worth another try."""


class Cached:
    """Serves what `provider` answered before to the same request of the same repetition.

    One object serves one attempt at a cell: a question that an arm asks again gets another answer, the same one each
    time the cell runs. An answer that holds a secret is not kept. A file that cannot be read is as good as none; one
    that cannot be written costs nobody an answer that is paid for: `notes` tells of it.
    """

    def __init__(self, provider: Provider, folder: Path, redactor: Redactor) -> None:
        self.name = provider.name
        self.base_url: str = getattr(provider, "base_url", "")
        self.notes: list[str] = []
        self._provider = provider
        self._folder = folder
        self._redactor = redactor
        self._asked: Counter[str] = Counter()

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Return the kept answer, or ask the wrapped provider, raising what it raises, and keep what it says."""
        self._asked[request.digest] += 1
        question = {
            "format": FORMAT,
            "provider": self.name,
            "base_url": shown(self.base_url),
            "request_digest": request.digest,
            "sample": request.sample,
            "turn": self._asked[request.digest],
        }
        key = digest(question)
        path = self._folder / key[:2] / f"{key}.json"
        kept = _read(path, self._redactor.data(question))
        if kept is not None:
            return dataclasses.replace(kept, served="cache")
        answer = self._provider.complete(request, timeout_s=timeout_s)
        if answer.stop_reason in WHOLE:
            self._keep(path, question, request, answer)
        return answer

    def pass_over(self, request: Request) -> None:
        """Count `request` as asked: somebody before this one has answered it."""
        self._asked[request.digest] += 1
        pass_over(self._provider, request)

    def count_tokens(self, request: Request, *, timeout_s: float) -> int | None:
        """Return what the endpoint counts; see `tokens.count_tokens`."""
        return count_tokens(self._provider, request, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()

    def _keep(self, path: Path, question: dict[str, Any], request: Request, answer: Answer) -> None:
        exchange = exchange_as_json(request, dataclasses.replace(answer, served=""))
        entry = self._redactor.data({**exchange, **question})
        if answer_from_json(entry["answer"]) != dataclasses.replace(answer, served=""):
            return
        try:
            write_whole(path, seal(entry))
        except OSError as error:
            if not self.notes:
                self.notes.append(f"answers cannot be kept in {str(self._folder)!r}: {error}")


def _read(path: Path, question: dict[str, Any]) -> Answer | None:
    """Return the answer kept for `question`, None where there is none, or none that can be trusted."""
    try:
        entry = unseal(path.read_bytes())
    except OSError:
        return None
    if entry is None or any(entry.get(name) != value for name, value in question.items()):
        return None
    return answer_from_json(entry["answer"])
