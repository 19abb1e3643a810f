"""What the stages of a local task run, with bash, in the repository: the same for arms and for grading.

What a task installs goes into an environment of its own outside of the repository, which also sees the packages of
the Python it is made from. Where nothing was installed there is none.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from pytest_swebench.datasets.instance import Task

# The tree goes on the import path: not every project can be installed, or is where there is no network.
PRELUDE: Final = """\
# official images keep their Python in a conda environment
if [ -f /opt/miniconda3/bin/activate ]; then set +u; . /opt/miniconda3/bin/activate; conda activate testbed; fi
task_env="${HOME:-/tmp}/.task-env"
if [ -x "$task_env/bin/python" ]; then PATH="$task_env/bin:$PATH"; fi
task_python=$(command -v python || command -v python3)
export PATH PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
# two versions of a file within one second, and of one size, have the same bytecode in the eyes of Python
export PYTHONDONTWRITEBYTECODE=1
"""

_PIP: Final = """\
if [ ! -x "$task_env/bin/python" ]; then
  "$task_python" -m venv --system-site-packages --without-pip "$task_env" || exit
  # a virtual environment made from another one sees nothing of that one's packages by itself
  "$task_python" -c 'import sys; print(*(p for p in sys.path if p.endswith("-packages")), sep="\\n")' \\
    > "$("$task_env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/outer.pth"
fi
unset PYTHONPATH
"$task_python" -m pip --python "$task_env/bin/python" --disable-pip-version-check install --quiet --retries 1 \\
"""

_PROJECT: Final = """\
if [ -d /opt/miniconda3 ]; then echo 'nothing to install: the image brings its environment'; exit 0; fi
task_wants=()
if grep -Eqs '^\\[(project|build-system)\\]' pyproject.toml || [ -f setup.py ]; then task_wants+=(-e .); fi
if [ -f requirements.txt ]; then task_wants+=(-r requirements.txt); fi
if [ ${#task_wants[@]} -eq 0 ]; then echo 'nothing to install'; exit 0; fi
"""


# pytest's own word, not its exit code alone, which tests that end the process make 0; and what never ran did not pass
_PASSED: Final = (
    "import sys, xml.etree.ElementTree as trees; "
    'suite = next(trees.parse(sys.argv[1]).iter("testsuite")); '
    'tests, *others = (int(suite.get(name, 0)) for name in ("tests", "errors", "failures", "skipped")); '
    'sys.exit("no test passed" if tests <= sum(others) else 0)'
)


def install_script() -> str:
    """Return a script that installs what the repository declares: itself, and its requirements.txt."""
    return f'{PRELUDE}{_PROJECT}{_PIP}  "${{task_wants[@]}}"\n'


def pip_script(requirements: Sequence[str]) -> str:
    """Return a script that installs `requirements`, as pip writes them; none of them can be an option of pip."""
    return f"{PRELUDE}{_PIP}  -- {shlex.join(requirements)}\n"


def pytest_command(arguments: Sequence[str], pytest_k: str = "", pytest_paths: Sequence[str] = ()) -> str:
    """Return the command, for after the prelude, that runs the tests in `pytest_paths` which `pytest_k` selects."""
    select = ["-k", pytest_k] if pytest_k else []
    return f'"$task_python" -m pytest -p no:cacheprovider {shlex.join([*arguments, *pytest_paths, *select])}'.rstrip()


def eval_script(task: Task) -> str:
    """Return the script that grades a task: its tests, after what it needs is installed as far as can be.

    Its tests' exit code is pytest's, but not 0 where pytest reports no test that passed.
    """
    tests = f'{pytest_command(["-rA"], task.pytest_k, task.pytest_paths)} --junitxml="$task_report"'
    passed = f'"$task_python" -I -c {shlex.quote(_PASSED)} "$task_report"'
    lines = [
        "#!/bin/bash",
        "set -uxo pipefail",
        'cd "$SWEBENCH_TESTBED"',
        f"timeout -k 1 {task.timeouts_s['install']:g} bash -c {shlex.quote(install_script())}",
        PRELUDE.rstrip(),
        "task_report=$(mktemp -d)/report.xml",
        ": '>>>>> Start Test Output'",
        f"timeout -k 1 {task.timeouts_s['test']:g} {tests} && {passed}",
        ": '>>>>> End Test Output'",
    ]
    return "\n".join(lines) + "\n"
