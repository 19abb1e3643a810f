"""What is checked before any worker starts, so that bad input costs one line and no money."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_swebench.discover import DEFAULT_EXPERIMENT
from pytest_swebench.errors import InputError
from pytest_swebench.gating.before import check_gate
from pytest_swebench.planning import resolve_plan
from pytest_swebench.reporting.watch.asking import check_watch
from pytest_swebench.resuming import failed_before
from pytest_swebench.stash import CHOSEN_PATHS
from pytest_swebench.wiring import check_grading, docker_settings

if TYPE_CHECKING:
    from pytest_swebench.session import ExperimentSession
    from pytest_swebench.spec import ExperimentSpec


def preflight(session: ExperimentSession) -> None:
    """Check output folder, arms, provider and, where the command line alone decides, everything else.

    What a test's marker has a say in is checked when its cells are generated, before the first of them runs. Raises
    InputError.
    """
    check_writable(Path(session.handle.root))
    option = session.config.getoption
    rate = option("swe_fail_under")
    if rate is not None and not 0 <= rate <= 1:
        raise InputError(f"--fail-under {rate}: must be a share between 0 and 1, e.g. 0.3")
    check_watch(session.config)
    check_gate(session.config)
    check_grading(session.config)
    docker_settings(session.config)
    failed_before(session.config)
    _check_generation(session)
    spec = session.spec(None, session.config.invocation_params.dir)
    if option("swe_patches") and option("swe_arms") and "predictions" not in spec.arms:
        raise InputError(f"--patches={option('swe_patches')}: only the arm 'predictions' reads it; add it to --arms")
    if option("swe_arms"):
        session.check_arms(spec.arms)
    if option("swe_provider") and option("swe_cassette") != "replay" and not option("collectonly"):
        session.calls.provider(spec).close()
    default_experiment = session.config.stash.get(CHOSEN_PATHS, []) == [str(DEFAULT_EXPERIMENT)]
    if default_experiment or (option("swe_dataset") and option("swe_arms")):
        _check_caps(session, spec)
        resolve_plan(session, spec)


def _check_generation(session: ExperimentSession) -> None:
    """Raise InputError for an option of generation that cannot be meant."""
    option = session.config.getoption
    if option("swe_allow_partial") and not (option("swe_generate_only") and option("swe_generation_output")):
        raise InputError("--allow-partial: only a run with --generate-only and --generation-output=FILE asks for it")
    if option("swe_cassette_dir") and not option("swe_cassette"):
        raise InputError(f"--cassette-dir {option('swe_cassette_dir')!r}: has no effect without --cassette")
    if output := option("swe_generation_output"):
        path = session.config.invocation_params.dir / output
        check_writable(path.parent, f"--generation-output {output!r}")
        if not session.handle.resumed and not option("collectonly"):
            _check_new(path, output)
    session.calls.ledger.caps.on("", "")  # caps and prices are read


def _check_new(path: Path, output: str) -> None:
    """Raise InputError if a file that `--generation-output` writes is there: it holds what another run left."""
    from pytest_swebench.records.formats.generation import invalid_path

    for file in (path, invalid_path(path)):
        if file.exists():
            raise InputError(
                f"--generation-output {output!r}: {file.name!r} is there already, and not of this run; choose another "
                "name, remove it, or go on with its run by --resume or --run-id"
            )


def _check_caps(session: ExperimentSession, spec: ExperimentSpec) -> None:
    """Raise InputError for a cap of nothing on calls that cost something."""
    from pytest_swebench.calling import REPLAY
    from pytest_swebench.providers.protocol import Usage

    caps, option = session.calls.ledger.caps, session.config.getoption
    named = {"--max-cost": caps.max_cost_usd, "--max-tokens": caps.max_tokens}
    zero = [name for name, most in named.items() if most == 0]
    provider_name = spec.provider.partition(":")[0]
    if not zero or provider_name == REPLAY or option("swe_cassette") or session.settings.value("cache"):
        return  # answers that are there already cost nothing, and such a cap says that no other is wanted
    registry = session.registry()
    paid = [name for name in spec.arms if registry.make(name).paid]
    tariff = session.calls.ledger.prices.at(provider_name, spec.provider_url)
    free = all(tariff.usd(model, model, Usage(input=1, output=1)) == 0 for model in spec.models)
    if paid and not (free and zero == ["--max-cost"]):
        raise InputError(
            f"{zero[0]} 0: leaves no room for a single call, and arm {paid[0]!r} calls a model; give an amount above "
            "0, or leave it out for none"
        )


def check_writable(root: Path, what: str = "") -> None:
    """Raise InputError if files cannot be made in `root`; the folder is made if it is missing."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=root, prefix=".writable-")
        os.close(handle)
        os.unlink(name)
    except OSError as error:
        raise InputError(
            f"{what or f'--output-dir {str(root)!r}'}: cannot write there: {error.strerror}; choose another folder"
        ) from None
