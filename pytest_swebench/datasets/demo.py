"""The embedded demo: three small repositories, their issues, and answers for each of them.

Everything lies in `pytest_swebench/demo` and was written for this package:

    repos/<repo>/                       the base tree, which holds the faults of all its tasks
    tasks/<instance id>/                problem.md, gold.patch, test.patch, task.json
    answers/<instance id>/<n>.json      what a model would write: right, wrong, cut, or no edit at all

So a run needs neither network, nor Docker, nor a key, and still goes through every step.
"""

from __future__ import annotations

import json
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem, Source
from pytest_swebench.errors import DatasetError

_HEREDOC: Final = "EOF_TEST_PATCH"
# The order of the steps and the two markers are those of the scripts that official rows carry (swebench 5.0). The
# sandbox says where the tree lies, because without a container it is a folder of its own for every cell.
_SCRIPT: Final = """\
#!/bin/bash
set -uxo pipefail
cd "${{SWEBENCH_TESTBED:-/testbed}}"
git status
git checkout HEAD -- {tests}
git apply -v - <<'{heredoc}'
{patch}
{heredoc}
: '>>>>> Start Test Output'
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -rA -p no:cacheprovider --override-ini=addopts= {tests}
: '>>>>> End Test Output'
git checkout HEAD -- {tests}
"""


def load_demo() -> list[Instance]:
    """Return the demo's instances, sorted by id. Raises DatasetError if the installation lacks its files."""
    folders = sorted(path for path in _folder("tasks").iterdir() if path.is_dir())
    return [_instance(folder) for folder in folders]


def demo_answers() -> dict[str, list[dict[str, Any]]]:
    """Return the answers by instance id, in the order of their samples; sample n of k is answer `(n - 1) % k`.

    An answer is `{"text": ..., "stop_reason": "end" | "max_tokens" | "refusal", "usage": {"input": tokens, "output":
    tokens}, "intent": ...}`, where `intent` says how its cell should end: `resolved`, `unresolved`, `not_applicable`
    (an edit that does not fit the file), `no_patch` or `limit`.
    """
    answers = {}
    for folder in sorted(path for path in _folder("answers").iterdir() if path.is_dir()):
        recordings = sorted(folder.glob("*.json"), key=lambda path: int(path.stem))
        answers[folder.name] = [json.loads(path.read_text(encoding="utf-8")) for path in recordings]
    return answers


def _folder(name: str) -> Path:
    folder = Path(str(files("pytest_swebench.demo").joinpath(name)))
    if not folder.is_dir():
        raise DatasetError(
            f"the demo's folder {str(folder)!r} is missing; expected it beside the package's modules. "
            f"Reinstall pytest-swebench"
        )
    return folder


def _instance(folder: Path) -> Instance:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    test_patch = (folder / "test.patch").read_text(encoding="utf-8")
    return Instance(
        problem=Problem(
            instance_id=folder.name,
            statement=(folder / "problem.md").read_text(encoding="utf-8"),
            repo=f"{task['repo']}/{task['repo']}",
            version=task["version"],
            language="python",
        ),
        hidden=Hidden(
            gold_patch=(folder / "gold.patch").read_text(encoding="utf-8"),
            test_patch=test_patch,
            fail_to_pass=tuple(task["fail_to_pass"]),
            pass_to_pass=tuple(task["pass_to_pass"]),
            eval_script=_SCRIPT.format(
                tests=shlex.join(task["test_files"]), patch=test_patch.removesuffix("\n"), heredoc=_HEREDOC
            ),
            log_parser="parse_log_pytest",
            eval_type="pass_and_fail",
        ),
        kind=Kind.ISSUE,
        source=Source(path=str(_folder("repos") / task["repo"])),
        trusted=True,
    )
