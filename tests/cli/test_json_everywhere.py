"""Every command for a program: `--no-input --json` leaves one object on standard output, and the right exit code.

The commands are taken from the group itself: one without a row in `CASES` or `KEYED` fails. Runs that an engine, an
endpoint or the hub refuses are in test_run.py.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cli.command import cli
from pytest_swebench.cli.outcome import ExitCode
from pytest_swebench.statistics.gate import GateExit
from tests.arms.workflows.answers import GOOD, key_of
from tests.cli.test_lazy import leaves
from tests.cli.test_secrets import play
from tests.plugin.test_bad_input import ROW, write_rows
from tests.support.calc import WRONG
from tests.support.graded import put, report
from tests.support.keyring_play import command
from tests.support.lacking import mounted
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.runs import BARE
from tests.support.task_repo import make_repository, task_row

KEY = "sk-canary-0123456789"
PROGRAM = [sys.executable, "-m", "pytest_swebench"]
WAIT_S = 60.0
OF_OTHERS = ("ARMS", "BASE_URL", "DOCKER_", "EVAL", "HF_", "INSTANCES", "LANGUAGE", "MAX_", "MODEL", "OUTPUT_DIR")
OF_OTHERS += ("PROVIDER", "PYTEST_", "SWEBENCH_", "TARGET_")


@dataclass(frozen=True)
class Case:
    """A command line with its exit code: `says` is its error's type, or the members that its result has at least.

    `fix` is in what the error says to do. `needs` names what must be here: `docker`, or `full`, a disk without room,
    which `{full}` is the folder of. `where` is the folder that the command stands in.
    """

    words: str
    code: int = 0
    says: str = ""
    fix: str = ""
    where: str = ""
    needs: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


ASKED = "-p openai -m demo-model --base-url"
ONE = "-d demo --instances tinyconf-5"
PRICED = "-- --price=1,2"
SAVED = {"PROVIDER": "openai", "MODEL": "demo-model", "BASE_URL": "{url}", "INSTANCES": "tinyconf-5"}
SAVED |= {"SWEBENCH_DATASET": "demo", "SWEBENCH_PRICE": "1,2"}
ALONE = (
    Case("", says="lines"),
    Case("--help", says="lines"),
    Case("--version", says="lines"),
    Case("nobody", 1, "UsageError", "swebench-runner --help"),
    Case("--nobody", 1, "NoSuchOption"),
)
CASES = (
    Case("analyze-errors one", says="run_id overview taxonomy markdown data"),
    Case("analyze-errors --results results/one/results.jsonl --output-dir analysis", says="markdown data"),
    Case("analyze-errors nobody", 1, "InputError", "runs lie in"),
    Case("analyze-errors one --output-dir {full}/reports", 4, "RecordError", "--output-dir", needs="full"),
    Case("baseline list", says="baselines"),
    Case("baseline list", 1, "InputError", where="{here}/torn"),
    Case("baseline save main before.json", says="name file size_bytes source"),
    Case("baseline save main before.json", 1, "InputError", "--replace"),
    Case("baseline save full {here}/before.json", 4, "RecordError", "another name", where="{full}", needs="full"),
    Case("clean --dry-run", says="lines"),
    Case("clean --results", 1, "InputError", "--yes"),
    Case("compare one --baseline-variant null", says="sources comparisons cautions"),
    Case("compare before.json after.json", says="sources comparisons"),
    Case("compare before.json", 1, "SelectionError", "give another run"),
    Case("compare before.json nobody.json", 1, "InputError", "results/<run id>"),
    Case("config show", says="settings keys"),
    Case("config show", 1, "InputError", env={"SWEBENCH_MAX_COST": "lots"}),
    Case("config set max_turns 7", says="decides"),
    Case("config set max_turms 7", 1, "InputError"),
    Case("config set max_turns 7", 4, "InputError", where="{full}", needs="full"),
    Case("doctor --no-such-option", 1, "NoSuchOption"),
    Case("doctor", 2, "docker_stopped"),
    Case("doctor", 3, "network", needs="docker"),
    Case("doctor --output-dir {full}", 4, "disk", needs="full"),
    Case("evaluate patches.jsonl -d demo --eval-max-workers=1", says="command cells analysis report"),
    Case("evaluate patches.jsonl -d demo --show-command", says="lines"),
    Case("evaluate patches.jsonl -d dmo", 1, "DatasetError"),
    Case("evaluate of_rows.jsonl -d rows.jsonl", 2, "DockerUnavailable"),
    Case("evaluate patches.jsonl -d demo --output-dir {full}", 4, "RecordError", needs="full"),
    Case("export results/one out --to harness --variant gold", says="run_id instances folder"),
    Case("export results/one board --to leaderboard --variant gold", says="run_id instances folder"),
    Case("export results/one out --to harness --variant nobody", 1, "InputError"),
    Case("export results/one {full}/out --to harness --variant gold", 4, "OSError", needs="full"),
    Case("gate before.json --baseline after.json", says="verdict variants exit"),
    Case("gate after.json --baseline before.json", 10, "Regressed", "`lost`"),
    Case("gate after.json --baseline before.json --gate report", says="verdict"),
    Case("gate before.json --baseline other.json", 11, "Inconclusive", "more instances may decide it"),
    Case("gate before.json --baseline nobody", 12, "NotComparable", "give results/<run id>"),
    Case("gate before.json", 1, "MissingParameter", "gate --help"),
    Case("gate before.json --baseline after.json --max-drop 3", 1, "InputError", "give e.g. 3pp"),
    Case(f"generate {ONE} --generation-output made.jsonl", says="cells"),
    Case("generate -d demo --instances nobody", 1, "SelectionError"),
    Case("generate -d demo --show-command", says="command config"),
    Case("list-instances demo", says="instances instance_ids"),
    Case("list-instances", 1, "MissingParameter", "list-instances --help"),
    Case("list-instances dmo", 1, "DatasetError", "owner/name"),
    Case("list-instances lite", 3, "DatasetError"),
    Case("merge results/one", says="lines"),
    Case("merge .", 1, "InputError", "give results/<run id>"),
    Case("merge {full}/results/one", 4, "RecordError", needs="full"),
    Case("models openai --provider-url {url}", says="id"),
    Case("models opnai", 1, "InputError"),
    Case("models openai --provider-url {refusing}", 3, "ProviderRefused"),
    Case("models openai --provider-url {failing}", 3, "ProviderError"),
    Case("models openai --provider-url {nobody}", 3, "Busy"),
    Case("plan --effect 5pp", says="assumption needed_instances rows"),
    Case("plan --effect 5", 1, "InputError", "give e.g. 3pp"),
    Case("plan before.json", 1, "SelectionError", "with both"),
    Case("preflight -d demo", says="checks"),
    Case("preflight -d demo --instance nobody", 1, "SelectionError"),
    Case("preflight -d rows.jsonl", 2, "docker_stopped"),
    Case("preflight -d lite", 3, "DatasetError"),
    Case("preflight -d demo --output-dir {full}", 4, "disk", needs="full"),
    Case("quick", says="cells", env=SAVED),
    Case("quick", 1, "InputError"),
    Case("quick", 2, "docker_stopped", env=SAVED | {"SWEBENCH_DATASET": "rows.jsonl", "INSTANCES": ""}),
    Case("report one", says="run_id file cells"),
    Case("report nobody", 1, "InputError", "runs lie in"),
    Case("report one -o {full}/report.html", 4, "RecordError", "--output", needs="full"),
    Case(f"run {ONE} {ASKED} {{url}} --max-cost 1 {PRICED}", says="cells analysis"),
    Case("run -d demo --show-command", says="command config"),
    Case("run -d demo --arms goold", 1, "InputError"),
    Case("run --dataste=x", 1, "NoSuchOption", "run --help"),
    Case("run --log-file", 1, "InputError", "give --log-file FILE"),
    Case("run -d rows.jsonl --arms gold", 2, "docker_stopped"),
    Case(f"run -d demo --count 1 {ASKED} {{failing}} {PRICED}", 3, "ProviderError"),
    Case(f"run {ONE} {ASKED} {{url}} --max-cost 0.001 -- --price=100,100", 4, "BudgetExhausted"),
    Case(f"run {ONE} --arms gold --output-dir {{full}}", 4, "RecordError", needs="full"),
    Case("setup --nobody", 1, "NoSuchOption"),
    Case("setup", 2, "NobodyToAsk"),
    Case("show one", says="run_id cells analysis records"),
    Case("show nobody", 1, "InputError", "runs lie in"),
    Case("task batch --seeds good.jsonl", says="lines"),
    Case("task batch --seeds nobody.jsonl", 1, "DatasetError"),
    Case("task batch --seeds sealed.jsonl", 2, "DockerUnavailable"),
    Case("task batch --seeds {here}/tasks.jsonl", 4, "OSError", where="{full}", needs="full"),
    Case("task from-row rows.jsonl acme__acme-1", says="task_id"),
    Case("task from-row rows.jsonl acme__acme-2", 1, "DatasetError"),
    Case("task image --base {base}", says="lines", needs="docker"),
    Case("task image --no-such-option", 1, "NoSuchOption"),
    Case("task image", 2, "DockerUnavailable"),
    Case("task run --task-id good --seeds tasks.jsonl", says="lines"),
    Case("task run --task-id goad --seeds tasks.jsonl", 1, "InputError"),
    Case("task run --task-id wrong --seeds tasks.jsonl", 1, "TestsFailed"),
    Case("task run --task-id sealed --seeds sealed.jsonl", 2, "DockerUnavailable"),
    Case(
        "task run --task-id good --seeds tasks.jsonl --agent --provider openai --model m --price=1,2"
        " --provider-url={refusing}",
        3,
        "ProviderRefused",
    ),
    Case("task tune --seeds tasks.jsonl --arm agent_onepatch --model m --show-command", says="command"),
    Case("task tune --seeds tasks.jsonl", 1, "MissingParameter"),
    Case("trace tinyconf-5 --run one --variant gold", says="cell record"),
    Case("trace nobody", 1, "SelectionError"),
    Case("validate one", says="complete problems"),
    Case("validate nobody", 1, "InputError", "runs lie in"),
    Case("validate-env demo --instances tinyconf-5", says="lines"),
    Case("validate-env dmo", 1, "DatasetError"),
    Case("validate-env tasks.jsonl --instances unfit", 1, "Unfit"),
    Case("validate-env demo --show-command", says="lines"),
    Case("validate-env rows.jsonl", 2, "DockerUnavailable"),
    Case("visualize one", says="files left_out failed"),
    Case("visualize one --resolved tasks.jsonl", 1, "InputError", "give a JSON file"),
    Case("visualize one --output-dir {full}/charts", 4, "RecordError", "--output-dir", needs="full"),
    Case("watch one", says="state variants"),
    Case("watch nobody", 1, "InputError", "runs lie in"),
)
WORK = "--provider openai --profile work"
# one after another beside one keychain; what is typed is the key
KEYED = (
    Case("secrets set openai - --provider-url {url}", says="stored"),
    Case("secrets set openai", 1, "InputError"),
    Case("secrets set openai - --provider-url {refusing}", 3, "KeyRefused"),
    Case("secrets get openai", says="present"),
    Case("secrets get opnai", 1, "InputError"),
    Case("secrets clear openai", says="cleared"),
    Case("secrets clear openai", 1, "InputError"),
    Case(f"profiles create {WORK}", says="active"),
    Case("profiles create --provider openai --profile Work-1", 1, "InputError"),
    Case(f"profiles set-key {WORK} --key - --no-validate", says="stored"),
    Case(f"profiles set-key {WORK} --key sk-literal", 1, "InputError"),
    Case("profiles list", says="profiles"),
    Case("profiles list --provider opnai", 1, "InputError"),
    Case(f"profiles set-active {WORK}", says="active"),
    Case("profiles set-active --provider openai --profile nobody", 1, "InputError"),
    Case("profiles rename --provider openai --from work --to job", says="key_moved"),
    Case("profiles rename --provider openai --from work --to job", 1, "InputError"),
    Case("profiles clear-key --provider openai --profile job", says="cleared"),
    Case("profiles clear-key --provider openai --profile job", 1, "InputError"),
    Case("profiles delete --provider openai --profile job", says="key_removed"),
    Case("profiles delete --provider openai --profile job", 1, "InputError"),
)


def right(body: dict[str, Any]) -> ScriptedAnswer:
    key = key_of(body["response_format"]["json_schema"]["schema"])
    return ScriptedAnswer(text=json.dumps(GOOD[key]), usage={"input": 100, "output": 20})


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A folder with a run, patches and tasks; and the names that stand in the command lines."""
    here = tmp_path_factory.mktemp("json")
    named = {"here": str(here), "full": str(here / "full")}
    with ExitStack() as stack:
        for name, answer in (("url", right), ("refusing", [Status(401)]), ("failing", [Status(500)])):
            models = {"refusing": Status(401), "failing": Status(500)}.get(name, [{"id": "m"}])
            named[name] = stack.enter_context(LLMServer(answer, models=models)).openai_url
        taken = stack.enter_context(socket.socket())  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        named["nobody"] = f"http://127.0.0.1:{taken.getsockname()[1]}"
        made = ran(here, named, Case("run -d demo --arms gold,null --instances tinyconf-5 --run-id one"), as_json=False)
        assert made.returncode == 0, made.stdout + made.stderr
        shutil.copy(here / "results/one/predictions/gold_run1.jsonl", here / "patches.jsonl")
        write_rows(here / "rows.jsonl", ROW | {"FAIL_TO_PASS": json.dumps(["test_a.py::test_a"])})
        patch = {"instance_id": ROW["instance_id"], "model_name_or_path": "m", "model_patch": ROW["patch"]}
        (here / "of_rows.jsonl").write_text(json.dumps(patch))
        repository = make_repository(here / "calc")
        rows = [task_row(repository, task_id=name, pytest_k=k) for name, k in (("good", "zero"), ("wrong", "add"))]
        rows.append(task_row(repository, task_id="unfit", pytest_k="add", patch_b64=b64encode(WRONG.encode()).decode()))
        (here / "tasks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        (here / "sealed.jsonl").write_text(json.dumps(task_row(repository, task_id="sealed", trusted=False)))
        (here / "good.jsonl").write_text(json.dumps(rows[0]))
        names = [f"acme__acme-{number}" for number in range(100)]
        for name, first, last in (("before", 0, 60), ("after", 0, 20), ("other", 10, 70)):
            put(here / f"{name}.json", report(names[first:last], names[:first] + names[last:]))
        put(here / "torn" / "baselines" / "main.json", "{")
        yield named


@pytest.fixture(scope="module")
def full_disk(places: dict[str, str]) -> Iterator[None]:
    """Put a disk without room in its place, with the run on it."""
    with mounted(Path(places["full"]), "1m") as folder:
        shutil.copytree(Path(places["here"]) / "results" / "one", folder / "results" / "one")
        filled(folder)
        yield


def filled(folder: Path) -> None:
    """Leave no room on the disk of `folder`."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return


def surroundings(named: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anybody's settings, an engine or a hub."""
    here = named["here"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_OTHERS) and name != "CI"}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith(("_proxy", "_api_key"))}
    own = {"PYTEST_ADDOPTS": BARE, "TMPDIR": here, "SWEBENCH_CACHE_DIR": f"{here}/cache"}
    return kept | own | {"DOCKER_HOST": f"unix://{here}/none.sock", "HF_ENDPOINT": named["nobody"], "LLM_API_KEY": KEY}


def ran(
    folder: Path, named: Mapping[str, str], case: Case, *, as_json: bool = True
) -> subprocess.CompletedProcess[str]:
    env = surroundings(named) | {name: value.format(**named) for name, value in case.env.items()}
    if case.needs == "docker":
        del env["DOCKER_HOST"]
    first, dashes, rest = case.words.partition(" -- ")
    words = [*shlex.split(first.format(**named)), *(["--no-input", "--json"] if as_json else [])]
    return subprocess.run(
        [*PROGRAM, *words, *([dashes.strip()] if dashes else []), *shlex.split(rest)],
        cwd=case.where.format(**named) or folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def judged(case: Case, code: int, out: str) -> None:
    """Assert that `out` is one object, that it says what the exit code says, and that both are right."""
    found = json.loads(out)
    assert set(found) == {"ok", "exit_code", "error", "result"}
    assert (found["exit_code"], code) == (case.code, case.code), out
    assert found["ok"] is (code == 0) is (found["error"] is None), out
    assert KEY not in out
    if code == 0:
        (first, *_) = found["result"] if isinstance(found["result"], list) else [found["result"]]
        assert set() < {*case.says.split()} <= set(first)
        return
    assert set(found["error"]) == {"type", "message", "fix", "log", "log_tail"}
    assert found["error"]["type"] == case.says, out
    assert found["error"]["message"]
    assert case.fix in found["error"]["fix"]


@pytest.mark.parametrize("case", ALONE + CASES, ids=lambda case: f"{case.code} {case.words}")
def test_answer_is_one_object_with_the_right_exit_code(
    case: Case, places: dict[str, str], request: pytest.FixtureRequest
) -> None:
    named = dict(places)
    if case.needs == "docker":
        named["base"] = request.getfixturevalue("base_image")
    if case.needs == "full":
        request.getfixturevalue("full_disk")
    done = ran(Path(places["here"]), named, case)
    judged(case, done.returncode, done.stdout)
    assert KEY not in done.stderr


def test_commands_of_keys_answer_so_too(places: dict[str, str], tmp_path: Path) -> None:
    steps = [
        command(*shlex.split(case.words.format(**places)), "--no-input", "--json", given=f"{KEY}\n") for case in KEYED
    ]
    done, seen = play(tmp_path, *steps)
    for case, one in zip(KEYED, done, strict=True):
        judged(case, one.code, one.out)
        assert KEY not in one.err
    assert seen == []


def test_interrupted_run_answers_with_130(places: dict[str, str], tmp_path: Path) -> None:
    waiting = LLMServer(lambda body: time.sleep(2) or right(body))
    with waiting as server:
        words = shlex.split(f"run {ONE} {ASKED} {server.openai_url} --no-input --json --output-dir {tmp_path} {PRICED}")
        process = subprocess.Popen(
            [*PROGRAM, *words], cwd=places["here"], env=surroundings(places), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + WAIT_S
            while not server.requests and time.monotonic() < deadline:
                time.sleep(0.05)
            assert server.requests
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
    judged(Case("run", 130, "KeyboardInterrupt"), process.returncode, out)
    assert "--resume" in json.loads(out)["error"]["fix"]


def test_every_command_has_its_success_and_its_failures_here() -> None:
    commands = {path.removeprefix("swebench-runner ") for path, _ in leaves(cli)}
    codes: dict[str, set[int]] = {name: set() for name in commands}
    for case in (*CASES, *KEYED):
        (name,) = (name for name in commands if f"{case.words} ".startswith(f"{name} "))
        codes[name].add(case.code)
    # the 0 of one is this machine's, that of the other a person's
    assert {name for name, found in codes.items() if not {0, 1} <= found} == {"doctor", "setup"}
    assert {*set().union(*codes.values()), 130} - codes["gate"] == set(ExitCode) - codes["gate"]
    assert codes["gate"] == {*GateExit} - {GateExit.BUDGET_ENDED} | {ExitCode.GENERAL}  # which a finished run is not
