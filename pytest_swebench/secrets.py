"""Where the key of a provider comes from; the source is named so that a person can find and change it.

The environment comes first, then the keychain of the operating system, then what `.env` points to there, and last a
key that stands in `.env` itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.providers.registry import ProviderSpec

GENERIC_KEY_ENV: Final = ("LLM_API_KEY", "API_KEY")  # the second is an alias of the first
SERVICE: Final = "swebench-runner"
KEYCHAIN_DEADLINE_S: Final = 6.0
_SCHEME: Final = "keyring://"


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its source, such as `env:OPENAI_API_KEY`; the value never shows in a repr."""

    value: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return f"key from {self.source}"


class Keychain:
    """The operating system's store of secrets: service `swebench-runner`, one account a provider.

    `trouble` says why it could not be asked; after that it is not asked again, so that a locked one costs one wait.
    """

    def __init__(self, deadline_s: float = KEYCHAIN_DEADLINE_S) -> None:
        self.trouble = ""
        self._deadline_s = deadline_s

    def get(self, account: str) -> str:
        """Return what is stored for `account`, "" if nothing is or the keychain does not answer in time."""
        if self.trouble:
            return ""
        found: list[str] = []
        failed: list[BaseException] = []

        def ask() -> None:
            try:
                import keyring

                found.append((keyring.get_password(SERVICE, account) or "").strip())
            except Exception as error:  # every backend has errors of its own; whichever it is, the note tells it
                failed.append(error)

        # A locked one may wait for a person who is not there: a thread can be left behind, and ends with us.
        asking = threading.Thread(target=ask, name="keychain", daemon=True)
        asking.start()
        asking.join(self._deadline_s)
        if found:
            return found[0]
        self.trouble = _trouble(failed, self._deadline_s)
        return ""


def _trouble(failed: list[BaseException], deadline_s: float) -> str:
    if not failed:
        return f"the keychain gave no answer within {deadline_s:g} s; unlock it, or set the key in the environment"
    error = failed[0]
    if type(error).__name__ == "NoKeyringError":
        return "there is no keychain here"
    words = " ".join(str(error).split())[:200]
    return f"the keychain cannot be read ({type(error).__name__}: {words}); unlock it, or set the key otherwise"


class Keys:
    """The keys of providers, each looked for once in this process.

    `learn` hears of every key that is found, before it is used; `tell` of what a person should know about it.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        dotenv: Mapping[str, str] = MappingProxyType({}),
        *,
        keychain: Keychain | None = None,
        learn: Callable[[Iterable[str]], None] = lambda secrets: None,
        tell: Callable[[str], None] = lambda notice: None,
    ) -> None:
        self._env = env
        self._dotenv = dotenv
        self._keychain = keychain or Keychain()
        self._learn = learn
        self._tell = tell
        self._found: dict[str, Key | None] = {}

    @property
    def trouble(self) -> str:
        """Why the keychain could not be asked, "" if it could or was not."""
        return self._keychain.trouble

    def find(self, spec: ProviderSpec) -> Key | None:
        """Return the provider's key, None if there is none. Raises InputError for a pointer that leads nowhere."""
        if spec.name not in self._found:
            key = next(self._looked_for(spec), None)
            if key is not None:
                self._learn([key.value])
            self._found[spec.name] = key
        return self._found[spec.name]

    def _looked_for(self, spec: ProviderSpec) -> Iterator[Key]:
        if (key := find_key(spec, self._env)) is not None:
            yield key
        if spec.needs_key and (value := self._keychain.get(spec.name)):
            yield Key(value, f"keychain:{spec.name}")
        # a shell that has read `.env` hands its pointers on
        given = [*_set(spec, self._env, "env"), *_set(spec, self._dotenv, ".env")]
        yield from (self._pointed(value, source) for source, value in given if value.startswith(_SCHEME))
        for source, value in given:
            if not value.startswith(_SCHEME):
                self._tell(f"{source} holds a key as plain text; better: keyring set {SERVICE} {spec.name}")
                yield Key(value, source)

    def _pointed(self, pointer: str, source: str) -> Key:
        service, _, account = pointer.removeprefix(_SCHEME).partition("/")
        if service != SERVICE or not account:
            raise InputError(f"{source} {pointer!r}: a pointer reads {_SCHEME}{SERVICE}/<provider>")
        value = self._keychain.get(account)
        if not value:
            why = self.trouble or f"nothing is stored there; store it by: keyring set {SERVICE} {account}"
            raise InputError(f"{source} points to {pointer!r}: {why}")
        return Key(value, f"keychain:{account}")


def find_key(spec: ProviderSpec, env: Mapping[str, str]) -> Key | None:
    """Return the first key that the environment itself holds: the generic variables, then the provider's own."""
    for source, value in _set(spec, env, "env"):
        if not value.startswith(_SCHEME):
            return Key(value, source)
    return None


def _set(spec: ProviderSpec, values: Mapping[str, str], place: str) -> Iterator[tuple[str, str]]:
    """Yield source and text of each variable that is set and may hold the provider's key, best first."""
    for name in (*GENERIC_KEY_ENV, *spec.key_env):
        if value := values.get(name, "").strip():
            yield f"{place}:{name}", value
