"""`swebench-runner profiles`: several keys of one provider, and which of them runs use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_swebench.cli.keyinput import address, key_input, obtained, validated
from pytest_swebench.cli.missing import TellsAllMissing
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.cli.secrets import check_keychain, told_cleared, told_kept

if TYPE_CHECKING:
    from pytest_swebench.profiles import Profiles


def _of_one(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name one profile."""
    provider = click.option("--provider", required=True, metavar="PROVIDER", help="Whose keys.")
    return provider(click.option("--profile", required=True, metavar="NAME", help="The profile.")(command))


@click.group("profiles")
def profiles() -> None:
    """Keep several keys of one provider, each under a name.

    A run uses the profile that SWEBENCH_PROFILE names, else the active one, else the key without a profile.

    Example:  swebench-runner profiles create --provider openai --profile work --active
    """


@profiles.command("list")
@click.option("--provider", default="", metavar="PROVIDER", help="Only of this provider.")
def list_profiles(provider: str) -> Answer:
    """List the profiles, which is active, and where the key of each is.

    Example:  swebench-runner profiles list --json
    """
    mine = _mine()
    found = {provider: mine.of(provider)} if provider else mine.all()
    rows = [
        {"provider": name, "profile": profile, "active": profile == entry.active, "key": _key_of(mine, name, profile)}
        for name, entry in found.items()
        for profile in entry.profiles
    ]
    if mine.keychain.trouble:
        click.echo(f"warning: {mine.keychain.trouble}", err=True)
    for row in rows:
        mark = "*" if row["active"] else " "
        key = "not known" if row["key"] is None else row["key"] or "none"
        click.echo(f"{mark} {row['provider']:<12} {row['profile']:<16} key: {key}")
    if not rows:
        click.echo("no profiles; a new one: swebench-runner profiles create --provider PROVIDER --profile NAME")
    return Answer(code=ExitCode.OK, result={"profiles": rows, "trouble": mine.keychain.trouble})


@profiles.command("create", cls=TellsAllMissing)
@_of_one
@click.option("--active", is_flag=True, help="Let runs use it.")
def create(provider: str, profile: str, active: bool) -> Answer:
    """Add a profile.

    Its key is set by set-key, or by the variable that is named.

    Example:  swebench-runner profiles create --provider openai --profile work --active
    """
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import own_variables

    mine = _mine()
    mine.create(provider, profile, active=active)
    key = _key_of(mine, provider, profile)
    click.echo(f"{provider}: profile {profile!r} is there{' and active' if active else ''}")
    if key:
        click.echo(f"its key: {key}, which was there before")
    else:
        variable = own_variables(PROVIDERS[provider], profile)[0]
        click.echo(
            f"its key: swebench-runner profiles set-key --provider {provider} --profile {profile}, or {variable}"
        )
    return _done(provider, profile, active=active, key=key)


@profiles.command("set-active", cls=TellsAllMissing)
@_of_one
def set_active(provider: str, profile: str) -> Answer:
    """Let runs use a profile.

    Example:  swebench-runner profiles set-active --provider openai --profile work
    """
    _mine().set_active(provider, profile)
    click.echo(f"{provider}: profile {profile!r} is active")
    return _done(provider, profile, active=True)


@profiles.command("set-key", cls=TellsAllMissing)
@_of_one
@click.option("--key", default="", metavar="-|env:NAME", help="Where the key is; without it, you are asked.")
@validated
def set_key(provider: str, profile: str, key: str, no_validate: bool, provider_url: str) -> Answer:
    """Keep the key of a profile in the keychain.

    It is asked for without being shown, and tried, which costs nothing.
    `-` reads it from standard input, `env:NAME` from a variable; a key itself is refused here, for all can see it.

    Example:  swebench-runner profiles set-key --provider openai --profile work --key env:MY_KEY
    """
    from pytest_swebench.cli.pytest_options import settings_in

    mine = _mine()
    mine.must_have(provider, profile)
    source = key_input(provider, key)
    check_keychain(mine.keychain, provider, profile)
    url = address(provider, provider_url, settings_in(Path.cwd(), os.environ))
    found, checked = obtained(provider, source, url=url, try_it=not no_validate)
    mine.set_key(provider, profile, found)
    return told_kept(mine.keychain, provider, profile, checked)


@profiles.command("clear-key", cls=TellsAllMissing)
@_of_one
def clear_key(provider: str, profile: str) -> Answer:
    """Remove the key of a profile from the keychain.

    Exit code 1 if there was none.

    Example:  swebench-runner profiles clear-key --provider openai --profile work
    """
    from pytest_swebench.keychain import account_of

    removed = _mine().clear_key(provider, profile)
    return told_cleared(provider, profile, account_of(provider, profile), removed)


@profiles.command("rename", cls=TellsAllMissing)
@click.option("--provider", required=True, metavar="PROVIDER", help="Whose keys.")
@click.option("--from", "old", required=True, metavar="NAME", help="Its name until now.")
@click.option("--to", "new", required=True, metavar="NAME", help="Its name from now on.")
def rename(provider: str, old: str, new: str) -> Answer:
    """Give a profile another name; its key goes with it.

    Example:  swebench-runner profiles rename --provider openai --from work --to job
    """
    mine = _mine()
    moved = mine.rename(provider, old, new)
    click.echo(f"{provider}: profile {old!r} is {new!r} now{_with_key(mine, moved)}")
    return _done(provider, new, was=old, key_moved=moved)


@profiles.command("delete", cls=TellsAllMissing)
@_of_one
def delete(provider: str, profile: str) -> Answer:
    """Remove a profile, and its key from the keychain.

    Example:  swebench-runner profiles delete --provider openai --profile work
    """
    mine = _mine()
    was_active = mine.of(provider).active == profile
    removed = mine.delete(provider, profile)
    click.echo(f"{provider}: profile {profile!r} is removed{_with_key(mine, removed)}")
    if was_active:
        click.echo(f"no profile of {provider} is active now: runs use the key without a profile")
    return _done(provider, profile, key_removed=removed)


def _mine() -> Profiles:
    from pytest_swebench.profiles import Profiles

    return Profiles(os.environ)


def _key_of(mine: Profiles, provider: str, profile: str) -> str | None:
    """Return where the profile's own key is, "" for nowhere, None if the keychain cannot be asked."""
    from pytest_swebench.keychain import account_of
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import own_variables

    for name in own_variables(PROVIDERS[provider], profile) if provider in PROVIDERS else ():
        if os.environ.get(name, "").strip():
            return f"env:{name}"
    found = mine.has_key(provider, profile)
    return None if found is None else f"keychain:{account_of(provider, profile)}" if found else ""


def _with_key(mine: Profiles, key_too: bool) -> str:
    if mine.keychain.is_absent:
        return "; there is no keychain here, so a key that another session has in its own stays there"
    return ", and its key with it" if key_too else "; it had no key in the keychain"


def _done(provider: str, profile: str, **more: Any) -> Answer:
    return Answer(code=ExitCode.OK, result={"provider": provider, "profile": profile, **more})
