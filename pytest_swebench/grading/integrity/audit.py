"""What an arm's shell commands say about where its answer came from.

A hit is a suspicion, never a proof: the commands are read, not their output, and a sandbox without history and
network gives such commands nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Problem

_GIT: Final = re.compile(r"\bgit\b")
_HISTORY: Final = (
    (
        _GIT,
        re.compile(r"\s(?:log|rev-list|shortlog|whatchanged|show|grep)\b"),
        re.compile(r"\s--(?:all|branches|remotes|tags|reflog)\b"),
    ),
    (_GIT, re.compile(r"\slog\b"), re.compile(r"\s-g\b")),
    (_GIT, re.compile(r"\scat-file\b"), re.compile(r"--batch-all-objects")),
    (
        _GIT,
        re.compile(
            r"\s(?:reflog\b|fsck\b|fetch\b|pull\b|clone\b|bundle\b|ls-remote\b|cherry-pick\b|for-each-ref\b|show-ref\b"
            r"|branch\s+-\w*[ar]|remote\s+(?:add|update|-v))"
        ),
    ),
    (re.compile(r"\.git/(?:logs|packed-refs|refs|ORIG_HEAD|FETCH_HEAD)\b"),),
)
_BY_HASH: Final = (
    _GIT,
    re.compile(r"\s(?:show|checkout|diff|log|restore|cat-file|apply|format-patch|reset|worktree)\b"),
    re.compile(r"\s[\^\"']?(?P<hash>[0-9a-f]{7,40})\b"),
)
_HIDDEN: Final = re.compile(
    r"FAIL_TO_PASS|PASS_TO_PASS|\btest_patch\b|\bgold(?:en)?[_.-]patch\b|load_dataset\([^)\n]{0,200}swe-?bench"
    r"|/swebench/\S+",
    re.IGNORECASE,
)
_FETCHER: Final = (
    r"(?:(?:curl|wget|aria2c|requests\.\w+|urlopen|urlretrieve|gh\s+(?:api|pr|issue|repo|search))\b"
    # HTTPie's command, and not a module or folder of that name
    r"|(?<![\w./:-])https?\s+(?:-\S+\s+){0,9}(?:(?i:get|head|post)\s+)?(?=\S*[/:.]))"
)
_HOST: Final = re.compile(r"(?:github\.com|githubusercontent\.com|gitlab\.com|bitbucket\.org)")
_INSTALLER: Final = (
    re.compile(r"\b(?:pip3?|uv|conda|mamba|easy_install)\b", re.IGNORECASE),
    re.compile(r"\s(?:install|download)\b", re.IGNORECASE),
)
_END_OF_COMMAND: Final = re.compile(r"[\n;|&]")
_FENCED: Final = re.compile(
    r"^```[\w-]{0,40}?(?:bash|sh|shell|console)[\w-]{0,40}[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL
)
_ARGUMENTS: Final = ("command", "cmd", "script", "code")


def audit(commands: Iterable[str], problem: Problem) -> tuple[str, ...]:
    """Return one line for each command that looks where an honest arm has no business.

    That is: history beyond the base commit, the project itself or its host over the network, an installed copy of the
    project, the hidden tests. `commands` are shell commands, or code.
    """
    signs = list(_suspicious(problem))
    reasons = []
    for command in commands:
        text = command.replace("\\\n", " ")
        lines, pieces = text.split("\n"), _END_OF_COMMAND.split(text)
        told = set()
        for what, steps, of_lines in signs:
            found = (_one_after_the_other(steps, piece) for piece in (lines if of_lines else pieces))
            if what not in told and (match := next(filter(None, found), None)):
                told.add(what)
                reasons.append(f"transcript: {what}: {match[0][:100]!r}")
        for piece in pieces:
            place = 0
            while match := _one_after_the_other(_BY_HASH, piece, place):
                seen, place, last = match
                if not problem.base_commit.startswith(last["hash"]):
                    reasons.append(f"transcript: reads a commit that is not the base: {seen[:100]!r}")
    return tuple(dict.fromkeys(reasons))


def _one_after_the_other(
    steps: Sequence[re.Pattern[str]], text: str, place: int = 0
) -> tuple[str, int, re.Match[str]] | None:
    """Find the first of `steps` in `text` from `place` on, the next behind it, and so on.

    Returns what they span, where that ends, and the last one's match; None where one is missing. One expression with
    gaps in it would find the same, in a time that grows with the square or the cube of the text.
    """
    spans = []
    for step in steps:
        match = step.search(text, place)
        if match is None:
            return None
        place = match.end()
        spans.append(match)
    return text[spans[0].start() : place].strip(), place, spans[-1]


def commands_of(transcript: Path) -> Iterator[str]:
    """Yield the commands that a model asked for: of its tool calls, and of shell blocks in its words.

    `transcript` has one exchange a line, as `providers.meter` writes it. Raises ValueError for a line that is no JSON.
    """
    with transcript.open(encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            answer: dict[str, Any] = json.loads(line).get("answer") or {}
            for call in answer.get("tool_calls") or ():
                arguments = call.get("arguments") or {}
                yield from (_text(arguments[name]) for name in _ARGUMENTS if name in arguments)
            yield from _FENCED.findall(answer.get("text") or "")


def _text(argument: Any) -> str:
    """Return a command as text; some tools take it as a list of words."""
    return " ".join(map(str, argument)) if isinstance(argument, list) else str(argument)


def _suspicious(problem: Problem) -> Iterator[tuple[str, Sequence[re.Pattern[str]], bool]]:
    """Yield what to look for: its name, the steps, and whether they may stand anywhere in a line or in one command."""
    for steps in _HISTORY:
        yield "reads history beyond the base commit", steps, False
    yield "looks for what is hidden", (_HIDDEN,), True
    yield "fetches from a code host", (re.compile(_FETCHER), _HOST), True
    project = problem.repo.rpartition("/")[2]
    if not project:
        return
    names = "|".join(re.escape(name) for name in {project, project.replace("-", "_"), project.removeprefix("python-")})
    wanted = rf"\s[\"']?(?:{names})(?:\[[^\]]{{0,100}}\])?(?:[=<>~!]=?\S*)?[\"']?(?=\s|$)"
    yield "fetches the project itself", (*_INSTALLER, re.compile(wanted, re.IGNORECASE)), False
    fetched = (re.compile(_FETCHER, re.IGNORECASE), re.compile(rf"\b(?:{names})\b", re.IGNORECASE))
    yield "fetches the project itself", fetched, True
    installed = rf"(?:site|dist)-packages/(?:{names})\b|\bpip3?\s+show\s+(?:-f|--files)\s+(?:{names})\b"
    yield "reads an installed copy of the project", (re.compile(installed, re.IGNORECASE),), True
