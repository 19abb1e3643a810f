"""The console command, run as people run it: one process, its output and its exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from pytest_swebench import __version__
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.cli.command import ExitCode, exit_code
from pytest_swebench.cli.list_instances import describe, render
from pytest_swebench.cli.merge import layout_of
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem
from pytest_swebench.errors import (
    DatasetError,
    DockerUnavailable,
    ImageMissing,
    InputError,
    ProviderError,
    ProviderRefused,
    RecordError,
    SandboxLost,
)
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.schema import Record
from pytest_swebench.redact import Redactor

RUN_ID = "20260102_030405-abc123"


def command(
    *arguments: str,
    cwd: Path | None = None,
    program: tuple[str, ...] = ("-m", "pytest_swebench"),
    env: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "120", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_run(root: Path) -> RunLayout:
    """Leave the journal of a run with a resolved and an unresolved cell, and one that never ended."""
    layout = RunLayout(root, RUN_ID, "20260102_030405")
    journal = Journal(layout.journals / "main-1.jsonl", Redactor(()))
    for instance_id, outcome in (("a__a-1", Outcome.RESOLVED), ("b__b-2", Outcome.UNRESOLVED), ("c__c-3", None)):
        record = Record(
            run_id=RUN_ID,
            key=instance_id,
            cell=Cell(instance_id, "gold", 1),
            variant=Variant("gold", "gold"),
            kind=Kind.ISSUE,
            attempt=1,
            oracle=True,
            provider="",
            started_at="2026-01-02T03:04:05.000+00:00",
            host="here",
        )
        record.patch = f"patch of {instance_id}"
        journal.append("started", cell=str(record.cell), record=record.as_json())
        if outcome is not None:
            record.outcome, record.verdict = outcome, {"resolved": outcome is Outcome.RESOLVED}
            record.integrity = {"state": "clean", "reasons": []}
            journal.append("record", cell=str(record.cell), record=record.as_json())
    journal.close()
    write_json(layout.folder / "plans" / "one.json", {"instances": 3, "reps": 1, "variants": {"gold": {}}})
    return layout


def test_version_is_the_package_s() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"swebench-runner, version {__version__}")


def test_console_script_and_module_are_the_same() -> None:
    script = shutil.which("swebench-runner", path=str(Path(sys.executable).parent))
    assert script is not None
    by_script = subprocess.run(
        [script, "--help"], env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True
    )
    assert by_script.stdout == command("--help", env={"COLUMNS": "80"}).stdout
    assert "list-instances" in by_script.stdout
    assert "merge" in by_script.stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = (
        "{'docker', 'datasets', 'anthropic', 'openai', 'swebench', 'pyarrow', 'numpy', 'rich', 'langsmith', 'pytest'}"
    )
    program = (
        "-c",
        "import sys; from pytest_swebench.cli import main; sys.argv[1:] = ['list-instances', '--help']; main(); "
        f"print(sorted({heavy} & set(sys.modules)))",
    )
    done = command(program=program)
    assert "DATASET" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_list_instances_counts_by_language_and_repository() -> None:
    done = command("list-instances", "demo")
    instances = load_demo()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        f"demo (test): {len(instances)} instances",
        "languages:",
        f"{len(instances):>8}  python",
    ]
    repositories, _, sizes = done.stdout.partition("repositories:\n")[2].partition("sizes:")
    assert sum(int(line.split()[0]) for line in repositories.splitlines()) == len(instances)
    most = max(len(instance.hidden.fail_to_pass) for instance in instances)
    assert re.search(rf"^  tests that it must mend +\d+ +\d+ +{most}$", sizes, re.MULTILINE)
    assert "can be graded" not in done.stdout


def test_list_instances_as_json_names_every_instance() -> None:
    found = json.loads(command("list-instances", "demo", "--json").stdout)["result"]
    assert found["instance_ids"] == [instance.instance_id for instance in load_demo()]
    assert found["gradable"] == found["instances"] == len(found["instance_ids"])
    assert found["missing_for_grading"] == {}


def test_list_instances_counts_by_difficulty_and_version() -> None:
    told = {"one-1": ("a/a", "1.0", "hard"), "one-2": ("a/a", "2.0", "easy"), "one-3": ("a/a", "2.0", "easy")}
    told["two-1"] = ("b/b", "", "")
    problems = [
        Problem(instance_id=name, statement="x", repo=repo, version=version, category=difficulty)
        for name, (repo, version, difficulty) in told.items()
    ]
    overview = describe("mine", "test", [Instance(problem=one, kind=Kind.ISSUE, hidden=Hidden()) for one in problems])
    assert overview["difficulties"] == {"easy": 2, "hard": 1}
    assert overview["versions"] == {"a/a": {"2.0": 2, "1.0": 1}}
    text = render(overview)
    assert "difficulties:\n       2  easy\n       1  hard\nrepositories:\n" in text
    assert "       3  a/a (2.0: 2, 1.0: 1)\n       1  b/b\n" in text


def test_list_instances_says_how_large_problems_are() -> None:
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\ndiff --git a/y b/y\n@@ -0,0 +1 @@\n+d\n"
    graded = Hidden(gold_patch=patch, fail_to_pass=("t1", "t2"), pass_to_pass=("t3",))
    instances = [
        Instance(problem=Problem(instance_id=name, statement=statement), hidden=hidden)
        for name, statement, hidden in (("a-1", "x" * 10, graded), ("a-2", "x" * 2000, Hidden()), ("a-3", "", Hidden()))
    ]
    overview = describe("mine", "test", instances)
    assert overview["sizes"] == {
        "statement_chars": {"least": 0, "median": 10, "most": 2000},
        "patch_files": {"least": 2, "median": 2, "most": 2},
        "patch_lines": {"least": 3, "median": 3, "most": 3},
        "fail_to_pass": {"least": 2, "median": 2, "most": 2},
        "pass_to_pass": {"least": 1, "median": 1, "most": 1},
    }
    assert "  characters of the problem          0       10    2,000\n" in render(overview)
    assert describe("none", "test", [])["sizes"] == {}


def test_list_instances_prints_halves_and_no_escapes() -> None:
    problems = [
        Problem(instance_id=f"a__a-{chars}", statement="x" * chars, repo="a/\x1b[31mred\u202e") for chars in (3, 1200)
    ]
    text = render(describe("x", "test", [Instance(problem=problem, hidden=Hidden()) for problem in problems]))
    assert "  characters of the problem          3    601.5    1,200" in text
    assert "       2  a/ [31mred" in text
    assert text.replace("\n", "").isprintable()


def test_list_instances_names_columns_that_grading_lacks(tmp_path: Path) -> None:
    rows = [
        {
            "instance_id": f"acme__shop-{number}",
            "repo": "acme/shop",
            "base_commit": "abc",
            "problem_statement": "It breaks.",
            "patch": f"diff --git a/x.{suffix} b/x.{suffix}\n",
            "test_patch": "",
            "FAIL_TO_PASS": "[]",
            "PASS_TO_PASS": "[]",
        }
        for number, suffix in enumerate(("py", "py", "go"))
    ]
    (tmp_path / "classic.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = command("list-instances", "classic.jsonl", cwd=tmp_path).stdout
    assert "       2  python\n       1  go\n" in text
    assert "without 'eval_script': 3 of 3\n" in text
    assert "can be graded: 0 of 3\n" in text
    narrowed = json.loads(command("list-instances", "classic.jsonl", "--language", "Go", "--json", cwd=tmp_path).stdout)
    assert narrowed["result"]["instance_ids"] == ["acme__shop-2"]


def test_counts_come_most_first() -> None:
    repositories = describe("demo", "test", load_demo())["repositories"]
    assert list(repositories.values()) == sorted(repositories.values(), reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list-instances", "lit"], "unknown dataset 'lit'; did you mean 'lite'?"),
        (["list-instances", "no.jsonl"], "no such dataset file or folder"),
        (["list-instances", "demo", "--language", "pyton"], "unknown language 'pyton'; did you mean 'python'?"),
        (["merge", "."], "'.' holds no run"),
        (["mrege", "."], "No such command 'mrege'"),
        (["merge"], "Missing argument 'RUN'"),
    ],
)
def test_bad_input_is_told_without_a_traceback(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == ExitCode.GENERAL
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_error_of_ours_is_one_line(tmp_path: Path) -> None:
    done = command("list-instances", "lit", cwd=tmp_path)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("swebench-runner: ")


def test_unreachable_hub_is_a_network_error(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        env = {"HF_ENDPOINT": address, "SWEBENCH_CACHE_DIR": str(tmp_path), "no_proxy": "*"}
        env |= {"HF_HUB_OFFLINE": "", "HF_DATASETS_OFFLINE": "", "http_proxy": "", "HTTP_PROXY": ""}
        done = command("list-instances", "lite", env=env)
    assert done.returncode == ExitCode.NETWORK
    assert "cannot reach the hub" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), ExitCode.GENERAL),
        (RecordError("x"), ExitCode.GENERAL),
        (DockerUnavailable("x"), ExitCode.DOCKER),
        (SandboxLost("x"), ExitCode.DOCKER),
        (ImageMissing("x"), ExitCode.NETWORK),
        (ProviderError("x"), ExitCode.NETWORK),
        (ProviderRefused("x"), ExitCode.NETWORK),
    ],
)
def test_every_kind_of_error_has_its_code(error: Exception, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_cause_of_an_error_decides_where_its_own_kind_says_nothing() -> None:
    far = DatasetError("no route")
    far.__cause__ = OSError(113, "No route to host")
    missing = DatasetError("no such file")
    missing.__cause__ = FileNotFoundError(2, "No such file")
    assert exit_code(far) is ExitCode.NETWORK
    assert exit_code(missing) is ExitCode.GENERAL


def test_merge_rebuilds_the_files_of_a_run(tmp_path: Path) -> None:
    layout = write_run(tmp_path)
    done = command("merge", str(layout.folder))
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("gold*")]
    assert row[:3] == ["gold*", "1/2", "50.0%"]
    assert "missing: gold 1 infra of 3 cells; coverage 66.7%" in done.stdout.splitlines()
    assert "unresolved 1:" in done.stdout
    assert "c__c-3/gold/r1: the process that ran it is gone" in done.stdout
    assert "without a record" not in done.stdout
    records = [json.loads(line) for line in layout.results.read_text().splitlines()]
    assert [(record["instance_id"], record["outcome"]) for record in records] == [
        ("a__a-1", "resolved"),
        ("b__b-2", "unresolved"),
        ("c__c-3", "infra"),
    ]
    (summary,) = json.loads((layout.folder / "summary.json").read_text())["variants"]
    assert (summary["selected"], summary["resolved"], summary["coverage"]) == (3, 1, 2 / 3)
    assert (layout.folder / "summary.csv").read_text().startswith("variant,oracle,selected")
    predictions = [json.loads(line) for line in layout.predictions("gold", 1).read_text().splitlines()]
    assert predictions[0] == {
        "instance_id": "a__a-1",
        "model_name_or_path": "gold",
        "model_patch": "patch of a__a-1",
    }


def test_merging_twice_changes_nothing(tmp_path: Path) -> None:
    layout = write_run(tmp_path)
    journal = (layout.journals / "main-1.jsonl").read_bytes()
    first = command("merge", layout.folder.name, cwd=tmp_path)
    files = {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()}
    second = command("merge", layout.folder.name, cwd=tmp_path)
    assert first.stdout == second.stdout
    assert files == {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()}
    assert (layout.journals / "main-1.jsonl").read_bytes() == journal


def test_merge_takes_the_id_of_a_run(tmp_path: Path) -> None:
    layout = write_run(tmp_path / "results")
    done = command("merge", layout.run_id, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert layout.results.is_file()
    assert f"did you mean '{layout.run_id}'?" in command("merge", f"{layout.run_id}0", cwd=tmp_path).stderr


def test_list_instances_takes_the_dataset_as_run_does(tmp_path: Path) -> None:
    assert command("list-instances", "-d", "demo").stdout == command("list-instances", "demo").stdout
    two = command("list-instances", "demo", "-d", "lite")
    assert (two.returncode, two.stdout) == (1, "")
    assert "DATASET 'demo' and --dataset 'lite' name two" in two.stderr


def test_damaged_journal_lines_are_counted(tmp_path: Path) -> None:
    layout = write_run(tmp_path)
    with (layout.journals / "gw0-2.jsonl").open("w") as file:
        file.write("not a journal line\n")
    assert "damaged" in command("merge", str(layout.folder)).stdout


def test_layout_of_a_run_knows_root_and_time(tmp_path: Path) -> None:
    assert layout_of(write_run(tmp_path).folder) == RunLayout(tmp_path, RUN_ID, "20260102_030405")
