"""What earlier attempts at a cell have paid for already: served again for nothing, before anything new is asked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_swebench.errors import InputError
from pytest_swebench.providers.protocol import Answer, Provider, Request, pass_over
from pytest_swebench.providers.replay import Recording, parse_recording, redacted
from pytest_swebench.providers.shortened import Restorer
from pytest_swebench.providers.tokens import count_tokens
from pytest_swebench.records.journal import unseal
from pytest_swebench.redact import Redactor

_SEAL_BYTES: Final = 20  # `,"crc":"01234567"}` and a little more
_PASSING: Final = re.compile(r"\b\d+\.\d+ ?s(?:econds?)?\b(?: \(\d+:\d\d:\d\d\))?|\b0x[0-9a-f]{8,}\b")


def read_exchanges(path: Path) -> list[Recording]:
    """Return the exchanges of a transcript, in order; lines that are damaged or of another format are left out."""
    exchanges, restorer = [], Restorer()
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if b'"crc":' in line[-_SEAL_BYTES:] and unseal(line) is None:
            continue
        try:
            exchanges.append(parse_recording(line.decode(), number, path, restorer))
        except (InputError, UnicodeDecodeError):
            continue
    return exchanges


def alike_digest(request: Request, redactor: Redactor) -> str:
    """Return the digest that `request` shares with those that ask the same.

    Transcripts hold no secrets, nor does what was made of their answers; and the same tests take other seconds each
    time, the same objects have other addresses. None of that makes another question.
    """
    clean = redacted(request, redactor)
    messages = (dataclasses.replace(message, content=_PASSING.sub("", message.content)) for message in clean.messages)
    return dataclasses.replace(clean, messages=tuple(messages)).digest


class Earlier:
    """Serves, by request and in order, what one of `attempts` got; anything else goes to `provider`.

    Where several attempts asked the same question, the one that asked it most often is followed. What counts as the
    same, `alike_digest` says.
    """

    def __init__(self, provider: Provider, *attempts: Sequence[Recording], redactor: Redactor | None = None) -> None:
        self.name = provider.name
        self.base_url: str = getattr(provider, "base_url", "")
        self._provider = provider
        self._redactor = redactor or Redactor()
        self._answers: dict[str, list[Answer]] = {}
        self._exact: dict[str, str] = {}  # digest of a request as it was -> `alike_digest`
        for exchanges in attempts:
            asked: dict[str, list[Answer]] = {}
            for exchange in exchanges:
                self._exact[exchange.request_digest] = exchange.alike_digest
                asked.setdefault(exchange.alike_digest, []).append(exchange.answer)
            for digest, answers in asked.items():
                if len(answers) > len(self._answers.get(digest, ())):
                    self._answers[digest] = answers

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer from an earlier attempt, else as the wrapped provider does."""
        if waiting := self._waiting(request):
            pass_over(self._provider, request)
            return dataclasses.replace(waiting.pop(0), served="earlier")
        return self._provider.complete(request, timeout_s=timeout_s)

    def pass_over(self, request: Request) -> None:
        """Leave out an answer to `request`: somebody before this one has given it."""
        if waiting := self._waiting(request):
            del waiting[0]
        pass_over(self._provider, request)

    def count_tokens(self, request: Request, *, timeout_s: float) -> int | None:
        """Return what the endpoint counts; see `tokens.count_tokens`."""
        return count_tokens(self._provider, request, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the wrapped provider."""
        self._provider.close()

    def _waiting(self, request: Request) -> list[Answer] | None:
        if not self._answers:  # to digest a long conversation takes time
            return None
        return self._answers.get(self._exact.get(request.digest) or alike_digest(request, self._redactor))
