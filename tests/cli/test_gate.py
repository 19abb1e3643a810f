from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.checks.plan import Plan
from pytest_swebench.cli.gate import check_key, plan_before, refusal
from pytest_swebench.cli.line import Request, line_of
from pytest_swebench.cli.mode import Mode
from pytest_swebench.cli.outcome import ExitCode
from pytest_swebench.cli.preflight import fly
from pytest_swebench.errors import DatasetError, InputError, ProviderRefused
from tests.plugin.test_bad_input import ROW, write_rows
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status

QUIET = Mode("--no-input")


def planned(folder: Path, *options: str, dataset: str = "rows.jsonl", **env: str) -> Plan | None:
    return plan_before(line_of(Request(dataset=dataset, arms="gold", extra=options), env, folder), folder, QUIET)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one row that needs an image, where no engine answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    write_rows(tmp_path / "rows.jsonl", ROW)
    return tmp_path


def test_a_run_that_grades_in_docker_is_tried_first(rows: Path) -> None:
    plan = planned(rows)
    assert plan is not None
    assert (plan.instance.instance_id, plan.output_dir, plan.again) == ("acme__acme-1", rows / "results", False)
    assert planned(rows, "--sandbox", "docker") is not None


def test_it_is_tried_with_the_containers_of_the_run(rows: Path) -> None:
    bare = planned(rows)
    assert bare is not None
    assert (bare.network, bare.docker_options) == ("auto", {})
    options = ("-m", "experiment", "--grade-network=bridge", "--sandbox-option", "memory=8g", "-n0", "-x")
    given = planned(rows, *options, "--sandbox-option=cpus=1", "--sandbox-option=nonsense")
    assert given is not None
    assert (given.network, given.docker_options) == ("bridge", {"memory": "8g", "cpus": "1"})
    official = planned(rows, "--sandbox-profile=official")
    assert official is not None
    assert (official.network, official.docker_options) == ("bridge", {"profile": "official"})


@pytest.mark.parametrize(
    "options",
    [
        ["--generate-only"],
        ["--co"],
        ["--sandbox=local"],
        ["-v", "--sandbox", "local"],
        ["--sandbox=of_a_plugin"],
        ["--harness=official"],
    ],
)
def test_nothing_is_tried_where_nothing_is_graded_in_docker(rows: Path, options: list[str]) -> None:
    assert planned(rows, *options) is None


@pytest.mark.parametrize("options", [("--grade-network=some",), ("--sandbox-option",)])
def test_option_that_pytest_would_refuse_is_refused_before_anything_is_tried(
    rows: Path, options: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=rf"^pytest does not start here: argument {options[0].partition('=')[0]}: "):
        planned(rows, *options)


def test_what_follows_the_dashes_or_stands_in_a_named_configuration_counts_as_for_the_run(rows: Path) -> None:
    write_rows(rows / "two.jsonl", ROW | {"instance_id": "acme__acme-2"}, ROW | {"instance_id": "acme__acme-3"})
    typed = planned(rows, "--dataset=two.jsonl", "--instance-ids=acme__acme-3", dataset="demo")
    assert typed is not None
    assert typed.instance.instance_id == "acme__acme-3"
    (rows / "other.ini").write_text("[pytest]\naddopts = --grade-network=bridge\nswebench_dataset = two.jsonl\n")
    configured = planned(rows, "-c", "other.ini", "-o", "swebench_instances=acme-3", dataset="")
    assert configured is not None
    assert (configured.instance.instance_id, configured.network) == ("acme__acme-3", "bridge")
    assert planned(rows, dataset="") is None


@pytest.mark.parametrize("value", ["0", "false", "OFF"])
def test_setting_turns_it_off(rows: Path, value: str) -> None:
    assert planned(rows, SWEBENCH_PREFLIGHT=value) is None
    (rows / ".env").write_text(f"SWEBENCH_PREFLIGHT={value}\n")
    assert planned(rows) is None
    assert planned(rows, SWEBENCH_PREFLIGHT="1") is not None


@pytest.mark.parametrize("dataset", ["", "demo", "nowhere.jsonl", "prompts.jsonl"])
def test_what_has_no_container_or_cannot_be_meant_is_left_to_the_run(rows: Path, dataset: str) -> None:
    scenario = {"scenario_id": "one", "prompt": "Say something."}
    (rows / "prompts.jsonl").write_text(json.dumps(scenario) + "\n")
    assert planned(rows, dataset=dataset) is None


def test_dataset_that_is_out_of_reach_is_told_at_once(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(rows))
        for name in ("http_proxy", "HTTP_PROXY", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            monkeypatch.setenv(name, "")
        with pytest.raises(DatasetError, match="cannot reach the hub"):
            planned(rows, dataset="lite")


def test_what_failed_is_the_answer_of_the_run(rows: Path) -> None:
    plan = planned(rows)
    assert plan is not None
    outcome = fly(plan, QUIET)
    answer = refusal(outcome, QUIET)
    assert answer.code is ExitCode.DOCKER
    assert answer.trouble is not None
    assert "none.sock" in answer.trouble.message
    assert answer.result["preflight"]["ok"] is False
    led = refusal(outcome, Mode())  # who has seen fixes and log is not told them again
    assert (led.code, led.trouble) == (ExitCode.DOCKER, None)


def test_key_that_is_missing_is_told_before_an_image_is_pulled(tmp_path: Path) -> None:
    with LLMServer([ScriptedAnswer("")], key="wanted") as server:
        asked = Request(arms="singleshot", provider="openai", model="m-1", base_url=server.openai_url)
        with pytest.raises(ProviderRefused, match=r"HTTP 401.*no key was sent; set LLM_API_KEY"):
            check_key(line_of(asked, {}, tmp_path), {})
        assert server.requests == []  # the list of models is not one that costs
        key = {"LLM_API_KEY": "wanted"}
        check_key(line_of(asked, key, tmp_path), key)
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        check_key(line_of(replace(asked, base_url=""), {}, tmp_path), {})


@pytest.mark.parametrize("models", [Status(404), Status(500), ()])
def test_only_a_server_that_wants_a_key_is_told_from_its_list(tmp_path: Path, models: Status | tuple[()]) -> None:
    with LLMServer([ScriptedAnswer("")], models=models) as server:
        asked = Request(arms="gold,singleshot", provider="openai", model="m-1", base_url=server.openai_url)
        check_key(line_of(asked, {}, tmp_path), {})
        server.models = Status(403)
        with pytest.raises(ProviderRefused, match="HTTP 403"):
            check_key(line_of(asked, {}, tmp_path), {})


@pytest.mark.parametrize(
    "change", [{"arms": "gold"}, {"arms": "mine"}, {"provider": "mine"}, {"extra": ("--cassette=replay",)}]
)
def test_arms_and_answers_that_cost_nothing_need_no_key(tmp_path: Path, change: dict[str, Any]) -> None:
    asked = Request(arms="singleshot", provider="openai")
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        check_key(line_of(asked, {}, tmp_path), {})
    check_key(line_of(replace(asked, **change), {}, tmp_path), {})
