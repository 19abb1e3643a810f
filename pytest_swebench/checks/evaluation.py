"""The small evaluation of a preflight: one patch graded, judged, and remembered where it went well."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.checks import fixes
from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.checks.log import Log
from pytest_swebench.checks.plan import Plan
from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.outcome import PASS_TO_PASS, Verdict
from pytest_swebench.records.layout import LOG_FILE

if TYPE_CHECKING:
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.protocol import Grade
    from pytest_swebench.sandbox.images import Fetcher

NAME: Final = "evaluation"
TOPIC: Final = "preflight"
FOLDER: Final = "preflight"
"""Where, beside the runs, the logs of preflights lie: one folder an instance."""

_HARMLESS: Final = """\
diff --git a/swebench_preflight.txt b/swebench_preflight.txt
new file mode 100644
--- /dev/null
+++ b/swebench_preflight.txt
@@ -0,0 +1 @@
+This file changes nothing that counts.
"""


def evaluate(plan: Plan, folder: Path, log: Log, fetcher: Fetcher, ground: Mapping[str, str]) -> Check:
    """Grade a patch, its files in `folder`, unless it went well before on the same `ground` and that counts.

    Raises InputError for a plan that cannot be meant.
    """
    from pytest_swebench.grading.known import Known

    instance = plan.instance
    known = Known.beside_runs(plan.output_dir)
    with ExitStack() as alone:
        try:
            alone.enter_context(known.finding_out(instance, TOPIC))
        except OSError as error:
            return _unwritable(plan, error)
        if not plan.again and (when := _went_well(known, plan, ground)):
            return Check.ok(NAME, f"{instance.instance_id}: went well at {when}; not done again")
        check = _graded(plan, folder, log, fetcher)
        if check.failed:
            return check
        try:
            known.put(instance, TOPIC, {**ground, "at": time.strftime("%Y-%m-%d %H:%M:%S")})
        except OSError as error:
            return _unwritable(plan, error)
    return check


def _unwritable(plan: Plan, error: OSError) -> Check:
    detail = f"{str(plan.output_dir)!r} cannot be written ({error.strerror})"
    return Check.fail(NAME, Cause.DISK, detail, fixes.short_fix(Cause.DISK, "", plan.output_dir))


def logs(folder: Path) -> tuple[Path, ...]:
    """Return where an evaluation leaves what it said: the log of the tests, and that of applying the patch."""
    from pytest_swebench.grading.grader import APPLY_LOG

    return folder / LOG_FILE, folder / APPLY_LOG


def _graded(plan: Plan, folder: Path, log: Log, fetcher: Fetcher) -> Check:
    from pytest_swebench.grading.select import GradingOptions, make_grader
    from pytest_swebench.sandbox.select import make_backend

    instance = plan.instance
    what = "reference patch" if instance.hidden.gold_patch else "harmless patch"
    log.say(f"evaluating the {what} of {instance.instance_id}")
    started = time.monotonic()
    run_id = f"{FOLDER}-{os.getpid()}"
    backend = make_backend(plan.sandbox, [instance], run_id=run_id, extra=plan.docker_options, fetcher=fetcher)
    options = GradingOptions(control=False, timeout_s=plan.timeout_s, network=plan.network)
    for path in logs(folder):
        path.unlink(missing_ok=True)  # of an earlier one
    try:
        try:
            grader = make_grader(options, backend, root=plan.output_dir, run_folder=plan.output_dir / FOLDER)
            grade = grader.grade(instance, instance.hidden.gold_patch or _HARMLESS, folder)
        finally:
            backend.close()
    except InputError:
        raise
    except SwebenchError as error:
        cause = fixes.grading_cause(error)
        return Check.fail(NAME, cause, " ".join(str(error).split()), fixes.short_fix(cause, "", plan.output_dir))
    return _judged(plan, grade, what, time.monotonic() - started)


def _judged(plan: Plan, grade: Grade, what: str, took_s: float) -> Check:
    """Tell a machine that grades from one that does not, and both from an instance that is unfit to judge."""
    verdict, instance_id = grade.verdict, plan.instance.instance_id
    words = f"{what} of {instance_id}: {'resolved' if verdict.resolved else verdict.summary()}, {took_s:.1f} s"
    gold = bool(plan.instance.hidden.gold_patch)
    if verdict.resolved and gold:
        return Check.ok(NAME, words)
    fix = fixes.short_fix(Cause.EVALUATION, "", plan.output_dir)
    if not _ran(verdict):
        return Check.fail(NAME, Cause.EVALUATION, f"{words}; is the environment broken?", fix)
    if gold or verdict.resolved:
        return Check.warn(NAME, Cause.EVALUATION, f"{words}; it is unfit to judge patches", fix)
    return Check.ok(NAME, f"{words}, as it must be")


def _ran(verdict: Verdict) -> bool:
    """Whether tests ran in a sound environment: not all that passed before fail now."""
    group = verdict.tests.get(PASS_TO_PASS, {"success": [], "failure": []})
    if group["failure"]:
        return bool(group["success"])
    return bool(verdict.tests) or verdict.reason.startswith("test_exit_code_")


def _went_well(known: Known, plan: Plan, ground: Mapping[str, str]) -> str:
    """Return when the same was tried with success on the same ground, "" for never."""
    fact = known.get(plan.instance, TOPIC)
    if not isinstance(fact, dict) or any(fact.get(name) != value for name, value in ground.items()):
        return ""
    return str(fact.get("at", ""))
