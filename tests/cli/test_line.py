"""The pytest line behind `run`: options, defaults, and who beats whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pytest_swebench.cli.line import Line, Request, line_of, way_on
from pytest_swebench.errors import InputError

NOTHING: Mapping[str, str] = MappingProxyType({})
COOL = ["-o", "swebench_temperatures=0.1"]


def options(line: Line) -> list[str]:
    """Return what stands after the choice of the embedded experiment."""
    assert line.arguments[:3] == ["-m", "experiment", "-o"]
    return line.arguments[4:]


def asked(folder: Path, env: Mapping[str, str] = NOTHING, **given: Any) -> list[str]:
    return options(line_of(Request(**given), env, folder))


def test_bare_run_is_the_bare_experiment(tmp_path: Path) -> None:
    assert asked(tmp_path) == asked(tmp_path, dataset="") == []
    assert asked(tmp_path, dataset="demo") == ["--dataset=demo"]


def test_a_real_run_has_defaults_of_its_own(tmp_path: Path) -> None:
    assert asked(tmp_path, dataset="lite") == ["--dataset=lite", "--arms=s1_tdd", *COOL]
    assert asked(tmp_path, provider="openai") == ["--arms=s1_tdd", "--provider=openai", *COOL]
    assert asked(tmp_path, dataset="lite", patches="p.jsonl") == [
        "--dataset=lite",
        "--arms=predictions",
        "--patches=p.jsonl",
    ]


def test_every_option_has_its_place(tmp_path: Path) -> None:
    line = asked(
        tmp_path,
        dataset="lite",
        split="dev",
        arms="gold",
        provider="openai",
        base_url="http://127.0.0.1:1/v1",
        model="a,b",
        instances="django",
        language="python",
        count=5,
        reps=3,
        generate_only=True,
        generation_output="out.jsonl",
        allow_partial=True,
        max_workers=4,
        eval_max_workers=2,
        timeout_mins=1.5,
        max_patch_size=5.0,
        max_cost=0.25,
        output_dir="here",
        run_id="mine",
        checkpoint="c.json",
        resume="latest",
        rerun_failed="other",
        extra=("-v", "--temperatures=0.7"),
    )
    assert line == [
        "--dataset=lite",
        "--split=dev",
        "--arms=gold",
        "--provider=openai",
        "--provider-url=http://127.0.0.1:1/v1",
        "--model=a,b",
        "--instances=django",
        "--language=python",
        "--max-instances=5",
        "--output-dir=here",
        "--eval-max-workers=2",
        "--max-patch-size=5",
        "--max-cost=0.25",
        "--eval-timeout=90",
        "--count=3",
        "--generation-output=out.jsonl",
        "--run-id=mine",
        "--checkpoint=c.json",
        "--resume=latest",
        "--rerun-failed=other",
        "--generate-only",
        "--allow-partial",
        "-n4",
        "-v",
        "--temperatures=0.7",  # so `run` has none of its own
    ]


def test_no_digit_of_a_number_is_lost(tmp_path: Path) -> None:
    assert asked(tmp_path, dataset="demo", max_cost=123.4567)[-1] == "--max-cost=123.4567"
    assert asked(tmp_path, dataset="demo", max_cost=1234567.0)[-1] == "--max-cost=1234567"


def test_one_worker_is_this_process_whatever_the_settings_say(tmp_path: Path) -> None:
    assert asked(tmp_path, {"MAX_WORKERS": "8"}, max_workers=1) == ["-n0"]


@pytest.mark.parametrize("place", ["env", ".env", ".swebench.yaml", "pytest.ini", "pyproject.toml"])
def test_a_setting_beats_the_defaults_of_run_wherever_it_stands(tmp_path: Path, place: str) -> None:
    texts = {
        ".env": "ARMS=singleshot\nSWEBENCH_TEMPERATURES=0.5\n",
        ".swebench.yaml": "experiment: {arms: singleshot}\ngeneration: {temperature: 0.5}\n",
        "pytest.ini": "[pytest]\nswebench_arms = singleshot\nswebench_temperatures = 0.5\n",
        "pyproject.toml": '[tool.pytest]\nswebench_arms = "singleshot"\nswebench_temperatures = "0.5"\n',
    }
    if place in texts:
        (tmp_path / place).write_text(texts[place])
    env = {"ARMS": "singleshot", "SWEBENCH_TEMPERATURES": "0.5"} if place == "env" else NOTHING
    line = line_of(Request(dataset="lite"), env, tmp_path)
    assert options(line) == ["--dataset=lite"]
    assert (line.config["arms"]["value"], line.config["temperatures"]["value"]) == ("singleshot", "0.5")
    assert line.config["arms"]["source"].startswith({"pytest.ini": "ini", "pyproject.toml": "ini"}.get(place, place))
    typed = line_of(Request(dataset="lite", arms="gold"), env, tmp_path)
    assert options(typed) == ["--dataset=lite", "--arms=gold"]


def test_snapshot_names_what_will_run_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-0123456789")
    url = "http://me:pass-0123456789@127.0.0.1:1/v1"
    line = line_of(Request(dataset="lite", base_url=url, extra=("-k", "canary-0123456789")), NOTHING, tmp_path)
    assert line.snapshot() == (
        "config: dataset=lite split=test arms=s1_tdd provider_url=http://me:[redacted]@127.0.0.1:1/v1 "
        "max_instances=0 output_dir=results max_workers=1 temperatures=0.1 reps=1"
    )
    assert "0123456789" not in line.shown
    assert line.config["arms"] == {"value": "s1_tdd", "source": "default of run"}
    assert line.config["dataset"] == {"value": "lite", "source": "--dataset"}


def test_a_profile_is_part_of_the_line_that_is_shown(tmp_path: Path) -> None:
    shown = line_of(Request(dataset="demo", profile="my work"), NOTHING, tmp_path).shown
    assert shown.startswith("SWEBENCH_PROFILE='my work' pytest -m experiment ")


def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="env:MAX_WORKERS: 'many' is not a whole number"):
        line_of(Request(), {"MAX_WORKERS": "many"}, tmp_path)


@pytest.mark.parametrize(
    ("given", "typed", "line"),
    [
        ({}, ["run", "-d", "demo"], "run -d demo --resume=r-1"),
        ({"resume": "latest"}, ["run", "--resume", "--", "-v"], "run --resume --resume=r-1 -- -v"),
        ({"rerun_failed": "r-0"}, ["run", "--rerun-failed=r-0"], "run --rerun-failed=r-0 --run-id=r-1"),
        ({"run_id": "r-1"}, ["run", "--run-id", "r-1"], "run --run-id r-1"),
        ({"checkpoint": "c"}, ["generate", "--checkpoint=c"], "generate --checkpoint=c"),
        ({"extra": ("--run-id=x",)}, ["run", "--", "--run-id=x"], "run -- --run-id=x"),
        ({"extra": ("-v", "--resume", "x")}, ["run", "--", "-v", "--resume", "x"], "run -- -v --resume x"),
    ],
)
def test_the_line_that_goes_on_is_the_one_that_was_typed(given: dict[str, Any], typed: list[str], line: str) -> None:
    assert way_on(Request(**given), typed, "r-1") == f"to go on: swebench-runner {line}"


def test_what_follows_the_dashes_is_what_the_line_comes_to(tmp_path: Path) -> None:
    line = line_of(Request(extra=("--dataset=lite", "--model=m", "--temperatures=0.3")), NOTHING, tmp_path)
    assert options(line) == ["--arms=s1_tdd", "--dataset=lite", "--model=m", "--temperatures=0.3"]
    assert line.config["dataset"] == {"value": "lite", "source": "--dataset"}
    assert line.snapshot().startswith("config: dataset=lite split=test arms=s1_tdd model=m ")
    patches = line_of(Request(dataset="lite", extra=("--patches=p.jsonl",)), NOTHING, tmp_path)
    assert options(patches) == ["--dataset=lite", "--arms=predictions", "--patches=p.jsonl"]


def test_profile_of_a_run_is_told_with_its_source(tmp_path: Path) -> None:
    (tmp_path / ".swebench.yaml").write_text("generation: {profile: home}\n")
    assert line_of(Request(), NOTHING, tmp_path).config["profile"] == {
        "value": "home",
        "source": ".swebench.yaml:generation.profile",
    }
    line = line_of(Request(profile="work"), NOTHING, tmp_path)
    assert line.config["profile"] == {"value": "work", "source": "--profile"}
    assert line.shown.startswith("SWEBENCH_PROFILE=work pytest ")
