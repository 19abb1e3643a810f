from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import DockerUnavailable, ImageMissing, InfraError, InputError, SandboxLost
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.engine import killed_for_memory
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Script
from pytest_swebench.sandbox.reaper import LABEL_INSTANCE, LABEL_PID, LABEL_RUN, LABEL_START, Owner, sweep_containers

if TYPE_CHECKING:
    from docker import DockerClient

EAT = "python3 -c 'x = bytearray(256 << 20)'"

# A run that dies with a sandbox open and a grading container at work.
DYING_RUN = """
import json, os, sys, threading, time
from pathlib import Path
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.protocol import Script

instance = Instance.from_json(json.loads(sys.argv[1]))
backend = DockerBackend(run_id="dying")
backend.open(instance)
log = Path(sys.argv[2])
script = Script("echo up; sleep 600", timeout_s=600, log=log)
threading.Thread(target=backend.run_script, args=(instance, script)).start()
while not (log.exists() and log.read_bytes()):
    time.sleep(0.05)
os.kill(os.getpid(), 9)
"""


def container_ids(client: DockerClient, label: str) -> list[str]:
    return [str(found["Id"]) for found in client.api.containers(all=True, filters={"label": label})]


def inspected(client: DockerClient, run_id: str) -> dict[str, Any]:
    (container_id,) = container_ids(client, f"{LABEL_RUN}={run_id}")
    found: dict[str, Any] = client.api.inspect_container(container_id)
    return found


def test_container_is_hardened_and_says_whose_it_is(docker_client: DockerClient, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="labels")
    backend.open(docker_instance)
    found = inspected(docker_client, "labels")
    backend.close()
    host, labels = found["HostConfig"], found["Config"]["Labels"]
    owner = Owner.current()
    assert (labels[LABEL_PID], labels[LABEL_START]) == (str(owner.pid), owner.start)
    assert labels[LABEL_INSTANCE] == docker_instance.instance_id
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["NetworkMode"], host["PidsLimit"], host["AutoRemove"]) == ("none", 512, True)
    assert host["Memory"] == host["MemorySwap"] == 4 * 1024**3
    assert 0 < host["NanoCpus"] <= 2_000_000_000


def test_rights_are_really_gone(docker_backend: DockerBackend, docker_instance: Instance) -> None:
    sandbox = docker_backend.open(docker_instance)
    status = sandbox.run("grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status", timeout_s=30).output.split()
    assert status == ["CapEff:", "00000000000000fb", "CapBnd:", "00000000000000fb", "NoNewPrivs:", "1"]
    assert sandbox.run("mount -t tmpfs none /mnt", timeout_s=30).exit_code != 0
    assert sandbox.run("mknod /tmp/sda b 8 0", timeout_s=30).exit_code != 0


def test_root_keeps_what_test_suites_need(docker_backend: DockerBackend, docker_instance: Instance) -> None:
    sandbox = docker_backend.open(docker_instance)
    command = "mkdir d && touch d/f && chmod 000 d && cat d/f && chown 1000 d && su -s /bin/sh nobody -c 'id -un'"
    result = sandbox.run(command, timeout_s=30)
    assert (result.exit_code, result.output) == (0, "nobody\n")


def test_no_network_but_loopback(docker_backend: DockerBackend, docker_instance: Instance, tmp_path: Path) -> None:
    command = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort"
    log = tmp_path / "log"
    docker_backend.run_script(docker_instance, Script(command, timeout_s=60, log=log))
    assert docker_backend.open(docker_instance).run(command, timeout_s=30).output == log.read_text() == "lo\n"


def test_fork_bomb_is_contained(docker_engine: None, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="bomb", options=DockerOptions(pids=64))
    sandbox = backend.open(docker_instance)
    bomb = sandbox.run("bomb() { bomb | bomb & }; bomb; while :; do :; done", timeout_s=2)
    after = sandbox.run("echo fine", timeout_s=30)
    backend.close()
    assert bomb.timed_out
    assert after.output == "fine\n"


def test_keeper_is_no_bash_that_commands_could_end(docker_backend: DockerBackend, docker_instance: Instance) -> None:
    sandbox = docker_backend.open(docker_instance)
    for command in ("pkill bash", "kill 1; kill -9 1", "pkill -9 -u root; true"):
        sandbox.run(command, timeout_s=20)
    assert sandbox.run("echo fine", timeout_s=30).output == "fine\n"


def test_orphans_are_reaped(docker_backend: DockerBackend, docker_instance: Instance) -> None:
    sandbox = docker_backend.open(docker_instance)
    sandbox.run("for i in 1 2 3 4 5; do setsid sh -c 'sleep 0.1 & exit' ; done; sleep 1", timeout_s=30)
    states = sandbox.run("ps -eo stat=", timeout_s=30).output.split()
    assert states
    assert [state for state in states if state.startswith("Z")] == []


@pytest.mark.parametrize("child", [True, False])
def test_running_out_of_memory_is_told(
    docker_engine: None, docker_instance: Instance, tmp_path: Path, child: bool
) -> None:
    backend = DockerBackend(run_id="oom", options=DockerOptions(memory="64m"))
    script = f"{EAT}; echo over" if child else f"exec {EAT}"
    result = backend.run_script(docker_instance, Script(script, timeout_s=60, log=tmp_path / "log"))
    backend.close()
    assert result.oom_killed
    assert result.exit_code == (0 if child else 137)


def test_official_profile_has_upstreams_settings(docker_client: DockerClient, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="official", options=DockerOptions(profile="official"))
    backend.open(docker_instance)
    host = inspected(docker_client, "official")["HostConfig"]
    backend.close()
    assert host["CapAdd"] == ["SYS_ADMIN"]
    assert not host["CapDrop"]
    assert (host["NetworkMode"], host["Memory"], host["PidsLimit"] or 0) == ("bridge", 0, 0)


def test_nothing_is_left_after_a_run(docker_client: DockerClient, docker_instance: Instance, tmp_path: Path) -> None:
    backend = DockerBackend(run_id="tidy")
    backend.open(docker_instance).close()
    backend.open(docker_instance)
    backend.run_script(docker_instance, Script("sleep 60", timeout_s=0.5, log=tmp_path / "log"))
    backend.run_script(docker_instance, Script("true", timeout_s=60, log=tmp_path / "log"))
    backend.close()
    assert container_ids(docker_client, f"{LABEL_RUN}=tidy") == []


def test_container_that_has_ended_is_gone_before_the_next_one_starts(
    docker_client: DockerClient, docker_instance: Instance, tmp_path: Path
) -> None:
    backend = DockerBackend(run_id="in-turn")
    seen = set()
    for _ in range(3):
        backend.run_script(docker_instance, Script("true", timeout_s=60, log=tmp_path / "log"))
        here = container_ids(docker_client, f"{LABEL_RUN}=in-turn")
        assert len(here) <= 1  # nobody waits for its removal
        assert seen.isdisjoint(here)
        seen.update(here)
    backend.close()
    assert container_ids(docker_client, f"{LABEL_RUN}=in-turn") == []


def test_container_is_removed_though_no_thread_is_to_be_had(
    docker_client: DockerClient, docker_instance: Instance, tmp_path: Path
) -> None:
    backend = DockerBackend(run_id="alone")
    usual = threading.stack_size(1 << 46)  # which no machine has
    try:
        assert backend.run_script(docker_instance, Script("true", timeout_s=60, log=tmp_path / "log")).exit_code == 0
    finally:
        threading.stack_size(usual)
    backend.close()
    assert container_ids(docker_client, f"{LABEL_RUN}=alone") == []


def test_container_that_dies_is_lost_not_a_failed_command(
    docker_client: DockerClient, docker_backend: DockerBackend, docker_instance: Instance
) -> None:
    sandbox = docker_backend.open(docker_instance)
    docker_client.api.kill(sandbox.run("hostname", timeout_s=10).output.strip())
    with pytest.raises(SandboxLost, match="running a command"):
        sandbox.run("true", timeout_s=10)


def test_forgotten_sandbox_ends_by_itself(docker_client: DockerClient, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="forgotten", options=DockerOptions(lifetime_s=1))
    backend.open(docker_instance)
    (container_id,) = container_ids(docker_client, f"{LABEL_RUN}=forgotten")
    events = docker_client.api.events(filters={"container": container_id, "event": "destroy"}, decode=True, since=0)
    assert next(iter(events))["Action"] == "destroy"
    events.close()  # type: ignore[attr-defined]
    backend.close()


def test_only_containers_of_dead_owners_are_removed(
    docker_client: DockerClient, base_image: str, docker_instance: Instance, tmp_path: Path
) -> None:
    arguments = [json.dumps(docker_instance.as_json()), str(tmp_path / "log")]
    dead = subprocess.run([sys.executable, "-c", DYING_RUN, *arguments], check=False)
    assert dead.returncode == -9
    left = container_ids(docker_client, f"{LABEL_RUN}=dying")
    assert len(left) == 2
    mine = Owner.current()
    bystanders = {
        "living owner": mine.labels(),
        "other host": {**mine.labels(), "pytest_swebench.owner_host": "elsewhere", LABEL_PID: "999999"},
        "no owner": {"somebody": "else"},
        "unreadable owner": {LABEL_PID: ""},
    }
    kept = [
        str(docker_client.containers.create(base_image, ["true"], labels=labels).id) for labels in bystanders.values()
    ]
    recycled = {**mine.labels(), LABEL_START: "1"}  # our process id, but of a process before us
    stale = docker_client.containers.create(base_image, ["true"], labels=recycled)
    try:
        removed = sweep_containers(docker_client)
        assert set(removed) >= {*left, str(stale.id)}
        assert not set(removed) & set(kept)
        assert container_ids(docker_client, f"{LABEL_RUN}=dying") == []
    finally:
        for container_id in kept:
            docker_client.api.remove_container(container_id, force=True)


def test_local_image_that_is_not_here_is_named_with_the_fix(docker_backend: DockerBackend) -> None:
    instance = Instance(problem=Problem(instance_id="a", statement=""), image="no-such-image-here:1")
    with pytest.raises(ImageMissing, match=r"'no-such-image-here:1'.*build it, or `docker pull"):
        docker_backend.check([instance])
    with pytest.raises(ImageMissing, match="'no-such-image-here:1'"):
        docker_backend.open(instance)


def test_image_without_repository_is_told(docker_backend: DockerBackend, base_image: str) -> None:
    instance = Instance(problem=Problem(instance_id="a", statement="", workdir="/usr"), image=base_image)
    with pytest.raises(InfraError, match="no git repository with a commit stands there"):
        docker_backend.open(instance)


def test_dead_engine_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    backend = DockerBackend(run_id="none")
    instance = Instance(problem=Problem(instance_id="a", statement=""), image="x")
    with pytest.raises(DockerUnavailable, match=r"start Docker, or use --sandbox local"):
        backend.check([instance])
    backend.close()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"memroy": "1g"}, "unknown docker option 'memroy'; did you mean 'memory'?"),
        ({"profile": "oficial"}, "unknown profile 'oficial'; did you mean 'official'?"),
        ({"grade_network": "host"}, "docker option grade_network='host': expected none or bridge"),
        ({"agent_network": "bridge"}, "docker option agent_network='bridge': expected none or install"),
        ({"memory": "lots"}, "docker option memory='lots': expected a size like '4g'"),
        ({"cpus": "two"}, "docker option cpus='two': expected a number of 0 or more"),
        ({"pids": "1.5"}, "docker option pids='1.5': expected a whole number"),
        ({"user": "nobody"}, "docker option user='nobody': expected a user id like '1000'"),
        ({"lifetime_s": "0"}, "docker option lifetime_s='0': expected seconds, a number above 0"),
        ({"capabilities": "ALL"}, "docker option capabilities='ALL': expected Linux capabilities by name"),
        ({"private_ipc": "maybe"}, "docker option private_ipc='maybe': expected yes or no"),
    ],
)
def test_wrong_option_names_the_right_ones(extra: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        DockerOptions.from_extra(extra)
    assert message in str(caught.value)


def test_image_digest_is_the_images_own(
    docker_client: DockerClient, docker_backend: DockerBackend, leaky_instance: Instance
) -> None:
    sandbox = docker_backend.open(leaky_instance)
    assert sandbox.image == leaky_instance.image
    assert sandbox.image_digest == images.digest(docker_client, leaky_instance.image)
    assert sandbox.image_digest.startswith("sha256:")


def test_instance_gets_the_sandbox_it_asks_for(
    docker_backend: DockerBackend, docker_instance: Instance, tmp_path: Path
) -> None:
    asked = {"pids": 99, "user": "1000", "shm_size": "8m", "capabilities": ["NET_RAW"]}
    instance = dataclasses.replace(docker_instance, exceptions=asked)
    command = "id -u; df -k --output=size /dev/shm | tail -1; cat /sys/fs/cgroup/pids*/pids.max /sys/fs/cgroup/pids.max"
    command += "; touch mine; stat -c %u mine README.md"
    log = tmp_path / "log"
    result = docker_backend.run_script(instance, Script(f"{command}; true", timeout_s=60, log=log))
    seen = docker_backend.open(instance).run(command, timeout_s=30).output
    assert log.read_text().split() == ["1000", "8192", "99", "1000", "1000"]
    assert [word for word in seen.split() if word.isdigit()] == ["1000", "8192", "99", "1000", "1000"]
    assert (result.conditions["exceptions"], result.conditions["pids"]) == (asked, 99)


def test_network_asked_for_wins_over_the_instances_and_the_backends(
    docker_engine: None, docker_instance: Instance, tmp_path: Path
) -> None:
    backend = DockerBackend(run_id="networks", options=DockerOptions(grade_network="none"))
    instance = dataclasses.replace(docker_instance, exceptions={"network": "bridge"})
    seen = {}
    for asked in ("", "none"):
        log = tmp_path / f"log-{asked}"
        script = "tail -n +3 /proc/net/dev | grep -c eth0"
        result = backend.run_script(instance, Script(script, timeout_s=60, log=log, network=asked))
        seen[asked] = (result.conditions["network"], log.read_text())
    backend.close()
    assert seen == {"": ("bridge", "1\n"), "none": ("none", "0\n")}


def test_log_beyond_its_limit_is_cut_and_said_so(
    docker_engine: None, docker_instance: Instance, tmp_path: Path
) -> None:
    backend = DockerBackend(run_id="flood", options=DockerOptions(log_cap_bytes=10_000))
    log = tmp_path / "log"
    script = "echo first; head -c 5000000 /dev/zero | tr '\\0' x | fold; echo; echo last"
    result = backend.run_script(docker_instance, Script(script, timeout_s=60, log=log))
    backend.close()
    content = log.read_text()
    assert (result.log_cut, result.conditions["log_cut"]) == (True, True)
    assert content.startswith("first\n")
    assert content.endswith("\nlast\n")
    assert len(content) < 11_000


def test_script_cannot_end_or_outlive_what_watches_it(
    docker_backend: DockerBackend, docker_instance: Instance, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = "kill -9 1; kill -TERM 1; setsid sleep 300 & sleep 0.2; echo said >&2; kill -9 $$"
    result = docker_backend.run_script(docker_instance, Script(script, timeout_s=60, log=log))
    assert (result.exit_code, result.timed_out, result.oom_killed) == (137, False, False)
    assert result.notes.splitlines()[0] == "said"


@pytest.mark.parametrize(
    ("command", "killed"),
    [(f"exec {EAT}", True), (f"{EAT}; true", True), ("kill -9 $$; exit 137", False)],
    ids=["PID 1", "its child", "nothing"],
)
def test_engine_knows_who_was_killed_for_memory(
    docker_client: DockerClient, base_image: str, command: str, killed: bool
) -> None:
    labels = Owner.current().labels()
    since = time.time()
    container = docker_client.containers.create(
        base_image, [], entrypoint=["bash", "-c", command], mem_limit="64m", memswap_limit="64m", labels=labels
    )
    try:
        container.start()
        container.wait()
        assert killed_for_memory(container, since) is killed
    finally:
        container.remove(force=True)
