from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.checks import Cause, Check
from pytest_swebench.cli.doctor import render
from tests.checks.conftest import answering
from tests.support.asking import KEY

Doctor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run the command in an empty folder; hub, registry and provider are at `address`."""

    def run(address: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own |= {"HF_ENDPOINT": f"http://{address}", "SWEBENCH_DOCKER_NAMESPACE": f"{address}/x", "MODEL": "m"}
        own |= {"PROVIDER": "openai", "BASE_URL": f"http://{address}/v1", "OPENAI_API_KEY": KEY, "CI": "1"}
        own |= {"SWEBENCH_CACHE_DIR": str(tmp_path / "cache")} | env
        command = [sys.executable, "-m", "pytest_swebench", "doctor", *options]
        return subprocess.run(
            command, cwd=tmp_path, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )

    return run


def test_json_holds_every_group_and_no_key(doctor: Doctor, docker_engine: None) -> None:
    with answering(401) as (address, asked):
        done = doctor(address, "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    groups = {group["title"]: group["checks"] for group in told["result"]["groups"]}
    assert list(groups) == ["this machine", "Docker", "network", "configuration", "installation", "caches"]
    assert {check["state"] for check in [*groups["network"], *groups["Docker"][:1], *groups["configuration"]]} == {"ok"}
    assert len(asked) == 3
    assert KEY not in done.stdout + done.stderr
    assert told["exit_code"] == done.returncode
    assert told["ok"] is (done.returncode == 0)
    failing = [check for checks in groups.values() for check in checks if check["state"] == "fail"]
    assert told["result"]["failed"] == len(failing)
    assert {check["name"] for check in failing} <= {"packages"}  # the environment of these tests may be an odd one
    assert all(check["fix"] and check["cause"] for check in failing)


def test_dead_engine_is_exit_code_two_with_its_fix(doctor: Doctor, tmp_path: Path) -> None:
    with answering(200) as (address, _):
        host = f"unix://{tmp_path}/no.sock"
        done = doctor(address, DOCKER_HOST=host)
        told = json.loads(doctor(address, "--json", DOCKER_HOST=host).stdout)
    assert done.returncode == 2
    assert "  fail  Docker engine" in done.stdout
    assert "fix: start that engine, or correct or unset DOCKER_HOST" in done.stdout
    assert "checks: " in done.stdout.splitlines()[-1]
    assert (told["ok"], told["exit_code"], told["error"]["type"]) == (False, 2, "docker_stopped")
    assert told["error"]["fix"]


def test_dead_network_is_exit_code_three(doctor: Doctor, docker_engine: None) -> None:
    done = doctor("localhost:1")
    assert done.returncode == 3
    assert done.stdout.count("Connection refused") == 3


def test_lines_show_fixes_below_what_they_mend() -> None:
    checks = [Check.ok("Python", "3.12"), Check.fail("a rather long name of one", Cause.DISK, "full", "make room")]
    assert render(checks) == (
        "  ok    Python                     3.12\n"
        "  fail  a rather long name of one  full\n"
        "                                   fix: make room"
    )
