from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.errors import DatasetError
from pytest_swebench.grading import official
from pytest_swebench.grading.ground import broken_ground
from pytest_swebench.outcome import Verdict

# tests/test_extension.py is new in this one's test patch, so the eval script's `git checkout <base> <test files>` names
# no file and checks out the whole base commit. That undoes the image's own commit, which had added `-rA` to tox.ini:
# pytest says "1 passed" and names no test. The official reader finds no result and calls the instance unresolved.
NO_STATUS = ("sphinx-doc__sphinx-9711", 0)

SLOW = "datasets", "modal", "docker", "pandas", "swebench.harness", "swebench.harness.grading"

GRADE = """
import sys
from pathlib import Path
from pytest_swebench.datasets.instance import Hidden, Instance, Problem
from pytest_swebench.grading import official
hidden = Hidden(
    fail_to_pass=("t.py::test_a",), eval_script="true", log_parser="parse_log_pytest", eval_type="pass_and_fail"
)
instance = Instance(problem=Problem(instance_id="a__b-1", statement=""), hidden=hidden, image="i")
report = official.report_json(instance, "patch", Path(sys.argv[1]))
verdict = official.verdict_of(instance.instance_id, report)
"""


def write_log(folder: Path, tests: str, *, setup: str = "", end: str = ">>>>> Test Exit Code: 0\n") -> Path:
    log = folder / "test_output.txt"
    log.write_bytes(
        f"{setup}+ : '>>>>> Start Test Output'\n{tests}+ : '>>>>> End Test Output'\n{end}".encode("latin-1")
    )
    return log


def verdict_on(instance: Instance, log: Path) -> Verdict:
    return official.verdict_of(instance.instance_id, official.report_json(instance, "patch", log))


def test_every_published_verdict_is_reproduced(shared_data: Path, official_rows: dict[str, dict[str, Any]]) -> None:
    index = [json.loads(line) for line in (shared_data / "logs" / "index.jsonl").read_text().splitlines()]
    verdicts, statuses, broken = [], [], []
    for entry in index:
        case = (entry["instance_id"], entry["case"])
        instance = instance_from_row(official_rows[case[0]], where=case[0])
        log = shared_data / "logs" / case[0] / str(case[1]) / "test_output.txt"
        published = json.loads(log.with_name("report.json").read_text())[case[0]]
        report = official.report_json(instance, "patch", log)
        if official.verdict_of(case[0], report).resolved is not published["resolved"]:
            verdicts.append(case)
        if report[case[0]].get("tests_status") != published["tests_status"]:
            statuses.append(case)
        if broken_ground(instance, report, log):
            broken.append(case)
    assert len(index) == 155
    assert verdicts == []
    assert statuses == [NO_STATUS]
    assert broken == []


def test_a_run_that_named_no_test_has_no_status(shared_data: Path, official_rows: dict[str, dict[str, Any]]) -> None:
    name, number = NO_STATUS
    log = shared_data / "logs" / name / str(number) / "test_output.txt"
    text = log.read_text()
    verdict = verdict_on(instance_from_row(official_rows[name], where=name), log)
    assert "+    python -X dev -m pytest -rA --durations 25 {posargs}" in text
    assert "commands[0]> python -X dev -m pytest --durations 25 tests/test_extension.py" in text
    assert "1 passed" in text
    assert (verdict.resolved, verdict.tests, verdict.reason) == (False, {}, "no_test_results")


def test_specs_equal_upstreams_for_every_row(shared_data: Path, run_python: Callable[..., str]) -> None:
    upstream = """
import dataclasses, hashlib, json, sys
from swebench.harness.utils import make_test_spec
for path in sys.argv[1:]:
    for line in open(path, encoding="utf-8"):
        spec = make_test_spec(json.loads(line))
        text = json.dumps([dataclasses.asdict(spec), spec.eval_script], sort_keys=True)
        print(spec.instance_id, hashlib.sha256(text.encode()).hexdigest())
"""
    paths = [shared_data / "rows" / f"{name}.jsonl" for name in ("lite", "verified", "multilingual", "multimodal")]
    ours = []
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        for row in rows:
            spec = official.test_spec(instance_from_row(row, where=row["instance_id"]))
            text = json.dumps([vars(spec), spec.eval_script], sort_keys=True)
            ours.append(f"{spec.instance_id} {hashlib.sha256(text.encode()).hexdigest()}")
    assert ours == run_python(upstream, *map(str, paths)).splitlines()


def test_grading_loads_nothing_slow_and_leaves_no_stand_in(tmp_path: Path, run_python: Callable[..., str]) -> None:
    log = write_log(tmp_path, "PASSED t.py::test_a\n")
    code = f"{GRADE}\nprint(verdict.resolved, [name for name in {SLOW!r} if name in sys.modules])"
    assert run_python(code, str(log)) == "True []"


def test_the_real_harness_still_imports_afterwards(tmp_path: Path, run_python: Callable[..., str]) -> None:
    log = write_log(tmp_path, "PASSED t.py::test_a\n")
    code = f"""{GRADE}
import swebench.harness.run_evaluation as real
from swebench.harness import utils
print(verdict.resolved, callable(real.run_instance), sys.modules["swebench.harness"].utils is utils)
"""
    assert run_python(code, str(log)) == "True True True"


def test_a_harness_that_is_loaded_already_is_used(tmp_path: Path, run_python: Callable[..., str]) -> None:
    log = write_log(tmp_path, "PASSED t.py::test_a\n")
    code = f"import swebench.harness\n{GRADE}\nprint(verdict.resolved, 'datasets' in sys.modules)"
    assert run_python(code, str(log)) == "True True"


def test_grading_that_needs_its_whole_package_gets_it(tmp_path: Path, run_python: Callable[..., str]) -> None:
    log = write_log(tmp_path, "PASSED t.py::test_a\n")
    refuse_stand_in = """
import sys
class NeedsRealPackage:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "swebench.harness.grading" and not hasattr(sys.modules["swebench.harness"], "__file__"):
            raise ImportError("grading needs the whole package")
sys.meta_path.insert(0, NeedsRealPackage)
"""
    code = f"{refuse_stand_in}\n{GRADE}\nprint(verdict.resolved, 'swebench.harness.utils' in sys.modules)"
    assert run_python(code, str(log)) == "True True"


def test_another_series_is_refused_with_the_fix(tmp_path: Path, run_python: Callable[..., str]) -> None:
    (tmp_path / "swebench").mkdir()
    (tmp_path / "swebench" / "__init__.py").write_text("__version__ = '4.1.0'\n")
    code = """
from pytest_swebench.errors import InputError
from pytest_swebench.grading import official
try:
    official.parser_names()
except InputError as error:
    print(error)
"""
    message = run_python(code, PYTHONPATH=str(tmp_path))
    assert "'4.1.0'" in message
    assert "pip install 'swebench>=5.0.2,<5.1'" in message


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_bytes_that_are_no_utf8_grade_alike_under_every_locale(
    locale: str, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    log = write_log(tmp_path, "caf\xe9 \xff\nPASSED t.py::test_a\n")
    settings = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert run_python(f"{GRADE}\nprint(verdict.resolved)", str(log), **settings) == "True"


def test_a_test_that_did_not_run_is_a_failure(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    log = write_log(tmp_path, "PASSED tests/test_calc.py::test_add\n")
    verdict = verdict_on(make_instance(), log)
    assert (verdict.resolved, verdict.applied) == (False, True)
    assert verdict.tests["PASS_TO_PASS"] == {"success": [], "failure": ["tests/test_calc.py::test_zero"]}


def test_results_that_the_exit_code_belies_are_no_results(
    make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    passed = "PASSED tests/test_calc.py::test_add\nPASSED tests/test_calc.py::test_zero\n"
    honest = verdict_on(make_instance(), write_log(tmp_path, passed))
    belied = verdict_on(make_instance(), write_log(tmp_path, passed, end=">>>>> Test Exit Code: 1\n"))
    assert (honest.resolved, belied.resolved, belied.reason) == (True, False, "no_test_results")


def test_a_log_without_markers_keeps_the_official_verdict(
    make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    log = tmp_path / "test_output.txt"
    log.write_text("error: patch failed: tests/test_calc.py:1\n")
    instance = make_instance()
    report = official.report_json(instance, "patch", log)
    assert official.verdict_of(instance.instance_id, report).resolved is False
    assert broken_ground(instance, report, log) == ""


@pytest.mark.parametrize(
    ("end", "resolved", "reason"),
    [
        (">>>>> Test Exit Code: 0\n", True, "test_exit_code_0"),
        (">>>>> Test Exit Code: 124\n", False, "test_exit_code_124"),
        (">>>>> Test Exit Code: 0\n>>>>> Test Exit Code: 1\n", False, "test_exit_code_1"),
        ("", False, "no_test_exit_code"),
    ],
)
def test_the_last_exit_code_decides_a_task(
    end: str, resolved: bool, reason: str, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    task = make_instance(eval_type="exit_code", log_parser="")
    verdict = verdict_on(task, write_log(tmp_path, "+ echo '>>>>> Test Exit Code: 0'\n", end=end))
    assert (verdict.resolved, verdict.reason) == (resolved, reason)


@pytest.mark.parametrize(
    ("field", "value", "near"),
    [("log_parser", "parse_log_pytst", "parse_log_pytest"), ("eval_type", "all", "fail_only")],
)
def test_an_unknown_parser_or_eval_type_is_named(
    field: str, value: str, near: str, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=rf"acme__calc-1: unknown {field} '{value}'.*{near}"):
        verdict_on(make_instance(**{field: value}), write_log(tmp_path, ""))


def test_the_eval_script_records_the_exit_code_of_the_tests(make_instance: Callable[..., Instance]) -> None:
    assert official.eval_script_text(make_instance()).splitlines() == [
        "#!/bin/bash",
        "set -uxo pipefail",
        ": '>>>>> Start Test Output'",
        "true",
        "SWEBENCH_TEST_EXIT_CODE=$?",
        ": '>>>>> End Test Output'",
        'echo ">>>>> Test Exit Code: $SWEBENCH_TEST_EXIT_CODE"',
    ]


def test_parser_names_are_the_official_ones() -> None:
    assert {"parse_log_pytest", "parse_log_django", "parse_log_cargo"} <= official.parser_names()
