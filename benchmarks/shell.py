"""A command in a sandbox's shell beside the same command by `docker exec`, and by a sandbox's own `run`, in turn.

What a command takes by itself is measured inside the container, where one bash starts others.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sidebyside import print_table, print_target

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.protocol import Sandbox
from pytest_swebench.sandbox.reaper import LABEL_RUN
from tests.support.base_image import base_image

COMMANDS = 200
MOST_MS = 5.0
RUN = "benchmark-shell"
COMMAND = "echo hello"
ITSELF = f"TIMEFORMAT=%R; time for i in $(seq 100); do bash -c '{COMMAND}' </dev/null >/dev/null; done"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file").touch()
        client = connect()
        image = base_image(client)
        client.close()
        problem = Problem(instance_id="benchmark__shell-1", statement="")
        backend = DockerBackend(run_id=RUN)
        try:
            sandbox = backend.open(Instance(problem=problem, image=image, source=Source(path=folder)))
            (container,) = backend.client.containers.list(filters={"label": f"{LABEL_RUN}={RUN}"})
            itself_s = float(sandbox.run(ITSELF, timeout_s=120).output) / 100
            rows = measure(sandbox, str(container.id))
        finally:
            backend.close()
    shell = statistics.median(rows["shell"])
    print_table(
        f"shell: medians of {COMMANDS} commands in turn; the command itself takes {itself_s * 1000:.2f} ms",
        ["", "ms", "95 in 100 under, ms", "beside the shell"],
        [
            [name, f"{of * 1000:.2f}", f"{statistics.quantiles(taken, n=20)[-1] * 1000:.2f}", f"{of / shell:.1f}"]
            for name, taken in rows.items()
            for of in [statistics.median(taken)]
        ],
    )
    print_target("a shell beyond the command", (shell - itself_s) * 1000, MOST_MS, " ms")


def measure(sandbox: Sandbox, container_id: str) -> dict[str, list[float]]:
    """Return the seconds of every command, by the way it took."""
    shell = sandbox.shell()
    exec_command = ["docker", "exec", container_id, "bash", "-c", COMMAND]
    ways: dict[str, Callable[[], str]] = {
        "shell": lambda: shell.run(COMMAND, timeout_s=60).output,
        "docker exec": lambda: subprocess.run(exec_command, check=True, capture_output=True, text=True).stdout,
        "run": lambda: sandbox.run(COMMAND, timeout_s=60).output,
    }
    rows: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(COMMANDS + 5):
        for name, way in ways.items():
            began = time.perf_counter()
            said = way()
            taken = time.perf_counter() - began
            if said != "hello\n":
                raise SystemExit(f"{name}: {said!r} is not what the command prints")
            if number >= 5:  # the first ones fill caches
                rows[name].append(taken)
    shell.close()
    return rows


if __name__ == "__main__":
    main()
