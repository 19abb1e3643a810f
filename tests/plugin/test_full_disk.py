"""A disk that fills up under a run: it stops and says so, and goes on where it stopped once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.records.journal import read_journals
from tests.plugin.conftest import Run
from tests.plugin.test_kill_points import final_records
from tests.support.lacking import mounted
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers


@pytest.fixture
def small_disk(pytester: pytest.Pytester) -> Iterator[Path]:
    """A file system of its own for results, which can be made larger."""
    with mounted(pytester.path / "results", "64m") as folder:
        yield folder


def resized(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


@pytest.mark.parametrize("room_kb", [300, pytest.param(200, marks=pytest.mark.soak), 400])
def test_full_disk_stops_the_run_which_goes_on_later(
    run: Run, pytester: pytest.Pytester, small_disk: Path, monkeypatch: pytest.MonkeyPatch, room_kb: int
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        options = (
            *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "--max-instances=10"),
            *("--provider=openai", f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,2"),
        )
        assert run(*options, "--run-id=calm").ret == 0
        expected = final_records(pytester.path, "calm")
        answers.asked.clear()
        used_kb = int(subprocess.run(["du", "-sk", small_disk], capture_output=True, check=True).stdout.split()[0])
        resized(small_disk, f"{used_kb + room_kb}k")
        full = run(*options, "--run-id=full")
        assert full.ret not in {0, 1}
        assert "No space left on device" in full.stdout.str() or "bytes fit" in full.stdout.str()
        acknowledged = recorded(small_disk)
        assert len(acknowledged) < len(expected)
        resized(small_disk, "64m")
        assert run(*options, "--run-id=full").ret == 0
        assert acknowledged <= recorded(small_disk)
        assert final_records(pytester.path, "full") == expected
        assert answers.asked.total() <= len(expected) + 1  # the one that was in flight


def recorded(results: Path) -> set[tuple[str, int, str]]:
    return {
        (entry["cell"], entry["record"]["attempt"], entry["record"]["outcome"])
        for entry in read_journals(results / "full" / "journal").entries
        if entry["kind"] == "record"
    }
