"""What trying other tools as a newcomer taught: twelve lessons, each with its tests.

The tests are here, in test_lessons_stopping.py, in test_lessons_told.py, or where `ELSEWHERE` says.
"""

from __future__ import annotations

import json
import re
import resource
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_swebench.failures import fix_of
from tests.plugin.conftest import Run, outcomes
from tests.plugin.test_bad_input import ROW
from tests.support.llm_server import LLMServer, Status
from tests.support.recorded import RecordedAnswers

if TYPE_CHECKING:
    pass

ELSEWHERE: Final[Mapping[int, tuple[str, ...]]] = {
    1: (
        "tests/plugin/test_bad_input.py::test_missing_image_is_refused",
        "tests/plugin/test_budget.py::test_tripped_cap_stops_the_run_and_a_higher_one_goes_on",
        "tests/cli/test_json_everywhere.py::test_answer_is_one_object_with_the_right_exit_code",
        "tests/cli/test_json_everywhere.py::test_interrupted_run_answers_with_130",
    ),
    2: (
        "tests/plugin/test_bad_input.py::test_no_docker_is_one_message_with_the_fix",
        "tests/cli/test_run.py::test_docker_that_is_not_there_is_exit_code_2_before_anything_is_asked",
        "tests/cli/test_gate.py::test_what_failed_is_the_answer_of_the_run",
    ),
    3: (
        "tests/cli/test_lazy.py::test_nearest_command_is_named",
        "tests/cli/test_run.py::test_what_cannot_be_meant_is_exit_code_1_and_says_why",
    ),
    4: (
        "tests/providers/test_refusals.py::test_what_every_request_of_a_run_would_meet_is_told_from_what_this_one_did",
        "tests/cli/test_refused_run.py::test_first_refusal_ends_the_run_and_a_right_key_goes_on",
        "tests/reporting/test_progress.py::test_wait_is_told_at_once_with_its_reason_and_cell",
    ),
    5: (
        "tests/plugin/test_kill_points.py::test_run_killed_again_and_again_ends_as_an_undisturbed_one",
        "tests/cli/test_run_stopped.py::test_interrupted_run_ends_with_the_line_that_goes_on",
    ),
    6: (
        "tests/plugin/test_going_on.py::test_latest_run_goes_on_where_it_was_broken",
        "tests/plugin/test_going_on.py::test_checkpoint_names_the_run_and_the_same_command_goes_on",
    ),
    9: ("tests/plugin/test_quarantine.py::test_instance_whose_gold_fails_is_left_out_of_a_second_rate",),
    10: (
        "tests/cli/test_lazy.py::test_help_is_there_within_the_time_it_is_allowed",
        "tests/reporting/test_progress.py::test_without_a_terminal_each_cell_has_one_line_in_place_of_its_letter",
        "tests/reporting/test_progress.py::test_terminal_shows_a_region_that_leaves_no_trace",
        "tests/reporting/test_progress.py::test_long_silence_is_broken",
    ),
    12: (
        "tests/wizard/test_flows.py::test_wrong_hugging_face_token_is_asked_for_again",
        "tests/wizard/test_flows.py::test_ollama_from_first_screen_to_results",
        "tests/wizard/test_home.py::test_setup_that_nobody_can_answer_says_which_flags_to_give",
        "tests/wizard/test_pages.py::test_ctrl_c_leaves_nothing_half_written",
        "tests/cli/test_secrets.py::test_person_is_asked_again_and_never_shown_what_is_typed",
        "tests/cli/test_secrets.py::test_refused_key_is_not_kept",
        "tests/cli/test_canary.py::test_key_of_the_keychain_is_in_no_file_no_process_and_no_word",
        "tests/cli/test_config.py::test_every_setting_is_shown_with_its_source_and_no_key_with_its_value",
        "tests/test_config_precedence.py::test_each_place_decides_over_those_behind_it_for_every_setting",
        "tests/test_packaging.py::test_the_demo_runs_in_an_empty_folder",
    ),
}
"""Lesson -> tests outside of this module."""
MEASURED: Final = {11: ("benchmarks/overhead.py", "benchmarks/grading.py")}
"""Lesson -> benchmarks, which nothing fails by: its time on the clock is no matter for a test."""

DEMO = ("-m", "experiment", "--dataset=demo")
WAITING_ARM = """
    import time
    from pathlib import Path
    from pytest_swebench.arms.protocol import Solution
    from pytest_swebench.errors import InfraError

    class Arm:
        name, version, paid, oracle = "ends", "1", False, True
        def check(self, instances): pass
        def solve(self, context):
            place = Path(context.problem.instance_id)
            if place.with_suffix(".infra").exists():
                raise InfraError("no ground")
            if place.with_suffix(".waits").exists():
                Path("begun").touch()
                time.sleep(60)
            return Solution(patch=context.hidden.gold_patch)

    def pytest_swebench_arms():
        return [Arm()]
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    with LLMServer(RecordedAnswers()) as server:
        yield server


def asked_of(server: LLMServer, *more: str) -> tuple[str, ...]:
    return (
        *DEMO[:2],
        "--arms=singleshot",
        "--provider=openai",
        f"--provider-url={server.openai_url}",
        "--model=m-1",
        *more,
    )


# 1. Exit codes tell the truth.


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--instance-ids=no__such-1",), pytest.ExitCode.USAGE_ERROR, "no__such-1"),
        (("--instances=nothing-like-it",), pytest.ExitCode.USAGE_ERROR, "nothing-like-it"),
        (("-k", "nothing"), pytest.ExitCode.NO_TESTS_COLLECTED, "deselected"),
        (("--instances=tinyconf-5", "--arms=ends"), pytest.ExitCode.TESTS_FAILED, "InfraError"),
    ],
)
def test_lesson_1_nothing_that_is_not_done_ends_in_0(
    run: Run, pytester: pytest.Pytester, options: tuple[str, ...], status: int, said: str
) -> None:
    pytester.makeconftest(WAITING_ARM)
    pytester.path.joinpath("tinyconf__tinyconf-5.infra").touch()
    result = run(*DEMO, "--arms=gold", "--outcome=capture", *options)
    assert result.ret == status
    assert said in "\n".join([*result.outlines, *result.errlines])


# 2. Everything is checked before the first paid call. 7. Broken ground is never a blank answer.


def test_lessons_2_and_7_dead_docker_costs_nothing_and_leaves_nothing(
    run: Run, pytester: pytest.Pytester, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path / 'no-engine.sock'}")
    pytester.path.joinpath("rows.jsonl").write_text(json.dumps(ROW) + "\n")
    result = run(*asked_of(server, "--dataset=rows.jsonl", "--price=0"))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = [*result.outlines, *result.errlines]
    assert "Docker" in "\n".join(told)
    assert "Traceback" not in "\n".join(told)
    assert len([line for line in told if line.strip()]) <= 8
    assert server.requests == []
    assert [path for path in pytester.path.joinpath("results").rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("uncovered")
@pytest.mark.parametrize(
    ("changed", "options", "fix"),
    [
        ({}, ("--provider=anthropic", "--price=0"), "swebench-runner secrets set anthropic"),
        ({}, ("--max-cost=1",), "--price=m-1=IN,OUT"),
        ({"log_parser": "parse_log_nothing"}, ("--price=0",), "parse_log_nothing"),
        ({"image": "never-built:latest"}, ("--price=0",), "never-built:latest"),
    ],
    ids=["key", "price", "parser", "image"],
)
def test_lesson_2_whatever_is_missing_is_told_before_the_first_paid_call(
    docker_engine: None,
    run: Run,
    pytester: pytest.Pytester,
    server: LLMServer,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, str],
    options: tuple[str, ...],
    fix: str,
) -> None:
    monkeypatch.delenv("LLM_API_KEY")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    pytester.path.joinpath("rows.jsonl").write_text(json.dumps(ROW | changed) + "\n")
    used_s = processor_s()
    result = run(*asked_of(server, "--dataset=rows.jsonl", *options))
    assert processor_s() - used_s < 3
    told = [line for line in [*result.outlines, *result.errlines] if line.strip()]
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len(told) <= 8
    assert fix in "\n".join(told)
    assert "Traceback" not in "\n".join(told)
    assert server.requests == []


def test_lesson_7_broken_cells_leave_no_prediction(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(WAITING_ARM)
    pytester.path.joinpath("tinyconf__tinyconf-5.infra").touch()
    result = run(*DEMO, "--arms=ends", "--instances=tinyconf-5,tinyconf-9", "--outcome=capture")
    assert outcomes(pytester.path) == {
        "tinyconf__tinyconf-5/ends/r1": "infra",
        "tinyconf__tinyconf-9/ends/r1": "resolved",
    }
    (predictions,) = pytester.path.glob("results/*/predictions/*.jsonl")
    left = [json.loads(line)["instance_id"] for line in predictions.read_text().splitlines()]
    assert left == ["tinyconf__tinyconf-9"]
    result.stdout.fnmatch_lines([f"    InfraError: {fix_of('InfraError')}"])


# 3. An unknown name is answered with those that are near, without any network.


@pytest.mark.usefixtures("uncovered")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dataset=verifeid",), "did you mean 'verified'?"),
        (("--dataset=demo", "--arms=golt"), "did you mean 'gold'?"),
        (("--dataset=demo", "--instance-ids=tinyconf__tinyconf-6"), "tinyconf__tinyconf-5"),
        (("--dataset=demo", "--arms=singleshot", "--provider=opnai"), "did you mean 'openai'?"),
    ],
)
def test_lesson_3_nearest_names_are_told_without_a_network(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # whoever asks anybody fails, and says so
    used_s = processor_s()
    result = run("-m", "experiment", "--arms=gold", *options)
    assert processor_s() - used_s < 2
    text = "\n".join([*result.outlines, *result.errlines])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in text
    assert "127.0.0.1" not in text


# 4. What cannot heal is not tried again.


@pytest.mark.parametrize(("code", "workers"), [(401, ()), (404, ("-n", "2"))], ids=str)
def test_lesson_4_a_refusal_that_every_cell_would_meet_is_met_once_and_ends_the_run(
    run: Run, pytester: pytest.Pytester, server: LLMServer, code: int, workers: tuple[str, ...]
) -> None:
    ungraded = ("--price=0", "--max-instances=3", "--reruns=2", "--run-id=mine", "--generate-only")
    asked = asked_of(server, "--dataset=demo", *ungraded)
    server.behave_from_now_on([Status(code)])
    refused = run(*asked, "--outcome=capture", *workers)
    assert refused.ret == pytest.ExitCode.TESTS_FAILED
    assert 0 < len(server.requests) <= (2 if workers else 1)  # each process meets it once, at the same moment
    assert set(outcomes(pytester.path).values()) == {"infra"}
    assert len(outcomes(pytester.path)) == len(server.requests)
    text = refused.stdout.str()
    assert re.search(rf"Interrupted: openai 'm-1' at \S+: HTTP {code}", text)
    assert "\nstopped by a refusal that every other cell would meet as well\n" in text
    assert "Ctrl-C again" not in text  # nobody pressed it
    line = shlex.split(text.rstrip().splitlines()[-1].removeprefix("to go on: "))
    assert line[-len(asked) - 1 - len(workers) :] == [*asked, "--outcome=capture", *workers]
    server.behave_from_now_on(RecordedAnswers())
    assert run(*asked, "--outcome=capture", *workers).ret == pytest.ExitCode.OK
    assert [*outcomes(pytester.path).values()] == ["captured"] * 3


def test_lesson_4_a_refusal_of_one_request_is_no_reason_to_stop(
    run: Run, pytester: pytest.Pytester, server: LLMServer
) -> None:
    server.behave_from_now_on([Status(403, {"error": {"message": "moderation: your input was flagged"}})])
    result = run(*asked_of(server, "--dataset=demo", "--price=0", "--max-instances=3", "--reruns=2"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(server.requests) == 3
    assert list(outcomes(pytester.path).values()) == ["infra"] * 3
    assert "stopped by" not in result.stdout.str()


def test_every_lesson_has_tests_and_each_that_is_named_is_there() -> None:
    root = Path(__file__).parents[2]
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_lessons*.py"))
    here = re.findall(r"^def test_lessons?_(\d+)(?:_and_(\d+))?_", text, re.MULTILINE)
    assert {int(number) for numbers in here for number in numbers if number} | {*ELSEWHERE} == {*range(1, 13)}
    assert all((root / place).is_file() for places in MEASURED.values() for place in places)
    for place in (place for places in ELSEWHERE.values() for place in places):
        file, _, name = place.partition("::")
        assert f"\ndef {name}(" in (root / file).read_text(), place


def processor_s() -> float:
    """Return the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
