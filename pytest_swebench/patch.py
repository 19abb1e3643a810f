"""Unified diffs as text: made from file contents, and asked what they touch. Pure; nothing is run."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

_HEADER: Final = re.compile(r"^diff --git (?P<names>.+)$", re.MULTILINE)
_NEW_SIDE: Final = re.compile(r"^\+\+\+ [^\t\n]+", re.MULTILINE)
_SIDE: Final = re.compile(r"(?:---|\+\+\+) (?P<path>[^\t]+)")
_MOVED: Final = re.compile(r"(?:rename|copy) (?:from|to) (?P<path>.+)")
_HUNK: Final = re.compile(r"^@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@", re.MULTILINE)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPECIAL: Final = re.compile(r'["\x00-\x1f\x7f]')
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class EditError(Exception):
    """An edit that cannot be made; the message says which, why, and what stands nearest in the file."""


def repository_path(path: str) -> str:
    """Return `path` in its plain form. Raises EditError if it leads out of the repository."""
    plain = posixpath.normpath(path)
    if plain.startswith(("/", "../")) or plain in {".", ".."}:
        raise EditError(f"{path}: not a path inside the repository; give it relative to its root")
    return plain


def meant_path(path: str, read: Callable[[str], str]) -> str:
    """Return the path in the repository that a model means by `path`, in its plain form.

    An absolute path means the longest of its ends that is a file there, and `/testbed/x` means `x` even where there
    is none yet. `read` gives a file's content and raises FileNotFoundError. Raises EditError as `repository_path`.
    """
    if not path.startswith("/"):
        return repository_path(path)
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." not in parts:
        for end in ("/".join(parts[start:]) for start in range(len(parts))):
            try:
                read(end)
            except FileNotFoundError:
                continue
            return end
        if len(parts) > 1 and parts[0] == "testbed":
            return "/".join(parts[1:])
    return repository_path(path)


def header_lines(patch: str) -> Iterator[str]:
    """Yield the lines of a unified diff that stand outside its hunks."""
    old_left = new_left = 0
    for line in patch.split("\n"):
        if old_left > 0 or new_left > 0:  # inside a hunk `--- x` is a removed line, not a file
            old_left -= line[:1] not in {"+", "\\"}
            new_left -= line[:1] not in {"-", "\\"}
        else:
            if hunk := _HUNK.match(line):
                old_left, new_left = int(hunk["old"] or 1), int(hunk["new"] or 1)
            yield line


def changed_paths(patch: str) -> list[str]:
    """Return the paths a unified diff touches, sorted, without `a/` and `b/`, deleted files included."""
    return sorted({_without_prefix(name) for name in named_files(header_lines(patch))})


def named_files(lines: Iterable[str]) -> set[str]:
    """Return the names that header lines of a diff give to files, `a/` and `b/` included, without `/dev/null`."""
    names: set[str] = set()
    for line in lines:
        if header := _HEADER.match(line):
            names.update(_header_names(header["names"].rstrip("\r")))
        elif side := _SIDE.match(line):
            names.add(_unquoted(side["path"].strip()))
        elif moved := _MOVED.match(line):
            names.add(f"a/{_unquoted(moved['path'].strip())}")
    return names - {"/dev/null"}


def _header_names(names: str) -> list[str]:
    """Return the names in `diff --git a/X b/Y`; where X and Y differ, later lines give them unless quoted."""
    if names.startswith('"'):
        return [_unquoted(match) for match in _QUOTED.findall(names)]
    middle = len(names) // 2
    old, new = names[:middle], names[middle + 1 :]
    return [f"a/{old[2:]}"] if old[2:] == new[2:] and names[middle] == " " else []


def _without_prefix(path: str) -> str:
    return path[2:] if path.startswith(("a/", "b/")) else path


def _unquoted(path: str) -> str:
    r"""Undo git's quoting of names that are not plain ASCII: `"caf\303\251"` is `café`."""
    if not _QUOTED.fullmatch(path):
        return path

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(plain, path[1:-1].encode()).decode(errors="surrogateescape")


def looks_like_diff(text: str) -> bool:
    """Say whether `text` holds at least one hunk with a file to apply it to, or a git-only change."""
    return bool(_HEADER.search(text) or (_HUNK.search(text) and _NEW_SIDE.search(text)))


def make_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    r"""Return a git-style unified diff that turns the files `before` into `after`.

    Both map paths to contents; a path missing on one side is a new or deleted file. A last line without a newline
    is marked as git marks it. Lines end at `\n` alone, as for git.
    """
    parts = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        old_name, new_name = _quoted(f"a/{path}"), _quoted(f"b/{path}")
        lines = [f"diff --git {old_name} {new_name}\n"]
        if old is None:
            lines.append("new file mode 100644\n")
        if new is None:
            lines.append("deleted file mode 100644\n")
        hunks = difflib.unified_diff(
            split_lines(old),
            split_lines(new),
            "/dev/null" if old is None else old_name,
            "/dev/null" if new is None else new_name,
        )
        for line in hunks:
            lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
        parts.append("".join(lines))
    return "".join(parts)


def _quoted(name: str) -> str:
    """Write a name that would confuse git's reading as git writes it."""
    if not _SPECIAL.search(name):
        return name
    escaped = _SPECIAL.sub(lambda match: f"\\{ord(match[0]):03o}", name.replace("\\", "\\\\"))
    return f'"{escaped}"'


def split_lines(text: str | None) -> list[str]:
    """Return the lines of `text` with their ends, as git sees them: only a newline ends one."""
    # str.splitlines would also cut at form feeds and the like
    return [] if not text else re.findall(r"[^\n]*\n|[^\n]+\Z", text)
