from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Hidden, Instance, Problem, Source
from pytest_swebench.grading.known import Known
from pytest_swebench.sandbox.local import LocalBackend
from tests.support.calc import ADD, ZERO, write_calc

TESTS = ": '>>>>> Start Test Output'\ntrue\n: '>>>>> End Test Output'\n"


@pytest.fixture(scope="session")
def official_rows(shared_data: Path) -> dict[str, dict[str, Any]]:
    """Rows of Lite and Verified by id, in the shape of 5.x."""
    rows: dict[str, dict[str, Any]] = {}
    for name in ("lite", "verified"):
        with (shared_data / "rows" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            rows |= {row["instance_id"]: row for row in map(json.loads, lines)}
    return rows


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Run code in a fresh interpreter and return what it printed; its environment may be added to."""

    def run(code: str, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def backend() -> Iterator[LocalBackend]:
    backend = LocalBackend()
    yield backend
    backend.close()


@pytest.fixture
def calc(tmp_path: Path) -> Source:
    """A tree with one module, whose `add` subtracts."""
    return write_calc(tmp_path / "calc")


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known.beside_runs(tmp_path)


@pytest.fixture
def make_instance() -> Callable[..., Instance]:
    """Make an instance of two tests that `parse_log_pytest` reads; keywords replace fields of its hidden part."""

    def make(**hidden: Any) -> Instance:
        fields: dict[str, Any] = {
            "fail_to_pass": (ADD,),
            "pass_to_pass": (ZERO,),
            "eval_script": f"#!/bin/bash\nset -uxo pipefail\n{TESTS}",
            "log_parser": "parse_log_pytest",
            "eval_type": "pass_and_fail",
        }
        return Instance(
            problem=Problem(instance_id="acme__calc-1", statement="add() subtracts", repo="acme/calc"),
            hidden=Hidden(**(fields | hidden)),
            image="calc",
        )

    return make
