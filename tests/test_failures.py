"""The table of errors: whole, true to the messages, and the page that is made of it."""

from __future__ import annotations

import inspect
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_swebench import errors
from pytest_swebench.cli.outcome import code_of, exit_code
from pytest_swebench.datasets.load import load_instances
from pytest_swebench.errors import SwebenchError
from pytest_swebench.failures import CASES, FAILURES, errors_page, fix_of
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.reporting.patches import QUESTION
from pytest_swebench.sandbox.engine import connect
from tests.plugin.test_bad_input import ROW
from tests.support.asking import ask
from tests.support.llm_server import Broken, Drip, Status, bad_request
from tests.support.runs import BARE

ROOT = Path(__file__).parents[1]
ELSEWHERE: Mapping[str, str] = {
    "timeout of tests": "tests/grading/test_grader.py",
    "registry denied": "tests/sandbox/images/test_pull.py",
    "memory of the tests": "tests/grading/test_faults.py",
    "disk of the engine full": "tests/grading/test_faults.py",
    "disk full": "tests/plugin/test_full_disk.py",
}
"""Where a case is played that takes more than a moment."""


def test_page_is_made_from_the_code() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == errors_page()


def test_page_is_printed_by_the_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_swebench.failures"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == errors_page()


def test_every_error_has_a_row_with_why_and_fix_and_its_place_in_the_tree() -> None:
    ours = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SwebenchError) and kind is not SwebenchError
    }
    assert {name: row.kind for name, row in FAILURES.items()} == ours
    assert all(row.why and row.fix for row in FAILURES.values())
    assert errors.__doc__ is not None
    assert [name for name in ours if name not in errors.__doc__] == []


def test_fix_is_found_by_the_name_that_a_record_holds() -> None:
    assert fix_of("BudgetExhausted") == FAILURES["BudgetExhausted"].fix
    assert fix_of("WorkerLost").endswith("--resume")
    assert fix_of("SomebodyElsesError") == ""


def test_every_named_case_is_there() -> None:
    wanted = "provider not configured, key refused, rate limit, registry denied, dataset offline, timeout of a model"
    named = [case.name for case in CASES]
    for name in (*wanted.split(", "), "timeout of tests", "token limit", "network", "partial batch", "key pasted"):
        assert [one for one in named if one.startswith(name)], name


def raised(do: Callable[[], object]) -> SwebenchError:
    with pytest.raises(SwebenchError) as caught:
        do()
    return caught.value


def refused(*behaviours: object, timeout_s: float = 20) -> SwebenchError:
    outcome = ask("openai", behaviours, timeout_s=timeout_s).outcome  # type: ignore[arg-type]
    assert isinstance(outcome, SwebenchError)
    return outcome


def told(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SwebenchError:
    """Let the case happen and return the error."""
    match name.split(" (")[0]:
        case "key missing":
            return raised(lambda: make_provider("openai", env={}))
        case "key pasted with blanks or line ends inside":
            return raised(lambda: make_provider("openai", env={"OPENAI_API_KEY": "sk-canary\n0123456789"}))
        case "key refused":
            return refused(Status(401))
        case "model or address not there":
            return refused(Status(404))
        case "rate limit":
            return refused(Status(429, headers={"retry-after": "1"}), timeout_s=2)
        case "network":
            return refused(Broken("hang up"), timeout_s=2)
        case "timeout of a model":
            return refused(Drip(), timeout_s=1)
        case "token limit":
            message = (
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
            )
            return refused(bad_request(message, "context_length_exceeded"))
        case "dataset offline":
            with socket.socket() as taken:  # bound, and deaf
                taken.bind(("127.0.0.1", 0))
                monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
                monkeypatch.setenv("no_proxy", "*")
                monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path))
                for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
                    monkeypatch.delenv(variable, raising=False)
                return raised(lambda: list(load_instances("lite", base_dir=tmp_path)))
        case "no Docker":
            monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
            return raised(connect)
    raise AssertionError(f"nobody plays {name!r}")


@pytest.mark.parametrize(
    "name",
    [case.name for case in CASES if case.name not in {*ELSEWHERE, "provider not configured", "partial batch"}],
)
def test_message_of_a_case_says_what_the_table_says(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (case,) = (one for one in CASES if one.name == name)
    error = told(name, monkeypatch, tmp_path)
    assert case.kind is not None
    assert isinstance(error, case.kind)
    assert case.says in str(error)
    assert exit_code(error) == (code_of(case.kind) if case.code is None else case.code)
    fixes = [part for part in (fix_of(type(error).__name__), fix_of(case.kind.__name__)) if part]
    assert ";" in str(error) or fixes  # it says what to do, or the summary does


def test_provider_that_is_not_configured_is_told_with_the_ways_to_name_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = (one for one in CASES if one.name == "provider not configured")
    monkeypatch.setenv("PYTEST_ADDOPTS", BARE)
    for name in ("PROVIDER", "SWEBENCH_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    pytester.path.joinpath("rows.jsonl").write_text(json.dumps(ROW) + "\n")
    result = pytester.runpytest_subprocess("-m", "experiment", "--arms=singleshot", "--dataset=rows.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{case.says}; give --provider" in result.stderr.str()


def test_question_about_a_partial_batch_is_the_one_in_the_table() -> None:
    (case,) = (one for one in CASES if one.name == "partial batch")
    assert case.says in QUESTION


@pytest.mark.parametrize(("name", "place"), ELSEWHERE.items())
def test_case_that_takes_longer_is_played_where_its_words_stand(name: str, place: str) -> None:
    (case,) = (one for one in CASES if one.name == name)
    assert case.says in (ROOT / place).read_text(encoding="utf-8")
