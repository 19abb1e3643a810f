from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_swebench.grading.apply import NOT_APPLIED, RUN_SCRIPT, applied_with

BASE = "".join(f"line {number}\n" for number in range(1, 21))
FIXED = BASE.replace("line 10\n", "line ten\n")
CLEAN = """\
diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -7,7 +7,7 @@
 line 7
 line 8
 line 9
-line 10
+line ten
 line 11
 line 12
 line 13
"""
FUZZY = CLEAN.replace(" line 7\n", " line seven\n").replace(" line 13\n", " line thirteen\n")
HOPELESS = CLEAN.replace("-line 10\n", "-line eleven hundred\n")
ADDED = """\
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+new
"""

# no settings of the person who runs the tests; the same for both sides
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
EVAL = "echo out; echo err >&2; cat; cat a.txt > seen.txt; exit 5\n"


@dataclass(frozen=True, slots=True)
class Repository:
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder / "repo", env=ENVIRONMENT, capture_output=True, text=True, check=False
        )

    def tree(self) -> dict[str, str]:
        names = self.run("git", "ls-files", "--cached", "--others", "--deduplicate").stdout.split()
        return {name: (self.folder / "repo" / name).read_text() for name in sorted(names)}


Make = Callable[..., Repository]


@pytest.fixture
def make_repository(tmp_path: Path) -> Make:
    def make(name: str, patch: str, *, before: str = BASE) -> Repository:
        repository = Repository(tmp_path / name)
        (repository.folder / "repo").mkdir(parents=True)
        (repository.folder / "repo" / "a.txt").write_text(BASE)
        for command in (
            ["init", "-q"],
            ["add", "a.txt"],
            ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qm", "base"],
        ):
            assert repository.run("git", *command).returncode == 0
        (repository.folder / "repo" / "a.txt").write_text(before)
        (repository.folder / "patch.diff").write_bytes(patch.encode())
        return repository

    return make


def apply_as_upstream(repository: Repository) -> tuple[str, dict[str, str]]:
    """Apply step by step as `run_instance` of swebench 5.0.2 does, one process a command."""
    patch = str(repository.folder / "patch.diff")
    commands = [
        "git apply --verbose",
        "git apply --verbose --3way",
        "git apply --verbose --reject",
        "patch --batch --forward --fuzz=5 -p1 -i",
    ]
    for attempt, command in enumerate(commands):
        if attempt:
            repository.run("bash", "-c", "git checkout -- . ; git clean -fd")
        if repository.run(*command.split(), patch).returncode == 0:
            return command, repository.tree()
    reverse = "git apply --check --reverse"
    if repository.run(*reverse.split(), patch).returncode == 0:
        return reverse, repository.tree()
    return "", repository.tree()


def run_script(repository: Repository, script: str = EVAL) -> subprocess.CompletedProcess[str]:
    (repository.folder / "eval.sh").write_text(script)
    environment = ENVIRONMENT | {
        "SWEBENCH_FILES": str(repository.folder),
        "SWEBENCH_TESTBED": str(repository.folder / "repo"),
    }
    return subprocess.run(["bash", "-c", RUN_SCRIPT], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("patch", "before", "command"),
    [
        (CLEAN, BASE, "git apply --verbose"),
        (ADDED, BASE, "git apply --verbose"),
        (CLEAN.removesuffix("\n"), BASE, "patch --batch --forward --fuzz=5 -p1 -i"),
        (FUZZY, BASE, "patch --batch --forward --fuzz=5 -p1 -i"),
        (CLEAN + "\nSome closing words.\n", BASE, "git apply --verbose"),
        (CLEAN.replace("\n", "\r\n"), BASE, None),
        (CLEAN, FIXED, None),
        (HOPELESS, BASE, ""),
        (CLEAN + HOPELESS.replace("a.txt", "b.txt"), BASE, ""),
        ("\n", BASE, None),
        ("this is no patch\n", BASE, None),
    ],
    ids=[
        "clean",
        "new file",
        "no final newline",
        "fuzzy",
        "words after it",
        "carriage returns",
        "applied before",
        "hopeless",
        "half hopeless",
        "blank",
        "no patch",
    ],
)
def test_the_chain_does_what_upstreams_commands_do(
    make_repository: Make, patch: str, before: str, command: str | None
) -> None:
    expected, tree = apply_as_upstream(make_repository("upstream", patch, before=before))
    repository = make_repository("ours", patch, before=before)
    done = run_script(repository, "true\n")
    assert (applied_with(done.stderr), repository.tree()) == (expected, tree)
    assert done.returncode == (0 if expected else NOT_APPLIED)
    assert command is None or expected == command


def test_a_commit_that_holds_the_patch_counts_as_applied(make_repository: Make) -> None:
    repository = make_repository("ours", CLEAN, before=FIXED)
    repository.run("git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qam", "fixed")
    done = run_script(repository)
    assert (done.returncode, applied_with(done.stderr)) == (0, "git apply --check --reverse")
    assert (repository.folder / "repo" / "seen.txt").read_text() == FIXED


def test_only_the_tests_write_to_the_log(make_repository: Make) -> None:
    repository = make_repository("ours", CLEAN)
    done = run_script(repository)
    assert (done.returncode, done.stdout) == (0, "out\nerr\n")
    assert "Applied patch a.txt cleanly." in done.stderr
    assert (repository.folder / "repo" / "seen.txt").read_text() == FIXED


def test_tests_do_not_run_on_a_patch_that_does_not_apply(make_repository: Make) -> None:
    repository = make_repository("ours", HOPELESS)
    done = run_script(repository)
    assert (done.returncode, done.stdout) == (NOT_APPLIED, "")
    assert not (repository.folder / "repo" / "seen.txt").exists()


def test_a_missing_repository_is_not_a_patch_that_does_not_apply(make_repository: Make) -> None:
    repository = make_repository("ours", CLEAN)
    (repository.folder / "repo").rename(repository.folder / "elsewhere")
    done = run_script(repository)
    assert (done.returncode, applied_with(done.stderr)) == (1, "")
