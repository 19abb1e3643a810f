"""One image and one small evaluation, before a run costs anything: engine, disk, image, grading, in this order.

Graded is the reference patch of one instance, or, where its row has none, a patch that changes nothing that counts.
What went well is remembered beside the runs, and a run that asks again (`Plan.again` is false) need not wait for it.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest_swebench
from pytest_swebench.cell import digest, slug
from pytest_swebench.checks import engine, fixes, machine
from pytest_swebench.checks.check import Cause, Check, exit_code
from pytest_swebench.checks.evaluation import FOLDER, NAME, evaluate, logs
from pytest_swebench.checks.log import Log, Tell, quiet, tail
from pytest_swebench.checks.plan import Plan
from pytest_swebench.cli.outcome import ExitCode
from pytest_swebench.errors import DockerUnavailable, InputError, SwebenchError
from pytest_swebench.sandbox.images import names
from pytest_swebench.sandbox.images.pull import Patience

if TYPE_CHECKING:
    from pytest_swebench.sandbox.images import Fetcher

PATIENCE: Final = Patience(attempts=2, longest_s=4.0, deadline_s=6.0)
"""A person waits: a registry that limits its rate is told of at once, and not sat out as in a run."""

_OWN_LOG: Final = "preflight.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a preflight ended.

    `checks` are its steps, the last of which is the one that failed; `fixes` are ways out, best first. `log` is a file
    with what was said, `tail` its last lines. `environment` is what a run must be given to find what this one found.
    """

    instance_id: str
    checks: tuple[Check, ...]
    fixes: tuple[fixes.Fix, ...] = ()
    log: Path | None = None
    tail: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.failure is None

    @property
    def failure(self) -> Check | None:
        """The step that failed, None if none did."""
        return next((check for check in self.checks if check.failed), None)

    @property
    def headline(self) -> str:
        """Say in one sentence what failed, "" if nothing did."""
        failure = self.failure
        return "" if failure is None or failure.cause is None else fixes.HEADLINES[failure.cause]

    @property
    def exit_code(self) -> ExitCode:
        return exit_code(self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the shape that is printed."""
        return {
            "instance_id": self.instance_id,
            "ok": self.ok,
            "checks": [check.as_json() for check in self.checks],
            "fixes": [fix.as_json() for fix in self.fixes],
            "log": None if self.log is None else str(self.log),
            "log_tail": list(self.tail),
            "environment": dict(self.environment),
        }


def preflight(plan: Plan, *, tell: Tell = quiet) -> Outcome:
    """Try whether the machine can pull an image and grade a patch; `tell` hears of progress, a line at a time.

    What fails is in the outcome. Raises InputError for a plan that cannot be meant, such as a bad namespace.
    """
    if plan.namespace:
        names.check_namespace(plan.namespace)
    folder = plan.output_dir / FOLDER / slug(plan.instance.instance_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = Log(folder / _OWN_LOG, tell)
    except OSError as error:
        check = Check.fail("results", Cause.DISK, f"{str(folder)!r}: {error.strerror}", "choose another --output-dir")
        return Outcome(instance_id=plan.instance.instance_id, checks=(check,), fixes=fixes.fixes_for(check))
    with _platform(plan.platform):
        return _Flight(plan, folder, log).outcome()


class _Flight:
    """The steps of one preflight, each a check; the first that fails ends it."""

    def __init__(self, plan: Plan, folder: Path, log: Log) -> None:
        self._plan = plan
        self._folder = folder
        self._log = log
        self._engine: engine.Engine | None = None
        self._arch = plan.arch
        self._fetcher: Fetcher | None = None
        self._digest = ""
        self._notices: list[str] = []

    def outcome(self) -> Outcome:
        done: list[Check] = []
        for step in (self._docker, self._room, self._image, self._evaluation):
            check = step()
            if check is None:
                continue
            check = dataclasses.replace(check, detail=self._log.redactor.text(check.detail))
            done.append(check)
            self._log.keep(f"{check.name}: {check.state}: {check.detail}")
            if check.failed:
                return self._ended(done, self._ways_out(check))
        return self._ended(done, ())

    def _ended(self, done: Sequence[Check], ways_out: tuple[fixes.Fix, ...]) -> Outcome:
        said = logs(self._folder) if done[-1].name == NAME else ()
        log = next((path for path in said if tail(path)), self._log.path)
        return Outcome(
            instance_id=self._plan.instance.instance_id,
            checks=tuple(done),
            fixes=ways_out,
            log=log,
            tail=tuple(map(self._log.redactor.text, tail(log))) if done[-1].failed else (),
            environment=_environment(self._plan),
        )

    def _ways_out(self, failed: Check) -> tuple[fixes.Fix, ...]:
        return fixes.fixes_for(failed, registry=self._registry(), arch=self._arch)

    def _registry(self) -> str:
        """Return who is asked for the image first."""
        return names.registry(names.located(self._plan.instance.image, self._plan.namespace, self._arch or "x86_64"))

    def _docker(self) -> Check | None:
        if not self._plan.needs_docker:
            return None
        check, self._engine = engine.look()
        return check

    def _room(self) -> Check:
        return machine.results_check(self._plan.output_dir)

    def _image(self) -> Check | None:
        """Have the image here. Room for it is a question only where it has to come."""
        from pytest_swebench.sandbox import images
        from pytest_swebench.sandbox.engine import connect

        image = self._plan.instance.image
        if self._engine is None or not image:
            return None
        try:
            client = connect()
        except DockerUnavailable as error:
            return engine.diagnosed(error)
        try:
            here = images.has(client, image)
            if not here and (room := machine.images_check(self._engine)).failed:
                return room
            self._arch = self._arch or names.engine_arch(client, self._plan.platform)
            started = time.monotonic()
            self._log.say(f"image {image}: {'here' if here else 'pulling, which takes a while the first time'}")
            self._fetching().ensure(client, image)
            for notice in self._notices:
                self._log.say(notice)
            self._digest = images.digest(client, image)
        except InputError:
            raise
        except SwebenchError as error:
            cause = fixes.pull_cause(error)
            return Check.fail(
                "image",
                cause,
                " ".join(str(error).split()),
                fixes.short_fix(cause, self._registry(), self._plan.output_dir),
            )
        finally:
            client.close()
        how = "here" if here else f"pulled in {time.monotonic() - started:.0f} s"
        return Check.ok("image", f"{image}: {how}")

    def _fetching(self) -> Fetcher:
        if self._fetcher is None:
            from pytest_swebench.sandbox.images import Fetcher
            from pytest_swebench.sandbox.images.fetch import persist_namespace

            plan, keep_in = self._plan, self._plan.keep_in
            self._fetcher = Fetcher(
                namespace=plan.namespace,
                arch=plan.arch,
                second_source=plan.second_source,
                patience=PATIENCE,
                on_progress=self._log.pulling,
                notify=self._notices.append,  # told where the image came; else the failure says it, with the ways out
                persist=None if keep_in is None else lambda found: persist_namespace(found, keep_in, os.environ),
            )
        return self._fetcher

    def _evaluation(self) -> Check:
        return evaluate(self._plan, self._folder, self._log, self._fetching(), self._ground())

    def _ground(self) -> dict[str, str]:
        """Return what a success holds for."""
        return {
            "engine": "" if self._engine is None else f"{self._engine.id} {self._engine.version}",
            "image": self._digest,
            "options": digest([self._plan.network, dict(self._plan.docker_options)]),
            "package": pytest_swebench.__version__,
        }


def _environment(plan: Plan) -> dict[str, str]:
    given = {names.PLATFORM_VARIABLE: plan.platform, names.NAMESPACE_VARIABLE: plan.namespace}
    return {name: value for name, value in given.items() if value}


@contextmanager
def _platform(platform: str) -> Iterator[None]:
    """Have pulls in here ask for the images of `platform`; it is kept nowhere."""
    before = os.environ.get(names.PLATFORM_VARIABLE)
    if platform:
        os.environ[names.PLATFORM_VARIABLE] = platform
    try:
        yield
    finally:
        if platform and before is None:
            del os.environ[names.PLATFORM_VARIABLE]
        elif platform and before is not None:
            os.environ[names.PLATFORM_VARIABLE] = before
