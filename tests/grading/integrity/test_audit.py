from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Problem
from pytest_swebench.grading.integrity.audit import audit, commands_of
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Message, Request
from pytest_swebench.providers.replay import ReplayProvider

BASE = "a1b2c3d4" * 5
PROBLEM = Problem(instance_id="acme__calc-1", statement="", repo="acme/python-calc", base_commit=BASE)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("git log --oneline --all | head", "history"),
        ("cd /testbed && git -C . reflog", "history"),
        ("git fsck --lost-found", "history"),
        ("git fetch origin main", "history"),
        ("git log \\\n  --all", "history"),
        ("git cherry-pick 1234567", "history"),
        ("git branch -a", "history"),
        ("cat .git/packed-refs", "history"),
        ("git show deadbeef1", "not the base"),
        (f"git show {BASE} > base && git show deadbeef1", "not the base"),
        ("git checkout 0123456789abcdef -- calc/", "not the base"),
        ("curl -s https://raw.githubusercontent.com/x/y/main/z.py", "code host"),
        ("python -c \"import requests; requests.get('https://github.com/acme/calc/pull/1')\"", "code host"),
        ("http --download GET github.com/acme/calc/archive/main.zip", "code host"),
        ("http :8000/calc-2.0.tar.gz", "the project itself"),
        ("pip download --no-deps python-calc==2.0", "the project itself"),
        ("pip install -U 'calc>=2'", "the project itself"),
        ("wget https://files.example.invalid/calc-2.0.tar.gz", "the project itself"),
        ("cat /usr/lib/python3/site-packages/calc/core.py", "installed copy"),
        ("pip show -f python-calc", "installed copy"),
        ("grep -r FAIL_TO_PASS /", "hidden"),
        ("python -c \"from datasets import load_dataset; load_dataset('acme/SWE-bench_Lite')\"", "hidden"),
    ],
)
def test_commands_that_look_for_the_answer_are_told(command: str, what: str) -> None:
    reasons = audit([command], PROBLEM)
    assert reasons
    assert what in " ".join(reasons)
    assert all(reason.startswith("transcript: ") and "\n" not in reason for reason in reasons)


@pytest.mark.parametrize(
    "command",
    [
        "git status && git diff HEAD",
        "git log --oneline -5",
        "git log -p calc/core.py",
        f"git show {BASE[:10]}",
        f"git diff {BASE} -- calc",
        "git add -A; git stash",
        "pip install -e .",
        "pip install pytest calculator",
        "grep -rn 'def add' calc tests",
        "sed -n 1,80p calc/core.py",
        "curl --version",
        "git apply - <<'EOF'\ndiff --git a/http/core.py b/calc/http/core.py\nEOF",
        "python -c 'from http import client; import calc'",
        "python -m pytest tests/test_calc.py",
        "python - <<'EOF'\nprint(1)\nEOF",
    ],
)
def test_ordinary_work_is_not_told(command: str) -> None:
    assert audit([command], PROBLEM) == ()


@pytest.mark.parametrize(
    "word", ["git log ", "git cat-file ", "git show x ", "curl x ", "http x ", "pip install calc[", "load_dataset("]
)
def test_long_commands_are_read_in_time(word: str, run_in_time: Callable[[str], str]) -> None:
    code = (
        "from pytest_swebench.datasets.instance import Problem\n"
        "from pytest_swebench.grading.integrity.audit import audit\n"
        "problem = Problem(instance_id='x', statement='', repo='acme/calc')\n"
        f"print(len(audit([{word!r} * 20_000], problem)))"
    )
    assert run_in_time(code) == "0"


def test_the_same_command_is_told_once() -> None:
    assert len(audit(["git reflog", "git reflog"], PROBLEM)) == 1


def test_without_a_repository_the_rest_is_looked_for() -> None:
    problem = Problem(instance_id="x", statement="")
    assert len(audit(["git reflog", "pip install calc"], problem)) == 1


def test_commands_are_read_from_our_own_transcript(tmp_path: Path) -> None:
    """The transcript is written by the meter itself, around recorded answers."""
    request = Request(model="m", messages=(Message("user", "fix it"),))
    calls = [
        {"id": "1", "name": "bash", "arguments": {"command": "git reflog"}},
        {"id": "2", "name": "shell", "arguments": {"cmd": ["ls", "-l"], "timeout": 3}},
        {"id": "3", "name": "finish", "arguments": {}},
    ]
    answer = {
        "text": "First:\n```bash\ngit log --all\n```\nand code:\n```python\nprint()\n```\n",
        "model": "m",
        "stop_reason": "tool_use",
        "usage": {},
        "tool_calls": calls,
    }
    recording = {"format": 1, "request_digest": request.digest, "sample": 1, "answer": answer}
    recording["request"] = {"model": "m", "messages": [{"role": "user", "content": "fix it"}]}
    (tmp_path / "recorded.jsonl").write_text(json.dumps(recording) + "\n")
    transcript = tmp_path / "transcript.jsonl"
    meter = Meter(ReplayProvider(tmp_path / "recorded.jsonl"), transcript_path=transcript)
    meter.complete(request, timeout_s=1)
    assert list(commands_of(transcript)) == ["git reflog", "ls -l", "git log --all\n"]


def test_a_transcript_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('\n{"answer": null}\nnonsense\n')
    with pytest.raises(ValueError, match="Expecting value"):
        list(commands_of(tmp_path / "t.jsonl"))
