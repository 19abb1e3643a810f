"""What a preflight tries: one instance, graded where and how runs will grade, with images from where they will come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import DatasetError, InfraError
from pytest_swebench.sandbox.images.names import EPOCH

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.matrix import Selection

DEFAULT_DATASET: Final = "lite"
_GLANCE_S: Final = 2.0  # an engine that hangs is waited for once, by the preflight itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One preflight. Folders are absolute.

    `namespace`, `arch` and `second_source` are those of `images.Fetcher`; `platform` is what DOCKER_DEFAULT_PLATFORM
    says for this run only. `network` and `docker_options` are those of `--grade-network` and `--sandbox-option`, so
    that the try is like the run. `keep_in` is the `.env` that may learn a namespace which proved useful: give it only
    where a person is there. With `again` an earlier success counts for nothing. `timeout_s` is None for the
    benchmark's own.
    """

    instance: Instance
    output_dir: Path
    sandbox: str = "auto"
    namespace: str = ""
    platform: str = ""
    arch: str = ""
    network: Literal["auto", "none", "bridge"] = "auto"
    docker_options: Mapping[str, str] = field(default_factory=dict)
    second_source: str = EPOCH
    keep_in: Path | None = None
    again: bool = True
    timeout_s: float | None = None

    @property
    def needs_docker(self) -> bool:
        """Whether the instance runs in a container (see `sandbox.select`)."""
        from pytest_swebench.sandbox.select import goes_local

        return self.sandbox != "local" and not (self.sandbox == "auto" and goes_local(self.instance))


def plan_for(
    settings: Settings,
    folder: Path,
    *,
    dataset: str = "",
    split: str = "",
    selection: Selection | None = None,
    output_dir: str = "",
    asks: bool = False,
    **more: Any,
) -> Plan:
    """Return a plan for one of the instances that a run started in `folder` would select.

    What is not given stands in the settings; without a dataset there it is `lite`. `asks` says that a person is there,
    `more` are other fields of `Plan`. Raises DatasetError and SelectionError as a run would, before anything is tried.
    """
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.matrix import select, selection_of

    dataset = dataset or settings.value("dataset") or DEFAULT_DATASET
    instances = load_instances(dataset, split or settings.value("split"), base_dir=folder)
    selected = select(instances, selection or selection_of(settings.value), dataset)
    root = (folder / (output_dir or settings.value("output_dir"))).absolute()
    namespace = settings.value("docker_namespace") or ""
    told: dict[str, Any] = {
        "namespace": namespace,
        "keep_in": folder / ".env" if asks and not namespace else None,
        "timeout_s": settings.value("eval_timeout"),
    }
    return Plan(instance=chosen(selected, root), output_dir=root, **(told | more))


def chosen(instances: Sequence[Instance], output_dir: Path) -> Instance:
    """Return the instance to try: one that can be graded, if possible fit to judge, and with its image here.

    Raises DatasetError where none can be graded.
    """
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.selfcheck import quarantined

    fit = [one for one in instances if one.kind is not Kind.SCENARIO and not one.missing_for_grading()]
    if not fit:
        lacking = sorted({name for one in instances for name in one.missing_for_grading()})
        why = f"the rows lack {', '.join(lacking)}" if lacking else "they are prompts without tests"
        raise DatasetError(f"none of {len(instances)} instances can be graded: {why}; a preflight needs one that can")
    unfit = quarantined(Known.beside_runs(output_dir), fit)
    here = _images_here()
    return min(fit, key=lambda one: (one.instance_id in unfit, bool(one.image) and one.image not in here))


def _images_here() -> frozenset[str]:
    """Return the names of images on the engine; none where no engine answers, which the preflight tells."""
    from pytest_swebench.checks.engine import look
    from pytest_swebench.sandbox.engine import connect, engine_errors

    _, engine = look(_GLANCE_S)
    if engine is None:
        return frozenset()
    try:
        client = connect()
        try:
            with engine_errors("listing images"):
                return frozenset(tag for image in client.api.images() for tag in image.get("RepoTags") or ())
        finally:
            client.close()
    except InfraError:
        return frozenset()
