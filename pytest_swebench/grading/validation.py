"""Is a patch that an arm leaves worth grading? Told before anything is graded, for a reason that can be counted.

A patch is valid if it is a unified diff of text files, of at most 5 MB, inside the repository, that some step of the
official apply chain takes. `inspect` tells what its text shows; `validate` also runs that very chain, in the arm's own
sandbox, on a repository of its own: index and objects of the base commit, and only those files that the patch could
touch. The arm's working copy, index and configuration stay as they are, and have no say.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pytest_swebench.grading.apply import NOT_APPLIED, RUN_SCRIPT, applied_with
from pytest_swebench.patch import header_lines, looks_like_diff, named_files
from pytest_swebench.records.layout import EVAL_FILE, PATCH_FILE, as_bytes
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.sandbox.worktree import GIT

MAX_BYTES: Final = 5_000_000
_TIMEOUT_S: Final = 120.0
_NOT_READ: Final = 96
"""Exit code where the base commit could not be laid out, so that nothing was tried."""

_BINARY: Final = re.compile(r"GIT binary patch|Binary files .+ differ")
_COMPLAINT: Final = re.compile(r"^(?:error: (?!while searching)|patch: ).+|^Hunk #\d+ FAILED.*", re.MULTILINE)
_SHOWN_CHARACTERS: Final = 200
_END_OF_SCRIPT: Final = "END_OF_OFFICIAL_CHAIN"


class PatchKind(StrEnum):
    """What a patch is, as far as grading it goes."""

    OK = "ok"
    EMPTY = "empty"
    NOT_A_DIFF = "not_a_diff"
    BINARY = "binary"
    TOO_LARGE = "too_large"
    OUTSIDE = "outside"
    DOES_NOT_APPLY = "does_not_apply"


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found; `reason` says why a patch is not valid, or why a valid one could not be tried on the base."""

    kind: PatchKind
    reason: str = ""
    size_bytes: int = 0

    @property
    def valid(self) -> bool:
        return self.kind is PatchKind.OK

    def as_json(self) -> dict[str, Any]:
        """Return the shape stored in a record."""
        return {"valid": self.valid, "kind": str(self.kind), "reason": self.reason, "size_bytes": self.size_bytes}


def validate(
    patch: str, sandbox: Callable[[], Sandbox], *, base: str = "HEAD", max_bytes: int = MAX_BYTES
) -> Validation:
    """Inspect `patch` and try it on commit `base` in one command of the sandbox, which is asked for only then.

    An arm whose sandbox can no longer lay out its base commit loses nothing by it: grading judges then. Raises what
    the sandbox raises where it is gone.
    """
    seen = inspect(patch, max_bytes=max_bytes)
    if not seen.valid:
        return seen
    content, names = as_bytes(patch), b"".join(as_bytes(f"{path}\0") for path in _within_reach(patch))
    command = _script(base, len(names), len(content))
    result = sandbox().run(command, timeout_s=_TIMEOUT_S, stdin=names + content)
    if result.exit_code == NOT_APPLIED:
        return _refused(patch, result.output, seen.size_bytes)
    if result.exit_code != 0 or not applied_with(result.output):
        last = (result.output.strip().splitlines() or ["no word"])[-1][:_SHOWN_CHARACTERS]
        return Validation(PatchKind.OK, f"not tried on the base commit: {last}", seen.size_bytes)
    return seen


def inspect(patch: str, *, max_bytes: int = MAX_BYTES) -> Validation:
    """Return what the text of `patch` shows; nothing is run, so `OK` says only that it may be tried."""
    size_bytes = len(as_bytes(patch))

    def found(kind: PatchKind, reason: str) -> Validation:
        return Validation(kind, reason, size_bytes)

    if not patch.strip():
        return found(PatchKind.EMPTY, "there is no patch")
    if size_bytes > max_bytes:
        return found(PatchKind.TOO_LARGE, f"{size_bytes / 1e6:.3g} MB, at most {max_bytes / 1e6:g} are accepted")
    if not looks_like_diff(patch):
        return found(PatchKind.NOT_A_DIFF, f"no unified diff, it begins {patch.strip()[:40]!r}")
    headers = list(header_lines(patch))
    named: set[str] = set()
    for line in headers:
        named = named_files([line]) or named
        if _BINARY.match(line):
            return found(PatchKind.BINARY, f"it changes the binary file {min(named, default='a/?')[2:]!r}")
    if outside := sorted(name for name in named_files(headers) if ".." in name.split("/")):
        return found(PatchKind.OUTSIDE, f"{outside[0]!r} leads out of the repository")
    return found(PatchKind.OK, "")


def _refused(patch: str, output: str, size_bytes: int) -> Validation:
    absolute = sorted(name for name in named_files(header_lines(patch)) if name.startswith("/"))
    if absolute:
        return Validation(PatchKind.OUTSIDE, f"{absolute[0]!r} is no path inside the repository", size_bytes)
    complaint = _COMPLAINT.search(output)
    said = complaint[0][:_SHOWN_CHARACTERS] if complaint else "no official command applies it"
    return Validation(PatchKind.DOES_NOT_APPLY, said, size_bytes)


def _within_reach(patch: str) -> list[str]:
    """Return every path that some command of the chain could take for a file of the patch, with its parents.

    More than there are: all lines that could name a file count, with their first folder and without it. A parent
    counts because it may be a symbolic link.
    """
    paths: set[str] = set()
    for name in named_files(patch.split("\n")) | named_files(_loose(patch)):
        for path in (name, name.partition("/")[2]):
            parts = path.strip("/").split("/")
            paths.update("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return sorted(path for path in paths if path and "\0" not in path)


def _loose(patch: str) -> list[str]:
    """Return the names that only `patch` reads, as lines that name a file: up to a space, and after `Index:`."""
    names = re.findall(r"^(?:---|\+\+\+|\*\*\*|Index:) (\S+)", patch, re.MULTILINE)
    return [f"+++ {name}" for name in names]


def _script(base: str, names_bytes: int, patch_bytes: int) -> str:
    """Return the command that lays out commit `base` and runs the official chain on the patch given on stdin.

    Files that the patch cannot touch are marked as left out on purpose, so that `git checkout -- .` between the
    chain's attempts does not bring them. Where it meets a symbolic link, which `patch` follows, it can touch any.
    """
    return f"""\
set -u
tmp=$(mktemp -d) || exit {_NOT_READ}
trap 'rm -rf "$tmp"' EXIT
lay_out() {{
  set -e
  head -c {names_bytes} | LC_ALL=C sort -zu > "$tmp/named"
  head -c {patch_bytes} > "$tmp/{PATCH_FILE}"
  : > "$tmp/{EVAL_FILE}"
  base=$({GIT} rev-parse --verify --quiet {shlex.quote(f"{base}^{{commit}}")})
  objects=$(cd "$({GIT} rev-parse --git-path objects)" && pwd)
  git init -q --template= "$tmp/tree"
  mkdir -p "$tmp/tree/.git/objects/info"
  printf '%s\\n' "$objects" > "$tmp/tree/.git/objects/info/alternates"
  cd "$tmp/tree"
  git read-tree "$base"
  git ls-files -z | LC_ALL=C sort -z > "$tmp/all"
  {{ cat "$tmp/named"; grep -zE '(^|/)\\.git(ignore|attributes)$' "$tmp/all" || :; }} | LC_ALL=C sort -zu > "$tmp/some"
  LC_ALL=C comm -z -12 "$tmp/all" "$tmp/some" > "$tmp/wanted"
  git checkout-index -q -u -z --stdin < "$tmp/wanted"
  if [ "$(find . -path ./.git -prune -o -type l -print -quit)" ]; then
    git checkout-index -q -u -a
  else
    LC_ALL=C comm -z -23 "$tmp/all" "$tmp/some" | git update-index -z --skip-worktree --stdin
  fi
}}
unset ${{!GIT_@}}
(lay_out)
[ $? = 0 ] || {{ echo "the base commit could not be laid out"; exit {_NOT_READ}; }}
cat > "$tmp/chain.sh" <<'{_END_OF_SCRIPT}'
{RUN_SCRIPT}{_END_OF_SCRIPT}
SWEBENCH_TESTBED="$tmp/tree" SWEBENCH_FILES="$tmp" bash "$tmp/chain.sh" </dev/null 2>&1
"""
