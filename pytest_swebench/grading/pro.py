"""SWE-bench Pro: its own scripts run the tests and read their output; every required test must have passed.

Rules of https://github.com/scaleapi/SWE-bench_Pro-os, `swe_bench_pro_eval.py`, with one difference on purpose:
upstream's parser runs in the container that the patch has run in, where a patch can replace it or its interpreter.
Here it runs in a second, fresh one of the same image: that has the interpreter it was written for, and neither code
of the checkout nor output of the patch is read by a program on this machine.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.pro import APPLIED, APPLY, ENVIRONMENT_FILE, PARSER_FILE, PRO_WORKDIR, RUN_FILE, WORKSPACE
from pytest_swebench.errors import InfraError, NeedsNetwork, OutOfResources, RefusedError
from pytest_swebench.grading.ground import broken_machine
from pytest_swebench.grading.official import NO_RESULTS, ungraded_report, verdict_of
from pytest_swebench.grading.protocol import PRO_TIMEOUT_S, Grade
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS
from pytest_swebench.records.layout import EVAL_FILE, LOG_FILE, PATCH_FILE, REPORT_FILE, as_bytes, write_whole
from pytest_swebench.sandbox.protocol import SandboxBackend, Script, ScriptResult

RESULTS_FILE: Final = "output.json"
"""What the parser found: `{"tests": [{"name": ..., "status": "PASSED" | "FAILED" | "SKIPPED" | "ERROR"}]}`."""

_TIMEOUT_EXIT_CODES: Final = (124, 137)  # of `timeout`, and of one that had to kill
_NO_SCRIPT_EXIT_CODES: Final = (125, 126, 127)  # the eval script, which ends with 0, could not be started
_KILL_AFTER_S: Final = 10
_GRACE_S: Final = 60.0  # for what comes after the tests
_PARSER_TIMEOUT_S: Final = 600.0
_COMMAND_NOT_FOUND: Final = 127

# Both streams go to files, as upstream, and are shown once the tests are over; their sizes say where each ends.
_RUN_SCRIPT: Final = f"""\
mkdir -p {WORKSPACE} && cp "$SWEBENCH_FILES"/* {WORKSPACE}/ || exit 1
: > {WORKSPACE}/stdout.log && : > {WORKSPACE}/stderr.log || exit 1
timeout -k {_KILL_AFTER_S} "$(cat "$SWEBENCH_FILES/seconds")" bash {WORKSPACE}/{EVAL_FILE} </dev/null 1>&2
code=$?
show() {{
  bytes=$(wc -c < {WORKSPACE}/"$1".log) || exit 1
  printf 'swebench: %s %d bytes\\n' "$1" "$bytes"
  head -c "$bytes" {WORKSPACE}/"$1".log
  echo
}}
show stdout
show stderr
echo "swebench: the eval script ended with $code" >&2
"""

_PARSER_SCRIPT: Final = f"""\
mkdir -p {WORKSPACE} && cp "$SWEBENCH_FILES"/* {WORKSPACE}/ || exit 1
. {WORKSPACE}/{ENVIRONMENT_FILE}
cd {PRO_WORKDIR}
command -v python >&2 || {{ echo "swebench: the image has no python" >&2; exit {_COMMAND_NOT_FOUND}; }}
python {WORKSPACE}/{PARSER_FILE} {WORKSPACE}/stdout.log {WORKSPACE}/stderr.log {WORKSPACE}/{RESULTS_FILE} \\
  </dev/null 1>&2
if [ -f {WORKSPACE}/{RESULTS_FILE} ]; then cat {WORKSPACE}/{RESULTS_FILE}; fi
exit 0
"""

_SHOWN: Final = re.compile(rb"swebench: stdout (\d+) bytes\n")
_SHOWN_AFTER: Final = re.compile(rb"\nswebench: stderr (\d+) bytes\n")
_ENDED: Final = re.compile(r"^swebench: the eval script ended with (\d+)$", re.MULTILINE)
_SECTION: Final = re.compile(r"^(?=diff --git )", re.MULTILINE)
_BINARY: Final = re.compile(r"^(?:Binary files .* differ|GIT binary patch)$", re.MULTILINE)
_NO_NETWORK: Final = re.compile(
    rb"Temporary failure in name resolution|Could not resolve host|Name or service not known|Network is unreachable"
    rb"|getaddrinfo (?:EAI_AGAIN|ENOTFOUND)|no such host|dial tcp: lookup"
)


class ProGrader:
    """Grader of instances that `datasets.pro.complete_pro` has completed.

    `timeout_s` bounds the tests of one; an instance may declare its own as `timeout_s` of its exceptions.
    """

    def __init__(self, backend: SandboxBackend, timeout_s: float = PRO_TIMEOUT_S) -> None:
        self._backend = backend
        self._timeout_s = timeout_s

    def grade(self, instance: Instance, patch: str, folder: Path, *, network: str = "") -> Grade:
        """Grade `patch`, leaving `eval.sh`, `test_output.txt`, `output.json` and `report.json` in `folder`.

        An empty patch is not run and leaves nothing but its verdict. As upstream, binary parts of a patch are left out
        and one that does not apply is graded all the same. Raises NeedsNetwork where required tests left no result
        and their output complains of no network, InfraError where the environment broke otherwise (memory, disk),
        RefusedError where the log was cut, and whatever the backend raises.
        """
        instance_id = instance.instance_id
        if not patch:
            report = ungraded_report(instance_id, applied=False, reason="empty_patch")
            return Grade(verdict_of(instance_id, report))
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        for name in (REPORT_FILE, RESULTS_FILE):  # of an earlier grading, which this one may fail to replace
            (folder / name).unlink(missing_ok=True)
        result = self._run(instance, patch, folder, network)
        applied = re.search(rf"^{re.escape(APPLIED)}$", result.notes, re.MULTILINE) is not None
        report = self._report(instance, folder, result, applied)
        write_whole(folder / REPORT_FILE, json.dumps(report, indent=4))
        verdict = replace(verdict_of(instance_id, report), applied_with=APPLY if applied else "")
        return Grade(verdict, duration_s=time.monotonic() - started, conditions=dict(result.conditions))

    def _run(self, instance: Instance, patch: str, folder: Path, network: str) -> ScriptResult:
        hidden = instance.hidden
        timeout_s = float(instance.exceptions.get("timeout_s") or self._timeout_s)
        write_whole(folder / EVAL_FILE, hidden.eval_script)
        files = {name: hidden.files[name].encode() for name in (RUN_FILE, ENVIRONMENT_FILE)}
        files |= {
            PATCH_FILE: as_bytes(without_binary(patch)),
            EVAL_FILE: hidden.eval_script.encode(),
            "seconds": str(timeout_s).encode(),
        }
        limit_s = timeout_s + _KILL_AFTER_S + _GRACE_S
        script = Script(_RUN_SCRIPT, files, timeout_s=limit_s, log=folder / LOG_FILE, network=network)
        return self._backend.run_script(instance, script)

    def _report(self, instance: Instance, folder: Path, result: ScriptResult, applied: bool) -> dict[str, Any]:
        """Return the report on what the tests left. Raises InfraError where that says nothing about the patch."""
        instance_id, log = instance.instance_id, folder / LOG_FILE
        code = int((_ENDED.findall(result.notes) or ["-1"])[-1])
        broken = broken_machine(result, log)
        if result.log_cut:
            raise RefusedError(
                f"grading {instance_id}: the log {log} grew beyond its limit, and no parser reads half of it; raise it "
                "with --sandbox-option log_cap_bytes=..."
            )
        output = None if code in _NO_SCRIPT_EXIT_CODES else streams(log.read_bytes())
        timed_out = result.timed_out or code in _TIMEOUT_EXIT_CODES
        if broken and (timed_out or output is None):
            raise OutOfResources(f"grading {instance_id}: {broken}; see {log}")
        if timed_out:
            return ungraded_report(instance_id, applied=applied, reason="tests_timed_out")
        if output is None:
            last = _last_line(result.notes)
            raise InfraError(f"grading {instance_id} left no whole output of its tests: {last}; see {log}")
        passed, seen = self._parsed(instance, folder, *output)
        report = pro_report(instance, passed, applied=applied)
        if not report[instance_id]["resolved"]:
            if broken:
                raise OutOfResources(f"grading {instance_id}: {broken}; see {log}")
            if complaint := _missed_network(instance, b"\n".join(output), seen):
                raise NeedsNetwork(
                    f"grading {instance_id}: required tests left no result, and {log} says {complaint!r}"
                )
            if not applied or not seen:
                report[instance_id]["infra_failure_reason"] = NO_RESULTS if applied else "patch_apply_failed"
        return report

    def _parsed(self, instance: Instance, folder: Path, stdout: bytes, stderr: bytes) -> tuple[set[str], set[str]]:
        """Return the tests that passed and all that the parser names; none where it fails, as upstream."""
        hidden = instance.hidden
        files = {name: hidden.files[name].encode() for name in (PARSER_FILE, ENVIRONMENT_FILE)}
        files |= {"stdout.log": stdout, "stderr.log": stderr}
        results = folder / RESULTS_FILE
        script = Script(_PARSER_SCRIPT, files, timeout_s=_PARSER_TIMEOUT_S, log=results, network="none")
        done = self._backend.run_script(instance, script)
        if done.exit_code != 0 and not done.timed_out:
            raise InfraError(
                f"the parser of {instance.instance_id} could not run (exit code {done.exit_code}): "
                f"{_last_line(done.notes)}"
            )
        return results_of(results)


def without_binary(patch: str) -> str:
    """Return `patch` without the files of which it holds no text, as upstream."""
    return "".join(part for part in _SECTION.split(patch) if part.strip() and not _BINARY.search(part))


def streams(log: bytes) -> tuple[bytes, bytes] | None:
    """Return stdout and stderr of the tests, byte for byte, from the log of a grading; None if it is not whole."""
    head = _SHOWN.match(log)
    if head is None:
        return None
    end = head.end() + int(head[1])
    middle = _SHOWN_AFTER.match(log, end)
    if middle is None or len(log) < middle.end() + int(middle[1]):
        return None
    return log[head.end() : end], log[middle.end() : middle.end() + int(middle[1])]


def results_of(path: Path) -> tuple[set[str], set[str]]:
    """Return the tests that passed and all that a parser named in its results file; none if it cannot be read."""
    try:
        tests = json.loads(path.read_bytes())["tests"]
        statuses = {test["name"]: test["status"] for test in tests}
        return {test["name"] for test in tests if test["status"] == "PASSED"}, set(statuses)
    except (ValueError, KeyError, TypeError):
        return set(), set()


def pro_report(instance: Instance, passed: set[str], *, applied: bool) -> dict[str, Any]:
    """Return the verdict in the shape of an official report: resolved if every required test is in `passed`."""
    required = {FAIL_TO_PASS: instance.hidden.fail_to_pass, PASS_TO_PASS: instance.hidden.pass_to_pass}
    report = ungraded_report(instance.instance_id, applied=applied)
    entry = report[instance.instance_id]
    entry["resolved"] = all(passed.issuperset(names) for names in required.values())
    entry["tests_status"] = {
        group: {
            "success": [name for name in names if name in passed],
            "failure": [name for name in names if name not in passed],
        }
        for group, names in required.items()
    }
    return report


def _missed_network(instance: Instance, output: bytes, seen: set[str]) -> str:
    """Return what the tests said for lack of a network, if required ones left no result; else empty."""
    complaint = _NO_NETWORK.search(output)
    required = {*instance.hidden.fail_to_pass, *instance.hidden.pass_to_pass}
    return complaint[0].decode() if complaint and not required <= seen else ""


def _last_line(notes: str) -> str:
    return repr((notes.strip().splitlines() or ["(it said nothing)"])[-1])
