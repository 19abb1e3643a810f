"""`swebench-runner secrets`: keys of providers, into the keychain, out of it, and where a run would find one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_swebench.cli.keyinput import address, key_input, obtained, validated
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.keychain import Keychain
    from pytest_swebench.providers.keycheck import Checked
    from pytest_swebench.secrets import Keys

_profile_option = click.option(
    "--profile", metavar="NAME", help="Whose key, '' for the one without a profile; default: the one that runs use."
)


@click.group("secrets")
def secrets() -> None:
    """Keep the keys of providers in this machine's keychain.

    Example:  swebench-runner secrets set openai
    """


@secrets.command("set")
@click.argument("provider")
@click.argument("given", nargs=-1, metavar="[-|env:NAME]")
@_profile_option
@validated
def set_key(provider: str, given: tuple[str, ...], profile: str | None, no_validate: bool, provider_url: str) -> Answer:
    """Keep the key of PROVIDER in the keychain.

    It is asked for without being shown, and tried, which costs nothing. `-` reads it from standard input instead,
    `env:NAME` from a variable.

    Example:  pass show openai | swebench-runner secrets set openai -
    """
    from pytest_swebench.keychain import Keychain, account_of
    from pytest_swebench.profiles import Profiles, check_profile, check_provider

    check_provider(provider)
    source = key_input(provider, " ".join(given))
    settings = _settings()
    name = profile_meant(provider, profile, settings)
    if name:
        check_profile(name)
    chain = Keychain()
    profiles = Profiles(os.environ, chain)
    is_new = bool(name) and name not in profiles.of(provider).profiles
    check_keychain(chain, provider, name)
    url = address(provider, provider_url, settings)
    key, checked = obtained(provider, source, url=url, try_it=not no_validate)
    if is_new:
        profiles.create(provider, name)
    chain.keep(account_of(provider, name), key)
    return told_kept(chain, provider, name, checked, is_new=is_new)


@secrets.command("get")
@click.argument("provider")
@_profile_option
def get_key(provider: str, profile: str | None) -> Answer:
    """Say where the key of PROVIDER is, and never the key.

    Exit code 1 if a run here would have none.

    Example:  swebench-runner secrets get openai
    """
    from pytest_swebench.keychain import Keychain, account_of
    from pytest_swebench.profiles import check_provider
    from pytest_swebench.providers.registry import PROVIDERS

    check_provider(provider)
    settings = _settings()
    name, chain = profile_meant(provider, profile, settings), Keychain()
    account = account_of(provider, name)
    present = bool(chain.get(account))
    backend, wrong = chain.backend(), ""
    try:
        key = _keys(settings, name, chain).find(PROVIDERS[provider])
    except InputError as error:
        key, wrong = None, str(error)
    if chain.trouble:
        click.echo(f"warning: {chain.trouble}", err=True)
    else:
        click.echo(f"{provider}: {'a key is' if present else 'no key is'} kept in {backend}, account {account!r}")
    result: dict[str, Any] = {
        "provider": provider,
        "profile": name,
        "account": account,
        "backend": backend,
        "trouble": chain.trouble,
    }
    result |= {"present": None if chain.trouble else present, "source": key.source if key else ""}
    if key is not None:
        click.echo(f"a run here uses the {key}")
        return Answer(code=ExitCode.OK, result=result)
    message = wrong or f"a run here has no key of {provider}; {_how_to_set(provider, name, chain)}"
    return Answer(code=ExitCode.GENERAL, result=result, trouble=_no_key(message))


@secrets.command("clear")
@click.argument("provider")
@_profile_option
def clear_key(provider: str, profile: str | None) -> Answer:
    """Remove the key of PROVIDER from the keychain.

    Exit code 1 if there was none.

    Example:  swebench-runner secrets clear openai --profile work
    """
    from pytest_swebench.keychain import Keychain, account_of
    from pytest_swebench.profiles import check_provider

    check_provider(provider)
    name, chain = profile_meant(provider, profile, _settings()), Keychain()
    account = account_of(provider, name)
    return told_cleared(provider, name, account, chain.remove(account))


def profile_meant(provider: str, given: str | None, settings: Settings) -> str:
    """Return the profile that was given, else the one whose key a run here uses, "" for none. Raises InputError."""
    from pytest_swebench.providers.registry import PROVIDERS

    return given if given is not None else _keys(settings).profile_of(PROVIDERS[provider])


def check_keychain(chain: Keychain, provider: str, profile: str) -> None:
    """Raise InputError, with the way without one, for a keychain that cannot be asked: before anybody types a key."""
    from pytest_swebench.keychain import account_of

    chain.get(account_of(provider, profile))
    if chain.trouble:
        raise InputError(f"the key cannot be kept: {chain.trouble}; {_in_environment(provider, profile)}")


def told_kept(chain: Keychain, provider: str, profile: str, checked: Checked | None, *, is_new: bool = False) -> Answer:
    """Say where a key is kept, what was found out about it, and what comes before it."""
    from pytest_swebench.keychain import account_of
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import find_key

    account, backend = account_of(provider, profile), chain.backend()
    click.echo(f"{provider}: the key is kept in {backend}, account {account!r}")
    if is_new:
        click.echo(f"profile {profile!r} is new; make it active: {_profiles('set-active', provider, profile)}")
    if checked is None:
        click.echo("it was not tried")
    elif checked.proved:
        click.echo(f"{checked.address} takes it")
    else:
        click.echo(f"{checked.address} answers to any key, so whether it takes this one shows at the first call")
    before = find_key(PROVIDERS[provider], os.environ, profile)
    if before is not None:
        click.echo(f"note: runs here use the {before}, which comes before the keychain", err=True)
    result: dict[str, Any] = {
        "provider": provider,
        "profile": profile,
        "account": account,
        "stored": True,
        "backend": backend,
    }
    result |= {"created": is_new, "tried_at": checked.address if checked else "", "before": before and before.source}
    return Answer(code=ExitCode.OK, result=result | {"proved": checked.proved if checked else None})


def told_cleared(provider: str, profile: str, account: str, removed: bool) -> Answer:
    """Say whether a key was removed; 1 if none was there."""
    result: dict[str, Any] = {"provider": provider, "profile": profile, "account": account, "cleared": removed}
    if removed:
        click.echo(f"{provider}: the key in account {account!r} is removed from the keychain")
        return Answer(code=ExitCode.OK, result=result)
    message = f"nothing was stored in account {account!r}, so nothing was removed"
    where = f"where a key comes from says: swebench-runner secrets get {provider}"
    return Answer(code=ExitCode.GENERAL, result=result, trouble=_no_key(f"{message}; {where}"))


def _no_key(message: str) -> Trouble:
    from pytest_swebench.cli.outcome import trouble_of

    return trouble_of(InputError(message))


def _settings() -> Settings:
    from pytest_swebench.cli.pytest_options import settings_in

    return settings_in(Path.cwd(), os.environ)


def _keys(settings: Settings, profile: str = "", chain: Keychain | None = None) -> Keys:
    from pytest_swebench.secrets import Keys

    return Keys(os.environ, settings.dotenv, profile=profile, configured=settings.profile, keychain=chain)


def _profiles(verb: str, provider: str, profile: str) -> str:
    return f"swebench-runner profiles {verb} --provider {provider} --profile {profile}"


def _how_to_set(provider: str, profile: str, chain: Keychain) -> str:
    option = f" --profile {profile}" if profile else ""
    store = "" if chain.trouble else f"store one: swebench-runner secrets set {provider}{option}, or "
    return f"{store}{_in_environment(provider, profile)}"


def _in_environment(provider: str, profile: str) -> str:
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import own_variables

    return f"set {' or '.join(own_variables(PROVIDERS[provider], profile))} in the environment"
