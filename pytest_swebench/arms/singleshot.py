"""`singleshot`: the issue and the files it names go into one request; the answer's edits become the patch."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template
from typing import Final

from pytest_swebench.arms.edits import EDIT_FORMAT, EditError, diff_from_answer
from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Message, Request, StopReason
from pytest_swebench.sandbox.protocol import Sandbox

CONTEXT_TOKENS: Final = 24_000
ANSWER_TOKENS: Final = 8_192
_CHARS_PER_TOKEN: Final = 4  # a budget, not a bill: the provider's own count is what is recorded
_LISTING_SHARE: Final = 0.2
_WORD: Final = re.compile(r"[\w./-]+")


class Singleshot:
    """One request, one patch."""

    name = "singleshot"
    version = "1"
    paid = True
    oracle = False

    def check(self, instances: list[Instance]) -> None:
        scenarios = [instance.instance_id for instance in instances if instance.kind is Kind.SCENARIO]
        if scenarios:
            raise InputError(
                f"arm 'singleshot': {scenarios[0]!r} is a prompt scenario, which has no repository to patch"
            )

    def solve(self, context: SolveContext) -> Solution:
        sandbox = context.sandbox()
        request = Request(
            model=context.variant.model,
            messages=(Message("user", build_prompt(context, sandbox)),),
            max_tokens=ANSWER_TOKENS,
            temperature=context.variant.temperature,
            sample=context.rep,
        )
        answer = context.provider.complete(request, timeout_s=context.timeout_s)
        stop = Stop.ANSWER_CUT if answer.stop_reason is StopReason.MAX_TOKENS else Stop.SUBMITTED
        notes = "the model refused" if answer.stop_reason is StopReason.REFUSAL else ""
        patch = ""
        try:
            patch = diff_from_answer(answer.text, lambda path: _lossless(sandbox.read(path)))
            notes = notes or ("" if patch else "the answer holds no edit")
        except EditError as error:
            notes = str(error)
        tokens = answer.usage.input + answer.usage.output
        return Solution(
            patch=patch, stop=stop, response_text=answer.text, notes=notes, per_step_tokens={"ap_singleshot": tokens}
        )


def build_prompt(context: SolveContext, sandbox: Sandbox) -> str:
    """Return the request text: statement, listing, and the named files, within `CONTEXT_TOKENS`.

    The statement is never cut. The listing gets a fifth of the budget; files go in whole, in the order in which the
    statement names them, as long as they fit.
    """
    statement = context.problem.statement
    template = Template(files("pytest_swebench.arms.prompts").joinpath("singleshot.txt").read_text(encoding="utf-8"))
    tracked = sandbox.files()
    room = CONTEXT_TOKENS * _CHARS_PER_TOKEN - len(statement)
    listing = _listing(tracked, int(room * _LISTING_SHARE))
    room -= len(listing)
    contents = []
    for path in named_files(statement, tracked):
        text = f'<file path="{path}">\n{_text(sandbox.read(path))}\n</file>'
        if len(text) <= room:
            contents.append(text)
            room -= len(text)
    prompt = template.substitute(
        repo=context.problem.repo,
        format=EDIT_FORMAT,
        statement=statement,
        listing=listing,
        contents="\n\n".join(contents),
    )
    return prompt.encode(errors="replace").decode()  # names of files may hold bytes that no request can carry


def named_files(statement: str, tracked: list[str]) -> list[str]:
    """Return the tracked files a statement names: by path, by the end of a path, by module or by definition name.

    Exact names come first, in the order of the statement; then modules named like `package.module`.
    """
    found: dict[str, None] = {}
    words = [word.strip("./-") for word in _WORD.findall(statement)]
    by_tail: dict[str, list[str]] = {}
    for path in tracked:
        parts = path.split("/")
        for start in range(len(parts)):
            by_tail.setdefault("/".join(parts[start:]), []).append(path)
    for word in words:
        for path in by_tail.get(word, ()):
            found.setdefault(path)
    for word in words:
        pieces = word.split(".")
        for end in range(len(pieces), 0, -1):
            stem = "/".join(pieces[:end])
            hits = [*by_tail.get(f"{stem}.py", ()), *by_tail.get(f"{stem}/__init__.py", ())]
            if hits and (end > 1 or len(pieces) > 1):
                for path in hits:
                    found.setdefault(path)
                break
    return list(found)


def _listing(tracked: list[str], limit: int) -> str:
    taken, size = [], 0
    for path in tracked:
        size += len(path) + 1
        if size > limit:
            break
        taken.append(path)
    left_out = len(tracked) - len(taken)
    return "\n".join(taken) + (f"\n... and {left_out} more files" if left_out else "")


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def _lossless(content: bytes) -> str:
    # a diff must hold the very bytes of the file, or it does not apply
    return content.decode("utf-8", errors="surrogateescape")
