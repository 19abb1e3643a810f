from __future__ import annotations

import os
from pathlib import Path

from tests.support.keyring_play import Step, played


def test_secret_on_a_command_line_would_be_noticed(tmp_path: Path) -> None:
    shown = Step(["-c", "import time; time.sleep(0.5)", "sk-on-a-command-line"])
    done, seen = played([], [shown], tmp_path, os.environ, "sk-on-a-command-line")
    assert [one.code for one in done] == [0]
    assert len(seen) == 1
    assert seen[0].rstrip().endswith("sk-on-a-command-line")


def test_terminal_is_one_and_is_typed_on(tmp_path: Path) -> None:
    asking = "import sys; print(sys.stdin.isatty(), repr(input('name? ')), repr(input('again? ')))"
    (done,), _ = played([], [Step(["-c", asking], typed=[("name", "a\n"), ("again", "b\n")])], tmp_path, os.environ)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "True 'a' 'b'"


def test_secret_in_the_environment_of_a_process_would_be_noticed(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(0.5)']\n"
        "subprocess.run(sleep, env={'KEY': 'sk-in-' + 'an-environment'})"
    )
    _, seen = played([], [Step(["-c", program])], tmp_path, os.environ, "sk-in-an-environment")
    assert len(seen) == 1
    assert seen[0].endswith("time.sleep(0.5) ")
