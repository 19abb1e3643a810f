"""What a shell must do in every kind of sandbox. All tests of a kind share one shell: none may break the next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.errors import SandboxLost
from pytest_swebench.sandbox.channel import LocalChannel
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend, Shell
from pytest_swebench.sandbox.shell import KEPT_BYTES, ChannelShell, Ends, Reply
from tests.sandbox.conftest import interrupt_after
from tests.sandbox.test_conformance import STUBBORN, stubborn_left

# In the names of what these tests start: the other kind's may run right now on another worker, and a local sandbox
# sees all processes.
MARK: Final = f"5e11-{os.getpid()}"
PRISTINE = 'pwd; echo "${left-unset} $0 $# $(umask) $(ulimit -n)"; declare -F; trap; shopt -o errexit nounset'


@dataclass
class Place:
    """A sandbox with a shell in it."""

    sandbox: Sandbox
    shell: Shell

    def output(self, command: str) -> str:
        result = self.shell.run(command, timeout_s=30)
        assert not result.timed_out
        return result.output


@pytest.fixture(scope="module", params=["local", "docker"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    backend: SandboxBackend = LocalBackend()
    problem, source = Problem(instance_id="tests__shell-1", statement=""), tmp_path_factory.mktemp("tree")
    (source / "README.md").write_text("first\n")
    instance = Instance(problem=problem, source=Source(path=str(source)), trusted=True)
    if request.param == "docker":
        image = request.getfixturevalue("base_image")
        backend = DockerBackend(run_id="shells", options=DockerOptions(pids=128))
        instance = Instance(problem=problem, image=image, source=Source(path=str(source)))
    try:
        sandbox = backend.open(instance)
        yield Place(sandbox, sandbox.shell())
    finally:
        backend.close()


def test_output_is_one_stream_in_order(place: Place) -> None:
    result = place.shell.run("for i in 1 2 3; do echo out$i; echo err$i >&2; done", timeout_s=30)
    assert result.output.split() == ["out1", "err1", "out2", "err2", "out3", "err3"]
    assert (result.exit_code, result.timed_out) == (0, False)


@pytest.mark.parametrize("code", [0, 1, 124, 126, 127, 137, 141, 255])
def test_exit_code_is_the_commands_own(place: Place, code: int) -> None:
    result = place.shell.run(f"exit {code}", timeout_s=30)
    assert (result.exit_code, result.output, result.timed_out) == (code, "", False)


def test_command_that_dies_of_a_signal_says_so_by_its_code(place: Place) -> None:
    assert place.shell.run("kill -11 $$", timeout_s=30).exit_code == 128 + 11


def test_command_finds_what_a_single_one_finds(place: Place) -> None:
    command = "pwd; env | grep -vE '^(_|SHLVL|OLDPWD)=' | sort; ulimit -a; umask; echo $-"
    assert place.output(command) == place.sandbox.run(command, timeout_s=30).output


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cd /; left=1; export left; umask 777; ulimit -n 3", (0, "")),
        ("set -eu; false; echo not here", (1, "")),
        ("trap 'echo bye' EXIT; exit 9", (9, "bye\n")),
        ("exec true", (0, "")),
        ("exec 0<&- 1>&- 2>&- 3<&- 4>&- 5>&- 63>&-", (0, "")),
        ("exec >/dev/null 2>&1; echo lost", (0, "")),
        ("f() { :; }; declare -fx f; shopt -so noexec", (0, "")),
        ("kill $PPID; sleep 0.1; echo still", (0, "still\n")),
        ("for name in HUP INT QUIT USR1 USR2 PIPE ALRM TERM; do kill -$name $PPID; done; exit 127", (127, "")),
        ("kill -CONT $PPID; kill -WINCH -- -$PPID", (0, "")),
        ("echo 'a quote that nobody closes", None),
        ("if true; then", None),
        ("cat <<END\nno end", None),
        ("printf 'no newline'", (0, "no newline")),
        ("", (0, "")),
        ("# a comment", (0, "")),
        ("echo more\\", (0, "more\\\n")),
        ("cat; read line; echo $?", (0, "1\n")),
        ("printf '0123456789abcdef-0\\n0123456789abcdef+\\n'", (0, "0123456789abcdef-0\n0123456789abcdef+\n")),
    ],
)
def test_nothing_of_a_command_lasts(place: Place, command: str, expected: tuple[int, str] | None) -> None:
    before = place.output(PRISTINE)
    result = place.shell.run(command, timeout_s=20)
    if expected is not None:
        assert (result.exit_code, result.output) == expected
    assert not result.timed_out
    assert place.output(PRISTINE) == before
    assert before.startswith(f"{place.sandbox.workdir}\nunset ")


def test_here_document_that_nobody_ends_is_read_to_the_end_of_its_command(place: Place) -> None:
    result = place.shell.run("cat <<END\nno end", timeout_s=20)  # some versions of bash warn first
    assert (result.exit_code, result.output.endswith("no end\n")) == (0, True)


def test_race_of_an_end_with_a_signal_is_never_lost(place: Place) -> None:
    results = [place.shell.run("kill $PPID; kill -INT $PPID; exit 7", timeout_s=20) for _ in range(50)]
    assert {(result.exit_code, result.timed_out) for result in results} == {(7, False)}


def test_shell_that_was_killed_is_there_again(place: Place) -> None:
    wait = f"sleep 77.{os.getpid()}"
    result = place.shell.run(f"echo before; kill -9 $PPID; {wait}", timeout_s=30)
    assert (result.exit_code, result.timed_out) == (137, False)
    assert result.output == "before\n\n[the shell was killed while this command ran]\n"
    assert place.output(f"pgrep -fx '{wait}'; echo alive") == "alive\n"


def test_shell_that_was_stopped_meets_the_limit_and_is_there_again(place: Place) -> None:
    result = place.shell.run("kill -STOP $PPID; echo said", timeout_s=1)
    assert (result.exit_code, result.timed_out, result.output) == (124, True, "said\n")
    assert place.output("echo alive") == "alive\n"


def test_shell_that_dies_between_commands_is_there_again(place: Place) -> None:
    place.output("shell=$PPID; (sleep 0.2; kill -9 $shell) & true")
    time.sleep(0.6)
    assert place.output("echo alive") == "alive\n"


def test_timeout_kills_a_tree_that_resists(place: Place) -> None:
    result = place.shell.run(STUBBORN.format(mark=MARK), timeout_s=1)
    assert (result.exit_code, result.output, result.timed_out) == (124, "started\n", True)
    assert result.duration_s >= 1
    assert stubborn_left(place.sandbox, MARK) == []
    assert place.output("echo alive") == "alive\n"


@pytest.mark.parametrize("start", ["{} &", "setsid {} &", "nohup {} & disown", "({} &)"])
def test_what_goes_on_in_the_background_keeps_out_of_later_commands(place: Place, start: str) -> None:
    talker = "bash -c 'for i in $(seq 40); do echo talk; sleep 0.02; done; touch told'"
    first = place.shell.run(f"rm -f told; {start.format(talker)}\necho started", timeout_s=30)
    assert (first.exit_code, first.timed_out, "started\n" in first.output) == (0, False, True)
    assert [place.output(f"echo {number}; sleep 0.1") for number in range(5)] == [f"{n}\n" for n in range(5)]
    deadline = time.monotonic() + 20
    while place.shell.run("test -e told", timeout_s=30).exit_code != 0:  # that its output is thrown away does no harm
        assert time.monotonic() < deadline


def test_flood_in_the_background_keeps_out_of_later_commands(place: Place) -> None:
    assert "started" in place.output(f"setsid yes flood-{MARK} & echo started")
    assert [place.output("echo quiet") for _ in range(3)] == ["quiet\n"] * 3
    assert place.output(f"pkill -f 'yes [f]lood-{MARK}'; echo ended") == "ended\n"


def test_no_processes_gather_under_commands_that_ended(place: Place) -> None:
    for _ in range(30):
        place.output("echo some | cat")
    children = place.output("ps -o stat=,comm= --ppid $PPID").splitlines()
    assert len(children) < 6  # this command, what carries its output, and perhaps what carried the last one's


def test_bytes_that_are_not_text_do_not_break_output(place: Place) -> None:
    assert place.output("printf 'a\\377\\000b'") == "a\ufffd\0b"


def test_command_of_many_lines_and_scripts_arrives_whole(place: Place) -> None:
    text = "größer 数\t'quoted' $HOME \\ end"
    assert place.output(f"cat <<'END'\n{text}\n\n{text}\nEND\n") == f"{text}\n\n{text}\n"


def test_long_command_arrives_whole(place: Place) -> None:
    assert place.output(f"echo '{'x' * 120_000}' | wc -c") == "120001\n"


def test_command_no_system_takes_is_refused_as_such(place: Place) -> None:
    too_long = place.shell.run("x" * 200_000, timeout_s=30)
    assert (too_long.exit_code, "Argument list too long" in too_long.output) == (126, True)
    nul = place.shell.run("echo a\0b", timeout_s=30)
    assert (nul.exit_code, nul.output) == (126, "bash: a command cannot hold a NUL character\n")


def test_huge_output_keeps_its_ends_and_says_what_is_missing(place: Place) -> None:
    result = place.shell.run("echo first; head -c 100000000 /dev/zero | tr '\\0' a; echo last", timeout_s=60)
    note = f"\n[{100_000_000 + 11 - KEPT_BYTES} bytes were left out here]\n"
    assert (result.output[:6], result.output[-6:], note in result.output) == ("first\n", "alast\n", True)
    assert len(result.output) == KEPT_BYTES + len(note)


def test_command_without_its_folder_says_so(place: Place) -> None:
    there, away = '"$SWEBENCH_TESTBED"', f"/tmp/away-{MARK}"
    assert place.shell.run(f"mv {there} {away}; (sleep 0.5; mv {away} {there}) & true", timeout_s=30).exit_code == 0
    lost = place.shell.run("echo here", timeout_s=30)
    assert (lost.exit_code, "No such file or directory" in lost.output) == (1, True)
    deadline = time.monotonic() + 20
    while place.shell.run("test -e README.md", timeout_s=30).exit_code != 0:
        assert time.monotonic() < deadline


def test_interrupted_caller_finds_a_fresh_shell(place: Place) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_after(0.5):
        place.shell.run("sleep 78", timeout_s=30)
    assert place.output("echo fresh") == "fresh\n"


def test_closing_ends_what_the_shell_started(place: Place) -> None:
    shell = place.sandbox.shell()
    wait = f"sleep 79.{os.getpid()}"
    shell.run(f"setsid {wait} & true", timeout_s=30)
    shell.close()
    shell.close()
    assert place.sandbox.run(f"pgrep -fx '{wait}'", timeout_s=30).output == ""
    with pytest.raises(SandboxLost, match="closed"):
        shell.run("true", timeout_s=30)


def test_shell_without_its_working_copy_is_lost(tmp_path: Path) -> None:
    with pytest.raises(SandboxLost, match="is gone"):
        ChannelShell(lambda: LocalChannel(["true"], tmp_path / "missing", {}), lambda: None)


def test_shell_that_does_not_start_is_lost_with_what_it_said(tmp_path: Path) -> None:
    command = ["/bin/bash", "-c", "echo broken image; read -r line"]
    shell = ChannelShell(lambda: LocalChannel(command, tmp_path, {}), lambda: None)
    with pytest.raises(SandboxLost, match="the shell does not start: 'broken image"):
        shell.run("true", timeout_s=20)
    shell.close()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_reply_is_read_from_pieces_of_any_size(size: int) -> None:
    said = b"of before ab\nab+\nout a ab ab+\n ab\xff-\nab-17\nof later"
    reply = Reply("ab")
    for start in range(0, len(said), size):
        reply(said[start : start + size])
    assert (reply.begun, reply.code, reply.text()) == (True, 17, "out a ab ab+\n ab\ufffd-\n")


def test_reply_without_an_end_has_all_that_came() -> None:
    reply = Reply("ab")
    reply(b"ab+\nlast words, or a")
    assert (reply.code, reply.text()) == (None, "last words, or a")


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_ends_of_an_output_are_the_same_however_it_comes(size: int) -> None:
    said = bytes(range(48, 98))
    ends = Ends(20)
    for start in range(0, len(said), size):
        ends(said[start : start + size])
    assert ends.text() == "0123456789\n[30 bytes were left out here]\nXYZ[\\]^_`a"
