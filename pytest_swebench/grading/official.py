"""The official SWE-bench package: its test specs, log parsers and verdicts, loaded without what they do not need.

`swebench.harness` imports datasets, modal, pandas and docker in its `__init__`, which costs seconds; its `grading`
and `log_parsers` need none of them. They are imported here while an empty stand-in takes the place of that
`__init__`, and everything is taken out of `sys.modules` again, so that a later import of the real package by
anyone finds nothing of this. Rules and names are those of swebench 5.0.x.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import DatasetError, InputError, unknown
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Verdict

if TYPE_CHECKING:
    from swebench.types import TestSpec

EXIT_CODE: Final = "exit_code"
"""The `eval_type` of tasks whose own test command decides: ours, unknown to the official package."""

START_MARKER: Final = ">>>>> Start Test Output"
END_MARKER: Final = ">>>>> End Test Output"
EXIT_CODE_MARKER: Final = ">>>>> Test Exit Code"

NO_RESULTS: Final = "no_test_results"
"""The reason of a verdict on a log in which the official reader finds nothing it trusts, and no other cause."""

_SERIES: Final = "5.0."
_HARNESS: Final = "swebench.harness"
_EXIT_CODE_LINE: Final = re.compile(rf"^{re.escape(EXIT_CODE_MARKER)}: (-?\d+)$", re.MULTILINE)
_EXIT_CODE_VARIABLE: Final = "SWEBENCH_TEST_EXIT_CODE"
_HEADER_LINES: Final = frozenset({"#!/bin/bash", "set -uxo pipefail"})
_EVAL_TYPES: Final = frozenset({"pass_and_fail", "fail_only"})
_LOADING: Final = threading.Lock()


def test_spec(instance: Instance) -> TestSpec:
    """Return the official spec of `instance`, equal to what upstream's `make_test_spec` makes of its row."""
    _require_series()
    from swebench.types import TestSpec

    return TestSpec(
        instance_id=instance.instance_id,
        image=instance.image,
        eval_script_list=_eval_lines(instance.hidden.eval_script),
        repo=instance.problem.repo,
        version=instance.problem.version,
        FAIL_TO_PASS=list(instance.hidden.fail_to_pass),
        PASS_TO_PASS=list(instance.hidden.pass_to_pass),
        log_parser=instance.hidden.log_parser,
        eval_type=instance.hidden.eval_type,
        image_assets=instance.hidden.image_assets,
    )


def eval_script_text(instance: Instance) -> str:
    """Return the script that runs the tests and records their exit code."""
    return str(test_spec(instance).eval_script)


def parser_names() -> frozenset[str]:
    """Return the names that a row's `log_parser` may have."""
    return frozenset(_grading().PARSER_REGISTRY)


def report_json(instance: Instance, patch: str, log_path: Path) -> dict[str, Any]:
    """Grade a test log; return the content of an official `report.json`, per-test status included.

    Raises DatasetError if the instance names a parser or an `eval_type` that does not exist.
    """
    if instance.hidden.eval_type == EXIT_CODE:
        return _exit_code_report(instance, log_path)
    _require_known(instance)
    prediction = {"instance_id": instance.instance_id, "model_name_or_path": "", "model_patch": patch}
    report: dict[str, Any] = _grading().get_eval_report(
        test_spec=test_spec(instance),
        prediction=prediction,
        test_log_path=str(log_path),
        include_tests_status=True,
    )
    return report


def ungraded_report(instance_id: str, *, applied: bool, reason: str = "") -> dict[str, Any]:
    """Return an unresolved report in official shape for a run whose log upstream would not read."""
    entry: dict[str, Any] = {
        "patch_is_None": False,
        "patch_exists": True,
        "patch_successfully_applied": applied,
        "resolved": False,
        "infra_failure": False,
    }
    if reason:
        entry["infra_failure_reason"] = reason
    return {instance_id: entry}


def verdict_of(instance_id: str, report: dict[str, Any]) -> Verdict:
    """Return the verdict that a report in official shape holds."""
    entry = report[instance_id]
    status = entry.get("tests_status", {})
    return Verdict(
        resolved=entry["resolved"],
        applied=entry["patch_successfully_applied"],
        tests={name: status[name] for name in (FAIL_TO_PASS, PASS_TO_PASS) if name in status},
        reason=entry.get("infra_failure_reason", "") or ("" if status else NO_RESULTS),
    )


def test_statuses(instance: Instance, log_path: Path) -> dict[str, str]:
    """Return the status of every test that the official parser finds in a log; empty where it finds none."""
    _require_known(instance)
    statuses: dict[str, str]
    statuses, _ = _grading().get_logs_eval(test_spec(instance), str(log_path))
    return statuses


def _exit_code_report(instance: Instance, log_path: Path) -> dict[str, Any]:
    # The last line counts: the script writes its own after everything that the tests printed.
    codes = _EXIT_CODE_LINE.findall(log_path.read_text("utf-8", "replace"))
    report = ungraded_report(
        instance.instance_id, applied=True, reason=f"test_exit_code_{codes[-1]}" if codes else "no_test_exit_code"
    )
    report[instance.instance_id]["resolved"] = bool(codes) and int(codes[-1]) == 0
    return report


def _eval_lines(eval_script: str) -> list[str]:
    """Return the lines of a row's script without its header, the exit code of the tests recorded around the end.

    As upstream: everything before the end marker's line is the tests' doing, so `$?` there is their exit code; it is
    printed only after the marker, to keep it out of what the parsers read. A script without the marker stays as it is.
    """
    lines = [line for line in eval_script.strip().split("\n") if line not in _HEADER_LINES]
    end = next((number for number, line in enumerate(lines) if END_MARKER in line), None)
    if end is None:
        return lines
    record = f"{_EXIT_CODE_VARIABLE}=$?"
    show = f'echo "{EXIT_CODE_MARKER}: ${_EXIT_CODE_VARIABLE}"'
    return [*lines[:end], record, lines[end], show, *lines[end + 1 :]]


def _require_known(instance: Instance) -> None:
    hidden = instance.hidden
    if hidden.log_parser not in (names := parser_names()):
        raise DatasetError(f"{instance.instance_id}: {unknown('log_parser', hidden.log_parser, names)}")
    if hidden.eval_type not in _EVAL_TYPES:
        raise DatasetError(f"{instance.instance_id}: {unknown('eval_type', hidden.eval_type, _EVAL_TYPES)}")


def _require_series() -> None:
    import swebench

    if not swebench.__version__.startswith(_SERIES):
        raise InputError(
            f"the installed swebench is {swebench.__version__!r}, and verdicts are defined by {_SERIES}x; "
            "every major release changed them. Fix: python -m pip install 'swebench>=5.0.2,<5.1'"
        )


@functools.cache
def _grading() -> ModuleType:
    """Return the official `grading` module, loaded once a process."""
    _require_series()
    with _LOADING:
        grading = _import_grading()
    # Upstream writes and reads the log with the machine's encoding, and decodes what the container printed as UTF-8
    # with replacement. Reading the raw bytes that way gives the same text on every machine.
    vars(grading)["open"] = functools.partial(open, encoding="utf-8", errors="replace")
    return grading


def _import_grading() -> ModuleType:
    name = f"{_HARNESS}.grading"
    if _HARNESS in sys.modules:  # somebody has paid for the real package already
        return importlib.import_module(name)
    try:
        with _stand_in():
            return importlib.import_module(name)
    except (ImportError, AttributeError):
        # grading has come to need more of its package than its neighbours: pay the seconds, keep the verdict official
        return importlib.import_module(name)


@contextmanager
def _stand_in() -> Iterator[None]:
    """Put an empty package in the place of `swebench.harness`, and leave no trace of it or its modules."""
    import swebench

    package = ModuleType(_HARNESS)
    package.__path__ = [str(Path(folder, "harness")) for folder in swebench.__path__]
    sys.modules[_HARNESS] = package
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name == _HARNESS or name.startswith(f"{_HARNESS}.")]:
            del sys.modules[name]
