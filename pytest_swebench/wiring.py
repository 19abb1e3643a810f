"""What the command line says about sandboxes and grading, turned into the parts that do it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_swebench.config.active import settings_of
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.grading.protocol import Grader
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.sandbox.images import Fetcher
    from pytest_swebench.sandbox.protocol import SandboxBackend


def make_sandboxes(
    config: pytest.Config,
    extra: Mapping[str, Any],
    handle: RunHandle,
    fetcher: Fetcher,
    instances: Sequence[Instance] = (),
    *,
    solve_timeout_s: float = 0.0,
) -> SandboxBackend:
    """Return the sandboxes that `--sandbox` names; they outlast `solve_timeout_s`. Raises InputError."""
    from pytest_swebench.providers.admission import PATIENCE_S
    from pytest_swebench.sandbox.profile import DockerOptions
    from pytest_swebench.sandbox.select import make_backend

    name = config.getoption("swe_sandbox") or "auto"
    if name in extra:
        return _checked(name, extra[name](handle.run_id))
    # so late may a turn under a rate limit come, and the diff is taken after that
    settings: dict[str, Any] = {"lifetime_s": max(DockerOptions().lifetime_s, solve_timeout_s + PATIENCE_S)}
    settings |= docker_settings(config)
    return make_backend(name, instances, run_id=handle.run_id, extra=settings, fetcher=fetcher)


def _checked(name: str, backend: Any) -> SandboxBackend:
    """Return somebody else's sandboxes. Raises InputError if they are not what grading will ask of them."""
    from pytest_swebench.sandbox.protocol import SandboxBackend

    wanted = [one for one in vars(SandboxBackend) if not one.startswith("_")]
    lacking = [one for one in wanted if not callable(getattr(backend, one, None))]
    if not lacking and len(inspect.signature(backend.run_script).parameters) != 2:
        lacking = ["run_script(instance, script)"]
    if lacking:
        raise InputError(f"--sandbox {name}: its backend lacks {', '.join(lacking)}; see docs/extending.md")
    return cast("SandboxBackend", backend)


def docker_settings(config: pytest.Config) -> dict[str, str]:
    """Return names and values of `--sandbox-option`, and the profile. Raises InputError."""
    value = settings_of(config).value
    settings: dict[str, str] = {}
    for given in config.getoption("swe_sandbox_option") or ():
        name, equals, setting = given.partition("=")
        if not (name and equals and setting):
            raise InputError(f"--sandbox-option {given!r}: give NAME=VALUE, e.g. memory=8g")
        if name.strip() == "agent_network":  # arms are told what the setting says
            raise InputError(f"--sandbox-option {given}: give --agent-network {setting.strip()} instead")
        settings[name.strip()] = setting.strip()
    if profile := config.getoption("swe_sandbox_profile"):
        settings["profile"] = profile
    settings["agent_network"] = value("agent_network")
    _check_lifetime(settings.get("lifetime_s"), value("generation_timeout"))
    return settings


def _check_lifetime(given: str | None, solve_timeout_s: float | None) -> None:
    """Raise InputError for sandboxes that would be gone before solving is over."""
    from pytest_swebench.sandbox.profile import DockerOptions

    if given is None or solve_timeout_s is None:
        return
    lifetime_s = DockerOptions.from_extra({"lifetime_s": given}).lifetime_s
    if lifetime_s <= solve_timeout_s:
        raise InputError(
            f"--sandbox-option lifetime_s={given}: sandboxes would end before solving does "
            f"(--generation-timeout {solve_timeout_s:g}); leave it out, and they last long enough"
        )


def make_grading(config: pytest.Config, backend: SandboxBackend, handle: RunHandle) -> Grader:
    """Return the grader that the options describe."""
    from pytest_swebench.grading.select import GradingOptions, make_grader

    option, value = config.getoption, settings_of(config).value
    options = GradingOptions(
        harness=option("swe_harness") or "builtin",
        timeout_s=value("eval_timeout"),
        network=option("swe_grade_network") or ("bridge" if option("swe_sandbox_profile") == "official" else "auto"),
        control=not option("swe_no_control"),
        workers=value("eval_max_workers") or 0,
    )
    return make_grader(options, backend, root=Path(handle.root), run_folder=handle.layout.folder)


def grading_digest(config: pytest.Config) -> str:
    """Return a digest of the options that a verdict may depend on, "" if none is given."""
    from pytest_swebench.cell import digest

    option = config.getoption
    names = ("harness", "grade_network", "sandbox", "sandbox_profile", "sandbox_option", "no_control")
    given = {name: option(f"swe_{name}") for name in names if option(f"swe_{name}")}
    if timeout_s := settings_of(config).value("eval_timeout"):
        given["eval_timeout"] = timeout_s
    return digest(given) if given else ""


def captures(config: pytest.Config) -> bool:
    """Say whether any valid record passes its test."""
    option = config.getoption
    return (
        option("swe_outcome") == "capture" or option("swe_fail_under") is not None or bool(option("swe_generate_only"))
    )


def check_grading(config: pytest.Config) -> None:
    """Raise InputError for a grading option that cannot be meant."""
    option = config.getoption
    ahead = option("swe_image_prefetch")
    if ahead is not None and ahead < 0:
        raise InputError(f"--image-prefetch {ahead}: must be 0 or more")
    checkout = pro_checkout(config, os.environ)
    if checkout is not None and not checkout.is_dir():
        raise InputError(f"--pro-scripts {str(checkout)!r}: no such folder; give a checkout of SWE-bench_Pro-os")
    if cap := option("swe_image_disk_cap"):
        from pytest_swebench.sandbox.images import size_bytes

        size_bytes(cap)
    _check_effect(config)


def check_lending(config: pytest.Config, instances: Sequence[Instance]) -> None:
    """Raise InputError for a network that was asked for and that no sandbox of these instances has to lend.

    Local tasks install with the network that is there.
    """
    from pytest_swebench.datasets.instance import Kind
    from pytest_swebench.sandbox.select import goes_local

    auto = (config.getoption("swe_sandbox") or "auto") == "auto"
    issues = [instance for instance in instances if instance.kind is Kind.ISSUE]
    if config.getoption("swe_agent_network") == "install" and auto and issues and all(map(goes_local, instances)):
        raise InputError(
            f"--agent-network: has no effect, for {issues[0].instance_id!r} and all others run in the local sandbox, "
            "which has no network of its own to lend; leave it out"
        )


def pro_checkout(config: pytest.Config, env: Mapping[str, str]) -> Path | None:
    """Return the checkout of SWE-bench Pro's own scripts that option or environment names."""
    given = settings_of(config, env).value("pro_scripts")
    return config.invocation_params.dir / given if given else None


def _check_effect(config: pytest.Config) -> None:
    """Raise InputError for an option that another one leaves without effect."""
    option = config.getoption
    containers = ("sandbox_option", "sandbox_profile", "grade_network")
    idle = {
        "--harness=official": option("swe_harness") == "official" and (*containers, "no_control"),
        "--sandbox=local": option("swe_sandbox") == "local" and (*containers, "agent_network"),
        "--generate-only": option("swe_generate_only") and ("harness", "grade_network", "eval_timeout", "no_control"),
        "--sandbox-profile=official": option("swe_sandbox_profile") == "official" and ("sandbox_option",),
    }
    for cause, names in idle.items():
        for name in names or ():
            if option(f"swe_{name}"):
                raise InputError(f"--{name.replace('_', '-')}: has no effect with {cause}; give one of the two")
