"""Diffs that git applies for an arm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_swebench.arms.agent.applying import apply_diff, check_diff
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.errors import LimitReached, SandboxLost
from pytest_swebench.outcome import Stop
from pytest_swebench.patch import make_diff
from tests.support.bent import Bent

NEW = make_diff({}, {"new.txt": "one\ntwo\n"})


def test_check_changes_nothing(bench: Workbench) -> None:
    assert check_diff(bench.sandbox, NEW, bench.clock).exit_code == 0
    assert bench.sandbox.diff() == ""
    assert apply_diff(bench.sandbox, NEW, bench.clock).exit_code == 0
    assert bench.sandbox.read("new.txt") == b"one\ntwo\n"
    assert "already exists" in check_diff(bench.sandbox, NEW, bench.clock).output


def test_wrong_counts_and_a_missing_end_of_line_are_forgiven_where_asked(bench: Workbench) -> None:
    miscounted = NEW.replace("+1,2", "+1,7").rstrip("\n")
    assert apply_diff(bench.sandbox, miscounted, bench.clock).exit_code != 0
    assert apply_diff(bench.sandbox, miscounted, bench.clock, recount=True).exit_code == 0
    assert bench.sandbox.read("new.txt") == b"one\ntwo\n"


@pytest.fixture
def stuck(bench: Workbench, tmp_path: Path) -> Bent:
    """A sandbox whose git never comes to an end."""
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 600\n")
    git.chmod(0o755)
    return Bent(bench.sandbox, f"{tmp_path}:{os.environ['PATH']}")


def test_git_that_hangs_is_broken_ground(stuck: Bent) -> None:
    with pytest.raises(SandboxLost, match=r"git apply did not end within 3\.5 s"):
        check_diff(stuck, NEW, Clock(0.5, now=lambda: 0.0))


def test_diff_of_the_last_moment_counts(bench: Workbench) -> None:
    seconds = iter((0.0, 2.0))
    assert apply_diff(bench.sandbox, NEW, Clock(1.0, now=lambda: next(seconds))).exit_code == 0
    assert "new.txt" in bench.sandbox.diff()


def test_git_that_the_clock_has_cut_is_not(stuck: Bent) -> None:
    with pytest.raises(LimitReached) as over:
        apply_diff(stuck, NEW, Clock(0.5))
    assert over.value.stop is Stop.TIME
