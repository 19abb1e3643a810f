from __future__ import annotations

import errno
import json

import pytest

from pytest_swebench.cli.outcome import ExitCode, Trouble, answer_json, code_named, exit_code, fix_in, trouble_of
from pytest_swebench.errors import BudgetExhausted, ContextOverflow, InfraError, InputError, NeedsNetwork, RecordError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BudgetExhausted("run", "spent"), ExitCode.RESOURCES),
        (MemoryError(), ExitCode.RESOURCES),
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.RESOURCES),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), ExitCode.RESOURCES),
        (OSError(errno.EHOSTUNREACH, "No route to host"), ExitCode.NETWORK),
        (OSError("told by nobody"), ExitCode.GENERAL),
        (NeedsNetwork("pip"), ExitCode.NETWORK),
        (ContextOverflow("long"), ExitCode.NETWORK),
        (InfraError("broken"), ExitCode.GENERAL),
        (ValueError("ours"), ExitCode.GENERAL),
    ],
)
def test_kind_or_number_of_an_error_decides(error: Exception, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_a_record_that_a_full_disk_does_not_take_is_a_matter_of_resources() -> None:
    error = RecordError("journal: no room")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert exit_code(error) is ExitCode.RESOURCES


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("DockerUnavailable", ExitCode.DOCKER),
        ("ProviderRefused", ExitCode.NETWORK),
        ("BudgetExhausted", ExitCode.RESOURCES),
        ("ConnectionResetError", ExitCode.NETWORK),
        ("WorkerLost", ExitCode.GENERAL),
        ("unknown", ExitCode.GENERAL),  # a function of that module, and no error
        ("", ExitCode.GENERAL),
    ],
)
def test_a_record_s_error_is_known_by_its_name(name: str, code: ExitCode) -> None:
    assert code_named(name) is code


def test_json_answer_holds_the_same_members_for_success_and_failure() -> None:
    trouble = Trouble(type="X", message="broke", fix="mend it", log="/a", tail=("last",), way_on="to go on: again")
    bad, good = json.loads(answer_json(ExitCode.DOCKER, None, trouble)), json.loads(answer_json(ExitCode.OK, {}, None))
    assert bad == {
        "ok": False,
        "exit_code": 2,
        "error": {
            "type": "X",
            "message": "broke",
            "fix": "mend it; to go on: again",
            "log": "/a",
            "log_tail": ["last"],
        },
        "result": None,
    }
    assert good == {"ok": True, "exit_code": 0, "error": None, "result": {}}


def test_a_person_reads_what_broke_then_the_log_and_last_how_to_go_on() -> None:
    trouble = Trouble(type="X", message="broke", fix="mend it", log="/a", tail=("last",), way_on="to go on: again")
    assert trouble.lines() == ["broke; mend it", "log: /a", "  | last", "to go on: again"]
    assert trouble_of(InputError("no such\nthing; give another")).lines() == ["no such thing; give another"]
    assert trouble_of(KeyError()).message == "KeyError"


def test_fix_is_what_a_message_says_last() -> None:
    assert fix_in("--x 3: too many; at most 2; give --x 2") == "give --x 2"
    assert fix_in("broken") == ""
