"""Seconds that an instance takes beyond its model and its tests: solved by one call of a model, and graded.

All rows work on the same instances in their own images, with the reference patch for an answer, one after the other.

    first   one `pytest -m experiment` with the arm singleshot, answered on loopback: sandbox, files for the prompt,
            call, validation, grading, records; what the run takes before and after its cells is shared out among them
    again   the same run once more, as another arm or repetition has it: the choice of files is known by then
    floor   by hand: `docker run` of the image, `git apply`, the row's eval script, and nothing else

The tests' own time is that of the eval script inside the floor's container in the same round, the model's that which
the server took. Most of what solving takes beyond the model is the choice of files for the prompt, which the floor has
nothing of; the first instance also pays for what a process loads once, the model's SDK above all. The reference patch
is controlled once; any other patch that resolves costs a second run of the tests as negative control. Figures are
medians over the rounds; one round more comes first and does not count. Needs Docker and `--rows FILE`, official rows
with the images of the `--instances` in place.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sidebyside import cost_of_pytest, print_table, print_target

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.grading import official
from tests.support.llm_server import LLMServer, ScriptedAnswer, prompt_text

MOST_S: Final = 1.5
FEW: Final = "django__django-16901,pytest-dev__pytest-10356,sympy__sympy-24661"
BY_HAND: Final = """\
cd /testbed && git apply --verbose /floor/patch.diff 2>&1 || exit 1
began=$EPOCHREALTIME
bash /floor/eval.sh </dev/null >/floor/log 2>&1
awk "BEGIN {print $EPOCHREALTIME - $began}" >/floor/took
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds of one instance in one round: all of them, and what is no overhead.

    `shared_s` is its part of what the run takes around its cells, `cpu_s` of the processor time of our own process.
    By hand nothing is solved, and nothing shared.
    """

    wall_s: float
    tests_s: float
    model_s: float = 0.0
    solve_s: float = 0.0
    shared_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def beyond_s(self) -> float:
        return self.wall_s - self.tests_s - self.model_s

    @property
    def solving_s(self) -> float:
        return self.solve_s - self.model_s

    @property
    def grading_s(self) -> float:
        return self.beyond_s - self.solving_s - self.shared_s


@dataclass(slots=True)
class Model:
    """Answers with the reference patch of whichever instance is asked about, after `delay_s`, and keeps the time."""

    rows: Mapping[str, Mapping[str, Any]]
    delay_s: float
    took_s: dict[str, float] = field(default_factory=dict)

    def __call__(self, body: dict[str, Any]) -> ScriptedAnswer:
        began, text = time.perf_counter(), prompt_text(body)
        (name,) = (name for name, row in self.rows.items() if row["problem_statement"].splitlines()[0] in text)
        time.sleep(self.delay_s)
        self.took_s[name] = self.took_s.get(name, 0.0) + time.perf_counter() - began
        return ScriptedAnswer(f"```diff\n{self.rows[name]['patch']}```\n", usage={"input": 900, "output": 90})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SWEBENCH_SHARED_DATA", "")
    parser.add_argument("--rows", type=Path, default=Path(shared, "pypi_rows.jsonl") if shared else None)
    parser.add_argument("--instances", default=FEW, help=f"by comma ({FEW})")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.3, help="seconds the model takes for a call (0.3)")
    options = parser.parse_args()
    if options.rows is None:
        print("left out: --rows names no file of rows, and SWEBENCH_SHARED_DATA is not set")
        return
    known = {row["instance_id"]: row for row in map(json.loads, options.rows.read_text(encoding="utf-8").splitlines())}
    rows = {name: known[name] for name in options.instances.split(",")}
    instances = {name: instance_from_row(row, where=name) for name, row in rows.items()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows.values()))
        ours: dict[str, list[dict[str, Seen]]] = {"first": [], "again": []}
        floor: list[dict[str, Seen]] = []
        for number in range(options.rounds + 1):
            by_hand = {name: lived(instance, folder / f"floor-{number}-{name}") for name, instance in instances.items()}
            tests_s = {name: seen.tests_s for name, seen in by_hand.items()}
            solved = {
                row: run(folder, rows, tests_s, f"r{number}-{row}", options.delay, f"cache-{number}") for row in ours
            }
            if number:
                floor.append(by_hand)
                for row, seen in solved.items():
                    ours[row].append(seen)
    show(list(rows), ours, floor)


def run(
    folder: Path,
    rows: Mapping[str, Mapping[str, Any]],
    tests_s: Mapping[str, float],
    run_id: str,
    delay_s: float,
    cache: str,
) -> dict[str, Seen]:
    """Run all instances as one run of ours, with a cache folder of the name `cache`."""
    model = Model(rows, delay_s)
    with LLMServer(model) as server:
        asked = ["-m", "experiment", "--dataset=rows.jsonl", "--arms=singleshot", "--provider=openai", "--price=0"]
        asked += [f"--provider-url={server.openai_url}", "--model=m-1", f"--run-id={run_id}", "--outcome=capture"]
        env = {"LLM_API_KEY": "test-key-12345", "SWEBENCH_CACHE_DIR": str(folder / cache)}
        cost = cost_of_pytest(asked, folder, env)
    lines = (folder / "results" / run_id / "results.jsonl").read_text(encoding="utf-8").splitlines()
    records = {record["instance_id"]: record for record in map(json.loads, lines)}
    for name, record in records.items():
        _require(record["outcome"] == "resolved", f"{name}: {record['outcome']}, {record['notes']}")
    took = {name: record["wall_time_seconds"] for name, record in records.items()}
    shared_s = (cost.wall_s - sum(one["total"] for one in took.values())) / len(took)
    return {
        name: Seen(
            one["total"] + shared_s, tests_s[name], model.took_s[name], one["solve"], shared_s, cost.cpu_s / len(took)
        )
        for name, one in took.items()
    }


def lived(instance: Instance, folder: Path) -> Seen:
    """Do by hand what must be done."""
    folder.mkdir()
    (folder / "patch.diff").write_text(instance.hidden.gold_patch)
    (folder / "eval.sh").write_text(official.eval_script_text(instance))
    (folder / "run.sh").write_text(BY_HAND)
    command = ["docker", "run", "--rm", "-v", f"{folder}:/floor", instance.image, "bash", "/floor/run.sh"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - began
    _require(done.returncode == 0, f"{instance.instance_id} by hand: {done.stdout}{done.stderr}")
    report = official.report_json(instance, instance.hidden.gold_patch, folder / "log")
    _require(official.verdict_of(instance.instance_id, report).resolved, f"{instance.instance_id} by hand: unresolved")
    return Seen(wall_s, float((folder / "took").read_text()))


def show(names: Sequence[str], ours: Mapping[str, Sequence[dict[str, Seen]]], floor: Sequence[dict[str, Seen]]) -> None:
    def median(rounds: Sequence[dict[str, Seen]], name: str, what: str) -> float:
        return statistics.median(getattr(one[name], what) for one in rounds)

    what = ("wall_s", "model_s", "tests_s", "solving_s", "grading_s", "shared_s", "beyond_s")
    table = []
    for name in names:
        by_hand = median(floor, name, "beyond_s")
        for row, rounds in ours.items():
            figures = [median(rounds, name, one) for one in what]
            seconds = (f"{one:.2f}" for one in (*figures, by_hand))
            table.append([f"{name} {row}", *seconds, f"{figures[-1] / by_hand:.1f}"])
    print_table(
        f"{len(floor)} rounds, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        [
            "seconds an instance",
            "ours",
            "model",
            "tests",
            "solve",
            "grade",
            "shared",
            "beyond",
            "floor beyond",
            "ratio",
        ],
        table,
    )
    print("  solve and grade beyond model and tests; beyond is the sum of these two and the share of start and end")
    for row, rounds in ours.items():
        spread = [one.beyond_s for seen in rounds for one in seen.values()]
        cpu = statistics.median(one.cpu_s for seen in rounds for one in seen.values())
        print(f"  {row}: beyond, over all, least {min(spread):.2f}, most {max(spread):.2f}")
        print(f"  {row}: processor time of our own process, an instance: {cpu:.2f} s, whatever else the machine does")
        worst = max(median(rounds, name, "beyond_s") for name in names)
        print_target(f"overhead of the worst instance, {row}", worst, MOST_S, " s")


def _require(holds: bool, said: str) -> None:
    if not holds:
        raise RuntimeError(f"{said}; such a time says nothing")


if __name__ == "__main__":
    main()
