"""What every sandbox asks of its working copy: the diff an arm leaves, the tracked files, paths that stay inside.

The scripts run with bash inside the sandbox, so they see the arm's own files and never touch its git index.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import Final

from pytest_swebench.errors import SwebenchError

IGNORED: Final = (
    "__pycache__/",
    "*.py[cod]",
    "*.egg-info/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    ".coverage",
    ".tox/",
    ".eggs/",
)
"""Litter that running a project leaves behind; source releases often bring no `.gitignore` that names it."""

TIMEOUT_EXIT_CODE: Final = 124
"""What `timeout` returns, and every sandbox with it."""

OUTPUT_LIMIT_BYTES: Final = 10 * 1024 * 1024
"""What is kept of a command's output; the rest is counted, not stored."""

GIT: Final = "command git -c safe.directory='*' -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0"
"""Git that runs nothing a repository configures and does not care who owns it."""

# A copy of the index keeps its stat cache (fast) and an arm's `git add -f`; new objects go to a folder of their own.
DIFF_SCRIPT: Final = f"""
set -eu
base=$1 as_binary=$2; shift 2
dir=$(cd "$({GIT} rev-parse --git-dir)" && pwd)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/objects"
printf '%s\\n' {" ".join(f"'{pattern}'" for pattern in IGNORED)} > "$tmp/ignore"
: > "$tmp/attributes"
if [ "$as_binary" = 1 ]; then echo '* -diff' > "$tmp/attributes"; fi
if [ -f "$dir/index" ]; then cp "$dir/index" "$tmp/index"; fi
export GIT_INDEX_FILE="$tmp/index" GIT_OBJECT_DIRECTORY="$tmp/objects"
export GIT_ALTERNATE_OBJECT_DIRECTORIES="$dir/objects"
git() {{ {GIT} -c core.excludesFile="$tmp/ignore" -c core.attributesFile="$tmp/attributes" "$@"; }}
git add -A --ignore-errors . >&2
names=--binary
if [ "$as_binary" = names ]; then names='--name-only -z'; fi
git diff --cached $names --no-color --no-ext-diff --no-textconv --no-renames --src-prefix=a/ --dst-prefix=b/ \\
  "$base" -- "$@"
"""

FILES_SCRIPT: Final = f"{GIT} ls-files -z"

READ_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""How much `Sandbox.read_all` returns at most."""

# In: names, each ended by NUL. Out: a line `<number of the name>:<size>` for each file, an empty line, the contents.
# The lines are written at once: one by one, each would come as a frame of its own.
READ_ALL_SCRIPT: Final = """
set -eu
max=$1 room=$2 places=() files=() lines=() kept=()
mapfile -d '' -t names
for place in "${!names[@]}"; do
  file=./${names[place]}
  if [[ -f $file && ! -L $file && -r $file ]]; then places+=("$place"); files+=("$file"); fi
done
if ((${#files[@]})); then mapfile -t sizes < <(printf '%s\\0' "${files[@]}" | xargs -0 stat -c %s --); fi
for i in "${!files[@]}"; do
  size=${sizes[i]}
  if ((size > max || size > room)); then continue; fi
  room=$((room - size))
  lines+=("${places[i]}:$size")
  kept+=("${files[i]}")
done
printf '%s\\n' "${lines[@]}" ''
if ((${#kept[@]})); then printf '%s\\0' "${kept[@]}" | xargs -0 cat --; fi
"""

RunScript = Callable[[str, tuple[str, ...]], bytes]
"""Runs a bash script with arguments in the working copy and returns its stdout; raises SwebenchError otherwise."""


def diff(run: RunScript, base: str) -> str:
    """Return the working copy's diff against commit `base`: UTF-8 text, or git binary patches for other files."""
    whole = run(DIFF_SCRIPT, (base, "0"))
    try:
        return whole.decode()
    except UnicodeDecodeError:
        names = [name for name in run(DIFF_SCRIPT, (base, "names")).split(b"\0") if name]
    parts = []
    for name in names:
        path = f":(top,literal){name.decode(errors='surrogateescape')}"
        part = run(DIFF_SCRIPT, (base, "0", path))
        try:
            parts.append(part.decode())
        except UnicodeDecodeError:
            binary = run(DIFF_SCRIPT, (base, "1", path))
            # The file's own attributes may insist on text; then every byte still survives the way to a file and back.
            parts.append(binary.decode(errors="surrogateescape"))
    return "".join(parts)


def files(run: RunScript) -> list[str]:
    """Return the tracked files, sorted."""
    listing = run(FILES_SCRIPT, ()).decode(errors="surrogateescape")
    return sorted(set(listing.split("\0")) - {""})


def read_all(run: Callable[[bytes], bytes], workdir: str, paths: Iterable[str]) -> dict[str, bytes]:
    """Return files by the paths they were asked by; `run` gives READ_ALL_SCRIPT its input and returns its stdout.

    Raises SwebenchError for files that changed while they were read.
    """
    asked = [(path, relative) for path in dict.fromkeys(paths) if (relative := inside(workdir, path)) is not None]
    names = "".join(f"{relative}\0" for _, relative in asked)
    head, _, contents = run(names.encode(errors="surrogateescape")).partition(b"\n\n")
    found, start = {}, 0
    for line in head.split():  # without any file the output is one empty line
        place, size = map(int, line.split(b":"))
        found[asked[place][0]] = contents[start : start + size]
        start += size
    if start != len(contents):
        raise SwebenchError(f"the files of {workdir!r} changed while they were read: {len(contents)} bytes for {start}")
    return found


def inside(workdir: str, path: str) -> str | None:
    """Return `path` relative to the working copy, or None where it leads out of it."""
    relative = posixpath.relpath(posixpath.normpath(posixpath.join(workdir, path)), workdir)
    return None if relative == ".." or relative.startswith("../") else relative


class Collected:
    """The first `limit_bytes` of a stream and a count of what came after."""

    def __init__(self, limit_bytes: int = OUTPUT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self._dropped_bytes = 0

    def __call__(self, chunk: bytes) -> None:
        room = max(0, self._limit_bytes - len(self._kept))
        self._kept += chunk[:room]
        self._dropped_bytes += max(0, len(chunk) - room)

    def text(self) -> str:
        """Return the output as text, with a last line that counts what is missing."""
        text = self._kept.decode(errors="replace")
        return f"{text}\n[{self._dropped_bytes} more bytes were dropped]\n" if self._dropped_bytes else text

    def whole(self, what: str) -> bytes:
        """Return the output as bytes; raises SwebenchError where some of it was dropped."""
        if self._dropped_bytes:
            total = len(self._kept) + self._dropped_bytes
            raise SwebenchError(f"{what} is {total} bytes; at most {self._limit_bytes} are accepted")
        return bytes(self._kept)
