"""What the test functions of a run ask for, resolved: instances, variants and the arms behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_swebench.cell import Cell, Variant, digest
from pytest_swebench.config.settings import option_of
from pytest_swebench.errors import InputError
from pytest_swebench.extensions import added
from pytest_swebench.loading import check_gradable, check_harness, selected_instances, with_repository
from pytest_swebench.wiring import check_lending

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.datasets.manifest import Manifest
    from pytest_swebench.session import ExperimentSession
    from pytest_swebench.spec import ExperimentSpec

_OF_SOME_ARMS: Final = ("agent_network", "context", "context_tokens", "max_turns", "temperatures", "tool_calls")
"""Settings that only some arms heed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One test function's experiment, resolved: the instances, the variants and the arms behind them."""

    spec: ExperimentSpec
    manifest: Manifest
    arms: Mapping[str, Arm]
    variants: Mapping[str, Variant]

    def own_cap_usd(self, cell: Cell) -> float | None:
        """Return what the arm of a cell lets it cost where nobody says otherwise, None for any sum."""
        from pytest_swebench.matrix import own_cap_usd

        return own_cap_usd(self.arms[self.variants[cell.variant].arm])

    def cells(self) -> list[Cell]:
        """Return all cells in the order in which they run."""
        from pytest_swebench.matrix import build_cells

        return build_cells(self.manifest.instance_ids, list(self.variants), self.spec.reps)


def resolve_plan(session: ExperimentSession, spec: ExperimentSpec) -> Plan:
    """Choose arms and variants, and load, select and check the instances (the first process of a run does)."""
    from pytest_swebench.datasets.manifest import resolve_once
    from pytest_swebench.matrix import build_variants
    from pytest_swebench.records.history import grading_seconds, longest_first

    registry = session.registry()
    arms = {name: registry.make(name) for name in spec.arms}
    variants = build_variants(list(arms.values()), spec.models, spec.temperatures, spec.turns)
    _check_dataset(session, spec, arms)
    _check_effect(session, arms, variants)

    def selected() -> list[Instance]:
        instances, notices = selected_instances(
            session.config, session.env, spec, arms, added(session.config, "datasets")
        )
        session.tell(notices)
        for arm in arms.values():
            arm.check(instances)
        if not session.config.getoption("collectonly"):
            session.calls.check(spec, arms)
            repositories = check_gradable(instances) if session.grades else with_repository(instances)
            if repositories:
                session.open_backend(repositories).check(repositories)
                check_lending(session.config, repositories)
                check_harness(session.config, repositories)
        if spec.selection.seed is None and not any(arm.paid for arm in arms.values()):
            return longest_first(instances, grading_seconds(session.handle.layout.root))
        return instances

    session.claim()
    # a dataset may have changed since an earlier invocation
    name = f"{spec.manifest_name}-{session.handle.timestamp}" if session.handle.resumed else spec.manifest_name
    manifest = resolve_once(session.handle.layout.folder / "manifests", name, selected)
    return Plan(spec, manifest, arms, variants)


def _check_dataset(session: ExperimentSession, spec: ExperimentSpec, arms: Mapping[str, Arm]) -> None:
    """Raise InputError where the demo would be paid for by nobody's choice, or has no answers for an arm."""
    from pytest_swebench.calling import REPLAY
    from pytest_swebench.spec import DEMO_ARM, DEMO_PROVIDER

    paid = [name for name, arm in arms.items() if arm.paid]
    if session.calls.mode == REPLAY or not paid:
        return
    if spec.provider == DEMO_PROVIDER:
        if without := [name for name in paid if name != DEMO_ARM]:
            raise InputError(
                f"arm {without[0]!r}: the demo's recorded answers are for {DEMO_ARM!r} alone; give --dataset, "
                "--provider and --model"
            )
    elif not spec.names_dataset and spec.provider.partition(":")[0] != REPLAY:
        raise InputError(
            f"no dataset is chosen, and arm {paid[0]!r} would call {spec.provider}; give --dataset, e.g. lite, or demo "
            "for the small tasks that come with this package"
        )


def _check_effect(session: ExperimentSession, arms: Mapping[str, Arm], variants: Mapping[str, Variant]) -> None:
    """Raise InputError for an option that none of the arms heeds, and for turns that an arm cannot do with."""
    registry = session.registry()
    for setting in _OF_SOME_ARMS:
        if session.settings[setting].is_typed and not any(_heeds(registry, setting, arm) for arm in arms.values()):
            option = option_of(setting)
            raise InputError(f"{option}: has no effect on {', '.join(arms)}; leave it out, or see docs/arms.md")
    for variant in variants.values():
        check = getattr(arms[variant.arm], "check_turns", None)
        if check is not None:
            check(variant.turns)


def _heeds(registry: ArmRegistry, setting: str, arm: Arm) -> bool:
    from pytest_swebench.matrix import takes_turns

    if setting == "max_turns":
        return takes_turns(arm)
    return arm.paid if setting == "temperatures" else registry.gives(setting, arm.name)


def keep_plan(session: ExperimentSession, plan: Plan) -> None:
    """Store what a test function asked for, so that the controller can speak for cells whose worker died."""
    from pytest_swebench.records.layout import write_json
    from pytest_swebench.records.schema import run_metadata

    info = session.info(plan.spec)
    described = {
        name: run_metadata(info, variant, 1, oracle=plan.arms[variant.arm].oracle)
        for name, variant in plan.variants.items()
    }
    asked = [{**variant, "timestamp": ""} for variant in described.values()]
    path = session.handle.layout.folder / "plans" / f"{digest([asked, plan.spec.manifest_name])}.json"
    if session.handle.resumed or not path.exists():
        write_json(
            path,
            {
                "dataset": plan.spec.dataset,
                "split": plan.spec.split,
                "filter": info.filter,
                "instances": len(plan.manifest.places),
                "reps": plan.spec.reps,
                "arm_versions": {name: arm.version for name, arm in plan.arms.items()},
                "manifest": f"manifests/{plan.manifest.path.name}",
                "variants": described,
            },
        )
