from __future__ import annotations

import pytest

from pytest_swebench.checks import Cause, Check, State, exit_code


def failed(cause: Cause) -> Check:
    return Check.fail("thing", cause, "broken", "mend it")


@pytest.mark.parametrize(
    ("causes", "code"),
    [
        ([], 0),
        ([Cause.CONFIGURATION], 1),
        ([Cause.EVALUATION, Cause.IMAGE_MISSING], 3),
        ([Cause.NETWORK, Cause.DOCKER_STOPPED], 2),
        ([Cause.REGISTRY_DENIED], 3),
        ([Cause.DOCKER_PERMISSION, Cause.DISK], 4),
        ([Cause.MEMORY], 4),
    ],
)
def test_exit_code_is_that_of_the_worst_failure(causes: list[Cause], code: int) -> None:
    checks = [Check.ok("fine", "it is"), Check.warn("odd", Cause.DISK, "a bit", "look"), *map(failed, causes)]
    assert exit_code(checks) == code


def test_every_cause_has_a_code_that_is_no_success() -> None:
    assert {cause.exit_code for cause in Cause} == {1, 2, 3, 4}


def test_json_of_a_check_says_all_of_it() -> None:
    assert failed(Cause.DISK).as_json() == {
        "name": "thing",
        "state": "fail",
        "detail": "broken",
        "fix": "mend it",
        "cause": "disk",
    }
    assert Check.ok("fine", "it is").as_json()["cause"] is None
    assert Check.ok("fine", "it is").state is State.OK
