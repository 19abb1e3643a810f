"""Broken ground on purpose: whatever happens to a grading, it ends in time, rightly named, and leaves nothing."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import DockerUnavailable, OutOfResources, RefusedError, SandboxLost
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.outcome import NOTHING_PASSES, Verdict
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.reaper import LABEL_RUN
from tests.support.calc import write_calc
from tests.support.engine import Engine, why_not
from tests.support.lacking import do_without

if TYPE_CHECKING:
    from docker import DockerClient

NOTE = "diff --git a/NOTE.txt b/NOTE.txt\nnew file mode 100644\n--- /dev/null\n+++ b/NOTE.txt\n@@ -0,0 +1 @@\n+done\n"
TESTS = "#!/bin/bash\nset -uo pipefail\necho \"+ : '>>>>> Start Test Output'\"\n{body}\n: '>>>>> End Test Output'\n"
PASSED = "echo PASSED tests/test_calc.py::test_add; echo PASSED tests/test_calc.py::test_zero"
END = "echo \"+ : '>>>>> End Test Output'\""

Grading = Callable[..., Verdict]


@pytest.fixture
def instance(base_image: str, make_instance: Callable[..., Instance], tmp_path: Path) -> Callable[[str], Instance]:
    """Make an instance whose tests are a piece of bash."""
    source = write_calc(tmp_path / "tree")

    def make(body: str) -> Instance:
        made = make_instance(eval_script=TESTS.format(body=f"{body}\n{END}"))
        return dataclasses.replace(made, image=base_image, source=source)

    return make


@pytest.fixture
def grading(instance: Callable[[str], Instance], tmp_path: Path) -> Iterator[Grading]:
    """Grade a piece of bash as tests; of several calls the first one's options count."""
    backends: list[DockerBackend] = []

    def grade(body: str, *, timeout_s: float = 60, **options: Any) -> Verdict:
        if not backends:
            backends.append(DockerBackend(run_id="faults", options=DockerOptions(**options)))
        grader = OfficialGrader(backends[0], timeout_s=timeout_s)
        return grader.grade(instance(body), NOTE, tmp_path / "cell").verdict

    yield grade
    for backend in backends:
        backend.close()


def containers(client: DockerClient) -> list[Any]:
    found: list[Any] = client.api.containers(all=True, filters={"label": f"{LABEL_RUN}=faults"})
    return found


def lifetimes_s(client: DockerClient, since: float) -> list[float]:
    """Return how long each of our containers ran, by the engine's own clock."""
    about = {"label": f"{LABEL_RUN}=faults", "event": ["start", "die"]}
    times: dict[str, list[float]] = {}
    for event in client.api.events(since=f"{since:.6f}", until=f"{time.time():.6f}", filters=about, decode=True):  # type: ignore[arg-type]
        times.setdefault(event["Actor"]["ID"], []).append(event["timeNano"] / 1e9)
    return [end - start for start, end in times.values()]


def when_begun(log: Path, act: Callable[[], object]) -> threading.Thread:
    """Do something as soon as the tests have begun."""

    def wait() -> None:
        while not (log.exists() and b"begun" in log.read_bytes()):
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_tests_that_resist_their_end_are_gone_in_ten_seconds(
    grading: Grading, docker_client: DockerClient, tmp_path: Path
) -> None:
    nonce = f"stubborn-{os.getpid()}"
    loop = f'trap "" TERM; while :; do sleep 0.05; done\' {nonce}'
    body = f"trap '' TERM\nsetsid bash -c '{loop} &\nbash -c '{loop} &\necho begun\nwhile :; do sleep 0.05; done"
    since = time.time()
    verdict = grading(body, timeout_s=5)
    assert (verdict.resolved, verdict.applied, verdict.reason) == (False, True, "tests_timed_out")
    (ran_s,) = lifetimes_s(docker_client, since)
    assert 5 <= ran_s < 10
    assert containers(docker_client) == []
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert nonce not in listing
    log = (tmp_path / "cell" / "test_output.txt").read_text()
    assert "begun\n" in log
    assert log.endswith("\n\nTimeout error: 5 seconds exceeded.")


EAT = "python3 -c 'x = bytearray(256 << 20)'"


@pytest.mark.parametrize(
    "body", [EAT, f'setsid bash -c "bash -c \\"{EAT}\\"; true"; echo \'FAILED tests/test_calc.py::test_add - x\'']
)
def test_out_of_memory_is_no_verdict_and_names_the_limit(body: str, grading: Grading) -> None:
    with pytest.raises(OutOfResources, match=r"ran out of the memory of 64m .*--sandbox-option memory="):
        grading(body, memory="64m")


def test_tests_that_pass_although_a_process_ran_out_of_memory_stand(grading: Grading) -> None:
    assert grading(f"{EAT}; {PASSED}; true", memory="64m").resolved


def test_fork_bomb_gets_its_verdict_and_the_run_goes_on(grading: Grading, docker_client: DockerClient) -> None:
    bomb = "bomb() { bomb | bomb & }; bomb; while :; do :; done"
    assert grading(bomb, timeout_s=4, pids=64).reason == "tests_timed_out"
    assert containers(docker_client) == []
    assert grading(PASSED).resolved


def test_full_disk_is_no_verdict_and_is_named(grading: Grading) -> None:
    with pytest.raises(OutOfResources, match="no space was left on /tmp in the container"):
        grading("head -c 4M /dev/zero > /tmp/fill", tmp_size="2m")


def test_tests_that_only_speak_of_a_full_disk_get_their_verdict(grading: Grading) -> None:
    verdict = grading("echo 'OSError: No space left on device'; echo 'FAILED tests/test_calc.py::test_add - x'; false")
    assert (verdict.resolved, verdict.summary()) == (False, f"FAIL_TO_PASS 0/1, PASS_TO_PASS 0/1; {NOTHING_PASSES}")


def test_full_disk_of_the_results_is_named(grading: Grading, tmp_path: Path, docker_client: DockerClient) -> None:
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / "test_output.txt.part").symlink_to("/dev/full")
    with pytest.raises(
        OutOfResources, match=r"test_output\.txt\.part' cannot be written: No space left on device; free"
    ):
        grading(PASSED)
    assert containers(docker_client) == []


def test_flood_between_results_costs_no_verdict_that_stands(grading: Grading, tmp_path: Path) -> None:
    flood = "head -c 3000000 /dev/zero | tr '\\0' x | fold"
    add, zero = PASSED.split("; ")
    assert grading(f"{add}; {flood}; {zero}", log_cap_bytes=100_000).resolved
    size = (tmp_path / "cell" / "test_output.txt").stat().st_size
    assert size < 110_000
    with pytest.raises(RefusedError, match=r"grew beyond its limit, and results it lost may decide; .*log_cap_bytes"):
        grading(f"{add}; {flood}; {zero}; {flood}")


def test_container_ended_from_outside_is_no_verdict(
    grading: Grading, docker_client: DockerClient, tmp_path: Path
) -> None:
    log = tmp_path / "cell" / "test_output.txt.part"
    killer = when_begun(log, lambda: [docker_client.api.kill(found["Id"]) for found in containers(docker_client)])
    with pytest.raises(SandboxLost, match=r"ended from outside \(exit code 137\)"):
        grading("echo begun; sleep 600", timeout_s=900)
    killer.join()


def test_container_that_hangs_is_ended_by_the_deadline_outside(
    grading: Grading, docker_client: DockerClient, tmp_path: Path
) -> None:
    log = tmp_path / "cell" / "test_output.txt.part"
    pauser = when_begun(log, lambda: [docker_client.api.pause(found["Id"]) for found in containers(docker_client)])
    assert grading("echo begun; sleep 600", timeout_s=3).reason == "tests_timed_out"
    pauser.join()
    assert containers(docker_client) == []


def test_engine_that_dies_costs_no_more_than_the_attempt(
    base_image: str, instance: Callable[[str], Instance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := why_not():
        do_without(reason)
    with Engine() as engine:
        engine.load(base_image)
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        backend = DockerBackend(run_id="faults")
        grader = OfficialGrader(backend, timeout_s=900)
        killer = when_begun(tmp_path / "cell" / "test_output.txt.part", engine.kill)
        with pytest.raises(DockerUnavailable, match="does not answer"):
            grader.grade(instance("echo begun; sleep 600"), NOTE, tmp_path / "cell")
        killer.join()
        with warnings.catch_warnings():  # the SDK leaves open the sockets that find no engine
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        engine.start()
        assert grader.grade(instance(PASSED), NOTE, tmp_path / "cell").verdict.resolved
        backend.close()
        assert containers(backend.client) == []
        backend.close()
