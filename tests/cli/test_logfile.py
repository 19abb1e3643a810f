"""--log-file: what a person sees stays as it is, and the file holds what stood there in the end, without secrets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.cli.logfile import Screen
from tests.support.screen import film

SECRET = "sk-canary-0123456789"
CHILD = "import sys; print('child out'); print('child err', file=sys.stderr)"
PRINTING = f"""
import os, subprocess, sys
from pathlib import Path
from pytest_swebench.cli.logfile import logged
from pytest_swebench.redact import Redactor

with logged(Path(sys.argv[1]), Redactor([{SECRET!r}])):
    print("tty", os.isatty(1), os.isatty(2), *os.get_terminal_size(1)) if os.isatty(1) else print("tty", False)
    print("key {SECRET} ends", flush=True)
    print("\\x1b[31mred\\x1b[0m \\u2714", flush=True)
    for part in (b"\\xe2", b"\\x9c\\x94 split\\n"):
        os.write(1, part)
    os.write(1, b"waiting 1\\rwaiting 2\\n")
    os.write(1, b"one\\ntwo\\n\\x1b[2A\\r\\x1b[Jthree\\n")
    subprocess.run([sys.executable, "-c", {CHILD!r}])
print("after")
"""


def shown(*steps: str) -> list[str]:
    lines: list[str] = []
    screen = Screen(lines.append, rows=24)
    for step in steps:
        screen.feed(step)
    screen.close()
    return lines


def test_lines_come_as_they_are() -> None:
    assert shown("a\n\nb") == ["a", "", "b"]
    assert shown("") == []


def test_colours_titles_and_other_escapes_are_left_out() -> None:
    assert shown("\x1b[1;31mred\x1b[0m \x1b]0;title\x07and\x1b7 plain\n") == ["red and plain"]


def test_what_is_drawn_again_counts_once() -> None:
    assert shown("10 %\r55 %\r100 %\n") == ["100 %"]
    region = ["head\n", "  1/3\n  a\n", "\x1b[2A\r\x1b[J", "  2/3\n  b\n", "\x1b[2A\r\x1b[J", "done\n"]
    assert shown(*region) == ["head", "done"]


def test_an_unfinished_line_is_found_again_after_the_region_below_it() -> None:
    assert shown("tests ..", "\n  1/3\n", "\x1b[1A\r\x1b[J\x1b[1A\x1b[9G", ".\n") == ["tests ..."]


def test_erasing_to_the_end_of_a_line_leaves_its_beginning() -> None:
    assert shown("keep this\x1b[5G\x1b[K\n", "whole\x1b[2K\n") == ["keep", "whole"]


def test_long_output_is_written_as_it_goes() -> None:
    lines: list[str] = []
    screen = Screen(lines.append, rows=24)
    screen.feed("".join(f"{number}\n" for number in range(1000)))
    assert len(lines) == 1000 - 23
    screen.close()
    assert lines == [str(number) for number in range(1000)]


def test_everything_that_is_printed_is_in_the_file(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PRINTING, str(log)], capture_output=True, check=True)
        assert b"after" in done.stdout
        assert b"child err\n" in done.stderr
        assert SECRET.encode() in done.stdout  # it is the log that is scrubbed
    lines = log.read_text(encoding="utf-8").splitlines()
    once = ["tty False", "key [redacted] ends", "red ✔", "✔ split", "waiting 2", "three", "child out"]
    assert [line for line in lines if line != "child err"] == once * 2
    assert lines.count("child err") == 2


def test_streams_of_one_place_keep_their_order(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINTING, str(tmp_path / "x.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    )
    assert done.stdout.endswith(b"child out\nchild err\nafter\n")
    assert (tmp_path / "x.log").read_text(encoding="utf-8").endswith("child out\nchild err\n")


def test_a_terminal_stays_one(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    seen = film([sys.executable, "-c", PRINTING, str(log)], tmp_path, os.environ, columns=90, rows=30)
    assert seen.returncode == 0
    assert "tty True True 90 30" in seen.screen.lines
    assert "31" in seen.screen.colours
    assert seen.screen.lines[-3:] == ["child out", "child err", "after"]
    assert log.read_text(encoding="utf-8").splitlines() == [
        *seen.screen.lines[:1],
        "key [redacted] ends",
        *seen.screen.lines[2:-1],
    ]


@pytest.mark.parametrize("place", ["a-file/x.log", "."])
def test_a_file_that_cannot_be_one_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "pytest_swebench", "list-instances", "demo", "--log-file", place],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"swebench-runner: --log-file '{tmp_path / place}': ")
    assert done.stderr.endswith("; choose another file\n")


@pytest.mark.parametrize("before", [True, False])
def test_a_command_s_own_words_are_logged_wherever_the_option_stands(tmp_path: Path, before: bool) -> None:
    option, words = ("--log-file", "x.log"), ("list-instances", "demo")
    arguments = (*option, *words) if before else (*words, *option)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_swebench", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (tmp_path / "x.log").read_text() == done.stdout
    wrong = [sys.executable, "-m", "pytest_swebench", "list-instances", "dmo", *option, "--json"]
    failed = subprocess.run(wrong, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert (tmp_path / "x.log").read_text() == done.stdout + failed.stdout


def test_a_log_that_is_full_is_told_and_keeps_nothing_from_being_printed() -> None:
    many = "print('a line of sixty-four characters, and many more like it' * 20000)"
    program = (
        "from pathlib import Path; from pytest_swebench.redact import Redactor\n"
        "from pytest_swebench.cli.logfile import logged\n"
        f"with logged(Path('/dev/full'), Redactor()):\n    {many}; print('and so on'); {many}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert len(done.stdout) > 2_000_000
    assert done.stderr == "warning: --log-file '/dev/full': No space left on device; it ends early\n"
