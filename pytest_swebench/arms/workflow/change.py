"""From the edits of a `Patch` to file contents and a unified diff.

An edit is taken where its search text stands once: as whole lines, else as lines with other blanks around them (the
replacement is then indented as they are), else within a line. Blanks are what models get wrong most often.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_swebench.arms.change import Change, changed
from pytest_swebench.arms.edits import Edit, EditError, apply_edits
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.patch import split_lines

Place = tuple[int, int, str]
"""The first of some lines, how many they are, and what takes their place."""


def change_of(patch: Patch, read: Callable[[str], str]) -> Change:
    """Make the edits of `patch` one after another.

    `read` gives the present content of a file, undecodable bytes as surrogates, and raises FileNotFoundError. Raises
    EditError for an edit that does not fit its file, with the nearest lines of the file.
    """
    steps = (
        (edit.file.strip(), edit.search, partial(_edited, search=edit.search, replace=edit.replace))
        for edit in patch.edits
    )
    return changed(steps, read)


def _edited(path: str, content: str, search: str, replace: str) -> str:
    if not search.strip():
        if content.strip():
            raise EditError(f"{path}: the search text is empty, but the file exists and is not")
        return replace
    if "\r\n" in content and "\n" not in content.replace("\r\n", ""):  # models do not see what ends a line
        edited = _edited(path, *(text.replace("\r\n", "\n") for text in (content, search, replace)))
        return edited.replace("\n", "\r\n")
    lines = split_lines(content)
    for places in (_whole(lines, search, replace), _shifted(lines, search, replace)):
        _check_unique(path, len(places))
        for place in places:
            return _put(lines, *place)
    times = content.count(search)
    _check_unique(path, times)
    if times:
        return content.replace(search, replace)
    raise _missing(path, content, search)


def _check_unique(path: str, times: int) -> None:
    if times > 1:
        raise EditError(f"{path}: the search text stands there {times} times, it must be unique; take in more")


def _whole(lines: list[str], search: str, replace: str) -> list[Place]:
    """Return where `search` stands as whole lines."""
    wanted = [line.rstrip("\n") for line in split_lines(search)]
    plain = [line.rstrip("\n") for line in lines]
    last = len(plain) - len(wanted)
    starts = [start for start in range(last + 1) if plain[start : start + len(wanted)] == wanted]
    return [(start, len(wanted), replace) for start in starts]


def _shifted(lines: list[str], search: str, replace: str) -> list[Place]:
    """Return where lines stand that differ from `search` in the blanks around them alone.

    Blank lines around `search` stand for none of the file; as many around `replace` are none either.
    """
    wanted, instead = split_lines(search), split_lines(replace)
    for end in (0, -1):
        while not wanted[end].strip():
            wanted.pop(end)
            if instead and not instead[end].strip():
                instead.pop(end)
    bare, plain = [line.strip() for line in wanted], [line.strip() for line in lines]
    found = []
    for start in range(len(plain) - len(bare) + 1):
        there = lines[start : start + len(bare)]
        if plain[start : start + len(bare)] == bare and (moved := _moved(wanted, there, instead)) is not None:
            found.append((start, len(bare), _ended(moved, there)))
    return found


def _moved(wanted: list[str], there: list[str], instead: list[str]) -> list[str] | None:
    """Return `instead` moved as `wanted` has to be to stand where `there` does, None where no one shift does it."""
    pairs = [(_indent(ours), _indent(theirs)) for ours, theirs in zip(wanted, there, strict=True) if ours.strip()]
    ours, theirs = pairs[0]
    if theirs.endswith(ours):
        more = theirs[: len(theirs) - len(ours)]
        if all(after == more + before for before, after in pairs):
            return [more + line if line.strip() else line for line in instead]
    elif ours.endswith(theirs):
        less = ours[: len(ours) - len(theirs)]
        if all(before == less + after for before, after in pairs) and all(
            line.startswith(less) or not line.strip() for line in instead
        ):
            return [line.removeprefix(less) for line in instead]
    return None


def _ended(instead: list[str], there: list[str]) -> str:
    """Return the lines `instead`, each with the end of the line whose place it takes; those beyond, of the last."""
    places = [there[min(at, len(there) - 1)] for at in range(len(instead))]
    ends = ["\r\n" if place.endswith("\r\n") else "\n" for place in places]
    return "".join(line.rstrip("\r\n") + end for line, end in zip(instead, ends, strict=True))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _put(lines: list[str], start: int, count: int, replace: str) -> str:
    """Return the content with `count` lines replaced; its last line ends as it did."""
    instead = replace if not replace or replace.endswith("\n") else f"{replace}\n"
    text = "".join((*lines[:start], instead, *lines[start + count :]))
    return text if lines[-1].endswith("\n") or start + count < len(lines) else text.removesuffix("\n")


def _missing(path: str, content: str, search: str) -> EditError:
    try:
        apply_edits([Edit(path, search, "")], lambda _: content)  # its error shows what stands nearest
    except EditError as error:
        return error
    return EditError(f"{path}: the search text is not in the file")
