from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.local.result import Status
from pytest_swebench.arms.local.stages import Stages, passed_in
from pytest_swebench.arms.local.taskarm import recorded
from tests.arms.local.conftest import Place
from tests.support.made import made_instance

Open = Callable[..., Place]


def stages_of(place: Place) -> Stages:
    return Stages(place.context, Clock(300))


@pytest.mark.parametrize(
    ("test", "status", "exit_code", "tail"),
    [
        ("def test_a():\n    print('1 failed')\n", Status.PASS, 0, "1 passed"),
        ("def test_a():\n    assert False, '9 passed'\n", Status.FAIL, 1, "1 failed"),
        ("", Status.OK, 5, "no tests ran"),
        ("import pytest\n\n@pytest.mark.xfail\ndef test_a():\n    assert 0\n", Status.OK, 0, "1 xfailed"),
        ("import pytest\n\n@pytest.mark.skip\ndef test_a(): ...\n", Status.OK, 0, "1 skipped"),
        ("import no_such_module\n\ndef test_passed(): ...\n", Status.FAIL, 2, "1 error"),
        ("def test_a(): ...\n\nimport os\nos._exit(0)\n", Status.FAIL, 0, ""),
    ],
    ids=["pass", "fail", "none", "xfail", "skip", "error", "exit"],
)
def test_status_is_what_pytest_reports(open_task: Open, test: str, status: Status, exit_code: int, tail: str) -> None:
    place = open_task("basket-all")
    stages = stages_of(place)
    stages.clone().write({"test_basket.py": test.encode()})
    tested = stages.test()
    assert (tested.status, tested.exit_code) == (status, exit_code)
    assert tail in tested.tail


def test_last_line_of_a_long_output_is_pytests(open_task: Open) -> None:
    stages = stages_of(open_task("basket-all"))
    loud = b"def test_a():\n    for number in range(130_000):\n        print('x' * 100)\n    assert False\n"
    stages.clone().write({"test_basket.py": loud})
    assert stages.test().tail.startswith("1 failed in ")


def test_terminals_are_not_told_what_to_do_by_a_last_line(open_task: Open) -> None:
    stages = stages_of(open_task("basket-all"))
    shouting = b"def pytest_unconfigure(config):\n    print('\\x1b[2J 9 passed \\u202e\\x85 so')\n"
    stages.clone().write({"conftest.py": shouting})
    tested = stages.test()
    assert (tested.status, tested.tail) == (Status.FAIL, "[2J 9 passed    so")


def test_tests_that_take_too_long_are_cut_off(open_task: Open) -> None:
    place = open_task("basket-all", timeouts={"test": 2})
    stages = stages_of(place)
    stages.clone().write({"test_basket.py": b"import time\n\ndef test_a():\n    time.sleep(600)\n"})
    tested = stages.test()
    assert (tested.status, tested.exit_code) == (Status.FAIL, 124)
    assert tested.tail == "the tests took more than 2 s"
    assert stages.result().as_json()["exit_code"] == 124


def test_what_was_interrupted_says_so(open_task: Open) -> None:
    place = open_task("basket-all")
    with pytest.raises(KeyboardInterrupt), recorded(place.context, stages_of(place)):
        raise KeyboardInterrupt
    assert (place.result["status"], place.result["tail"]) == ("fail", "KeyboardInterrupt")


def test_only_the_tasks_own_tests_count_as_its_last(open_task: Open) -> None:
    stages = stages_of(open_task("basket-total"))
    own = stages.test()
    other = stages.test(["-k", "xfail or wanted"])
    assert (own.status, other.status) == (Status.FAIL, Status.OK)
    assert stages.last == own


def test_a_report_of_an_earlier_run_is_not_read_again(open_task: Open) -> None:
    stages = stages_of(open_task("basket-all"))
    assert stages.test().exit_code == 1
    stages.sandbox.write({"conftest.py": b"import os\nos._exit(0)\n"})
    assert stages.test().status is Status.FAIL


def test_a_change_of_the_same_size_within_a_second_is_seen(open_task: Open) -> None:
    stages = stages_of(open_task("basket-cheapest"))
    assert stages.test().status is Status.FAIL
    source = stages.sandbox.read("basket.py").replace(b"max(prices)", b"min(prices)")
    stages.sandbox.write({"basket.py": source})
    assert stages.test().status is Status.PASS


def test_packages_are_installed_where_the_tests_find_them(open_task: Open) -> None:
    stages = stages_of(open_task("colours-known"))
    assert stages.test().status is Status.FAIL
    stages.sandbox.write({"requirements.txt": b""})
    assert stages.install().exit_code == 0
    assert stages.test().status is Status.FAIL
    assert stages.pip_install(["./wheels/tinypalette-1.0-py3-none-any.whl"]).exit_code == 0
    assert stages.test().status is Status.PASS


def test_an_own_project_is_installed_with_its_metadata(open_task: Open) -> None:
    stages = stages_of(open_task("calendar-all"))
    stages.clone().write(
        {
            "setup.py": b"raise SystemExit('must not run')\n",
            "pyproject.toml": (
                b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
                b'[project]\nname = "almanac"\nversion = "3"\n'
            ),
            "backend.py": BACKEND,
            "test_meta.py": (
                b"from importlib.metadata import version\n\ndef test_version():\n    assert version('almanac') == '3'\n"
            ),
        }
    )
    done = stages.install()
    assert done.exit_code == 0, done.output
    assert stages.test(["test_meta.py"]).status is Status.PASS


BACKEND = b"""
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "almanac-3-py3-none-any.whl"
    info = "almanac-3.dist-info"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: almanac\\nVersion: 3\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def test_counts_come_from_the_first_element_of_the_report() -> None:
    head = b'<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="9">'
    assert passed_in(head + b'<testcase name="tests=&quot;1&quot;"/>') == 3
    assert passed_in(b"") is None
    assert passed_in(b"<testsuite name='x'>") is None


def test_an_instance_that_is_no_task_has_no_stages(open_task: Open) -> None:
    place = open_task("basket-all")
    other = dataclasses.replace(place.context, problem=made_instance("x").problem)
    with pytest.raises(TypeError, match="'x' is no local task"):
        Stages(other, Clock(1))
