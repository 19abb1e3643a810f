"""`swebench-runner task`, as subprocesses on repositories that a git server on loopback hands out."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_server import GitServer
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.local_tasks import TASKS, fix_of, make_repositories, play, rows, statement

TIMEOUTS = {"clone": 30, "install": 60, "test": 30}  # a busy machine says nothing about the stages


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("served")
    return folder, make_repositories(folder)


@pytest.fixture
def server(upstream: tuple[Path, dict[str, str]]) -> Iterator[GitServer]:
    with GitServer(upstream[0]) as server:
        yield server


@pytest.fixture
def write_tasks(tmp_path: Path, server: GitServer, upstream: tuple[Path, dict[str, str]]) -> Any:
    def written(name: str = "tasks.jsonl", *, known: bool = False, ids: tuple[str, ...] = (), **more: Any) -> Path:
        more = {"trusted": True, "timeouts": TIMEOUTS} | more
        lines = [
            json.dumps(row | {"problem_statement": statement(row["task_id"])})
            for row in rows(server.url, upstream[1], known=known, **more)
            if not ids or row["task_id"] in ids
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return written


def runner(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_swebench", "task", *arguments]
    cleared = {"OUTPUT_DIR", "TARGET_REPO", "TARGET_REF", "PYTEST_K"}
    cleared |= {"CHUTES_API_KEY", "PROVIDER", "MODEL", "MAX_TURNS"}
    env = {name: value for name, value in os.environ.items() if name not in cleared} | variables
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240, check=False)


def the_run(folder: Path) -> Path:
    (made,) = (folder / "sandbox" / "runs").iterdir()
    return made


def table(folder: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return the rows of a summary by their header, and its footer."""
    body, footer = (folder / "summary.csv").read_text().split("\n\n")
    return list(csv.DictReader(body.splitlines())), dict(line.split(",") for line in footer.splitlines())


def test_batch_of_eight_tasks_without_a_model(tmp_path: Path, write_tasks: Any, server: GitServer) -> None:
    done = runner(tmp_path, "batch", "--seeds", str(write_tasks()))
    assert done.returncode == 0, done.stdout + done.stderr
    folder = the_run(tmp_path)
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert {line["task_id"]: line["status"] for line in lines} == {
        task_id: "pass" if task_id == "colours-known" else "fail" for task_id in TASKS
    }
    assert all(line["duration_s"] < 30 for line in lines)
    assert "patch_applied" in lines[0]
    found, footer = table(folder)
    assert list(found[0]) == ["task_id", "status", "duration_s", "tail"]
    assert len(found) == len(TASKS) == 8
    assert footer["pass_rate"] == "0.12"
    assert 0 < float(footer["p50_duration_s"]) <= float(footer["p95_duration_s"])
    assert done.stdout.endswith(f"results: {folder}\n")
    assert set(server.asked) == {"basket.git", "calendar.git", "colours.git"}


def test_second_batch_sums_up_to_the_same(tmp_path: Path, write_tasks: Any) -> None:
    tasks = write_tasks(ids=("basket-total", "calendar-december", "colours-known"))
    summaries = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        done = runner(tmp_path / name, "batch", "--seeds", str(tasks))
        assert done.returncode == 0, done.stdout + done.stderr
        rows, footer = table(the_run(tmp_path / name))
        stable = [(row["task_id"], row["status"], re.sub(r" in [\d.]+s", "", row["tail"])) for row in rows]
        summaries.append((stable, footer["pass_rate"]))
    assert summaries[0] == summaries[1]
    assert summaries[0][1] == "0.33"


def test_batch_with_the_one_patch_agent(tmp_path: Path, write_tasks: Any) -> None:
    with LLMServer(play, key="test-key-12345") as model:
        done = runner(
            tmp_path,
            *("batch", "--seeds", str(write_tasks()), "--agent", "--model", "scripted", "--provider", "openai"),
            *(f"--provider-url={model.openai_url}", "--price=1,1"),
            LLM_API_KEY="test-key-12345",
        )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = the_run(tmp_path)
    found, footer = table(folder)
    assert list(found[0]) == ["task_id", "status", "duration_s", "tail", "model", "temperature", "max_turns"]
    assert {row["task_id"]: row["status"] for row in found} == dict.fromkeys(TASKS, "pass")
    assert {(row["model"], row["temperature"], row["max_turns"]) for row in found} == {("scripted", "0.2", "10")}
    assert all(float(row["duration_s"]) < 30 for row in found)
    assert footer["pass_rate"] == "1.00"
    assert float(footer["p50_duration_s"]) <= float(footer["p95_duration_s"])
    (records,) = tmp_path.glob("results/tasks-*/results.jsonl")
    outcomes = {line["instance_id"]: line["outcome"] for line in map(json.loads, records.read_text().splitlines())}
    assert outcomes == dict.fromkeys(TASKS, "resolved")
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"test-key-12345" not in written


def test_batch_that_broke_tells_what_goes_on_with_it(tmp_path: Path, write_tasks: Any) -> None:
    with LLMServer([Status(401)]) as model:
        done = runner(
            tmp_path,
            *("batch", "--seeds", str(write_tasks(ids=("basket-total",))), "--agent", "--model", "scripted"),
            *("--provider", "openai", f"--provider-url={model.openai_url}", "--price=1,1"),
            LLM_API_KEY="test-key-12345",
        )
    assert done.returncode == 3, done.stdout + done.stderr
    way_on = f"to go on: the same command with --resume=tasks-{the_run(tmp_path).name}, without --seeds\n"
    assert done.stderr.endswith(f"\n{way_on}")


def test_a_grid_runs_every_combination(tmp_path: Path, write_tasks: Any) -> None:
    tasks = write_tasks(ids=("basket-total",))
    with LLMServer(play) as model:
        done = runner(
            tmp_path,
            *("batch", "--seeds", str(tasks), "--agent", "--model", "a,b", "--temperature", "0,0.5"),
            *("--max-turns", "2,6", "--provider", "openai", f"--provider-url={model.openai_url}", "--price=1,1"),
            "--generate-only",
            LLM_API_KEY="test-key-12345",
        )
    assert done.returncode == 0, done.stdout + done.stderr
    found, footer = table(the_run(tmp_path))
    assert sorted((row["model"], row["temperature"], row["max_turns"], row["status"]) for row in found) == sorted(
        (name, heat, turns, "pass" if turns == "6" else "fail")
        for name in ("a", "b")
        for heat in ("0.0", "0.5")
        for turns in ("2", "6")
    )
    assert footer["pass_rate"] == "0.50"


def test_one_task_by_its_id(tmp_path: Path, write_tasks: Any) -> None:
    write_tasks("sandbox/seed_tasks.jsonl", known=True)
    done = runner(tmp_path, "run", "--task-id", "calendar-december")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = the_run(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert (result["status_before"], result["status"], result["patch_applied"]) == ("fail", "pass", True)
    assert (folder / "pytest_tail.txt").read_text() == f"{result['tail']}\n"
    assert f"calendar-december: pass: {result['tail']}" in done.stdout


def test_a_task_that_fails_is_exit_code_1(tmp_path: Path, write_tasks: Any) -> None:
    done = runner(tmp_path, "run", "--task-id", "basket-total", "--seeds", str(write_tasks()))
    assert done.returncode == 1
    assert "basket-total: fail: 1 failed" in done.stdout
    assert json.loads((the_run(tmp_path) / "result.json").read_text())["exit_code"] == 1


def test_a_repository_that_is_not_there_leaves_a_failed_result(tmp_path: Path, write_tasks: Any) -> None:
    tasks = write_tasks(ids=("basket-total",), repo="http://127.0.0.1:9/nothing.git")
    done = runner(tmp_path, "batch", "--seeds", str(tasks))
    assert done.returncode == 1
    found, footer = table(the_run(tmp_path))
    assert [(row["task_id"], row["status"]) for row in found] == [("basket-total", "fail")]
    assert footer["pass_rate"] == "0.00"


def test_paths_are_relative_to_the_file_of_tasks(tmp_path: Path, upstream: tuple[Path, dict[str, str]]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "basket").symlink_to(upstream[0] / "basket.git")
    row = {"task_id": "one", "repo": "basket", "ref": "", "trusted": True, "timeouts": TIMEOUTS}
    (tmp_path / "elsewhere" / "tasks.jsonl").write_text(json.dumps(row))
    done = runner(tmp_path, "run", "--task-id", "one", "--seeds", "elsewhere/tasks.jsonl")
    result = json.loads((the_run(tmp_path) / "result.json").read_text())
    assert result["exit_code"] == 1, done.stdout + done.stderr


@pytest.mark.usefixtures("base_image")
def test_environment_alone_names_task_and_provider(tmp_path: Path, server: GitServer) -> None:
    fix = fix_of("basket-discount")
    answers = [
        ScriptedAnswer(tool_calls=(("swe_pytest", {}),)),
        ScriptedAnswer(tool_calls=(("swe_apply_patch_text", {"patch": fix}),)),
        ScriptedAnswer(tool_calls=(("swe_pytest", {}),)),
    ]
    with LLMServer(answers, key="chutes-key-12345") as model:
        done = runner(
            tmp_path,
            *("run", "--agent", "--model", "m", f"--provider-url={model.openai_url}", "--price=1,1"),
            TARGET_REPO=f"{server.url}/basket.git",
            TARGET_REF="main",
            PYTEST_K="discount",
            CHUTES_API_KEY="chutes-key-12345",
        )
        asked = len(model.requests)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((the_run(tmp_path) / "result.json").read_text())
    assert (result["task_id"], result["ref"], result["max_turns"], asked) == ("basket", "main", 10, 3)
    assert result["tail"].startswith("1 passed, 3 deselected in ")
    assert "swe_pip_install" in [tool["function"]["name"] for tool in model.requests[0].body["tools"]]


def test_keys_of_chutes_choose_the_provider(tmp_path: Path) -> None:
    done = runner(
        tmp_path, "run", "--show-command", "--agent", TARGET_REPO="https://example.org/a/b.git", CHUTES_API_KEY="k"
    )
    assert done.returncode == 0, done.stderr
    assert "--arms=agent_onepatch" in done.stdout
    assert "--provider=chutes" in done.stdout
    assert "--agent-network=install" in done.stdout
    assert "--max-turns=10" in done.stdout


def test_settings_stand_before_what_agents_have_by_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_TURNS=25\n")
    named = {"TARGET_REPO": "https://example.org/a/b.git", "CHUTES_API_KEY": "k", "PROVIDER": "openai"}
    done = runner(tmp_path, "run", "--show-command", "--agent", **named)
    assert done.returncode == 0, done.stderr
    assert "--provider" not in done.stdout
    assert "--max-turns" not in done.stdout
    said = runner(tmp_path, "run", "--show-command", "--agent", "--provider=anthropic", "--max-turns=3", **named)
    assert {"--provider=anthropic", "--max-turns=3"} <= {*said.stdout.split()}


@pytest.mark.parametrize("option", ["--model=m", "--temperature=0", "--max-turns=3", "--provider=openai"])
def test_what_only_agents_heed_is_refused_without_one(tmp_path: Path, option: str) -> None:
    done = runner(tmp_path, "run", option, "--show-command", TARGET_REPO="https://example.org/a/b.git")
    assert done.returncode == 1
    assert f"{option.partition('=')[0]}: no model takes part without --agent" in done.stderr


def test_shown_command_has_all_that_runs(tmp_path: Path, write_tasks: Any) -> None:
    done = runner(tmp_path, "batch", "--seeds", str(write_tasks()), "--output-dir=out", "--show-command")
    for option in (
        f"--dataset={tmp_path / 'sandbox/runs/TIME/tasks.jsonl'}",
        f"--output-dir={tmp_path / 'out'}",
        "--run-id=tasks-TIME",
        "--arms=baseline",
    ):
        assert option in done.stdout.split()
    made = tmp_path / "sandbox/runs/20260101_000000"
    made.mkdir(parents=True)
    write_tasks(f"{made.relative_to(tmp_path)}/tasks.jsonl")
    resumed = runner(tmp_path, "batch", "--resume=tasks-20260101_000000", "--show-command")
    assert {"--resume=tasks-20260101_000000", f"--dataset={made / 'tasks.jsonl'}"} <= {*resumed.stdout.split()}


def test_task_may_stand_in_dotenv_and_the_environment_comes_first(tmp_path: Path) -> None:
    written = "TARGET_REPO={}/basket.git\nTARGET_REF=v9\nCHUTES_API_KEY=k-0123456789\n"
    (tmp_path / ".env").write_text(written.format(tmp_path))
    done = runner(tmp_path, "run", "--agent", "--show-command")
    assert done.returncode == 0, done.stderr
    assert "--provider=chutes" in done.stdout
    elsewhere = runner(tmp_path, "run", "--show-command", TARGET_REPO="")
    assert elsewhere.returncode == 0, elsewhere.stderr
    (tmp_path / ".env").write_text("# none\n")
    assert "which task?" in runner(tmp_path, "run").stderr


def test_settings_become_options_of_pytest(tmp_path: Path, write_tasks: Any) -> None:
    done = runner(
        tmp_path,
        *("batch", "--seeds", str(write_tasks()), "--agent", "--model", "a,b", "--temperature", "0.1"),
        *("--max-turns", "5,10", "--provider", "openai", "-n2", "--show-command"),
    )
    assert done.returncode == 0, done.stderr
    for option in ("--models=a,b", "--temperatures=0.1", "--max-turns=5,10", "--provider=openai", "-n2"):
        assert option in done.stdout.split()
    assert not (tmp_path / "sandbox").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "which task? give --task-id, or set TARGET_REPO"),
        (("run", "--task-id", "baskt-all", "--seeds", "tasks.jsonl"), "did you mean 'basket-all'?"),
        (("batch", "--seeds", "nowhere.jsonl"), "no such file of tasks: 'nowhere.jsonl'; name one by --seeds FILE"),
        (("run", "--task-id", "x"), "no such file of tasks: 'sandbox/seed_tasks.jsonl'; name one by --seeds FILE"),
        (("batch", "--seeds", "empty.jsonl"), "empty.jsonl holds no tasks"),
        (("batch", "--seeds", "bad.jsonl"), "bad.jsonl:1: field 'ref' is missing"),
        (("from-row", "tasks.jsonl", "x__y-1"), "unknown instance 'x__y-1'"),
        (("batch", "--resume=r", "--seeds", "tasks.jsonl"), "--seeds tasks.jsonl: a run that is resumed has its own"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, write_tasks: Any, arguments: tuple[str, ...], message: str) -> None:
    write_tasks()
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"task_id": "a", "repo": "b"}\n')
    done = runner(tmp_path, *arguments)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())


def test_a_task_without_an_image_gets_the_one_for_tasks(tmp_path: Path, write_tasks: Any, base_image: str) -> None:
    made = runner(tmp_path, "image", "--base", base_image)
    assert made.returncode == 0, made.stderr
    name, _, said = made.stdout.strip().partition(": ")
    assert name.startswith("swebench-lite:py3.")
    assert said.endswith(f"built upon {base_image}")
    tasks = write_tasks(ids=("colours-case",), known=True, trusted=False)
    done = runner(tmp_path, "run", "--task-id", "colours-case", "--seeds", str(tasks))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "image: swebench-lite:py3." in done.stdout
    (line,) = map(json.loads, (the_run(tmp_path) / "tasks.jsonl").read_text().splitlines())
    assert line["image"].startswith("swebench-lite:py3.")
    (records,) = tmp_path.glob("results/tasks-*/results.jsonl")
    assert json.loads(records.read_text())["outcome"] == "resolved"


def test_batch_goes_on_where_it_was_left(tmp_path: Path, write_tasks: Any, server: GitServer) -> None:
    tasks = write_tasks(ids=("basket-total", "colours-known"))
    first = runner(tmp_path, "batch", "--seeds", str(tasks), "-k", "basket")
    assert first.returncode == 0, first.stdout + first.stderr
    (tmp_path / "results" / "of_mine.jsonl").write_text("{not JSON\n")
    asked = server.asked["basket.git"]
    folder = the_run(tmp_path)
    done = runner(tmp_path, "batch", "--resume", f"tasks-{folder.name}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert the_run(tmp_path) == folder
    assert {row["task_id"]: row["status"] for row in table(folder)[0]} == {
        "basket-total": "fail",
        "colours-known": "pass",
    }
    assert server.asked["basket.git"] == asked
    other = runner(tmp_path, "batch", "--resume", f"tasks-{folder.name}9")
    assert other.returncode == 1
    assert f"did you mean 'tasks-{folder.name}'?" in " ".join(other.stderr.split())


def test_one_task_goes_on_where_it_was_left(tmp_path: Path, write_tasks: Any, server: GitServer) -> None:
    tasks = write_tasks(ids=("colours-known",))
    command = ("run", "--task-id", "colours-known")
    first = runner(tmp_path, *command, "--seeds", str(tasks))
    assert first.returncode == 0, first.stdout + first.stderr
    asked = server.asked["colours.git"]
    folder = the_run(tmp_path)
    done = runner(tmp_path, *command, f"--resume=tasks-{folder.name}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"result: {folder}" in done.stdout
    assert (the_run(tmp_path), server.asked["colours.git"]) == (folder, asked)
    other = runner(tmp_path, "run", "--task-id", "another", f"--resume=tasks-{folder.name}")
    assert other.returncode == 1
    assert "it ran colours-known; `task batch --resume` goes on with it" in " ".join(other.stderr.split())


def test_no_engine_is_exit_code_2(tmp_path: Path, write_tasks: Any) -> None:
    tasks = write_tasks(ids=("basket-all",), trusted=False)
    done = runner(tmp_path, "batch", "--seeds", str(tasks), DOCKER_HOST=f"unix://{tmp_path / 'no.sock'}")
    assert done.returncode == 2
    assert "no Docker engine answers" in done.stderr
    assert not (tmp_path / "sandbox").exists()
