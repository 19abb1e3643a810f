from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_swebench.grading.integrity.log_lint import lint_log, marker_in
from pytest_swebench.grading.official import eval_script_text
from tests.grading.integrity.tiny import tiny_instance
from tests.support.calc import ADD, ZERO

SCRIPT = eval_script_text(tiny_instance())
HONEST = f"""\
+ git apply -v -
+ : '>>>>> Start Test Output'
+ python3 -m pytest -rA tests/test_calc.py
============================= test session starts ==============================
collected 2 items
PASSED {ADD}
PASSED {ZERO}
============================== 2 passed in 0.01s ===============================
+ SWEBENCH_TEST_EXIT_CODE=0
+ : '>>>>> End Test Output'
+ echo '>>>>> Test Exit Code: 0'
>>>>> Test Exit Code: 0
+ git checkout HEAD tests/test_calc.py
"""


def lint(log: str, *, resolved: bool = True, script: str = SCRIPT, in_order: bool = True) -> tuple[str, ...]:
    return lint_log(log.encode(), script, resolved=resolved, tests=(ADD, ZERO), in_order=in_order)


def test_an_honest_log_has_nothing_wrong() -> None:
    assert lint(HONEST) == ()


def test_colours_line_ends_and_a_missing_newline_are_honest() -> None:
    log = HONEST.replace("PASSED", "\x1b[32mPASSED\x1b[0m").replace("\n", "\r\n")
    assert lint(log.replace("+ : '>>>>> End", "no newline+ : '>>>>> End")) == ()


def test_progress_with_carriage_returns_is_honest() -> None:
    assert lint(HONEST.replace("collected", "10 %\r50 %\rcollected")) == ()


def test_a_teardown_that_fails_is_honest() -> None:
    assert lint(HONEST.replace("=== 2 passed", f"=== \nERROR {ADD}\n=== 2 passed")) == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("+ git apply", "+ : '>>>>> Start Test Output'\n+ git apply", "stands there 2 times"),
        ("+ git checkout", ">>>>> End Test Output\n+ git checkout", "stands there 2 times"),
        ("+ : '>>>>> Start", "text + : '>>>>> Start", "is not the line that bash writes"),
        ("+ : '>>>>> End Test Output'", ">>>>> End Test Output", "is not the line that bash writes"),
        ("+ echo '>>>>> Test Exit Code: 0'\n", "", "traced 0 times and told 1 times"),
        ("+ git apply", ">>>>> Test Exit Code: 0\n+ git apply", "traced 1 times and told 2 times"),
        ("+ git apply", f"+x\rPASSED {ADD}\r+ git apply", "a lone carriage return"),
        ("+ git apply", f"PASSED {ADD}\n+ git apply", "stands outside of the markers"),
        ("+ git checkout", f"FAILED {ADD}\n+ git checkout", "stands outside of the markers"),
        ("+ SWEBENCH", f"PASSED {ADD}\n+ SWEBENCH", "after pytest's closing line"),
        ("============================== 2 passed in 0.01s ===============================\n", "", "closing line does"),
        ("PASSED tests/test_calc.py::test_zero", f"FAILED {ADD} - assert 3", f"{ADD} both passed and failed"),
    ],
)
def test_what_no_honest_run_writes_is_told(old: str, new: str, reason: str) -> None:
    assert old in HONEST
    assert reason in " ".join(lint(HONEST.replace(old, new, 1)))


def test_markers_may_be_missing_where_nothing_was_won() -> None:
    cut = HONEST.partition("collected")[0]
    assert lint(cut, resolved=False) == ()
    assert len(lint(cut)) == 2
    assert lint("", resolved=True) == ()


def test_results_outside_are_honest_where_streams_were_read_apart() -> None:
    log = HONEST.replace("+ git apply", f"PASSED {ADD}\n+ git apply")
    assert lint(log, in_order=False) == ()
    assert len(lint(log)) == 1


def test_a_script_with_markers_of_its_own_is_not_judged_by_bash_s() -> None:
    script = 'echo ">>>>> Start Test Output"\ntrue\necho ">>>>> End Test Output"\n'
    assert lint(">>>>> Start Test Output\n>>>>> End Test Output\n", script=script) == ()


def test_long_lines_of_numbers_are_read_in_time(run_in_time: Callable[[str], str]) -> None:
    code = (
        "from pytest_swebench.grading.integrity.log_lint import lint_log\n"
        "numbers = ' '.join(map(str, range(100_000, 200_000)))\n"
        "log = f'>>>>> Start Test Output\\n= test session starts =\\n{numbers}\\n>>>>> End Test Output\\n'\n"
        "print(lint_log(log.encode(), '', resolved=True))"
    )
    assert run_in_time(code) == "()"


@pytest.mark.parametrize(
    "closing",
    [
        "=== 1 failed, 2 passed, 3 warnings in 61.00s (0:01:01) ===",
        "1 passed, 1 pytest-warnings in 0.01 seconds",
        "=== 2 xfailed in 0.01s ===",
    ],
)
def test_closing_lines_of_every_pytest_are_known(closing: str) -> None:
    line = "============================== 2 passed in 0.01s ==============================="
    late = HONEST.replace(line, f"{closing}\nPASSED late::one")
    assert lint(late) == ("log: the result 'PASSED late::one' stands there after pytest's closing line",)


def test_runners_other_than_pytest_close_as_they_like() -> None:
    assert lint("".join(line for line in HONEST.splitlines(keepends=True) if not line.startswith("==="))) == ()


@pytest.mark.parametrize("text", [">>>>> Tests Timed Out", "x>>>>> End Test Output", ">>>>> Test Exit Code: 0"])
def test_markers_are_found_in_any_text(text: str) -> None:
    assert marker_in(text) in text
    assert marker_in(text)


def test_other_arrows_are_no_marker() -> None:
    assert marker_in(">>>>>>> theirs\n>>>>> Start of it\n") == ""
