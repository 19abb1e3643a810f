"""Whatever a dead process left behind: containers, working folders and processes whose owner no longer lives.

An owner is a host, a process id and that process's start time, because process ids come round again. Owners on other
hosts cannot be judged from here and are left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.sandbox.engine import engine_errors, gone

if TYPE_CHECKING:
    from docker import DockerClient

LABEL_RUN: Final = "pytest_swebench.run"
LABEL_INSTANCE: Final = "pytest_swebench.instance"
LABEL_PID: Final = "pytest_swebench.owner_pid"
LABEL_START: Final = "pytest_swebench.owner_start"
LABEL_HOST: Final = "pytest_swebench.owner_host"

MARKER: Final = "SWEBENCH_SANDBOX"
"""Environment variable that every process of a local sandbox carries, so that none can slip away by setsid."""

_TOKEN: Final = re.compile(r"swebench-(?P<pid>\d+)-(?P<start>[0-9a-z]+)-")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from a later one with the same id by its start time."""

    host: str
    pid: int
    start: str

    @classmethod
    def current(cls) -> Owner:
        """Return this very process."""
        return cls(socket.gethostname(), os.getpid(), start_time(os.getpid()))

    @property
    def alive(self) -> bool:
        """Whether the process still runs; true for other hosts, which nobody here can see."""
        return self.host != socket.gethostname() or (self.start != "" and start_time(self.pid) == self.start)

    @property
    def prefix(self) -> str:
        """Return the beginning of the names of this owner's folders and markers."""
        return f"swebench-{self.pid}-{self.start}-"

    def labels(self) -> dict[str, str]:
        """Return the labels a container carries to name its owner."""
        return {LABEL_HOST: self.host, LABEL_PID: str(self.pid), LABEL_START: self.start}


def start_time(pid: int) -> str:
    """Return an opaque start time of process `pid`, empty if there is none."""
    if Path("/proc/self/stat").exists():
        try:
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        state, *fields = line.rpartition(")")[2].split()
        # Ticks since boot: a second boot could repeat them, hence the boot id in front.
        return "" if state in "ZX" else f"{_boot()}{fields[18]}"
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return re.sub(r"\W+", "", listing.stdout).lower()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")[:8] + "x"
    except OSError:
        return ""


def dead_containers(client: DockerClient, run_id: str = "", *, sizes: bool = False) -> list[dict[str, Any]]:
    """Return what the engine says of each container whose owner is dead, or of those of one run.

    Where a run is named, containers whose owner is on another host count as dead: who names it must know.
    """
    labels = [LABEL_PID] + ([f"{LABEL_RUN}={run_id}"] if run_id else [])
    with engine_errors("listing leftover containers"):
        found: list[dict[str, Any]] = client.api.containers(all=True, size=sizes, filters={"label": labels})
    owned = ((container, _owner(container.get("Labels") or {})) for container in found)
    return [
        container
        for container, owner in owned
        if owner is not None and (not owner.alive or (run_id and owner.host != socket.gethostname()))
    ]


def owners_at_work(client: DockerClient) -> bool:
    """Whether a container here belongs to an owner that lives, as far as can be seen."""
    with engine_errors("listing containers"):
        found = client.api.containers(all=True, filters={"label": LABEL_PID})
    owners = (_owner(container.get("Labels") or {}) for container in found)
    return any(owner is not None and owner.alive for owner in owners)


def remove_container(client: DockerClient, container_id: str) -> None:
    """Remove a container with its processes and volumes; one that is going already is left to go."""
    with engine_errors("removing a leftover container"), gone():
        client.api.remove_container(container_id, force=True, v=True)


def sweep_containers(client: DockerClient) -> list[str]:
    """Remove containers of dead owners on this host; return their ids."""
    ids = [str(container["Id"]) for container in dead_containers(client)]
    for container_id in ids:
        remove_container(client, container_id)
    return ids


def _owner(labels: Mapping[str, str]) -> Owner | None:
    pid = labels.get(LABEL_PID, "")
    return Owner(labels.get(LABEL_HOST, ""), int(pid), labels.get(LABEL_START, "")) if pid.isdigit() else None


def sweep_local() -> list[str]:
    """Kill processes and remove folders of dead owners of local sandboxes; return what was removed."""
    removed = []
    for pid, marker in dead_processes():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            removed.append(marker)
    for folder in dead_folders():
        shutil.rmtree(folder, ignore_errors=True)
        removed.append(str(folder))
    return removed


def dead_processes() -> list[tuple[int, str]]:
    """Return process id and marker of what local sandboxes of dead owners still run."""
    return [(pid, marker) for pid, marker in marked_processes() if _dead(marker)]


def dead_folders() -> list[Path]:
    """Return the temporary folders that dead owners left behind."""
    return [path for path in Path(tempfile.gettempdir()).glob("swebench-*") if _is_ours(path) and _dead(path.name)]


def _is_ours(path: Path) -> bool:
    """Say whether `path` is a folder of this user; another process may be sweeping it away at this moment."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _dead(name: str) -> bool:
    match = _TOKEN.match(name)
    return match is not None and not Owner(socket.gethostname(), int(match["pid"]), match["start"]).alive


def marked_processes() -> Iterator[tuple[int, str]]:
    """Yield process id and marker of every process of local sandboxes; nothing where there is no /proc."""
    needle = f"{MARKER}=".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile, or another user's
            continue
        for entry in entries:
            if entry.startswith(needle):
                yield int(folder.name), entry[len(needle) :].decode(errors="replace")


def kill_marked(marker: str) -> None:
    """Kill every process that carries `marker`, and those it forks meanwhile."""
    for _ in range(50):  # a fork bomb is fought for a while, then left to the next sweep
        alive = [pid for pid, found in marked_processes() if found == marker]
        if not alive:
            return
        for pid in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
