"""Cassettes: all that a cell was told by models and by its commands, kept so that it can happen again for nothing.

A step is served only to the request that it was recorded for: the k-th call of a model to the k-th recorded one, the
k-th command to the k-th recorded one. On replay commands run for real, for what they do to the working copy, and the
arm is told what they printed then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import Cell
from pytest_swebench.errors import BudgetExhausted, ContextOverflow, LimitReached, ReplayMiss
from pytest_swebench.providers.protocol import Answer, Provider, Request, pass_over
from pytest_swebench.providers.replay import difference, redacted, request_as_json, text_difference
from pytest_swebench.providers.shortened import Shortener
from pytest_swebench.providers.tape import (
    Call,
    Command,
    Kind,
    Tape,
    TapeWriter,
    command_digest,
    limit_as_json,
    overflow_as_json,
    read_tape,
)
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox
from pytest_swebench.sandbox.recorded import RecordedSandbox

_SHOWN: Final = 80  # characters of a command in a note


class CassetteMode(StrEnum):
    """What is done with a cassette: made anew, played without a single call, or played and completed."""

    RECORD = "record"
    REPLAY = "replay"
    ONCE = "once"


def cassette_path(folder: Path, cell: Cell) -> Path:
    """Return where the cassette of `cell` lies in a folder of cassettes."""
    return folder / cell.instance_id / cell.variant / f"rep{cell.rep}.jsonl"


class Cassette:
    """The cassette of one attempt at a cell; `notes` is what a person should know of it.

    `record` writes to `<path>.part`, which becomes `path` when the cell is done. `once` goes on where the recording
    ends, also an unfinished one if there is no other. Raises InputError for a file that is no cassette.
    """

    def __init__(self, path: Path, mode: CassetteMode, redactor: Redactor) -> None:
        self.path = path
        self.mode = mode
        self.notes: list[str] = []
        self._redactor = redactor
        self._unfinished = path.with_name(f"{path.name}.part")
        fresh = mode is CassetteMode.RECORD or (mode is CassetteMode.ONCE and not path.exists())
        self._file = self._unfinished if fresh else path
        self._tape = Tape() if mode is CassetteMode.RECORD else read_tape(self._file)
        self._writer = TapeWriter(self._file, self._tape.size_bytes)
        self._shortener = Shortener()
        self._calls, self._commands = list(self._tape.calls), list(self._tape.commands)  # not yet asked for
        self._asked = self._written = 0
        self._missed = self._broken = False
        self._ended_otherwise: list[tuple[Command, int]] = []
        self._open = True
        self._limit: LimitReached | None = None
        if line := self._tape.damaged_line:
            self.notes.append(
                f"cassette {str(self._file)!r} is damaged on line {line}: {_count(self._tape.steps)} before it can be "
                "used"
            )

    def provider(self, make: Callable[[], Provider]) -> Provider:
        """Return a provider that records or plays. `make` gives the one behind it; it is not called on replay."""
        return CassetteProvider(self, None if self.mode is CassetteMode.REPLAY else make())

    def sandbox(self, inner: Sandbox) -> Sandbox:
        """Return a sandbox around `inner` that records or plays the results of commands."""
        return RecordedSandbox(inner, self)

    def call(self, request: Request, ask: Callable[[], Answer], provider: str) -> Answer:
        """Return the recorded answer to `request`, or let `ask` answer it and record that.

        Raises ReplayMiss where another request was recorded or none, the limit at which the recorded cell ended,
        ContextOverflow that was recorded, and what `ask` raises.
        """
        if self._calls:
            step = self._calls[0]
            if different := self._difference(step, request):
                raise self._miss(step.number, different)
            self._took(self._calls)
            if isinstance(step.ending, ContextOverflow):
                raise step.ending
            return dataclasses.replace(step.ending, served="cassette")
        self._needs_recording("a model call")
        with self._watching():
            question = {"provider": provider, **request_as_json(request)}
            try:
                answer = ask()
            except ContextOverflow as error:
                self._write(Kind.MODEL, **question, overflow=overflow_as_json(error))
                raise
            self._write(Kind.MODEL, **question, answer=dataclasses.asdict(answer))
        return answer

    def command(self, command: str, stdin: bytes, run: Callable[[], CommandResult]) -> CommandResult:
        """Call `run` and return what was recorded for it, or record what it returned.

        Raises ReplayMiss, before anything runs, where another command was recorded or none.
        """
        text = self._redactor.text(command)
        exact, clean = command_digest(command, stdin), command_digest(text, self._redactor.raw(stdin))
        if self._commands:
            step = self._commands[0]
            if step.digest != exact and step.clean_digest != clean:
                different = "its standard input" if text == step.text else text_difference(step.text, text)
                raise self._miss(step.number, f"the command {different}")
            with self._watching():
                result = run()
            self._took(self._commands)
            if result.exit_code != step.result.exit_code:
                self._ended_otherwise.append((step, result.exit_code))
            return step.result
        self._needs_recording("a command")
        with self._watching():
            result = run()
            fields = dataclasses.asdict(result)
            self._write(Kind.COMMAND, command=command, command_digest=exact, clean_digest=clean, **fields)
        return result

    def close(self, *, finished: bool = True) -> list[str]:
        """End the cassette and return `notes`; safe to call twice.

        With `finished` false, or where the last call or command broke, what was recorded stays unfinished.
        """
        if self._open:
            self._open = False
            if self.mode is not CassetteMode.REPLAY:
                self._end(finished=finished and not self._broken)
            self._tell()
        return self.notes

    def _end(self, *, finished: bool) -> None:
        """Say that the recording is whole and put it in its place, or that it is not."""
        if not self._written and (self._tape.complete or not self._tape.steps):
            return
        whole = False
        try:
            if finished:
                self._writer.write(self._redactor.data({"kind": Kind.END, "limit": limit_as_json(self._limit)}))
            whole = finished
        finally:
            self._writer.close(final=self.path if whole else None)
        if not whole:
            self.notes.append(f"cassette {str(self._file)!r} is unfinished: --cassette once completes it")

    def _tell(self) -> None:
        """Note what went otherwise than recorded."""
        if self._ended_otherwise:
            step, exit_code = self._ended_otherwise[0]
            self.notes.append(
                f"{len(self._ended_otherwise)} of the commands ended with another exit code than recorded, the first "
                f"is step {step.number}, {step.text[:_SHOWN]!r}: recorded {step.result.exit_code}, now {exit_code}"
            )
        left = [step.number for step in self._calls] + [step.number for step in self._commands]
        if left and not self._missed:
            self.notes.append(
                f"{_count(len(left))} not asked for, the first is step {min(left)} of cassette {str(self._file)!r}"
            )

    def _difference(self, step: Call, request: Request) -> str:
        """Say how `request` differs from the recorded one, "" if not.

        What was made of recorded answers holds no secrets either: a request counts as the same without them, too.
        """
        if step.request_digest != request.digest:
            clean = redacted(request, self._redactor)
            if step.request.digest != clean.digest:
                return difference(step.request, clean)
        return "" if step.sample == request.sample else f"sample: recorded {step.sample}, asked {request.sample}"

    def _miss(self, number: int, different: str) -> ReplayMiss:
        self._missed = True
        return ReplayMiss(
            f"step {number} differs from its cassette {str(self._file)!r}: {different}; if that is meant, record the "
            "cell again with --cassette record"
        )

    def _needs_recording(self, what: str) -> None:
        """Raise, on replay, for a step that was not recorded."""
        if self.mode is not CassetteMode.REPLAY:
            return
        if isinstance(self._tape.limit, BudgetExhausted):
            # whoever's cap it was, it is spent no further now, and no reason to end what the other cells do
            raise BudgetExhausted("cell", str(self._tape.limit))
        if self._tape.limit is not None:
            raise self._tape.limit
        self._missed = True
        if self._tape.steps:
            cut = "" if self._tape.complete else ", where the recording was cut short"
            lack = f"is not on cassette {str(self.path)!r}, which ends after {_count(self._tape.steps)}{cut}"
        elif self._unfinished.exists():
            lack = f"was not recorded: cassette {str(self._unfinished)!r} is unfinished"
        else:
            lack = f"was not recorded: there is no cassette {str(self.path)!r}"
        raise ReplayMiss(f"step {self._asked + 1}, {what}, {lack}; --cassette once records what is missing")

    def _took(self, steps: list[Call] | list[Command]) -> None:
        del steps[0]
        self._asked += 1

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Keep in mind what the last step ended with: if it broke, the recording is not whole."""
        self._broken, self._limit = True, None
        try:
            yield
        except LimitReached as limit:
            self._broken, self._limit = False, limit
            raise
        except ContextOverflow:
            self._broken = False
            raise
        self._broken = False

    def _write(self, kind: Kind, **fields: Any) -> None:
        step = {"step": self._tape.steps + self._written + 1, "kind": kind, **fields}
        # what is left out needs no redaction: else the work would grow with the square of the turns
        line = self._shortener.shorten(step) if kind is Kind.MODEL else step
        self._writer.write(self._redactor.data(line))
        self._written += 1
        self._asked += 1


class CassetteProvider:
    """Asks the cassette first, and through it the provider behind it."""

    def __init__(self, cassette: Cassette, inner: Provider | None) -> None:
        self.name = "cassette" if inner is None else inner.name
        self.base_url: str = getattr(inner, "base_url", "")
        self._cassette = cassette
        self._inner = inner

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Answer from the cassette, or as the provider behind it does. Raises ReplayMiss, and what that one raises."""
        answer = self._cassette.call(request, lambda: self._ask(request, timeout_s), self.name)
        if self._inner is not None and answer.served == "cassette":
            pass_over(self._inner, request)
        return answer

    def close(self) -> None:
        """Close the provider behind it; the cassette is closed by whoever made it."""
        if self._inner is not None:
            self._inner.close()

    def _ask(self, request: Request, timeout_s: float) -> Answer:
        assert self._inner is not None, "on replay a cassette asks nobody"
        return self._inner.complete(request, timeout_s=timeout_s)


def _count(steps: int) -> str:
    return f"{steps} recorded step{'' if steps == 1 else 's'}"
