"""Runs that are killed again and again: nothing that was recorded is lost or doubled, nothing is paid twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.records.eventlog import FOLDER
from pytest_swebench.records.journal import read_journals
from tests.plugin.conftest import Run
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers

CELLS = 40
NOT_COMPARED = ("run_id", "attempt", "started_at", "finished_at", "wall_time_seconds", "host", "served", "requests")


@pytest.mark.parametrize("points", [4, pytest.param(100, marks=pytest.mark.soak)])
def test_run_killed_again_and_again_ends_as_an_undisturbed_one(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers(delay_s=0.15)
    with LLMServer(answers) as server:
        options = generation(server.openai_url)
        assert run(*options, "--run-id=calm", timeout_s=300).ret == 0
        assert answers.asked.total() == CELLS
        expected = final_records(pytester.path, "calm")
        assert len(expected) == CELLS
        phases: Counter[str] = Counter()
        chance, round_number = random.Random(points), 0
        while phases.total() < points:
            round_number += 1
            answers.asked.clear()
            victim = Victim(pytester.path, (*options, f"--run-id=round{round_number}"), chance)
            for at in victim.killed(most=points - phases.total()):
                phases[at] += 1
            assert run(*options, f"--run-id=round{round_number}", timeout_s=300).ret == 0
            assert final_records(pytester.path, f"round{round_number}") == expected
            assert victim.lost_or_doubled() == []
            # what was asked again is what was in flight, or might have been
            assert answers.asked.total() - CELLS <= victim.in_flight, victim.in_flight
    print(f"\n{points} kills in {round_number} runs of {CELLS} cells, while: {dict(phases)}")


@dataclass
class Victim:
    """A run that is killed, whole or one worker of it, until it has ended or was killed often enough."""

    folder: Path
    options: tuple[str, ...]
    chance: random.Random
    in_flight: int = 0
    acknowledged: Counter[tuple[str, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.options[-1].partition("=")[2]

    def killed(self, most: int) -> list[str]:
        """Start and kill until the run is complete, `most` times at most; return what was under way each time."""
        phases: list[str] = []
        while len(phases) < most:
            process = self._started()
            while len(phases) < most:
                time.sleep(self.chance.uniform(0.5, 7.0))
                if process.poll() is not None:
                    return phases
                phases.append(self._kill(process))
                if process.poll() is not None:
                    break
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
            self._check_acknowledged()
        return phases

    def lost_or_doubled(self) -> list[str]:
        self._check_acknowledged()
        return self.problems

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pytest", *self.options]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=quiet, start_new_session=True)

    def _kill(self, process: subprocess.Popen[bytes]) -> str:
        """Kill the run or, every other time, one of its workers; return what that was doing."""
        workers = self._workers()
        whole = not workers or self.chance.random() < 0.5
        dead = workers if whole else [self.chance.choice(workers)]
        if whole:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
        else:
            os.kill(dead[0], signal.SIGKILL)
        time.sleep(0.05)
        doing = [self._phase(pid) for pid in dead]
        self.in_flight += sum(phase in {"solve", "sandbox"} for phase in doing)
        return max(doing or ["collecting"], key=["collecting", "sandbox", "solve", "grade", "record"].index)

    def _workers(self) -> list[int]:
        names = [path.stem.rpartition("-")[2] for path in (self.results / "journal").glob("gw*.jsonl")]
        return [int(name) for name in names if Path("/proc", name).exists()]

    def _phase(self, pid: int) -> str:
        for path in (self.results / FOLDER).glob(f"*-{pid}.jsonl"):
            lines = [json.loads(line) for line in path.read_bytes().splitlines()]
            return str(next((line["phase"] for line in reversed(lines) if "phase" in line), "collecting"))
        return "collecting"

    def _check_acknowledged(self) -> None:
        """What stood in a journal once must stand there for good, and once."""
        read = read_journals(self.results / "journal").entries
        found = Counter((one["cell"], one["record"]["attempt"]) for one in read if one["kind"] == "record")
        self.problems += [f"lost: {key}" for key in self.acknowledged.keys() - found.keys()]
        self.problems += [f"doubled: {key}" for key, count in found.items() if count > 1]
        self.acknowledged = found


def generation(url: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "-n", "2"),
        *("--provider=openai", f"--provider-url={url}", "--model=demo-model", "--price=1,2"),
        *("--max-instances=10", "--count=4"),
    )


def final_records(folder: Path, run_id: str) -> dict[str, dict[str, Any]]:
    lines = (folder / "results" / run_id / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return {
        f"{record['instance_id']}/{record['rep']}": {
            name: value for name, value in record.items() if name not in NOT_COMPARED
        }
        for record in records
    }
