"""Cutting a repository's future off: nothing that HEAD does not lead to may stay readable.

Deleting refs is not enough: reflogs, FETCH_HEAD and packed objects keep later commits readable by their hash. So
refs, logs and remotes go, the objects are repacked, and the script then lists what is left that HEAD, its index and
its own past tags do not reach. Tags on ancestors of HEAD stay: versions are computed from them.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from pytest_swebench.errors import InfraError
from pytest_swebench.sandbox.worktree import GIT

CLEAN: Final = 0
LEFTOVERS: Final = 10
NO_REPOSITORY: Final = 20

# `$1` is the folder, `$2` is `check` or `clean`. Prints one leftover a line. Exits with one of the codes above.
SCRIPT: Final = f"""
set -euo pipefail
export LC_ALL=C
git() {{ {GIT} "$@"; }}
cd "$1" 2>/dev/null && dir=$(cd "$(git rev-parse --git-dir 2>/dev/null)" && pwd) || exit {NO_REPOSITORY}
[ "$(git rev-parse --show-prefix)" = "" ] || exit {NO_REPOSITORY}
git rev-parse --verify --quiet 'HEAD^{{commit}}' >/dev/null || exit {NO_REPOSITORY}
branch=$(git symbolic-ref -q HEAD || true)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
state='FETCH_HEAD ORIG_HEAD MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD REBASE_HEAD AUTO_MERGE BISECT_LOG worktrees
rebase-merge rebase-apply sequencer'

foreign_refs() {{
  {{ git for-each-ref --merged HEAD --format='%(refname)' refs/tags; printf '%s\\n' "$branch"; }} | sort -u > "$tmp/own"
  git for-each-ref --format='%(refname)' | sort -u | comm -23 - "$tmp/own"
}}
leftovers() {{
  foreign_refs | sed 's/^/ref /'
  git remote | sed 's/^/remote /'
  for name in $state; do if [ -e "$dir/$name" ]; then echo "state $name"; fi; done
  if [ -e "$dir/objects/info/alternates" ]; then echo 'state objects/info/alternates'; fi
  {{ git for-each-ref --merged HEAD --format='%(objectname)' refs/tags; git rev-parse HEAD; }} > "$tmp/roots"
  {{ git rev-list --objects --stdin < "$tmp/roots" | cut -d' ' -f1; cat "$tmp/roots"
     git ls-files -s | cut -d' ' -f2; }} | sort -u > "$tmp/reached"
  git cat-file --batch-all-objects --batch-check='%(objectname)' | sort -u > "$tmp/all"
  comm -13 "$tmp/reached" "$tmp/all" > "$tmp/unreached"
  sed -n '1,20s/^/object /p' "$tmp/unreached"
}}

if [ "$2" = clean ]; then
  git remote | while read -r name; do git remote remove "$name"; done
  foreign_refs | sed 's/^/delete /' | git update-ref --no-deref --stdin
  for name in $state; do rm -rf "${{dir:?}}/$name"; done
  git reflog expire --expire=now --expire-unreachable=now --all
  rm -rf "$dir/logs" "$dir/objects/info/commit-graph" "$dir/objects/info/commit-graphs"
  rm -f "$dir"/objects/pack/*.keep
  git repack -a -d -q
  rm -f "$dir/objects/info/alternates"
  git prune --expire=now
  git pack-refs --all
fi
leftovers > "$tmp/report"
cat "$tmp/report"
if [ -s "$tmp/report" ]; then exit {LEFTOVERS}; fi
"""


def clean_repository(folder: Path, *, timeout_s: float = 600.0) -> None:
    """Cut off the future of the repository in `folder`, and prove it.

    Raises InfraError where something unreachable stays or git fails.
    """
    process = subprocess.Popen(
        ["bash", "-c", SCRIPT, "hygiene", str(folder), "clean"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=git_environment(),
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise InfraError(f"cleaning the git history of {str(folder)!r} took more than {timeout_s:g} s") from None
    if process.returncode != CLEAN:
        raise InfraError(describe(f"folder {str(folder)!r}", process.returncode, output.decode(errors="replace")))


def describe(where: str, code: int, output: str) -> str:
    """Say why the history of `where` could not be cut off."""
    tail = "\n".join(output.strip().splitlines()[-20:])
    if code == NO_REPOSITORY:
        return f"{where}: no git repository with a commit stands there"
    if code == LEFTOVERS:
        return f"{where}: git history beyond HEAD is still readable:\n{tail}"
    return f"{where}: cleaning its git history failed with exit code {code}:\n{tail}"


def git_environment() -> dict[str, str]:
    """Return an environment in which git reads no configuration but the repository's own, and asks nothing."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
