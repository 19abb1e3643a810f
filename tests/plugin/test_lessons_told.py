"""Of the lessons in test_lessons.py those on what a person is told, how soon, and with how little overhead."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.grading.harness.call import row_of
from pytest_swebench.reporting.progress.plugin import SILENCE_S, TICK_S
from tests.plugin.conftest import Run, records
from tests.plugin.test_lessons import DEMO, asked_of, processor_s
from tests.plugin.test_lessons import server as server
from tests.support.calc import FIX
from tests.support.engine_door import engine_door
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

TWO_ARMS = """
    from pytest_swebench.arms.protocol import Solution
    from pytest_swebench.datasets.demo import load_demo

    PATCHES = {one.instance_id: one.hidden.gold_patch for one in load_demo()}

    class Arm:
        version, paid, oracle = "1", False, False
        def __init__(self, name, mends):
            self.name, self.mends = name, mends
        def check(self, instances): pass
        def solve(self, context):
            return Solution(patch=PATCHES[context.problem.instance_id] if self.mends else "")

    def pytest_swebench_arms():
        return [Arm("mends", True), Arm("idles", False)]
"""

BREAKS_ALL = """\
diff --git a/conftest.py b/conftest.py
new file mode 100644
--- /dev/null
+++ b/conftest.py
@@ -0,0 +1,6 @@
+import pytest
+
+
+@pytest.fixture(autouse=True)
+def broken():
+    raise OSError("broken")
"""


# 8. The summary names cells and compares arms.


def test_lesson_8_everything_can_be_read_off_the_terminal(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*DEMO, "--arms=gold,null", "--count=3", "--instances=tinyconf-5,tinyconf-9", "--outcome=capture")
    text = result.stdout.str()
    table = re.findall(r"^(tinyconf\S+) +(\d/\d) +(\d/\d)$", text, re.MULTILINE)
    assert table == [("tinyconf__tinyconf-5", "3/3", "0/3"), ("tinyconf__tinyconf-9", "3/3", "0/3")]
    assert re.search(r"^resolved of attempted +gold\* +null$", text, re.MULTILINE)
    assert re.search(r"^gold\* +6/6 +100\.0% +[\d.]+ - 100\.0 ", text, re.MULTILINE)
    assert "\nattempted 12 of 12 cells (100%), graded 12\n" in text
    (folder,) = re.findall(r"^all of it: +(\S+)/ ", text, re.MULTILINE)
    assert len((pytester.path / folder / "results.jsonl").read_text().splitlines()) == 12


def test_lesson_8_arms_are_held_against_each_other_with_an_interval(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(TWO_ARMS)
    text = run(*DEMO, "--arms=idles,gold,mends", "--max-instances=6", "--outcome=capture").stdout.str()
    assert "\npaired on 6 instances, in pp; exact sign-flip p, Holm over 1 pair\n" in text
    assert "\n  mends vs idles  +100.0 [+19.7, +100.0] 6 won 0 lost p=.031 better\n" in text
    assert "\none repetition: rerun luck is not measured " in text
    (path,) = pytester.path.glob("results/*/summary.json")
    (pair,) = json.loads(path.read_text())["analysis"]["comparisons"]
    assert (pair["variant"], pair["baseline"], pair["verdict"]) == ("mends", "idles", "better")
    assert pair["numbers"]["difference"] == 1.0


# 9. Suspicious verdicts say so.


def test_lesson_9_where_nothing_passes_any_more_a_warning_stands_beside_the_verdict(
    run: Run, pytester: pytest.Pytester
) -> None:
    line = {"instance_id": "tinyconf__tinyconf-5", "model_patch": BREAKS_ALL}
    pytester.path.joinpath("p.jsonl").write_text(json.dumps(line) + "\n")
    result = run(*DEMO, "--arms=predictions", "--patches=p.jsonl", "--outcome=capture")
    (record,) = records(pytester.path)
    assert record["outcome"] == "unresolved"
    assert record["verdict"]["warning"].startswith("no PASS_TO_PASS test passes any more")
    text = result.stdout.str()
    unwrapped = " ".join(text.split())
    assert re.search(
        r" WARNING 1: no PASS_TO_PASS test passes any more: .* tinyconf__tinyconf-5/predictions/r1;", unwrapped
    )
    assert re.search(r"^\[1/1\] \S+ unresolved \(no PASS_TO_PASS test passes any more", text, re.MULTILINE)


def test_lesson_9_an_ordinary_failure_has_no_warning(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*DEMO, "--arms=null", "--instances=tinyconf-5", "--outcome=capture")
    (record,) = records(pytester.path)
    assert "warning" not in record["verdict"]
    assert "WARNING" not in result.stdout.str()


# 10. Soon a first word, and never ten seconds without a sign of life.


def test_lesson_10_silence_is_broken_within_ten_seconds() -> None:
    assert SILENCE_S + 2 * TICK_S <= 10


@pytest.mark.usefixtures("run", "uncovered")
@pytest.mark.parametrize(
    ("words", "first"),
    [
        (("pytest", *DEMO, "--arms=gold", "--instances=tinyconf-5"), "swebench: run "),
        (("pytest_swebench", "run", "-d", "demo", "--arms=gold", "--instances=tinyconf-5"), "config: "),
    ],
    ids=["pytest", "command"],
)
def test_lesson_10_first_words_take_less_than_a_second(
    pytester: pytest.Pytester, words: tuple[str, ...], first: str
) -> None:
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert any(line.startswith(first.encode()) for line in process.stdout)
        # user and system time of the process and of what it has waited for, fields 14 to 17 of proc(5)
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()[11:15]
        process.stdout.read()
    assert sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") < 1
    assert process.returncode == 0


def test_lesson_10_help_takes_little_memory() -> None:
    most = "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    helped = f"import sys; sys.argv[1:] = ['--help']; from pytest_swebench.cli import main; main(); {most}"
    bare_kb, helped_kb = (
        int(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.split()[-1])
        for program in (most, helped)
    )
    assert helped_kb - bare_kb < 60 * 1024


# 11. Little overhead: what it is made of is counted here, and timed by `MEASURED`.


@pytest.mark.usefixtures("uncovered")
def test_lesson_11_an_instance_takes_few_containers_and_little_of_our_own_time(
    docker_client: DockerClient, run: Run, pytester: pytest.Pytester, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trivial_image(docker_client)
    rows = "".join(json.dumps(row_of(trivial_instance(number))) + "\n" for number in range(3))
    pytester.path.joinpath("rows.jsonl").write_text(rows)
    server.behave_from_now_on([ScriptedAnswer(f"```diff\n{FIX}```\n")])
    with tempfile.TemporaryDirectory() as folder, engine_door(Path(folder)) as door:  # socket names must be short
        monkeypatch.setenv("DOCKER_HOST", f"unix://{door.path}")
        used_s = processor_s()
        result = run(*asked_of(server, "--dataset=rows.jsonl", "--price=0", "--no-control"))
        used_s = processor_s() - used_s
    result.assert_outcomes(passed=3)
    asked = Counter(request.rpartition("/")[2] for request in door.asked if request.startswith("POST "))
    assert asked["create"] == asked["attach"] * 2 == 6  # one container to solve in, one to be graded in
    assert asked["start"] <= 6 + asked["exec"] <= 6 + 3 * 5
    assert len(door.asked) <= 3 * 40
    assert used_s < 3 * 1.5
