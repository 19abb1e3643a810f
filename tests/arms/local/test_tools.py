from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.tools import AgentTool
from pytest_swebench.arms.local.stages import Stages
from pytest_swebench.arms.local.tools import task_tools
from tests.arms.local.conftest import Place

Open = Callable[..., Place]


def tools_of(place: Place) -> dict[str, AgentTool]:
    return task_tools(Stages(place.context, Clock(300)))


def test_pip_is_offered_only_with_a_network_for_it(open_task: Open) -> None:
    assert list(tools_of(open_task("basket-all"))) == [
        *("swe_clone", "swe_install", "swe_pytest", "swe_pytest_full", "swe_read_file", "swe_apply_patch_text")
    ]


def test_clone_tells_what_is_there(open_task: Open) -> None:
    place = open_task("basket-all")
    text = tools_of(place)["swe_clone"].call({}).text
    assert text.splitlines()[1:] == ["basket.py", "test_basket.py"]
    assert place.context.sandbox().workdir not in text  # a local one stands elsewhere in each run


def test_long_listings_are_cut(open_task: Open) -> None:
    place = open_task("basket-all")
    place.context.sandbox().write({f"f{number:03}.py": b"" for number in range(100)})
    assert place.context.sandbox().run("git add -A", timeout_s=60).exit_code == 0
    assert tools_of(place)["swe_clone"].call({}).text.endswith("... and 42 more")


def test_a_file_is_shown_by_lines(open_task: Open) -> None:
    place = open_task("basket-all")
    place.context.sandbox().write(
        {"long.py": b"\n".join(b"x%d" % number for number in range(1, 2001)) + b"\x0c\nend\n"}
    )
    read = tools_of(place)["swe_read_file"]
    first = read.call({"path": "long.py"}).text.splitlines()
    assert first[0] == "     1\tx1"
    assert first[-1].startswith("[... ")
    assert read.call({"path": "long.py", "first": 2001}).text == "  2001\tend"  # where editors and diffs count it
    assert read.call({"path": "long.py", "first": 2002}).text.startswith("error: the file has 2001 lines")


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "nowhere.py", "x" * 5_000, ""])
def test_what_is_no_file_of_the_repository_is_not_read(open_task: Open, path: str) -> None:
    assert tools_of(open_task("basket-all"))["swe_read_file"].call({"path": path}).text.startswith("error: ")


def test_arguments_of_pytest_are_arguments_and_never_shell(open_task: Open) -> None:
    place = open_task("basket-all")
    result = tools_of(place)["swe_pytest_full"].call({"args": ["-k", "total; touch owned $(touch owned)`touch owned`"]})
    assert "owned" not in place.context.sandbox().run("ls -a", timeout_s=60).output
    assert result.text.splitlines()[-1].startswith("[fail]")
    assert len(result.commands) == 1


def test_the_whole_report_is_shown_without_ending(open_task: Open) -> None:
    result = tools_of(open_task("basket-total"))["swe_pytest_full"].call({})
    assert "assert 3 == 6" in result.text
    assert "[fail] 1 failed, 3 deselected in " in result.text
    assert not result.ends


def test_pytest_ends_only_on_success_or_after_the_patch(open_task: Open) -> None:
    tools = tools_of(open_task("basket-total"))
    assert not tools["swe_pytest"].call({}).ends
    tools["swe_apply_patch_text"].call({"patch": "no diff at all"})
    ended = tools["swe_pytest"].call({})
    assert (ended.ends, ended.text.startswith("[fail] 1 failed")) == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        ("swe_read_file", {}),
        ("swe_pytest_full", {"args": "-k x"}),
        ("swe_apply_patch_text", {"patch": None}),
        ("swe_clone", {"url": "https://example.org"}),
    ],
)
def test_wrong_arguments_are_told(open_task: Open, wrong: tuple[str, Mapping[str, Any]]) -> None:
    name, arguments = wrong
    assert (
        tools_of(open_task("basket-all"))[name].call(arguments).text.startswith(f"error: wrong arguments for {name!r}")
    )


def test_an_install_that_fails_or_hangs_is_told(open_task: Open) -> None:
    place = open_task("colours-known", timeouts={"install": 2, "test": 60})
    place.context.sandbox().write({"requirements.txt": b"--no-index\nno-such-thing\n"})
    assert tools_of(place)["swe_install"].call({}).text.startswith("error: ")
    place.context.sandbox().write({"requirements.txt": b"", "setup.py": b"import time\ntime.sleep(600)\n"})
    assert "installing took more than 2 s" in tools_of(place)["swe_install"].call({}).text


def test_nothing_to_install_is_said(open_task: Open) -> None:
    assert tools_of(open_task("basket-all"))["swe_install"].call({}).text == "nothing to install"
