"""The file of a cassette: sealed lines, one a step, each on disk before the step counts as done.

What follows a damaged or missing line cannot be trusted to belong to what stands before it, so a tape is read up to
there. Its last line says that it is complete. A step of a model has the shape of a recorded exchange, and its format.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pytest_swebench.cell import digest
from pytest_swebench.errors import BudgetExhausted, ContextOverflow, InputError, LimitReached, RecordError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.providers.replay import FORMAT, answer_from_json, request_from_json
from pytest_swebench.providers.shortened import Restorer
from pytest_swebench.records.journal import seal, unseal
from pytest_swebench.records.lines import open_lines, put_line
from pytest_swebench.sandbox.protocol import CommandResult


class Kind(StrEnum):
    """What a line of a tape holds."""

    MODEL = "model"
    COMMAND = "command"
    END = "end"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a model; it ended with an answer, or with word that the request is too long."""

    number: int
    request_digest: str
    sample: int
    request: Request
    ending: Answer | ContextOverflow


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `digest` is that of command and stdin as they were, `clean_digest` that of both without secrets."""

    number: int
    text: str
    digest: str
    clean_digest: str
    result: CommandResult


@dataclass(frozen=True, slots=True)
class Tape:
    """The steps that can be trusted, numbered from 1 over both kinds.

    `complete` is false if whoever recorded was cut short; `limit` is the one at which the recorded cell ended.
    `size_bytes` is how far the file is whole, `damaged_line` the first line that is not, 0 if all are.
    """

    calls: tuple[Call, ...] = ()
    commands: tuple[Command, ...] = ()
    complete: bool = False
    limit: LimitReached | None = None
    size_bytes: int = 0
    damaged_line: int = 0

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        return len(self.calls) + len(self.commands)


def read_tape(path: Path) -> Tape:
    """Read a tape; one that is not there is empty. Raises InputError for a file or format that cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Tape()
    except OSError as error:
        raise InputError(f"cannot read cassette {str(path)!r}: {error}") from error
    calls: list[Call] = []
    commands: list[Command] = []
    complete, limit, size_bytes = False, None, 0
    restorer = Restorer()
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        entry = unseal(line) if line.endswith(b"\n") else None
        following = len(calls) + len(commands) + 1
        if entry is None or entry.get("step", following) != following:
            return Tape(tuple(calls), tuple(commands), complete, limit, size_bytes, number)
        try:
            step = _step(restorer.restore(entry))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"cassette {str(path)!r}, line {number} is no step of this version ({type(error).__name__}: {error}); "
                "record it again with --cassette record"
            ) from error
        if isinstance(step, Call):
            calls.append(step)
        elif isinstance(step, Command):
            commands.append(step)
        complete = step is None or isinstance(step, LimitReached)
        limit = step if isinstance(step, LimitReached) else None
        size_bytes += len(line)
    return Tape(tuple(calls), tuple(commands), complete, limit, size_bytes)


def command_digest(command: str, stdin: bytes) -> str:
    """Return what tells a command from others."""
    return digest([command, hashlib.sha256(stdin).hexdigest()])


def overflow_as_json(error: ContextOverflow) -> dict[str, Any]:
    """Return what a step says in place of an answer where the request was too long."""
    return {"message": str(error), "limit_tokens": error.limit_tokens}


def limit_as_json(limit: LimitReached | None) -> dict[str, Any] | None:
    """Return what the closing line says of the limit at which a cell ended."""
    if limit is None:
        return None
    scope = limit.scope if isinstance(limit, BudgetExhausted) else None
    return {"stop": str(limit.stop), "scope": scope, "message": str(limit)}


class TapeWriter:
    """Goes on with a tape after its first `size_bytes` bytes; what else stands there is cut off.

    The file and its folders are made with the first line.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._name = f"cassette {str(path)!r}"
        self._size_bytes = size_bytes
        self._file: int | None = None

    def write(self, entry: dict[str, Any]) -> None:
        """Add one line; it is on disk when this returns.

        Raises RecordError if another process records on the tape, or if the disk does not take the line whole.
        """
        if self._file is None:
            self._file = self._open()
        put_line(self._file, os.fstat(self._file).st_size, seal({"format": FORMAT, **entry}), self._name)

    def close(self, final: Path | None = None) -> None:
        """Close the tape and give it the name `final`; safe to call twice."""
        if self._file is not None:
            if final is not None:
                os.replace(self._path, final)
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        file = open_lines(self._path, self._name)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise RecordError(
                f"{self._name} is being recorded by another process; wait for it, or give another --cassette-dir"
            ) from None
        os.ftruncate(file, self._size_bytes)
        return file


def _step(entry: dict[str, Any]) -> Call | Command | LimitReached | None:
    """Return a step, or what the closing line says. Raises what an entry of another shape runs into."""
    if entry["format"] != FORMAT:
        raise ValueError(f"format {entry['format']!r}, this version reads {FORMAT}")
    match entry["kind"]:
        case Kind.MODEL:
            return _call(entry)
        case Kind.COMMAND:
            return _command(entry)
        case Kind.END:
            return _limit(entry)
        case kind:
            raise ValueError(f"unknown kind {kind!r}")


def _call(entry: dict[str, Any]) -> Call:
    overflow = entry.get("overflow")
    ending = answer_from_json(entry["answer"]) if overflow is None else ContextOverflow(**overflow)
    return Call(entry["step"], *request_from_json(entry), ending)


def _command(entry: dict[str, Any]) -> Command:
    result = CommandResult(*(entry[part.name] for part in dataclasses.fields(CommandResult)))
    return Command(entry["step"], entry["command"], entry["command_digest"], entry["clean_digest"], result)


def _limit(entry: dict[str, Any]) -> LimitReached | None:
    data = entry["limit"]
    if data is None:
        return None
    if data["scope"] is not None:
        return BudgetExhausted(data["scope"], data["message"])
    return LimitReached(Stop(data["stop"]), data["message"])
