"""What the steps of a workflow are told of a problem: `$specification`, and `$files` for those that need code.

`specification` is the same for all steps of a cell. `shown_files` follows the accepted answers: the files that they
name, and before any names one, those that the issue names or that match it best. Nothing hidden is at hand here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.context.listing import listing
from pytest_swebench.arms.context.material import Material
from pytest_swebench.arms.context.shown import LISTING_TOKENS, file_text
from pytest_swebench.arms.context.sources import MAX_BYTES, is_source, is_test, text_of
from pytest_swebench.arms.context.words import words
from pytest_swebench.arms.workflow.prompt import shortened
from pytest_swebench.arms.workflow.shapes import LocalisedTests, Shape
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.providers.tokens import BYTES_PER_TOKEN, estimate_tokens
from pytest_swebench.sandbox.protocol import Sandbox

STATEMENT_CHARS: Final = 60_000
SAMPLE_CHARS: Final = 3_000
FILES_TOKENS: Final = 30_000

_AROUND: Final = 40  # lines shown on either side of a line that matters, where a file is too long to be shown whole
_NAME_PARTS: Final = 2  # of a path that tell what a file of tests is about
_WORD: Final = re.compile(r"[A-Za-z_]\w{2,}")


def specification(problem: Problem, sandbox: Sandbox) -> str:
    """Return the issue, what lies in the repository, and how its tests look: one conftest and one test file."""
    tracked = sandbox.files()
    parts = [
        f"<issue>\n{shortened(problem.statement, STATEMENT_CHARS)}\n</issue>",
        f'<files repository="{problem.repo}">\n{listing(tracked, LISTING_TOKENS)}\n</files>',
        *_test_samples(problem.statement, tracked, sandbox),
    ]
    return clean("\n\n".join(parts))


def shown_files(
    problem: Problem,
    sandbox: Sandbox,
    accepted: Mapping[type[Shape], Shape],
    limit: int,
    material: Callable[[], Material],
) -> str:
    """Return at most `limit` files of the base commit as a request shows them, about `FILES_TOKENS` tokens of them.

    `material` is what a request about the problem may show, for the case that no answer names a file.
    """
    tracked = frozenset(sandbox.files())
    # the latest first; tests that are near the fault are not what has to change
    answers = [answer.model_dump() for shape, answer in reversed(list(accepted.items())) if shape is not LocalisedTests]
    named = [path for answer in answers for path in _paths(answer)]
    chosen = [path for path in dict.fromkeys(map(_plain, named)) if path in tracked][:limit]
    found = sandbox.read_all(chosen, max_bytes=MAX_BYTES)
    texts = {path: text for path in chosen if path in found and (text := text_of(found[path])) is not None}
    if not texts:
        retrieved = material()
        best = [path for path in retrieved.candidates if path in retrieved.wanted or not is_test(path)]
        texts = {path: retrieved.candidates[path] for path in best[:limit]}
    names = frozenset(_WORD.findall(" ".join([problem.statement, *_strings(answers)])))
    room, shown = FILES_TOKENS, []
    for path, text in texts.items():
        whole = file_text(path, text)
        part = whole if estimate_tokens(whole) <= room else file_text(path, _passages(text, names, room))
        room -= estimate_tokens(part)
        shown.append(part)
    return clean("\n\n".join(shown))


def _test_samples(statement: str, tracked: Sequence[str], sandbox: Sandbox) -> Iterator[str]:
    """Yield the topmost conftest and the file of tests that is named most like the issue, their beginnings."""
    tests = [path for path in tracked if is_test(path) and is_source(path)]
    conftests = sorted((path for path in tests if path.endswith("conftest.py")), key=_from_the_top)
    samples = [path for path in tests if "test" in path.rpartition("/")[2] and not path.endswith("conftest.py")]
    chosen = [*conftests[:1], *_most_alike(statement, samples)[:1]]
    found = sandbox.read_all(chosen, max_bytes=MAX_BYTES)
    for path in chosen:
        text = text_of(found.get(path, b""))
        if text:
            yield f'<test_infrastructure path="{path}">\n{shortened(text, SAMPLE_CHARS)}\n</test_infrastructure>'


def _most_alike(statement: str, paths: Sequence[str]) -> list[str]:
    """Sort `paths` by the words that their ends share with `statement`, each counting by how few have it."""
    asked = frozenset(words(statement))
    shared = {path: asked.intersection(words("/".join(path.split("/")[-_NAME_PARTS:]))) for path in paths}
    times = Counter(word for found in shared.values() for word in found)
    return sorted(paths, key=lambda path: (-sum(1 / times[word] for word in shared[path]), *_from_the_top(path)))


def _from_the_top(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _paths(value: Any) -> Iterator[str]:
    """Yield what an answer says under `files`, `file` or `path`, however deep."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in {"files", "file", "path"}:
                yield from (text for text in ([inner] if isinstance(inner, str) else inner) if isinstance(text, str))
            yield from _paths(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _paths(inner)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


def _plain(path: str) -> str:
    return path.strip().removeprefix("./").lstrip("/")


def _passages(text: str, names: Iterable[str], room_tokens: int) -> str:
    """Return the parts of a long text around the definitions that `names` has, else its beginning."""
    lines = text.split("\n")
    definition = re.compile(rf"\s*(?:async\s+def|def|class)\s+({'|'.join(map(re.escape, sorted(names))) or '$^'})\b")
    wanted = [at for at, line in enumerate(lines) if definition.match(line)] or [0]
    kept: set[int] = set()
    room = int(room_tokens * BYTES_PER_TOKEN)
    for at in wanted:
        for number in range(max(0, at - _AROUND // 4), min(len(lines), at + _AROUND)):
            size = 0 if number in kept else len(lines[number].encode(errors="replace")) + 1
            if size > room:
                return _with_gaps(lines, kept)
            room -= size
            kept.add(number)
    return _with_gaps(lines, kept)


def _with_gaps(lines: Sequence[str], kept: set[int]) -> str:
    shown: list[str] = []
    last = -1
    for number in sorted(kept):
        if number != last + 1:
            shown.append(f"[... lines {last + 2} to {number} are left out ...]")
        shown.append(lines[number])
        last = number
    if last + 1 < len(lines):
        shown.append(f"[... lines {last + 2} to {len(lines)} are left out ...]")
    return "\n".join(shown)
