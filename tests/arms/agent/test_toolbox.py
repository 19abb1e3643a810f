"""What each tool does with a real working copy."""

from __future__ import annotations

import json

import pytest

from pytest_swebench.arms.agent import toolbox
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.tools import ToolResult
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.errors import InputError, LimitReached

LEXER = "tinyconf/lexer.py"


def test_commands_run_in_one_shell_and_none_breaks_the_next(bench: Workbench) -> None:
    run = toolbox.run_tool(bench)
    assert run.call({"command": "cd tests; exit 3"}) == ToolResult("exit code 3\n", commands=("cd tests; exit 3",))
    assert run.call({"command": f"test -f {LEXER} && echo here"}).text == "exit code 0\nhere\n"


def test_a_command_beyond_its_time_is_killed_and_told(bench: Workbench) -> None:
    result = toolbox.run_tool(bench).call({"command": "seq 50; sleep 60", "timeout_s": 1})
    assert result.text.startswith("timed out; all that it had started was killed\n")
    assert "\n1\n2\n3\n" in result.text


@pytest.mark.parametrize("timeout_s", [0, -1, 1e9, "5"])
def test_times_that_cannot_be_meant_are_told(bench: Workbench, timeout_s: object) -> None:
    assert toolbox.run_tool(bench).call({"command": "true", "timeout_s": timeout_s}).text.startswith("error: wrong")


def test_no_command_begins_once_the_time_is_over(bench: Workbench) -> None:
    late = Workbench(bench.sandbox, Clock(0.0))
    with pytest.raises(LimitReached):
        toolbox.run_tool(late).call({"command": "touch late"})
    assert "late" not in bench.sandbox.diff()
    late.close()


def test_of_a_long_output_both_ends_are_told(bench: Workbench) -> None:
    text = toolbox.run_tool(bench).call({"command": "echo first; seq 100000; echo last"}).text
    assert text.startswith("exit code 0\nfirst\n1\n2\n")
    assert text.endswith("\n100000\nlast\n")
    assert len(text) == 10_000  # which nothing cuts again


def test_no_old_bytecode_is_run_after_an_edit(bench: Workbench) -> None:
    bench.sandbox.write(
        {"pkg/it.py": b"A = 1\n", "test_it.py": b"from pkg.it import A\n\ndef test_a():\n    assert A == 2\n"}
    )
    same_time = "touch -d @1000000000 pkg/it.py"
    run, tests = toolbox.run_tool(bench), toolbox.run_tests_tool(bench)
    run.call({"command": f"{same_time}; python3 -c 'import pkg.it'"})
    assert "1 failed" in tests.call({"args": ["test_it.py"]}).text
    toolbox.edit_file_tool(bench).call({"path": "pkg/it.py", "search": "A = 1", "replace": "A = 2"})
    run.call({"command": same_time})
    assert "1 passed" in tests.call({"args": ["test_it.py"]}).text


def test_files_are_shown_with_their_numbers(bench: Workbench) -> None:
    read = toolbox.read_file_tool(bench)
    lines = bench.sandbox.read(LEXER).decode().splitlines()
    whole = read.call({"path": LEXER}).text.split("\n")
    assert whole == [f"{number:6}\t{line}" for number, line in enumerate(lines, start=1)]
    assert read.call({"path": f"/testbed/{LEXER}", "first": 2, "last": 3}).text.split("\n") == whole[1:3]
    assert read.call({"path": LEXER, "first": 999}).text == f"error: the file has {len(lines)} lines, none from 999 on"


def test_a_long_file_says_where_to_go_on(bench: Workbench) -> None:
    bench.sandbox.write({"long.txt": b"".join(b"line %d\n" % number for number in range(1, 5001))})
    read = toolbox.read_file_tool(bench)
    first = read.call({"path": "long.txt"}).text
    assert len(first) <= 10_000
    go_on = int(first.rpartition("first=")[2].rstrip("]"))
    assert f"[... {5001 - go_on} more lines, go on with first={go_on}]" in first
    assert read.call({"path": "long.txt", "first": go_on}).text.split("\n")[0] == f"{go_on:6}\tline {go_on}"
    bench.sandbox.write({"wide.txt": b"x" * 50_000 + b"\nsecond\n"})
    assert "[... 1 more lines, go on with first=2]" in read.call({"path": "wide.txt"}).text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("none.py", "none.py: no such file in the repository"),
        ("tinyconf", "no such file"),
        ("../secret", "not a path inside the repository"),
        ("x" * 5_000, "error: "),
    ],
)
def test_what_is_no_file_is_told(bench: Workbench, path: str, told: str) -> None:
    for result in (
        toolbox.read_file_tool(bench).call({"path": path}),
        toolbox.edit_file_tool(bench).call({"path": path, "search": "a", "replace": "b"}),
    ):
        assert result.text.startswith("error: ")
        assert told.removesuffix(" in the repository") in result.text


def test_binary_and_empty_files_are_told(bench: Workbench) -> None:
    bench.sandbox.write({"data.bin": b"\x00\x01", "empty.txt": b""})
    read = toolbox.read_file_tool(bench)
    assert read.call({"path": "data.bin"}).text == "error: data.bin: not a text file"
    assert read.call({"path": "empty.txt"}).text == "error: the file has 0 lines, none from 1 on"


def test_lines_are_replaced(bench: Workbench) -> None:
    edit = toolbox.edit_file_tool(bench)
    search = "from collections.abc import Iterator"
    assert edit.call({"path": LEXER, "search": search, "replace": f"import re\n{search}"}) == ToolResult("replaced")
    diff = bench.sandbox.diff()
    assert [line for line in diff.splitlines() if line.startswith(("+", "-"))][2:] == ["+import re"]


def test_a_file_is_created_with_its_folder_and_is_part_of_the_diff(bench: Workbench) -> None:
    edit = toolbox.edit_file_tool(bench)
    assert edit.call({"path": "tinyconf/new/place.py", "search": "", "replace": "X = 1"}) == ToolResult("created")
    assert bench.sandbox.read("tinyconf/new/place.py") == b"X = 1\n"
    assert "+X = 1" in bench.sandbox.diff()
    again = edit.call({"path": "tinyconf/new/place.py", "search": "", "replace": "X = 2"})
    assert "the SEARCH part is empty, but the file exists and is not" in again.text


def test_other_bytes_and_line_ends_of_a_file_stay_as_they_are(bench: Workbench) -> None:
    bench.sandbox.write({"odd.txt": b"caf\xe9\r\none\r\ntwo\r\nlast"})
    edit = toolbox.edit_file_tool(bench)
    assert edit.call({"path": "odd.txt", "search": "one", "replace": "1"}).text == "replaced"
    assert edit.call({"path": "odd.txt", "search": "last", "replace": "end"}).text == "replaced"
    assert bench.sandbox.read("odd.txt") == b"caf\xe9\r\n1\r\ntwo\r\nend"


def test_an_edit_that_does_not_fit_shows_the_nearest_lines(bench: Workbench) -> None:
    edit = toolbox.edit_file_tool(bench)
    text = edit.call({"path": LEXER, "search": "def strip_coment(line: str) -> str:", "replace": "x"}).text
    assert text.startswith(f"error: {LEXER}: the SEARCH text is not in the file; the nearest lines are:")
    assert "def strip_comment(line: str) -> str:" in text
    same = edit.call({"path": LEXER, "search": "import re", "replace": "import re"}).text
    assert same.startswith("error: ")
    search = "from collections.abc import Iterator"
    assert "nothing changed" in edit.call({"path": LEXER, "search": search, "replace": search}).text


def test_a_file_that_cannot_be_written_is_told(bench: Workbench) -> None:
    edit = toolbox.edit_file_tool(bench)
    result = edit.call({"path": f"{LEXER}/below", "search": "", "replace": "x"})
    assert result.text.startswith("error: the file cannot be written: ")


def test_tests_are_run_and_no_shell_reads_their_arguments(bench: Workbench) -> None:
    tests = toolbox.run_tests_tool(bench)
    result = tests.call({"args": ["-q", "-p", "no:cacheprovider", "tests/test_lexer.py", "-k", "hash or $(touch bad)"]})
    assert result.text.startswith("exit code 4\n")
    good = tests.call({"args": ["-q", "tests/test_lexer.py"]})
    assert good.text.startswith("exit code 0\n")
    assert " passed" in good.text
    assert "-m pytest -q tests/test_lexer.py" in good.commands[0]
    assert "bad" not in bench.sandbox.diff()


@pytest.mark.parametrize(
    "package",
    ["-r requirements.txt", "--index-url=http://x", "./folder", "pkg @ http://127.0.0.1:1/pkg.whl", "a b", ""],
)
def test_only_names_of_packages_are_installed(bench: Workbench, package: str) -> None:
    result = toolbox.pip_install_tool(bench).call({"packages": ["attrs>=23", package]})
    assert result.text.startswith("error: ")
    assert result.commands == ()
    assert json.dumps(package)[1:-1][:10] in result.text


def test_a_sandbox_without_network_installs_nothing(bench: Workbench) -> None:
    with pytest.raises(InputError):
        toolbox.pip_install_tool(bench).call({"packages": ["attrs>=23", "pytest-mock[x]==1; python_version > '3'"]})


def test_submitting_ends_the_work() -> None:
    assert toolbox.submit_tool().call({}) == ToolResult("submitted", ends=True)
