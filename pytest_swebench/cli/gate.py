"""The preflight before a run: what cannot be graded here is told before anything is paid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.cli.mode import Mode
from pytest_swebench.cli.outcome import Answer, ExitCode, exit_code
from pytest_swebench.errors import DatasetError, ProviderError, ProviderRefused

if TYPE_CHECKING:
    from pytest_swebench.checks.plan import Plan
    from pytest_swebench.checks.preflight import Outcome
    from pytest_swebench.cli.line import Line

_LIST_S: Final = 3.0  # a server that is slower to list its models tells of keys in the run


def plan_before(line: Line, folder: Path, mode: Mode) -> Plan | None:
    """Return what is tried before this run, None where nothing needs to be.

    Nothing is tried without grading, without Docker, where somebody else's harness or sandbox is used, or where the
    setting `preflight` is off. Raises DatasetError for a dataset that cannot be reached; one that cannot be meant, or
    has nothing to grade, is left to the run.
    """
    from pytest_swebench.checks.plan import plan_for
    from pytest_swebench.datasets.load import DEMO
    from pytest_swebench.matrix import read_ids, selection_of
    from pytest_swebench.sandbox.select import NAMES

    settings, option = line.settings, line.asked.option
    off = not settings.value("preflight") or (settings.value("dataset") or DEMO) == DEMO
    if off or option("generate_only") or line.asked.collects_only:
        return None
    sandbox, profile = option("sandbox", "auto"), option("sandbox_profile", "")
    if option("harness") == "official" or sandbox not in NAMES:
        return None
    containers = dict(one.split("=", 1) for one in option("sandbox_option", ()) if "=" in one)
    try:
        ids = read_ids(option("instance_ids", ""), folder)
        plan = plan_for(
            settings,
            folder,
            selection=selection_of(settings.value, ids=ids, seed=option("shuffle")),
            asks=not mode.plain,
            sandbox=sandbox,
            network=option("grade_network") or ("bridge" if profile == "official" else "auto"),
            docker_options=containers | ({"profile": profile} if profile else {}),
            again=False,
        )
    except DatasetError as error:
        if exit_code(error) is ExitCode.GENERAL:
            return None
        raise
    return plan if plan.needs_docker else None


def check_key(line: Line, env: Mapping[str, str]) -> None:
    """Raise what the run would raise of a missing key: InputError, or ProviderRefused where a server wants one.

    A server at an address of its own may need none; its list of models tells, and costs nothing. Arms and providers
    that others add, answers that are recorded, and a server without a list are left to the run.
    """
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.matrix import split
    from pytest_swebench.providers.catalog import list_models
    from pytest_swebench.providers.registry import PROVIDERS, make_endpoint
    from pytest_swebench.secrets import Keys

    registry = ArmRegistry()
    arms = set(split(str(line.config["arms"]["value"] or ""))) & set(registry.names())
    name = line.settings.value("provider")
    if name not in PROVIDERS or line.asked.option("cassette") or not any(registry.make(arm).paid for arm in arms):
        return
    url = line.settings.value("provider_url") or ""
    keys = Keys(env, line.settings.dotenv, profile=line.profile, configured=line.settings.profile)
    make_endpoint(name, base_url=url, find_key=keys.find).close()
    if url and keys.find(PROVIDERS[name]) is None:
        try:
            list_models(name, base_url=url, find_key=keys.find, timeout_s=_LIST_S)
        except ProviderRefused as error:
            if re.search(r"HTTP 40[13]\b", str(error)) is not None:
                raise
        except ProviderError:
            return


def refusal(outcome: Outcome, mode: Mode) -> Answer:
    """Return the answer of a run that its preflight kept from starting; whoever was led through it has seen why."""
    from pytest_swebench.cli.preflight import trouble_of_outcome

    result = {"preflight": outcome.as_json()}
    trouble = trouble_of_outcome(outcome) if mode.plain else None
    return Answer(code=outcome.exit_code, result=result, trouble=trouble)
