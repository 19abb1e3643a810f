"""What one process keeps while it runs cells: the run's name and place, its journal, and the plans of its tests.

Everything is made on first use, so that a process which never runs a cell makes nothing.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.config.active import settings_of
from pytest_swebench.errors import RecordError, RefusedError
from pytest_swebench.extensions import added
from pytest_swebench.fetching import make_fetcher, prefetch
from pytest_swebench.handle import RunHandle, versions
from pytest_swebench.planning import Plan, keep_plan, resolve_plan
from pytest_swebench.spec import ExperimentSpec, make_spec
from pytest_swebench.stash import is_worker
from pytest_swebench.wiring import grading_digest

if TYPE_CHECKING:
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.calling import Calls
    from pytest_swebench.config import Settings
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.events import Broadcast, Subscriber
    from pytest_swebench.records.journal import Journal
    from pytest_swebench.records.resume import Earlier, RunLock
    from pytest_swebench.records.schema import RunInfo
    from pytest_swebench.redact import Redactor
    from pytest_swebench.run import CellResult, RunContext
    from pytest_swebench.sandbox.images import Fetcher
    from pytest_swebench.sandbox.protocol import SandboxBackend


@dataclass(slots=True)
class ExperimentSession:
    """State of this process. Only plugin code makes one; tests reach it through fixtures."""

    config: pytest.Config
    handle: RunHandle
    env: Mapping[str, str]
    _plans: dict[str, Plan] = field(default_factory=dict)
    _contexts: dict[str, RunContext] = field(default_factory=dict)
    _lock: RunLock | None = None
    _journal: Journal | None = None
    _fetcher: Fetcher | None = None
    _earlier: dict[str, Earlier] | None = None
    _redactor: Redactor | None = None
    _calls: Calls | None = None
    _listeners: tuple[Subscriber, ...] | None = None
    _backends: list[SandboxBackend] = field(default_factory=list)
    _closers: list[Callable[[], None]] = field(default_factory=list)
    chosen_ids: list[str] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    stop_reason: str = ""

    @property
    def settings(self) -> Settings:
        """Every setting of this run, with its source. Raises InputError for one that cannot be meant."""
        return settings_of(self.config, self.env)

    @property
    def grades(self) -> bool:
        """Whether patches are graded."""
        return not self.config.getoption("swe_generate_only")

    @property
    def redactor(self) -> Redactor:
        """The one redactor of this process; it knows the password of the provider's address too. Raises InputError."""
        if self._redactor is None:
            from pytest_swebench.redact import Redactor, address_secrets

            self._redactor = Redactor.from_env(self.env, self.settings.dotenv)
            self._redactor.learn(address_secrets(self.settings.value("provider_url") or ""))
        return self._redactor

    @property
    def calls(self) -> Calls:
        """What calls models for the cells of this process."""
        if self._calls is None:
            from pytest_swebench.calling import Calls
            from pytest_swebench.secrets import Keys

            option, here = self.config.getoption, self.config.invocation_params.dir
            self._calls = Calls(
                settings=self.settings,
                handle=self.handle,
                redactor=self.redactor,
                keys=Keys(
                    self.env,
                    self.settings.dotenv,
                    configured=self.settings.profile,
                    learn=self.redactor.learn,
                    tell=lambda one: self.tell([one]),
                ),
                mode=option("swe_cassette") or "",
                cassettes=here / (option("swe_cassette_dir") or Path(self.handle.root) / "cassettes"),
                extra=lambda: added(self.config, "providers"),
            )
        return self._calls

    @property
    def journal(self) -> Journal:
        if self._journal is None:
            from pytest_swebench.records.journal import Journal

            worker = self.env.get("PYTEST_XDIST_WORKER", "main")
            path = self.handle.layout.journals / f"{worker}-{os.getpid()}.jsonl"
            self._journal = Journal(path, self.redactor)
        return self._journal

    @property
    def earlier(self) -> Mapping[str, Earlier]:
        """What earlier invocations of this run left, by cell; nothing in a new run."""
        if self._earlier is None:
            from pytest_swebench.records.resume import read_earlier

            self._earlier = read_earlier(self.handle.layout) if self.handle.resumed else {}
        return self._earlier

    @property
    def fetcher(self) -> Fetcher:
        """What gets images for this process."""
        if self._fetcher is None:
            self._fetcher = make_fetcher(self.config, self.env, lambda notice: self.tell([notice]))
        return self._fetcher

    def is_done(self, test: str, cell: Cell) -> bool:
        """Say whether an earlier invocation has a final record of this very cell: same row, arm, patch and model."""
        known = self.earlier.get(str(cell))
        if known is None or not known.final_key or (known.ungraded and self.grades):
            return False
        from pytest_swebench.records.schema import cell_key

        plan = self._plans[test]
        instance, variant = plan.manifest.instance(cell.instance_id), plan.variants[cell.variant]
        arm = plan.arms[variant.arm]
        return known.final_key == cell_key(self.info(plan.spec), instance, variant, arm, cell.rep)

    def spec(self, marker: pytest.Mark | None, here: Path) -> ExperimentSpec:
        return make_spec(self.config, marker, self.env, here)

    def plan(self, test: str, marker: pytest.Mark | None, here: Path) -> Plan:
        """Resolve what a test function asks for, once. Raises InputError; nothing is paid before this succeeded."""
        if test not in self._plans:
            plan = resolve_plan(self, self.spec(marker, here))
            keep_plan(self, plan)
            self._plans[test] = plan
        return self._plans[test]

    def planned(self, test: str) -> Plan:
        """Return the plan made for a test function when its cells were generated."""
        return self._plans[test]

    def claim(self) -> None:
        """Say that a process of this run is alive, and keep pytest out of its folder."""
        from pytest_swebench.records.layout import keep_from_collection
        from pytest_swebench.records.resume import RunLock

        if self._lock is None:
            self._lock = RunLock(self.handle.layout)
            self._lock.join()
            self.config.add_cleanup(self._lock.release)
        keep_from_collection(self.handle.layout.folder)

    def check_arms(self, names: Sequence[str]) -> None:
        """Raise InputError for a name that is no arm."""
        registry = self.registry()
        for name in names:
            registry.make(name)

    def run(self, test: str, cell: Cell, attempt: int) -> CellResult:
        """Run one attempt at a cell of a test function and leave its line in the outbox."""
        from pytest_swebench.records.schema import run_metadata
        from pytest_swebench.run import run_cell

        context = self.context(test)
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # a library's deprecation must not cost a paid cell
            known = self.earlier.get(str(cell))
            try:
                result = run_cell(context, cell, attempt + (known.attempts if known else 0))
            except RecordError as error:
                self.stop_reason = f"results cannot be stored: {error}"
                raise
            self.stop_reason = result.stops_run
        variant = context.variants[cell.variant]
        metadata = run_metadata(context.info, variant, cell.rep, oracle=context.arms[variant.arm].oracle)
        bundle = {"kind": "record", "cell": str(cell), "metadata": metadata, "record": result.record}
        self.outbox.append(bundle | {"refused": self.stop_reason if isinstance(result.error, RefusedError) else ""})
        return result

    def send_line(self, nodeid: str, attempt: int, content: dict[str, Any]) -> None:
        """Keep a line of a test's own writer: durably in the journal, and in the outbox for the controller.

        `content` holds variant, rep, metadata and line.
        """
        self.outbox.append(self.journal.append("line", nodeid=nodeid, attempt=attempt, **content))

    def take_outbox(self) -> list[str]:
        """Return what gathered since the last call, as JSON texts that a report can carry."""
        texts = [json.dumps(bundle) for bundle in self.outbox]  # ASCII: execnet refuses lone surrogates
        self.outbox.clear()
        return texts

    def context(self, test: str) -> RunContext:
        """Return what running the cells of a test function needs, made on first use."""
        if test not in self._contexts:
            self._contexts[test] = self._context(self._plans[test])
        return self._contexts[test]

    def info(self, spec: ExperimentSpec) -> RunInfo:
        """Return what the files of an experiment say about its run."""
        from pytest_swebench.records.schema import RunInfo

        return RunInfo(
            run_id=self.handle.run_id,
            timestamp=self.handle.timestamp,
            git_commit=self.handle.git_commit,
            dataset=spec.dataset,
            provider=spec.provider.partition(":")[0],
            endpoint=self.calls.endpoint_digest(spec),
            filter=" ".join(filter(None, [spec.selection.describe(), self._expressions()])),
            versions=versions(),
            grading=grading_digest(self.config),
        )

    def close(self) -> None:
        """Release sandboxes, tracing and the journal; what fails is told and keeps nothing else from being closed."""
        last = [part.close for part in (self._calls, self._journal) if part is not None]
        for closer in [*self._closers, *(backend.close for backend in self._backends), *last]:
            try:
                closer()
            except Exception as error:  # the results are safe on disk by now
                _notice(f"closing failed: {type(error).__name__}: {error}")

    def _context(self, plan: Plan) -> RunContext:
        from pytest_swebench.run import RunContext
        from pytest_swebench.wiring import make_grading

        backend = self.open_backend(solve_timeout_s=self._longest_s(plan))
        grader = make_grading(self.config, backend, self.handle)
        if (close := getattr(grader, "close", None)) is not None:
            self._closers.append(close)
        workers = int(self.env.get("PYTEST_XDIST_WORKER_COUNT", 1))
        ahead = prefetch(self.config, self.handle, plan.manifest, self.fetcher, self.chosen_ids, workers=workers)
        if ahead is not None:
            self._closers.append(ahead.close)
        emit = self._broadcast(ahead)
        return RunContext(
            info=self.info(plan.spec),
            layout=self.handle.layout,
            arms=plan.arms,
            variants=plan.variants,
            instance=plan.manifest.instance,
            outside=lambda cell, paid_before: self.calls.outside(
                plan.spec, plan.variants[cell.variant], cell, paid_before, emit, plan.own_cap_usd(cell)
            ),
            backend=backend,
            grader=grader,
            journal=self.journal,
            redactor=self.redactor,
            emit=emit,
            solve_timeout_s=self.settings.value("generation_timeout"),
            grades=self.grades,
        )

    def _broadcast(self, *more: Subscriber | None) -> Broadcast:
        from pytest_swebench.events import Broadcast

        if self._listeners is None:
            from pytest_swebench.records.eventlog import FOLDER, EventLog
            from pytest_swebench.reporting.langsmith.tracer import make_tracer

            log = EventLog(self.handle.layout.folder / FOLDER / f"{self.journal.process}.jsonl", self.redactor)
            tracer = make_tracer(self.env, _notice, asked=bool(self.config.getoption("swe_langsmith")))
            self._listeners = (log,) if tracer is None else (log, tracer)
            self._closers.extend(one.close for one in self._listeners)
        return Broadcast([*self._listeners, *filter(None, more)], _notice)

    def _longest_s(self, plan: Plan) -> float:
        """Return the seconds that the most patient arm of a plan may work on a cell."""
        from pytest_swebench.arms.protocol import solve_timeout_s

        asked_s = self.settings.value("generation_timeout")
        return max((solve_timeout_s(arm, asked_s) for arm in plan.arms.values()), default=0.0)

    def open_backend(self, instances: Sequence[Instance] = (), *, solve_timeout_s: float = 0.0) -> SandboxBackend:
        from pytest_swebench.wiring import make_sandboxes

        extra = added(self.config, "sandboxes")
        backend = make_sandboxes(
            self.config, extra, self.handle, self.fetcher, instances, solve_timeout_s=solve_timeout_s
        )
        self._backends.append(backend)
        return backend

    def tell(self, notices: Iterable[str]) -> None:
        """Keep what the person should know for the summary; a worker has none, so there it becomes a warning."""
        if not is_worker(self.config):
            self.notices.extend(notices)
            return
        for notice in notices:
            _notice(notice)

    def registry(self) -> ArmRegistry:
        """Return the arms there are: built in and from plugins. Raises InputError."""
        from pytest_swebench.arms.registry import ArmRegistry

        option = self.config.getoption
        patches = option("swe_patches")
        path = self.config.invocation_params.dir / patches if patches else None
        value = self.settings.value
        return ArmRegistry(
            extra=added(self.config, "arms"),
            patches=path,
            max_patch_mb=value("max_patch_size"),
            context=value("context"),
            context_tokens=value("context_tokens"),
            agent_network=value("agent_network"),
            tool_calls=value("tool_calls"),
        )

    def _expressions(self) -> str:
        keyword = self.config.getoption("keyword", "")
        return f"-k {keyword!r}" if keyword else ""


def _notice(message: str) -> None:
    """Show `message` among pytest's warnings; never an error, whatever filters the person's own tests use."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(pytest.PytestWarning(f"pytest-swebench: {message}"), stacklevel=2)
