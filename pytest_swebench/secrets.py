"""Where the key of a provider comes from; the source is named so that a person can find and change it.

The environment comes first, then the keychain of the operating system, then what `.env` points to there, and last a
key that stands in `.env` itself. A profile's own key comes first in each place; another profile's is never taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, unknown
from pytest_swebench.keychain import KEYCHAIN_DEADLINE_S, SERVICE, Keychain, account_of
from pytest_swebench.profiles import PROFILE_ENV, Entry, index_path, read_index

if TYPE_CHECKING:
    from pytest_swebench.providers.registry import ProviderSpec

__all__ = ["GENERIC_KEY_ENV", "KEYCHAIN_DEADLINE_S", "SERVICE", "Key", "Keychain", "Keys", "find_key", "own_variables"]

GENERIC_KEY_ENV: Final = ("LLM_API_KEY", "API_KEY")  # the second is an alias of the first
_SCHEME: Final = "keyring://"
_ENDINGS: Final = ("_API_KEY", "_TOKEN")  # of variables that hold keys of providers


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its source, such as `env:OPENAI_API_KEY`; the value never shows in a repr."""

    value: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return f"key from {self.source}"


class Keys:
    """The keys of providers, each looked for once in this process.

    `profile` chooses whose key, else the one that settings name (`configured`: it, and its source), else
    SWEBENCH_PROFILE, else the active profile of the provider. `learn` hears of every key that is found, before it is
    used; `tell` of what a person should know about it.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        dotenv: Mapping[str, str] = MappingProxyType({}),
        *,
        profile: str = "",
        configured: tuple[str, str] = ("", ""),
        keychain: Keychain | None = None,
        learn: Callable[[Iterable[str]], None] = lambda secrets: None,
        tell: Callable[[str], None] = lambda notice: None,
    ) -> None:
        self._env = env
        self._dotenv = dotenv
        named = (
            (values.get(PROFILE_ENV, ""), f"{at}:{PROFILE_ENV}") for at, values in (("env", env), (".env", dotenv))
        )
        self._profile, self._profile_source = next(
            ((name.strip(), source) for name, source in ((profile, ""), configured, *named) if name.strip()), ("", "")
        )
        self._keychain = keychain or Keychain()
        self._learn = learn
        self._tell = tell
        self._index: dict[str, Entry] | None = None
        self._found: dict[str, Key | None] = {}
        self._told_trouble = False

    @property
    def keychain(self) -> Keychain:
        """The keychain that is asked."""
        return self._keychain

    @property
    def trouble(self) -> str:
        """Why the keychain could not be asked, "" if it could or was not."""
        return self._keychain.trouble

    def find(self, spec: ProviderSpec) -> Key | None:
        """Return the provider's key, None if there is none.

        Raises InputError for a pointer that leads nowhere or to another provider or profile, and for a profile that
        nobody has.
        """
        if spec.name not in self._found:
            profile = self.profile_of(spec)
            key = next(self._looked_for(spec, profile), None)
            if key is not None:
                self._learn([key.value])
            self._found[spec.name] = key
            self._tell_of(spec, profile, key)
        return self._found[spec.name]

    def profile_of(self, spec: ProviderSpec) -> str:
        """Return the profile whose key is looked for, "" for the key without one. Raises InputError as `find` does."""
        if not spec.needs_key:
            return ""
        if self._index is None:
            self._index = read_index(index_path(self._env))
        if not self._profile:
            return self._index.get(spec.name, Entry()).active
        if not self._is_known(spec, self._profile):
            names = {name for entry in self._index.values() for name in entry.profiles}
            fix = f"swebench-runner profiles create --provider {spec.name} --profile {self._profile}"
            where = f"{self._profile_source}: " if self._profile_source else ""
            raise InputError(f"{where}{unknown('profile', self._profile, names)}; a new one: {fix}")
        return self._profile

    def _is_known(self, spec: ProviderSpec, profile: str) -> bool:
        """Say whether anybody has the profile: in one run, other providers may be asked than those that have it."""
        assert self._index is not None
        if any(profile in entry.profiles for entry in self._index.values()):
            return True
        endings = tuple(f"{ending}{_suffix(profile)}" for ending in _ENDINGS)
        if any(name.endswith(endings) for name in (*self._env, *self._dotenv)):
            return True
        return bool(self._keychain.get(account_of(spec.name, profile)))

    def _looked_for(self, spec: ProviderSpec, profile: str) -> Iterator[Key]:
        if (key := find_key(spec, self._env, profile)) is not None:
            yield key
        # with a profile, also the account without one, which is nobody else's
        for account in dict.fromkeys((account_of(spec.name, profile), spec.name)) if spec.needs_key else ():
            if value := self._keychain.get(account):
                yield Key(value, f"keychain:{account}")
        # a shell that has read `.env` hands its pointers on
        given = [*_set(spec, self._env, "env", profile), *_set(spec, self._dotenv, ".env", profile)]
        yield from (self._pointed(spec, value, source, profile) for source, value in given if value.startswith(_SCHEME))
        for source, value in given:
            if not value.startswith(_SCHEME):
                self._tell(f"{source} holds a key as plain text; better: swebench-runner secrets set {spec.name}")
                yield Key(value, source)

    def _pointed(self, spec: ProviderSpec, pointer: str, source: str, profile: str) -> Key:
        from pytest_swebench.providers.registry import PROVIDERS

        service, _, account = pointer.removeprefix(_SCHEME).partition("/")
        if service != SERVICE or not account:
            raise InputError(f"{source} {pointer!r}: a pointer reads {_SCHEME}{SERVICE}/<provider>")
        provider, _, other = account.partition(":")
        if provider in PROVIDERS and provider != spec.name:
            raise InputError(
                f"{source} points to {pointer!r}, a key of {provider}, but {spec.name} is asked; store its own: "
                f"{_set_command(spec.name, profile)}"
            )
        if profile and other and other != profile:
            raise InputError(
                f"{source} points to {pointer!r}, a key of profile {other!r}, but profile {profile!r} is chosen and "
                f"has none; store one: {_set_command(provider, profile)}"
            )
        value = self._keychain.get(account)
        if not value:
            why = self.trouble or f"nothing is stored there; store it by: {_store_command(account)}"
            raise InputError(f"{source} points to {pointer!r}: {why}")
        return Key(value, f"keychain:{account}")

    def _tell_of(self, spec: ProviderSpec, profile: str, key: Key | None) -> None:
        """Tell of a keychain that was locked, and of a profile that was asked for and did not decide."""
        if self.trouble and not self._keychain.is_absent and not self._told_trouble:
            self._told_trouble = True
            names = " or ".join(own_variables(spec, profile))
            self._tell(f"{self.trouble}: {names}" if key is None else f"{self.trouble}; used instead: the {key}")
        if key is None or not self._profile or not spec.needs_key:
            return
        if not key.source.endswith((_suffix(profile), f":{account_of(spec.name, profile)}")):
            self._tell(
                f"profile {profile!r} was chosen, but {spec.name} is asked with the {key}: any key in the environment "
                "comes before the keychain, and a profile without a key uses the one without a profile; its own: "
                f"{own_variables(spec, profile)[0]} or {_set_command(spec.name, profile)}"
            )


def find_key(spec: ProviderSpec, env: Mapping[str, str], profile: str = "") -> Key | None:
    """Return the first key that the environment itself holds: the profile's, the generic ones, the provider's."""
    for source, value in _set(spec, env, "env", profile):
        if not value.startswith(_SCHEME):
            return Key(value, source)
    return None


def own_variables(spec: ProviderSpec, profile: str = "") -> tuple[str, ...]:
    """Return the variables that hold the key of a provider, or of its profile, and nobody else's; best first."""
    if not profile:
        return spec.key_env
    return tuple(dict.fromkeys(f"{name}{_suffix(profile)}" for name in (f"{spec.name.upper()}_API_KEY", *spec.key_env)))


def _suffix(profile: str) -> str:
    return f"__{re.sub('[^a-z0-9]', '_', profile.lower()).upper()}"


def _set_command(provider: str, profile: str) -> str:
    return f"swebench-runner secrets set {provider}" + (f" --profile {profile}" if profile else "")


def _store_command(account: str) -> str:
    """Return what stores a key in an account, which need not be named after a provider."""
    from pytest_swebench.providers.registry import PROVIDERS

    provider, _, profile = account.partition(":")
    return _set_command(provider, profile) if provider in PROVIDERS else f"keyring set {SERVICE} {account}"


def _set(spec: ProviderSpec, values: Mapping[str, str], place: str, profile: str) -> Iterator[tuple[str, str]]:
    """Yield source and text of each variable that is set and may hold the provider's key, best first."""
    own = own_variables(spec, profile) if profile else ()
    for name in (*own, *GENERIC_KEY_ENV, *spec.key_env):
        if value := values.get(name, "").strip():
            yield f"{place}:{name}", value
