"""Seconds to grade one trivial instance: the official harness, ours, and what the engine itself takes.

All rows work on one local image, apply the same patch and run the same two tests, on the bridge network. In each round
every row grades as many instances at once as there are workers; a figure is the median over the rounds of the time on
the clock, divided by the workers. The overhead is what a row takes beyond the commands alone, which are timed inside a
container that is up already. Needs Docker.

    official  swebench's `run_instance`, as it is; its imports are not counted
    ours      OfficialGrader: verdict, report and log in the cell's folder
    control   the same with integrity, whose negative control runs the tests once more; the one run that each
              instance needs under its gold patch was before
    floor     create, put archive, start, wait, logs, remove with the SDK and nothing else
    commands  the patch and the tests alone

`--n 20 --official 20` takes about ten minutes and gives the full figure.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sidebyside import Cost, in_turn, print_table, print_target, wall_s

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading import official
from pytest_swebench.grading.apply import RUN_SCRIPT
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.records.layout import EVAL_FILE, PATCH_FILE
from pytest_swebench.sandbox.docker import FILES, DockerBackend, DockerOptions
from pytest_swebench.sandbox.engine import archive, connect
from tests.support.calc import FIX
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MOST_OF_OFFICIAL: Final = 0.1
MOST_OF_FLOOR: Final = 1.3
NETWORK: Final = "bridge"
ENVIRONMENT: Final = {"SWEBENCH_FILES": FILES, "SWEBENCH_TESTBED": "/testbed"}
TIMED: Final = f"""\
cd /testbed && git checkout -q -- . && git clean -fdq && git status >/dev/null
TIMEFORMAT='took %R'; time bash {FILES}/run.sh >/dev/null 2>&1
git status --porcelain | grep -q calc.py
"""

Row = Callable[[Instance], float | None]
"""Grades an instance; returns the seconds it took if it knows better than the clock here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=8, help="instances for each row (8)")
    parser.add_argument(
        "--official", type=int, help="instances for the official harness, which waits 15 s for each (half of --n)"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many at a time (1 2)")
    options = parser.parse_args()
    client = connect()
    trivial_image(client)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # the official harness writes where it stands
        try:
            for workers in options.workers:
                few = options.n // 2 if options.official is None else min(options.official, options.n)
                compare(client, Path(name), workers, rounds=options.n // workers, official_rounds=few // workers)
        finally:
            os.chdir(here)
            client.close()


def compare(client: DockerClient, folder: Path, workers: int, *, rounds: int, official_rounds: int) -> None:
    backend = DockerBackend(run_id="benchmark", options=DockerOptions(grade_network=NETWORK))
    with contextlib.ExitStack() as stack:
        stack.callback(backend.close)
        rows: dict[str, Row] = {
            "official": official_row(client, f"benchmark-{workers}"),
            "ours": ours_row(OfficialGrader(backend), folder / "ours"),
            "control": control_row(
                IntegrityGrader(OfficialGrader(backend), backend, Known(folder / "known")), folder / "control"
            ),
            "floor": lambda instance: raw_life(client, instance),
            "commands": stack.enter_context(commands_row(client, workers)),
        }
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        timed = {name: batch(row, workers, pool) for name, row in rows.items()}
        costs = in_turn(official_rounds, timed) if official_rounds else {name: [] for name in timed}
        if rounds > official_rounds:
            del timed["official"]
            for name, more in in_turn(rounds - official_rounds, timed).items():
                costs[name] += more
    show({name: wall_s(found) for name, found in costs.items() if found}, costs, workers)


def batch(row: Row, workers: int, pool: ThreadPoolExecutor) -> Callable[[], Cost]:
    """Return what grades `workers` instances at once, and takes from the clock its share of an instance."""
    rounds = count()

    def run() -> Cost:
        first = next(rounds) * workers
        began = time.perf_counter()
        known = list(pool.map(row, [trivial_instance(first + number) for number in range(workers)]))
        wall = time.perf_counter() - began
        inside = [seconds for seconds in known if seconds is not None]
        return Cost(0, (max(inside) if inside else wall) / workers)

    return run


def official_row(client: DockerClient, name: str) -> Row:
    """Return the harness's own function for one instance; `name` opens its run ids, or it returns an old result."""
    from swebench.harness.run_evaluation import run_instance

    runs = count()

    def run(instance: Instance) -> None:
        prediction = {
            "instance_id": instance.instance_id,
            "model_name_or_path": "benchmark",
            "model_patch": instance.hidden.gold_patch,
        }
        done = run_instance(official.test_spec(instance), prediction, client, f"{name}-{next(runs)}", 600)
        _require(bool(done) and done[1][instance.instance_id]["resolved"], "official")

    return run


def ours_row(grader: OfficialGrader, folder: Path) -> Row:
    runs = count()

    def run(instance: Instance) -> None:
        _require(grader.grade(instance, FIX, folder / str(next(runs))).verdict.resolved, "ours")

    return run


def control_row(grader: IntegrityGrader, folder: Path) -> Row:
    """Return what grades a patch other than gold, and one instance over and over: its gold patch is controlled once."""
    runs = count()
    instance = trivial_instance(0)

    def run(_: Instance) -> None:
        grade = grader.grade(instance, FIX.replace("a + b", "b + a"), folder / str(next(runs)))
        _require(grade.verdict.resolved and grade.control_s is not None, "control")

    return run


def raw_life(client: DockerClient, instance: Instance) -> None:
    """Do with the SDK what any grading must do, and nothing else."""
    container = client.containers.create(
        instance.image,
        command=["bash", f"{FILES}/run.sh"],
        network_mode=NETWORK,
        working_dir="/testbed",
        environment=ENVIRONMENT,
    )
    try:
        container.put_archive("/", archive(files_of(instance), FILES))
        container.start()
        container.wait()
        _require(b"2 passed" in container.logs(), "floor")
    finally:
        container.remove(force=True)


@contextlib.contextmanager
def commands_row(client: DockerClient, workers: int) -> Iterator[Row]:
    """Keep a container up for each worker, and time the commands inside."""
    containers = [_kept(client) for _ in range(workers)]
    free = list(containers)

    def run(instance: Instance) -> float:
        container = free.pop()
        try:
            code, output = container.exec_run(["bash", "-c", TIMED], environment=ENVIRONMENT)
        finally:
            free.append(container)
        took = re.search(rb"^took ([\d.]+)$", output, re.MULTILINE)
        if took is None or code:
            raise RuntimeError(f"commands: exit code {code}: {output!r}")
        return float(took[1])

    try:
        yield run
    finally:
        for container in containers:
            container.remove(force=True)


def files_of(instance: Instance) -> dict[str, bytes]:
    return {
        PATCH_FILE: FIX.encode(),
        EVAL_FILE: official.eval_script_text(instance).encode(),
        "run.sh": RUN_SCRIPT.encode(),
    }


def show(medians: dict[str, float], costs: dict[str, list[Cost]], workers: int) -> None:
    commands = medians["commands"]
    beyond = {name: value - commands for name, value in medians.items() if name != "commands"}
    notes = {"official": f"official {importlib.metadata.version('swebench')}", "control": "ours with negative control"}
    print_table(
        f"grading with {workers} worker{'s' if workers > 1 else ''}, load average {os.getloadavg()[0]:.1f}",
        ["seconds per instance", "n", "median", "least", "beyond the commands"],
        [
            [
                notes.get(name, name),
                str(len(costs[name]) * workers),
                f"{median:.3f}",
                f"{min(cost.wall_s for cost in costs[name]):.3f}",
                "" if name == "commands" else f"{beyond[name]:.3f}",
            ]
            for name, median in medians.items()
        ],
    )
    print(f"  the negative control adds {medians['control'] - medians['ours']:.3f} s")
    if "official" in beyond:
        print_target("our overhead beside the official one", beyond["ours"] / beyond["official"], MOST_OF_OFFICIAL)
    print_target("our overhead beside the floor", beyond["ours"] / beyond["floor"], MOST_OF_FLOOR)


def _kept(client: DockerClient) -> Container:
    instance = trivial_instance(0)
    settings: dict[str, Any] = {"network_mode": NETWORK, "working_dir": "/testbed"}
    container = client.containers.create(instance.image, command=["sleep", "7200"], **settings)
    container.put_archive("/", archive(files_of(instance), FILES))
    container.start()
    return container


def _require(resolved: bool, row: str) -> None:
    if not resolved:
        raise RuntimeError(f"{row}: the right patch was not resolved, so its time says nothing")


if __name__ == "__main__":
    main()
