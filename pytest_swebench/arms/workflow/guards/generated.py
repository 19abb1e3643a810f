"""A generated test, run in the sandbox at the base commit, with or without a change."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pytest_swebench.arms.workflow.guards import bare_runner
from pytest_swebench.arms.workflow.shapes import GeneratedTest
from pytest_swebench.cell import digest
from pytest_swebench.errors import InfraError
from pytest_swebench.patch import changed_paths
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.sandbox.worktree import GIT, IGNORED

_GIT_TIMEOUT_S: Final = 120.0
_REPORT_BYTES: Final = 4_000_000
_TAIL_BYTES: Final = 4_000
_LARGEST_FILE_KIB: Final = 128 * 1024  # that a test may write, what it prints included
_BASE: Final = "refs/swebench/base"
_BEGUN: Final = ">>>begun"
_HEAD: Final = re.compile(r"^>>> (?P<runner>pytest|bare|none|unapplied) (?P<code>\d+) (?P<report>\S*)$", re.MULTILINE)
_PYTEST: Final = (
    "--noconftest --tb=short -q -p no:cacheprovider -o addopts= -o required_plugins= -o filterwarnings= "
    "-o python_classes=Test -o python_functions=test -o junit_logging=no -o strict=false -o strict_config=false"
)
"""Nothing of the project's own set-up but its settings: that may want plugins which are not loaded."""

_KEPT: Final = " ".join(f"-e {shlex.quote(pattern)}" for pattern in IGNORED)
# A test may commit, stage, be killed while git runs. What the project ignores stays, it was built; but not {made}.
_RESTORE: Final = """
dir=$({git} rev-parse --absolute-git-dir) && rm -f "$dir"/*.lock
{git} rev-parse -q --verify {base} > /dev/null || {git} update-ref {base} HEAD
{git} clean -ffdqx -- {made} || true
{git} update-ref HEAD {base} && {git} reset -q --hard && {git} clean -ffdq {kept}
"""

# In: the runner, the test and the diff, one behind the other. Out: one line with all that counts, then the log's tail.
_SCRIPT: Final = """
set -u
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
restore() {{ {restore} }}
head -c {runner_bytes} > "$tmp/runner.py"
head -c {test_bytes} > "$tmp/test.py"
cat > "$tmp/diff"
runner=none code=0
python=$(command -v python || command -v python3 || true)
unset PYTEST_ADDOPTS PYTEST_PLUGINS
export PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
restore && cat "$tmp/test.py" > {name} || exit 1
echo "{begun}"
{{
  if [ -s "$tmp/diff" ] && ! {git} apply --whitespace=nowarn "$tmp/diff"; then
    runner=unapplied
  elif [ -n "$python" ] && "$python" -c 'import pytest' 2> /dev/null; then
    runner=pytest
    (
      ulimit -f {file_kib}
      exec "$python" -m pytest {options} --basetemp="$tmp/base" --junitxml="$tmp/report.xml" {collect_only} {name}
    ); code=$?
  elif [ -n "$python" ]; then
    runner=bare
    (ulimit -f {file_kib}; exec "$python" "$tmp/runner.py" {name} "$tmp/report.xml" {collect}); code=$?
  fi
}} > "$tmp/log" 2>&1 < /dev/null
report=
if [ -f "$tmp/report.xml" ]; then report=$(head -c {report_bytes} "$tmp/report.xml" | base64 | tr -d '\\n'); fi
printf '>>> %s %s %s\\n' "$runner" "$code" "$report"
tail -c {tail_bytes} "$tmp/log"
"""


class Runner(StrEnum):
    """What ran a test; the last two ran nothing."""

    PYTEST = "pytest"
    BARE = "bare"  # the environment has no pytest
    NONE = "none"  # nor has it Python
    UNAPPLIED = "unapplied"  # git did not take the change


@dataclass(frozen=True, slots=True)
class Ran:
    """How a test file ended, by pytest's exit code and its JUnit report.

    `failed` and `errors` hold (name, message): exceptions in the body of a test, and those around it. `runner` is None
    where the test did not end, or ended all that ran it.
    """

    runner: Runner | None
    exit_code: int
    tail: str
    passed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    timed_out: bool = False


def run_test(sandbox: Sandbox, test: GeneratedTest, *, diff: str = "", timeout_s: float, collect: bool = False) -> Ran:
    """Run `test` on the base commit with `diff` applied, or only collect it, and restore the working copy.

    Raises InfraError where the sandbox cannot even begin.
    """
    code = test.test_code.encode("utf-8", errors="replace")
    change = diff.encode("utf-8", errors="surrogateescape")
    runner = Path(bare_runner.__file__).read_bytes()
    name = f"test_swebench_{digest(test.test_code)}.py"  # the same each time, so that recordings serve it
    made = " ".join(shlex.quote(f":(top,literal){path}") for path in [name, *changed_paths(diff)])
    restore = _RESTORE.format(git=GIT, base=_BASE, kept=_KEPT, made=made)
    script = _SCRIPT.format(
        runner_bytes=len(runner),
        test_bytes=len(code),
        restore=restore,
        begun=_BEGUN,
        file_kib=_LARGEST_FILE_KIB,
        git=GIT,
        name=name,
        options=_PYTEST,
        collect_only="--collect-only" if collect else "",
        collect="collect" if collect else "",
        report_bytes=_REPORT_BYTES,
        tail_bytes=_TAIL_BYTES,
    )
    try:
        result = sandbox.run(script, timeout_s=timeout_s, stdin=runner + code + change)
    finally:
        restored = sandbox.run(restore, timeout_s=_GIT_TIMEOUT_S)
    if restored.exit_code != 0:
        raise InfraError(f"the working copy could not be restored after a test: {restored.output[-500:]}")
    if result.timed_out:
        return Ran(None, result.exit_code, result.output[-_TAIL_BYTES:], timed_out=True)
    head = _HEAD.search(result.output)
    if head is None and _BEGUN in result.output:
        return Ran(None, result.exit_code, "the test ended the process that ran it")
    if head is None:
        raise InfraError(
            f"a test could not be run in the sandbox (exit code {result.exit_code}): {result.output[-500:]}"
        )
    return _read(head, result.output[head.end() :].strip())


def _read(head: re.Match[str], tail: str) -> Ran:
    runner, exit_code = Runner(head["runner"]), int(head["code"])
    suite = _parsed(head["report"])
    if suite is None:
        return Ran(runner, exit_code, tail)
    passed, failed, errors = [], [], []
    for case in suite.iter("testcase"):
        name = case.get("name", "")
        bad = {kind: case.find(kind) for kind in ("error", "failure", "skipped")}
        if (error := bad["error"]) is not None:
            errors.append((name, error.get("message", "")))
        if (failure := bad["failure"]) is not None:
            failed.append((name, failure.get("message", "")))
        if not any(found is not None for found in bad.values()):
            passed.append(name)
    return Ran(runner, exit_code, tail, passed=tuple(passed), failed=tuple(failed), errors=tuple(errors))


def _parsed(encoded: str) -> ElementTree.Element | None:
    """Return a report, None where there is none or the test has made it something else."""
    try:
        content = base64.b64decode(encoded, validate=True)
        return None if b"<!DOCTYPE" in content else ElementTree.fromstring(content)
    except (binascii.Error, ElementTree.ParseError, ValueError):
        return None
