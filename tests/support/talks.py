"""What real agents said at work, from the source archives of packages that publish it.

AgentDojo carries what eighteen models did with its tools, prompt injections and all; aider carries a year of its
author's sessions with it. Both are fetched from PyPI by digest, and neither is kept here.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pytest

from pytest_swebench.providers.protocol import Message, ToolCall

_FILES: Final = "https://files.pythonhosted.org/packages"
_DOJO: Final = (
    f"{_FILES}/3e/42/733abb8bc1d968f0dd8781112da7ab299beddb7572f7129ce3ff659936cc/agentdojo-0.1.9.tar.gz",
    "3e3b17b591d456d19e5760b4bc30a94218220dd6233f05ad830107c1edf655f5",
)
_AIDER: Final = (
    f"{_FILES}/39/45/71111a018c653b7e743216188fb73cd640a86abbda56b7e430f65cd45d23/aider_chat-0.86.2.tar.gz",
    "f38a9d322f5609f0c13af82d50c6a11170185b3fdf26956e4a7e89ba19819159",
)
_START: Final = re.compile(r"^# aider chat started at .*\n", re.MULTILINE)
_EDIT: Final = re.compile(r"^<<<<<<< SEARCH$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that took place; its last message may be anybody's."""

    name: str
    messages: tuple[Message, ...]


def tool_talks() -> list[Talk]:
    """Return the longest conversation of each of AgentDojo's models with its tools."""
    longest: dict[str, Talk] = {}
    for name, content in _members(_DOJO, re.compile(r"[^/]+/runs/.*\.json")):
        told = json.loads(content)
        model = name.split("/")[2]
        if model not in longest or len(told["messages"]) > len(longest[model].messages):
            longest[model] = Talk(model, tuple(_turn(place, turn) for place, turn in enumerate(told["messages"])))
    return [longest[model] for model in sorted(longest)]


def coding_talks(number: int) -> list[Talk]:
    """Return the longest of aider's sessions in which code was edited."""
    ((_, content),) = _members(_AIDER, re.compile(r"[^/]+/tests/fixtures/chat-history\.md"))
    sessions = _START.split(content.decode())[1:]
    talks = [_session(f"session-{place}", text) for place, text in enumerate(sessions) if _EDIT.search(text)]
    return sorted(talks, key=lambda talk: -len(talk.messages))[:number]


def _members(archive: tuple[str, str], wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of an archive's files, in order; skip the test where it cannot be fetched."""
    address, digest = archive
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            content = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        pytest.skip(f"{address} cannot be fetched: {error}")
    assert hashlib.sha256(content).hexdigest() == digest
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        for member in files:
            if wanted.fullmatch(member.name) and (file := files.extractfile(member)):
                yield member.name, file.read()


def _turn(place: int, turn: dict[str, Any]) -> Message:
    """Return a message of AgentDojo's; of a model that numbers no calls each has its place for a name."""
    content = turn["content"] or ""
    if turn["role"] == "tool":
        return Message("tool", turn["error"] or content, tool_call_id=turn.get("tool_call_id") or f"{place - 1}.0")
    calls = tuple(
        ToolCall(call.get("id") or f"{place}.{number}", call["function"], call["args"])
        for number, call in enumerate(turn.get("tool_calls") or ())
    )
    return Message("assistant" if turn["role"] == "assistant" else "user", content, calls)


def _session(name: str, text: str) -> Talk:
    """Return a session: what stands after `####` was typed, after `>` told by aider, and the rest by the model."""
    messages = [
        Message("assistant" if mark == "" else "user", content)
        for mark, lines in groupby(text.splitlines(), _mark)
        if (content := "\n".join(line.removeprefix(mark).removeprefix(" ") for line in lines).strip("\n")).strip()
    ]
    return Talk(name, tuple(messages))


def _mark(line: str) -> str:
    return next((mark for mark in ("####", ">") if line == mark or line.startswith(f"{mark} ")), "")
