from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_swebench.datasets.demo import load_demo
from tests.checks.conftest import fresh_id as fresh_id
from tests.checks.conftest import published as published
from tests.checks.conftest import registry as registry
from tests.support.registry import Registry

Publish = Callable[..., str]
COMMAND = [sys.executable, "-m", "pytest_swebench", "preflight"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "SWEBENCH_DOCKER_NAMESPACE"}}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    own = {"SWEBENCH_CACHE_DIR": str(tmp_path / "cache"), "DOCKER_CONFIG": str(tmp_path / "docker"), "TERM": "xterm"}
    return kept | own


def run(folder: Path, env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def played(folder: Path, env: dict[str, str], options: Sequence[str], *lines: tuple[str, str]) -> tuple[int, str]:
    """Run the command on a terminal of its own; each of `lines` is what to wait for and what to type then.

    A single key may be typed too early, while the terminal is made ready for it: then it is typed again.
    """
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, *options], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    waiting, seen, place, deadline, key = list(lines), b"", 0, time.monotonic() + 60, ""
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1.0)[0]:
                os.write(ours, key.encode())
                continue
            try:
                seen += os.read(ours, 65536)
            except OSError:  # nobody has the other end any more
                break
            while waiting and (at := seen.find(waiting[0][0].encode(), place)) >= 0:
                place = at + len(waiting[0][0].encode())
                prompt, typed = waiting.pop(0)
                key = typed if "Esc to skip" in prompt else ""
                os.write(ours, typed.encode())
        code = process.wait(10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()).replace("\r\n", "\n")
    assert not waiting, text
    return code, text


def row_file(folder: Path, image: str) -> Path:
    """Write a dataset of one row in the official shape, whose image is `image`."""
    demo = load_demo()[0]
    row = {
        "instance_id": "tests__made-1",
        "repo": "tests/made",
        "base_commit": "HEAD",
        "problem_statement": "x",
        "version": "1",
        "patch": demo.hidden.gold_patch,
        "test_patch": demo.hidden.test_patch,
        "FAIL_TO_PASS": list(demo.hidden.fail_to_pass),
        "PASS_TO_PASS": list(demo.hidden.pass_to_pass),
        "eval_script": demo.hidden.eval_script,
        "log_parser": demo.hidden.log_parser,
        "eval_type": demo.hidden.eval_type,
        "image_name": image,
        "image": image,
    }
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def test_demo_is_ready_anywhere(tmp_path: Path, env: dict[str, str]) -> None:
    done = run(tmp_path, env, "-d", "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Preflight: ready."
    assert "reference patch of ledgerlib__ledgerlib-" in done.stdout
    assert not (tmp_path / ".env").exists()


def test_dataset_is_the_one_that_runs_here_would_take(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nswebench_dataset = demo\nswebench_instances = tinyconf-5\n")
    done = run(tmp_path, env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "reference patch of tinyconf__tinyconf-5" in done.stdout


def test_instance_can_be_named(tmp_path: Path, env: dict[str, str]) -> None:
    last = load_demo()[-1].instance_id
    told = json.loads(run(tmp_path, env, "-d", "demo", "--instance", last, "--json").stdout)
    assert (told["ok"], told["exit_code"], told["error"]) == (True, 0, None)
    assert told["result"]["instance_id"] == last


def test_unknown_instance_is_answered_with_the_nearest(tmp_path: Path, env: dict[str, str]) -> None:
    done = run(tmp_path, env, "-d", "demo", "--instance", "ledgerlib__ledgerlib-0", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["type"]) == (1, "SelectionError")


def test_dead_engine_is_told_in_a_few_lines_without_a_traceback(tmp_path: Path, env: dict[str, str]) -> None:
    rows = row_file(tmp_path, "swebench/sweb.eval.x86_64.tests_1776_made-1:latest")
    own = env | {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    done = run(tmp_path, own, "-d", str(rows), "--no-input")
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 2
    assert len(lines) <= 8
    assert "❌ Docker is not running." in lines
    assert "  • Start that engine, or correct or unset DOCKER_HOST" in lines
    assert "Traceback" not in done.stdout + done.stderr


def test_denied_pull_without_a_terminal_prints_what_to_do(
    registry: Registry, published: Publish, tmp_path: Path, env: dict[str, str]
) -> None:
    rows = row_file(tmp_path, published())
    registry.credentials = ("user", "pass")
    done = run(tmp_path, env, "-d", str(rows))
    assert done.returncode == 3
    assert "❌ Image pull was denied by registry.\nHow to fix:\n" in done.stdout
    assert f"  • Run: docker login {registry.front}\n  • Or: use an alternate namespace" in done.stdout
    assert "Log: " in done.stdout
    told = json.loads(run(tmp_path, env, "-d", str(rows), "--json").stdout)
    assert (told["exit_code"], told["error"]["type"]) == (3, "registry_denied")
    assert f"docker login {registry.front}" in told["error"]["fix"]
    assert Path(told["error"]["log"]).read_text()
    assert told["error"]["log_tail"]
    assert not (tmp_path / ".env").exists()


def test_login_on_a_terminal_is_followed_by_another_try(
    registry: Registry, published: Publish, tmp_path: Path, env: dict[str, str]
) -> None:
    image = published()
    rows = row_file(tmp_path, image)
    registry.credentials = ("user", "pass-word")
    code, text = played(
        tmp_path,
        env,
        ["-d", str(rows)],
        ("Press Enter to apply a fix or Esc to skip.", "\r"),
        ("Username", "user\r"),
        ("Password", "pass-word\r"),
        ("Retry preflight? [Y/n]", "\r"),
        ("Press Enter to apply a fix or Esc to skip.", "\x1b"),
    )
    assert "❌ Image pull was denied by registry." in text
    assert f"1) Run: docker login {registry.front}" in text
    assert "2) Or: use an alternate namespace (a registry mirror)" in text
    assert "Login Succeeded" in text
    assert text.index("Login Succeeded") < text.index(f"{image}: pulled in")
    assert "pass-word" not in text
    assert code != 0  # such an image holds no shell to grade in


def test_another_namespace_is_asked_for_until_it_can_be_one(
    registry: Registry, tmp_path: Path, env: dict[str, str], fresh_id: str
) -> None:
    rows = row_file(tmp_path, f"swebench/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest")
    own = env | {"SWEBENCH_DOCKER_NAMESPACE": f"{registry.front}/none"}
    code, text = played(
        tmp_path,
        own,
        ["-d", str(rows)],
        ("Press Enter to apply a fix or Esc to skip.", "9x\r"),
        ("(blank: none)", "https://wrong\r"),
        ("is no place of images", f"{registry.front}/mirror\r"),
        ("Retry preflight? [Y/n]", "\r"),
        ("Press Enter to apply a fix or Esc to skip.", "\r"),
        ("(blank: none)", "\r"),
        ("Retry preflight? [Y/n]", "n\r"),
    )
    assert code == 3
    assert text.count("❌ The image is in no registry that was asked.") == 2
    assert f"{registry.front}/mirror/" in text
    assert text.rstrip().endswith("Preflight: not ready.")
    assert not (tmp_path / ".env").exists()
    assert registry.took("/mirror/", 404, "HEAD")


def test_ctrl_c_leaves_quietly(registry: Registry, tmp_path: Path, env: dict[str, str]) -> None:
    rows = row_file(tmp_path, f"{registry.front}/swebench/sweb.eval.x86_64.no_1776_such-1:latest")
    code, text = played(tmp_path, env, ["-d", str(rows)], ("Esc to skip.", "\x03"))
    assert code == 130
    assert "Traceback" not in text
