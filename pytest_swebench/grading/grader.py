"""Grade a patch in one life of a fresh environment, and leave the files that the official harness leaves."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import PRO, Instance
from pytest_swebench.errors import InfraError, NeedsNetwork, OutOfResources, RefusedError, of_system
from pytest_swebench.grading import official
from pytest_swebench.grading.apply import NOT_APPLIED, RUN_SCRIPT, applied_with
from pytest_swebench.grading.assets import Asset, fetch_assets, with_assets
from pytest_swebench.grading.ground import NETWORK_REASONS, broken_ground, broken_machine, results_lost
from pytest_swebench.grading.pro import ProGrader
from pytest_swebench.grading.protocol import PRO_TIMEOUT_S, TIMEOUT_S, Grade
from pytest_swebench.outcome import Verdict
from pytest_swebench.records.layout import EVAL_FILE, LOG_FILE, PATCH_FILE, REPORT_FILE, as_bytes, write_whole
from pytest_swebench.sandbox.protocol import SandboxBackend, Script, ScriptResult

APPLY_LOG: Final = "apply.log"
"""What git and patch said while they applied the patch, and the container about its end."""

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """What one life of the tests left: the script's end, and the log as upstream writes it."""

    result: ScriptResult
    log: Path


class OfficialGrader:
    """Grader whose verdicts are the official harness's.

    `timeout_s` bounds one grading, `pro_timeout_s` one of SWE-bench Pro. An instance may declare its own as `timeout_s`
    of its exceptions, and a task whose tests may take longer gets that and a minute.
    """

    def __init__(
        self, backend: SandboxBackend, timeout_s: float = TIMEOUT_S, pro_timeout_s: float = PRO_TIMEOUT_S
    ) -> None:
        self._backend = backend
        self._timeout_s = timeout_s
        self._pro_timeout_s = pro_timeout_s

    def grade(self, instance: Instance, patch: str, folder: Path, *, network: str = "") -> Grade:
        """Grade `patch`, leaving `eval.sh`, `apply.log`, `test_output.txt` and `report.json` in `folder`.

        An empty patch is never run, as upstream, and leaves nothing. `network` is `none`, `bridge`, or empty for the
        backend's own. Raises NeedsNetwork where an install failed for lack of one, InfraError where the environment
        broke otherwise (memory, disk), RefusedError where the log was cut and the verdict may stand in the part that
        is lost, and whatever the backend raises; then the folder holds the log so far but no report.
        """
        if not patch:
            return Grade(Verdict(resolved=False, applied=False, reason="empty_patch"))
        if instance.hidden.eval_type == PRO:
            return ProGrader(self._backend, self._pro_timeout_s).grade(instance, patch, folder, network=network)
        started = time.monotonic()
        ran = self.run(instance, patch, folder, network=network)
        with _disk_errors(folder / APPLY_LOG):
            write_whole(folder / APPLY_LOG, ran.result.notes)
        command = applied_with(ran.result.notes)
        report = self._report(instance, patch, ran.log, ran.result, command)
        with _disk_errors(folder / REPORT_FILE):
            write_whole(folder / REPORT_FILE, json.dumps(report, indent=4))
        verdict = replace(official.verdict_of(instance.instance_id, report), applied_with=command)
        if report[instance.instance_id]["infra_failure"]:  # the ground held, so this is not why there are no results
            verdict = replace(verdict, reason=official.NO_RESULTS)
        conditions = {**ran.result.conditions, "timeout_s": self._timeout_of(instance)}
        return Grade(verdict, duration_s=time.monotonic() - started, conditions=conditions)

    def run(
        self,
        instance: Instance,
        patch: str,
        folder: Path,
        *,
        overlay: Mapping[str, bytes] | None = None,
        network: str = "",
    ) -> Ran:
        """Apply `patch` and run the tests once, leaving `eval.sh` and `test_output.txt` in `folder`.

        `overlay` maps paths of the repository to contents that replace those files right before the tests start,
        after the eval script has put the hidden tests in place.
        """
        with _disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / REPORT_FILE).unlink(missing_ok=True)  # of an earlier grading, which this one may fail to replace
        assets = fetch_assets(instance)
        assets += [Asset(f"overlay-{n}", path, content) for n, (path, content) in enumerate((overlay or {}).items())]
        files = {
            PATCH_FILE: as_bytes(patch),  # never written here: whoever stores it knows what to redact
            EVAL_FILE: with_assets(official.eval_script_text(instance), assets).encode(),
        }
        with _disk_errors(folder / EVAL_FILE):
            write_whole(folder / EVAL_FILE, files[EVAL_FILE])
        log = folder / LOG_FILE
        part = log.with_name(f"{LOG_FILE}.part")
        files |= {asset.name: asset.content for asset in assets}
        timeout_s = self._timeout_of(instance)
        script = Script(RUN_SCRIPT, files, timeout_s=timeout_s, log=part, network=network)
        result = self._backend.run_script(instance, script)
        _finish_log(part, log, timeout_s=timeout_s if result.timed_out else None)
        return Ran(result, log)

    def _timeout_of(self, instance: Instance) -> float:
        if own_s := instance.exceptions.get("timeout_s"):
            return float(own_s)
        tests_s = instance.timeouts_s.get("test", 0.0)  # kept by the task's own script, which must live to keep it
        return self._timeout_s if tests_s < self._timeout_s else tests_s + 60

    def _report(self, instance: Instance, patch: str, log: Path, result: ScriptResult, command: str) -> dict[str, Any]:
        """Return the report on what the script left. Raises InfraError where that says nothing about the patch."""
        instance_id = instance.instance_id
        broken = broken_machine(result, log)
        if broken and (not command or result.timed_out):
            raise OutOfResources(f"grading {instance_id}: {broken}; see {log}")
        if not command and result.exit_code == NOT_APPLIED:
            return official.ungraded_report(instance_id, applied=False, reason="patch_apply_failed")
        if not command and result.exit_code != 0:
            last = result.notes.strip().splitlines()[-1:] or ["(it said nothing)"]
            raise InfraError(
                f"grading {instance_id} ended with exit code {result.exit_code} before the patch was tried: {last[0]!r}"
            )
        if result.timed_out:
            return official.ungraded_report(instance_id, applied=True, reason="tests_timed_out")
        report = official.report_json(instance, patch, log)
        if broken and not report[instance_id]["resolved"]:
            raise OutOfResources(f"grading {instance_id}: {broken}; see {log}")
        if reason := broken_ground(instance, report, log):
            kind = NeedsNetwork if reason in NETWORK_REASONS else InfraError
            raise kind(f"grading {instance_id} on broken ground: {reason}; see {log}")
        if result.log_cut and results_lost(instance, report, log):
            raise RefusedError(
                f"grading {instance_id}: the log {log} grew beyond its limit, and results it lost may decide; "
                "raise it with --sandbox-option log_cap_bytes=..."
            )
        return report


def _finish_log(part: Path, log: Path, *, timeout_s: float | None) -> None:
    """Turn what the script printed into the log that upstream writes: UTF-8 with replacement, a timeout noted."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = part.with_suffix(".decoded")
    with _disk_errors(log):
        with part.open("rb") as printed, text.open("wb") as decoded:
            while chunk := printed.read(_CHUNK_BYTES):
                decoded.write(decoder.decode(chunk).encode())
            decoded.write(decoder.decode(b"", final=True).encode())
            if timeout_s is not None:
                decoded.write(f"\n\nTimeout error: {timeout_s:g} seconds exceeded.".encode())
        text.replace(log)
        part.unlink()


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk below `path` refuses into InfraError."""
    try:
        yield
    except OSError as error:
        raise of_system(
            error, f"{str(path)!r} cannot be written ({error.strerror}); free space on that disk"
        ) from error
