"""Tell broken ground from a wrong patch: the one reason not to believe an official `unresolved`.

The official classification of logs without results is advisory; here its `environment` tier becomes an
infrastructure failure, which is never an answer of the model. Two things need care, because a grading container
usually has no network and most eval scripts run pip:

- pip then complains about the network, harmlessly, in front of every result. Such a complaint alone excuses no
  patch that breaks the tests by itself.
- where an install that failed for lack of network leaves a module or a command missing, and required tests did not
  run for it, the log holds results all the same; the official reader takes them for an honest failure.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.grading.official import END_MARKER, EXIT_CODE, START_MARKER, test_statuses
from pytest_swebench.sandbox.protocol import ScriptResult

_NETWORK: Final = "network_unreachable"  # the official name of this reason
_NO_INSTALL: Final = "install_failed_without_network"  # ours
NETWORK_REASONS: Final = frozenset({_NETWORK, _NO_INSTALL})
"""The reasons that a network might heal."""

_NO_NETWORK: Final = re.compile(
    r"Temporary failure in name resolution|Could not resolve host|Name or service not known"
    r"|Failed to establish a new connection|Network is unreachable"
)
# A missing submodule (`pkg.new`) or name is what the patch should have written; a missing package or command is not.
_NOT_INSTALLED: Final = re.compile(
    r"No module named '?\w+'?$|PackageNotFoundError|DistributionNotFound|command not found$", re.MULTILINE
)


_NO_PYTEST: Final = re.compile(r"/\S+: No module named pytest")  # what `python -m` says
_NO_SPACE: Final = b"No space left on device"  # how every program words ENOSPC


def broken_machine(result: ScriptResult, log_path: Path) -> str:
    """Return which limit of the machine one life of the tests ran into, and how to lift it; empty where none.

    Tests may print anything, so their complaint about a disk counts only where a disk was found full, and memory only
    by the kernel's own count. Tests that passed all the same stand: this speaks of those that did not.
    """
    if result.oom_killed:
        limit = result.conditions.get("memory")
        allowed = f"of {limit} that they may have (--sandbox-option memory=..., or memory in the row's column sandbox)"
        return f"the tests ran out of the memory {allowed if limit else 'of this machine'}"
    if result.full and (_NO_SPACE in result.notes.encode() or _NO_SPACE in log_path.read_bytes()):
        return f"no space was left on {', '.join(result.full)} in the container; free space where the engine keeps it"
    return ""


def results_lost(instance: Instance, report: dict[str, Any], log_path: Path) -> bool:
    """Tell whether the verdict on a log without its middle hangs on results that may have stood there.

    It does not where every required test is seen to pass, or one is seen to fail.
    """
    if instance.hidden.eval_type == EXIT_CODE:  # which comes last
        return False
    if report[instance.instance_id]["resolved"]:
        return instance.hidden.eval_type == "fail_only"  # there a test without result has passed
    ran = test_statuses(instance, log_path)
    required = (*instance.hidden.fail_to_pass, *instance.hidden.pass_to_pass)
    return not any(ran.get(name) in ("FAILED", "ERROR") for name in required)


def broken_ground(instance: Instance, report: dict[str, Any], log_path: Path) -> str:
    """Return why the environment and not the patch failed; empty where the official verdict stands.

    `report` is the official one on the log at `log_path`.
    """
    entry = report[instance.instance_id]
    if entry["resolved"]:
        return ""
    if instance.hidden.eval_type == EXIT_CODE:
        return _lacks_pytest(log_path) if instance.kind is Kind.TASK else ""
    reason = str(entry["infra_failure_reason"]) if entry["infra_failure"] else ""
    if reason not in ("", _NETWORK):
        return reason
    setup, started, rest = log_path.read_text("utf-8", "replace").partition(START_MARKER)
    tests, ended, _ = rest.partition(END_MARKER)
    if reason and (not started or not ended or _NO_NETWORK.search(tests)):
        return reason
    if _NO_NETWORK.search(setup) and _NOT_INSTALLED.search(tests) and _lacks_required(instance, log_path):
        return _NO_INSTALL
    return ""


def _lacks_pytest(log_path: Path) -> str:
    """Return Python's word that there is no pytest, where a task's tests printed nothing else."""
    printed = [line for line in _tests_said(log_path).splitlines()[1:] if not line.startswith("+")]
    if len(printed) != 1 or not _NO_PYTEST.fullmatch(printed[0]):
        return ""
    return f'{printed[0]}; "image" in its row names one without it (`swebench-runner task image` names one with it)'


def misses_network(log_path: Path) -> bool:
    """Tell whether the tests, and not what was installed before them, complain of a missing network."""
    return bool(_NO_NETWORK.search(_tests_said(log_path)))


def _tests_said(log_path: Path) -> str:
    """Return what stands between the markers, all to the end where the second is missing."""
    _, _, tests = log_path.read_text("utf-8", "replace").partition(START_MARKER)
    return tests.partition(END_MARKER)[0]


def _lacks_required(instance: Instance, log_path: Path) -> bool:
    """Tell whether required tests left no result at all; a name cut short (upstream issue 290) counts by its start."""
    ran = test_statuses(instance, log_path)
    required = (*instance.hidden.fail_to_pass, *instance.hidden.pass_to_pass)
    return any(name not in ran and not any(other.startswith(name) for other in ran) for name in required)
