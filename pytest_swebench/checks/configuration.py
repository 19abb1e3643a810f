"""What a run started here would be told: settings that cannot be meant, and whether its provider has what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

_SHOW: Final = "swebench-runner config show"


def read_settings(env: Mapping[str, str], folder: Path) -> tuple[list[Check], Settings | None]:
    """Read the settings that a run in `folder` would have; None where they cannot be meant."""
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.sandbox.images.names import check_namespace

    try:
        settings = settings_in(folder, env)
        if namespace := settings.value("docker_namespace"):
            check_namespace(namespace)
    except InputError as error:
        return [Check.fail("settings", Cause.CONFIGURATION, str(error), "correct it where it says")], None
    notices = [Check.warn("settings", Cause.CONFIGURATION, notice, _SHOW) for notice in settings.notices]
    set_here = sum(not settings[name].is_default for name in settings)
    told = Check.ok("settings", f"{set_here} set in files or in the environment; all of them: {_SHOW}")
    return notices or [told], settings


def provider_checks(settings: Settings, env: Mapping[str, str]) -> list[Check]:
    """Say whether the provider that is set is known, and has a model and a key."""
    from pytest_swebench.providers.registry import PROVIDERS

    name = settings.value("provider") or ""
    if not name:
        detail, fix = (
            "none is set, so arms that ask a model cannot run",
            "set PROVIDER and MODEL, or --provider, --model",
        )
        return [Check.warn("provider", Cause.CONFIGURATION, detail, fix)]
    model = settings.value("model")
    checks = [Check.ok("provider", f"{name}, from {settings['provider'].source}")]
    if not model:
        fix = f"set MODEL, or --model; which there are: swebench-runner models {name}"
        checks.append(Check.warn("model", Cause.CONFIGURATION, "none is set", fix))
    else:
        checks.append(Check.ok("model", f"{model}, from {settings['model'].source}"))
    if name in PROVIDERS:
        checks.append(_key_check(name, settings, env))
    return checks


def _key_check(name: str, settings: Settings, env: Mapping[str, str]) -> Check:
    """Say where the key is, never what it is."""
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import GENERIC_KEY_ENV, Keys

    spec = PROVIDERS[name]
    notices: list[str] = []
    keys = Keys(env, settings.dotenv, configured=settings.profile, tell=notices.append)
    names = " or ".join((*spec.key_env, GENERIC_KEY_ENV[0]))
    fix = f"set {names} in the environment, or swebench-runner secrets set {name}"
    try:
        key = keys.find(spec)
    except InputError as error:
        return Check.fail("key", Cause.CONFIGURATION, str(error), fix)
    if notices:
        return Check.warn("key", Cause.CONFIGURATION, notices[0], f"swebench-runner secrets set {name}")
    if key is not None:
        return Check.ok("key", f"there, from {key.source}")
    if not spec.needs_key:
        return Check.ok("key", f"{name} needs none")
    if settings.value("provider_url"):
        return Check.warn("key", Cause.CONFIGURATION, "none is set; the server at the base URL may want one", fix)
    trouble = f" ({keys.trouble})" if keys.trouble else ""
    return Check.fail("key", Cause.CONFIGURATION, f"{name} needs one and none is set{trouble}", fix)
