from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.checks import Cause, State
from pytest_swebench.checks.stores import datasets_check, results_size_check, store_checks
from pytest_swebench.sandbox.reaper import Owner

if TYPE_CHECKING:
    from docker import DockerClient


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "cache"))


def test_cached_datasets_are_counted_with_their_size(tmp_path: Path) -> None:
    assert datasets_check().detail.startswith("0 in ")
    folder = tmp_path / "cache" / "datasets"
    folder.mkdir(parents=True)
    (folder / "one.jsonl").write_bytes(b"x" * 2_500_000)
    assert datasets_check().detail == f"1 in {str(tmp_path / 'cache')!r}, 2.5 MB"


def test_results_are_counted_by_run(tmp_path: Path) -> None:
    assert results_size_check(tmp_path / "none").detail.startswith("0 runs in ")
    (tmp_path / "results" / "first" / "journal").mkdir(parents=True)
    (tmp_path / "results" / "first" / "journal" / "main.jsonl").write_bytes(b"x" * 1_000_000)
    (tmp_path / "results" / "preflight").mkdir()
    assert results_size_check(tmp_path / "results").detail == f"1 run in {str(tmp_path / 'results')!r}, 1.0 MB"


def test_large_sizes_are_told_in_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "cache" / "datasets").mkdir(parents=True)
    with (tmp_path / "cache" / "datasets" / "huge.jsonl").open("wb") as file:
        file.truncate(3_200_000_000)  # takes no room
    assert datasets_check().detail.endswith("3.2 GB")


def test_images_of_the_engine_are_counted(docker_client: DockerClient, tmp_path: Path) -> None:
    checks = {check.name: check for check in store_checks(tmp_path, engine=True)}
    total = len(docker_client.api.images())
    assert "official one" in checks["images"].detail
    assert abs(int(checks["images"].detail.partition(", of ")[2].split()[0]) - total) <= 3  # others work here too


def test_leftover_of_a_dead_owner_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # the standard library's, which asks TMPDIR but once
    assert "none" in {check.name: check for check in store_checks(tmp_path, engine=False)}["leftovers"].detail
    show = "from pytest_swebench.sandbox.reaper import Owner; print(Owner.current().prefix)"
    dead = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout.strip()
    assert dead.startswith("swebench-")
    assert dead != Owner.current().prefix
    (tmp_path / f"{dead}x").mkdir()
    (tmp_path / f"{dead}x" / "file").write_bytes(b"x" * 100)
    check = {check.name: check for check in store_checks(tmp_path, engine=False)}["leftovers"]
    assert (check.state, check.cause, check.fix) == (State.WARN, Cause.DISK, "swebench-runner clean")
    assert check.detail.startswith("1 of dead runs")


def test_engine_that_went_away_is_a_warning(no_engine: None, tmp_path: Path) -> None:
    assert store_checks(tmp_path, engine=True)[-1].state is State.WARN
