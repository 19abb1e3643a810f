"""What every sandbox must do, whatever it is made of."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import SandboxLost, SwebenchError
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend, Script
from pytest_swebench.sandbox.worktree import READ_LIMIT_BYTES, read_all
from tests.sandbox.conftest import TREE

Ground = tuple[SandboxBackend, Instance]

# Three ways to survive a polite end: ignore TERM, fork away, and leave the session. Each says its name in `ps`.
STUBBORN = """
trap '' TERM
setsid bash -c 'trap "" TERM; while :; do sleep 0.05; done' stubborn-{mark} &
bash -c 'trap "" TERM; while :; do sleep 0.05; done' stubborn-{mark} &
echo started
while :; do sleep 0.05; done
"""


def stubborn_left(sandbox: Sandbox, mark: str) -> list[str]:
    listing = sandbox.run("ps -eo stat,args", timeout_s=20).output.splitlines()
    return [
        line for line in listing if f"stubborn-{mark}" in line and not line.startswith("Z") and "ps -eo" not in line
    ]


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=True)
    return done.stdout.decode()


def test_output_is_one_stream_in_order(sandbox: Sandbox) -> None:
    result = sandbox.run("for i in 1 2 3; do echo out$i; echo err$i >&2; done", timeout_s=30)
    assert result.output.split() == ["out1", "err1", "out2", "err2", "out3", "err3"]
    assert (result.exit_code, result.timed_out) == (0, False)


@pytest.mark.parametrize("code", [0, 1, 124, 137])
def test_exit_code_is_the_commands_own(sandbox: Sandbox, code: int) -> None:
    result = sandbox.run(f"exit {code}", timeout_s=30)
    assert (result.exit_code, result.timed_out) == (code, False)


def test_commands_start_in_the_working_copy_with_its_tree(sandbox: Sandbox) -> None:
    result = sandbox.run('pwd; echo "$SWEBENCH_TESTBED"; cat README.md', timeout_s=30)
    assert result.output == f"{sandbox.workdir}\n{sandbox.workdir}\nfirst\nsecond\nthird\n"
    assert sandbox.files() == sorted(TREE)


def test_stdin_reaches_the_command(sandbox: Sandbox) -> None:
    assert sandbox.run("wc -c", timeout_s=30, stdin=b"x" * 300_000).output.strip() == "300000"


def test_slow_reader_gets_all_of_its_input(sandbox: Sandbox) -> None:
    assert sandbox.run("sleep 1; wc -c", timeout_s=30, stdin=b"x" * 5_000_000).output.strip() == "5000000"


def test_no_stdin_is_the_end_of_input(sandbox: Sandbox) -> None:
    assert sandbox.run("cat; echo end", timeout_s=30).output == "end\n"


def test_input_that_nobody_reads_does_no_harm(sandbox: Sandbox) -> None:
    assert sandbox.run("echo done", timeout_s=30, stdin=b"x" * 5_000_000).output == "done\n"


def test_large_output_is_cut_and_counted(sandbox: Sandbox) -> None:
    result = sandbox.run("head -c 12000000 /dev/zero | tr '\\0' a", timeout_s=60)
    assert result.output.endswith(f"[{12_000_000 - 10 * 1024 * 1024} more bytes were dropped]\n")


def test_bytes_that_are_not_text_do_not_break_output(sandbox: Sandbox) -> None:
    assert sandbox.run("printf 'a\\377b'", timeout_s=30).output == "a\ufffdb"


def test_timeout_kills_a_tree_that_resists(sandbox: Sandbox) -> None:
    mark = f"a1b2c3-{os.getpid()}"  # the other sandbox may be tried by another worker right now
    result = sandbox.run(STUBBORN.format(mark=mark), timeout_s=1)
    assert (result.exit_code, result.timed_out) == (124, True)
    assert "started" in result.output
    assert stubborn_left(sandbox, mark) == []


def test_sandbox_works_on_after_a_timeout(sandbox: Sandbox) -> None:
    sandbox.write({"kept.txt": b"kept"})
    assert sandbox.run("sleep 60", timeout_s=0.5).timed_out
    assert sandbox.run("cat kept.txt", timeout_s=30).output == "kept"


def test_background_process_does_not_hold_the_command_open(sandbox: Sandbox) -> None:
    result = sandbox.run("sleep 50 & echo started", timeout_s=30)
    assert (result.output, result.timed_out) == ("started\n", False)


def test_files_are_written_and_read_byte_for_byte(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 1000
    sandbox.write({"new/deep/blob.bin": content, "empty": b"", "with space.txt": b"x\n"})
    assert sandbox.read("new/deep/blob.bin") == content
    assert sandbox.read("empty") == b""
    assert sandbox.read("with space.txt") == b"x\n"
    assert sandbox.read(f"{sandbox.workdir}/with space.txt") == b"x\n"


def test_reading_stops_at_the_limit(sandbox: Sandbox) -> None:
    assert sandbox.read("README.md", max_bytes=5) == b"first"


def test_many_files_are_read_at_once_byte_for_byte(sandbox: Sandbox) -> None:
    given = {"with\nbreak": b"\n\n1:2\n\n", "with space": b"x", "-dash": b"-", "empty": b""}
    sandbox.write(given)
    sandbox.run("echo > $'caf\\xe9'", timeout_s=30)
    given["caf\udce9"] = b"\n"
    absolute = f"{sandbox.workdir}/run.sh"
    found = sandbox.read_all([*TREE, *given, absolute, "README.md"])
    assert found == TREE | given | {absolute: TREE["run.sh"]}
    assert list(found)[: len(TREE)] == list(TREE)


def test_more_than_a_command_may_write_is_read_at_once(sandbox: Sandbox) -> None:
    sandbox.run("head -c 15000000 /dev/zero | tr '\\0' a | split -b 50000 -d -a 4 - part", timeout_s=60)
    found = sandbox.read_all(f"part{number:04}" for number in range(300))
    assert len(found) == 300
    assert set(found.values()) == {b"a" * 50_000}


def test_reading_many_files_leaves_out_what_is_no_file_of_that_size(sandbox: Sandbox) -> None:
    sandbox.run("ln -s README.md link; ln -s /etc/passwd out; ln -s missing broken; mkfifo pipe", timeout_s=30)
    paths = ["link", "out", "broken", "pipe", "src", "missing", "../../etc/passwd", "/etc/passwd", "data.bin", "run.sh"]
    assert sandbox.read_all(paths, max_bytes=255) == {"run.sh": TREE["run.sh"]}
    assert sandbox.read_all(paths, max_bytes=256).keys() == {"run.sh", "data.bin"}
    assert sandbox.read_all(["missing"]) == {}
    assert sandbox.read_all([]) == {}


def test_reading_many_files_stops_at_a_limit_for_all(sandbox: Sandbox) -> None:
    sandbox.run(f"for name in a b; do truncate -s {READ_LIMIT_BYTES // 2 + 1} $name; done", timeout_s=30)
    assert list(sandbox.read_all(["a", "b", "run.sh"], max_bytes=READ_LIMIT_BYTES)) == ["a", "run.sh"]


def test_files_that_change_while_they_are_read_are_told_from_whole_ones() -> None:
    with pytest.raises(SwebenchError, match=r"the files of '/testbed' changed while they were read: 3 bytes for 7"):
        read_all(lambda names: b"0:3\n1:4\n\nabc", "/testbed", ["a", "b"])


@pytest.mark.parametrize("path", ["missing", "src", "../../etc/passwd", "/etc/passwd"])
def test_reading_what_is_no_file_of_the_copy_fails(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        sandbox.read(path)


def test_writing_outside_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(PermissionError, match=r"\.\./outside"):
        sandbox.write({"../outside": b"x"})


def test_writing_keeps_the_mode_of_a_file(sandbox: Sandbox) -> None:
    sandbox.run("chmod 755 run.sh", timeout_s=30)
    sandbox.write({"run.sh": b"#!/bin/sh\necho changed\n"})
    assert sandbox.run("./run.sh", timeout_s=30).output == "changed\n"


def test_untouched_copy_has_an_empty_diff(sandbox: Sandbox) -> None:
    assert sandbox.diff() == ""


def test_diff_carries_every_kind_of_change_to_the_base(sandbox: Sandbox, tmp_path: Path, tree: Path) -> None:
    changed = {
        "README.md": b"first\r\nsecond\nthird, no newline",
        "src/core.py": "def add(a, b):\n    return a + b  # größer\n".encode(),
        "new/file.txt": b"new\n",
        "latin1.txt": "gr\xf6\xdfer\n".encode("latin-1"),
        "data.bin": bytes(reversed(range(256))),
        "__pycache__/litter.pyc": b"litter",
    }
    sandbox.write(changed)
    sandbox.run("rm src/gone.py; chmod 755 run.sh; ln -s README.md link; : > empty", timeout_s=30)
    patch = sandbox.diff()
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    git(tree, "apply", "--index", "-", stdin=patch.encode())
    del changed["__pycache__/litter.pyc"]
    for name, content in changed.items():
        assert (tree / name).read_bytes() == content, name
    assert not (tree / "src/gone.py").exists()
    assert os.access(tree / "run.sh", os.X_OK)
    assert (tree / "link").readlink() == Path("README.md")
    assert (tree / "empty").read_bytes() == b""
    assert "litter" not in patch


def test_diff_leaves_the_index_alone(sandbox: Sandbox) -> None:
    sandbox.write({"staged.txt": b"1\n", "loose.txt": b"2\n"})
    sandbox.run("git add staged.txt", timeout_s=30)
    before = sandbox.run("git status --porcelain; git count-objects", timeout_s=30).output
    assert "a/loose.txt" in sandbox.diff()
    assert sandbox.run("git status --porcelain; git count-objects", timeout_s=30).output == before


def test_diff_survives_a_commit_of_the_arm(sandbox: Sandbox) -> None:
    sandbox.write({"src/core.py": b"fixed\n"})
    done = sandbox.run("git -c user.name=a -c user.email=a@example.invalid commit -qam fix", timeout_s=30)
    assert done.exit_code == 0, done.output
    assert "+fixed" in sandbox.diff()


def test_diff_does_not_depend_on_the_settings_of_the_repository(sandbox: Sandbox) -> None:
    sandbox.write({"README.md": b"changed\n"})
    plain = sandbox.diff()
    for setting in ("diff.noprefix true", "color.ui always", "diff.external /bin/false", "core.fsmonitor /bin/false"):
        sandbox.run(f"git config {setting}", timeout_s=30)
    assert sandbox.diff() == plain
    assert "--- a/README.md\n+++ b/README.md\n" in plain


def test_environment_carries_no_key(ground: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    canary = "canary-0451-do-not-pass-on"
    monkeypatch.setenv("ANTHROPIC_API_KEY", canary)
    monkeypatch.setenv("PYTEST_ADDOPTS", canary)
    backend, instance = ground
    sandbox = backend.open(instance)
    seen = sandbox.run("env; cat /proc/self/environ | tr '\\0' '\\n'", timeout_s=30).output
    sandbox.close()
    log = tmp_path / "log"
    backend.run_script(instance, Script("env", timeout_s=60, log=log))
    assert "PATH=" in seen
    assert "SWEBENCH_FILES=" in log.read_text()
    assert canary not in seen + log.read_text()


def test_two_sandboxes_do_not_see_each_other(ground: Ground) -> None:
    backend, instance = ground
    one, two = backend.open(instance), backend.open(instance)
    one.write({"mine.txt": b"x"})
    assert two.run("ls", timeout_s=30).output.split() == ["README.md", "data.bin", "run.sh", "src"]
    one.close()
    assert two.run("echo alive", timeout_s=30).output == "alive\n"
    two.close()


def test_closing_twice_is_fine_and_the_sandbox_is_gone(ground: Ground) -> None:
    backend, instance = ground
    sandbox = backend.open(instance)
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxLost):
        sandbox.run("true", timeout_s=5)


def test_backend_closes_what_is_still_open(ground: Ground) -> None:
    backend, instance = ground
    sandbox = backend.open(instance)
    backend.close()
    backend.close()
    with pytest.raises(SandboxLost):
        sandbox.run("true", timeout_s=5)


def test_script_runs_once_in_a_fresh_copy(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    script = (
        'echo "$PWD" "$SWEBENCH_TESTBED"; cat "$SWEBENCH_FILES/patch.diff"; echo said >&2\n'
        "ls mine 2>/dev/null; touch mine; git status --porcelain; exit 7"
    )
    logs = []
    for attempt in (1, 2):
        log = tmp_path / f"log{attempt}"
        result = backend.run_script(instance, Script(script, {"patch.diff": b"\x00raw\r\n"}, timeout_s=60, log=log))
        assert (result.exit_code, result.timed_out, result.notes, result.oom_killed) == (7, False, "said\n", False)
        where, _, rest = log.read_bytes().partition(b"\n")
        folder, testbed = where.split()
        assert folder == testbed
        logs.append(rest)
    assert logs == [b"\x00raw\r\n?? mine\n"] * 2


def test_script_that_does_not_end_is_killed_and_its_log_kept(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    log = tmp_path / "log"
    mark = f"d4e5f6-{os.getpid()}"
    result = backend.run_script(instance, Script(STUBBORN.format(mark=mark), timeout_s=1, log=log))
    assert (result.exit_code, result.timed_out) == (124, True)
    assert log.read_text() == "started\n"
    listing = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in listing.splitlines() if f"stubborn-{mark}" in line and not line.startswith("Z")] == []


def test_script_does_not_wait_for_what_it_left_behind(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    log = tmp_path / "log"
    result = backend.run_script(instance, Script("setsid sleep 333 & echo end", timeout_s=60, log=log))
    assert (result.exit_code, result.timed_out, log.read_text()) == (0, False, "end\n")


def test_script_that_closes_its_output_works_on_to_its_end(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    log = tmp_path / "log"
    script = "echo out; exec >&-; sleep 0.5; echo late >&2; exit 3"
    result = backend.run_script(instance, Script(script, timeout_s=60, log=log))
    assert (result.exit_code, result.timed_out, result.notes, log.read_text()) == (3, False, "late\n", "out\n")


def test_silent_script_that_closed_its_output_meets_its_limit(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    result = backend.run_script(instance, Script("exec >&-; sleep 300", timeout_s=1, log=tmp_path / "log"))
    assert (result.exit_code, result.timed_out) == (124, True)


def test_script_does_not_wait_for_a_talker_it_left_behind(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    log = tmp_path / "log"
    result = backend.run_script(instance, Script("setsid yes & sleep 0.2; exit 4", timeout_s=60, log=log))
    assert (result.exit_code, result.timed_out) == (4, False)
    assert log.read_bytes().startswith(b"y\ny\n")


def test_script_is_told_what_it_ran_under(ground: Ground, tmp_path: Path) -> None:
    backend, instance = ground
    result = backend.run_script(instance, Script("true", timeout_s=60, log=tmp_path / "log"))
    assert result.conditions["profile"] == ("local" if backend.name == "local" else "hardened")
    assert json.loads(json.dumps(result.conditions)) == result.conditions
    assert (result.log_cut, result.full) == (False, ())


def test_base_files_are_those_nobody_has_touched(ground: Ground) -> None:
    backend, instance = ground
    backend.open(instance).write({"README.md": b"changed\n"})
    found = backend.base_files(instance, ["README.md", "data.bin", "src", "missing.txt"])
    assert found == {name: TREE[name] for name in ("README.md", "data.bin")}


def test_base_files_are_of_the_repository_alone(ground: Ground) -> None:
    backend, instance = ground
    assert backend.base_files(instance, ["/etc/passwd", "../../../../../../../../etc/passwd", "src/../../x"]) == {}
