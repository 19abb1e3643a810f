"""What is checked before any worker starts, so that bad input costs one line and no money."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_swebench.discover import DEFAULT_EXPERIMENT
from pytest_swebench.errors import InputError
from pytest_swebench.planning import resolve_plan
from pytest_swebench.resuming import failed_before
from pytest_swebench.stash import CHOSEN_PATHS
from pytest_swebench.wiring import check_grading, docker_settings

if TYPE_CHECKING:
    from pytest_swebench.session import ExperimentSession


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
        resolve_plan(session, spec)


def _check_generation(session: ExperimentSession) -> None:
    """Raise InputError for an option of generation that cannot be meant."""
    option = session.config.getoption
    if option("swe_allow_partial") and not (option("swe_generate_only") and option("swe_generation_output")):
        raise InputError("--allow-partial: only a run with --generate-only and --generation-output=FILE asks for it")
    if option("swe_cassette_dir") and not option("swe_cassette"):
        raise InputError(f"--cassette-dir {option('swe_cassette_dir')!r}: has no effect without --cassette")
    if output := option("swe_generation_output"):
        check_writable((session.config.invocation_params.dir / output).parent, f"--generation-output {output!r}")
    session.calls.ledger.caps.on("", "")  # caps and prices are read


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
