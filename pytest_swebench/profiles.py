"""Several keys of one provider, each under a name: the profiles, and which of them is used.

`~/.swebench_runner/secrets.json` holds names only; the keys are in the keychain, account `<provider>:<profile>`:

    {"providers": {"openai": {"active": "work", "profiles": ["home", "work"]}}}
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError, unknown
from pytest_swebench.keychain import Keychain, account_of

PROFILE_ENV: Final = "SWEBENCH_PROFILE"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Entry:
    """The profiles of one provider, and the active one of them, "" for none."""

    profiles: tuple[str, ...] = ()
    active: str = ""


def index_path(env: Mapping[str, str]) -> Path | None:
    """Return where the index lies in the home folder that `env` names, None if it names none."""
    home = env.get("HOME", "")
    return Path(home) / ".swebench_runner" / "secrets.json" if home else None


def read_index(path: Path | None) -> dict[str, Entry]:
    """Return the profiles of every provider that has some. Raises InputError for a file that is no index."""
    try:
        text = path.read_text(encoding="utf-8") if path else ""
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}; it lists the profiles of keys") from None
    try:
        return {name: _entry(found) for name, found in json.loads(text)["providers"].items()} if text.strip() else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{str(path)!r} is no list of profiles; it reads "
            '{"providers": {"openai": {"active": "work", "profiles": ["work"]}}}: mend it, or remove it and create '
            "the profiles again (their keys stay in the keychain)"
        ) from None


def _entry(found: Any) -> Entry:
    profiles, active = tuple(found["profiles"]), found.get("active") or ""
    if not all(isinstance(name, str) for name in (*profiles, active)) or active not in (*profiles, ""):
        raise ValueError(found)
    return Entry(profiles, active)


def check_provider(provider: str) -> None:
    """Raise InputError unless `provider` is a known one that has keys."""
    from pytest_swebench.providers.registry import PROVIDERS

    with_keys = [name for name, spec in PROVIDERS.items() if spec.needs_key]
    if provider in PROVIDERS and provider not in with_keys:
        raise InputError(f"provider {provider!r} needs no key, so none is kept; known: {', '.join(with_keys)}")
    if provider not in with_keys:
        raise InputError(unknown("provider", provider, with_keys))


def check_profile(profile: str) -> None:
    """Raise InputError unless `profile` is a name that one variable of the environment, and no other, stands for."""
    if not _NAME.fullmatch(profile):
        raise InputError(
            f"{profile!r} is no name of a profile; up to 32 lower-case letters, digits and underscores, as in "
            "OPENAI_API_KEY__WORK for 'work'"
        )


class Profiles:
    """The profiles of the person whose home `env` names, and their keys.

    Every method raises InputError: for a provider or profile that is none, for an index that cannot be read or
    written, and for a keychain that does not do what it must.
    """

    def __init__(self, env: Mapping[str, str], keychain: Keychain | None = None) -> None:
        self.keychain = keychain or Keychain()
        self._path = index_path(env)

    def all(self) -> dict[str, Entry]:
        """Return provider -> its profiles."""
        return read_index(self._path)

    def of(self, provider: str) -> Entry:
        check_provider(provider)
        return self.all().get(provider, Entry())

    def must_have(self, provider: str, profile: str) -> None:
        """Raise InputError, with the nearest name, unless the provider has the profile."""
        _having({provider: self.of(provider)}, provider, profile)

    def create(self, provider: str, profile: str, *, active: bool = False) -> None:
        """Add a profile; its key is another matter, and may be in the environment only."""
        check_provider(provider)
        check_profile(profile)
        with self._changing() as index:
            entry = index.get(provider, Entry())
            if profile in entry.profiles:
                raise InputError(f"{provider} has a profile {profile!r} already; profiles set-active makes it active")
            index[provider] = Entry((*entry.profiles, profile), profile if active else entry.active)

    def set_active(self, provider: str, profile: str) -> None:
        check_provider(provider)
        with self._changing() as index:
            index[provider] = replace(_having(index, provider, profile), active=profile)

    def set_key(self, provider: str, profile: str, key: str) -> None:
        """Store the key of a profile in the keychain."""
        self.must_have(provider, profile)
        self.keychain.keep(account_of(provider, profile), key)

    def clear_key(self, provider: str, profile: str) -> bool:
        """Remove the key of a profile from the keychain; return whether there was one."""
        self.must_have(provider, profile)
        return self.keychain.remove(account_of(provider, profile))

    def rename(self, provider: str, old: str, new: str) -> bool:
        """Give a profile another name, under which its key is kept from now on; return whether there is a key."""
        check_provider(provider)
        check_profile(new)
        with self._changing() as index:
            entry = _having(index, provider, old)
            if new in entry.profiles:
                raise InputError(f"{provider} has a profile {new!r} already; delete it first, or take another name")
            self._refuse_left_over(provider, new)
            key = self._kept(account_of(provider, old))
            if key:  # stored under the new name before the old one goes: a kill in between loses nothing
                self.keychain.keep(account_of(provider, new), key)
            names = tuple(new if name == old else name for name in entry.profiles)
            index[provider] = Entry(names, new if entry.active == old else entry.active)
        if key:
            self.keychain.remove(account_of(provider, old))
        return bool(key)

    def delete(self, provider: str, profile: str) -> bool:
        """Remove a profile, its key first; return whether there was one."""
        check_provider(provider)
        with self._changing() as index:
            entry = _having(index, provider, profile)
            removed = bool(self._kept(account_of(provider, profile)))
            if removed:
                self.keychain.remove(account_of(provider, profile))
            left = tuple(name for name in entry.profiles if name != profile)
            index[provider] = Entry(left, "" if entry.active == profile else entry.active)
            if not left:
                del index[provider]
        return removed

    def has_key(self, provider: str, profile: str) -> bool | None:
        """Say whether the keychain has a key of the profile, None if it cannot be asked."""
        found = bool(self.keychain.get(account_of(provider, profile)))
        return None if self.keychain.trouble else found

    def _kept(self, account: str) -> str:
        """Return the key of an account; where there is no keychain at all, nothing can be stored in it."""
        key = self.keychain.get(account)
        if self.keychain.trouble and not self.keychain.is_absent:
            raise InputError(f"account {account!r}: {self.keychain.trouble}")
        return key

    def _refuse_left_over(self, provider: str, profile: str) -> None:
        if self._kept(account_of(provider, profile)):
            raise InputError(
                f"the keychain still has a key for profile {profile!r} of {provider}, which is no profile; remove it: "
                f"swebench-runner secrets clear {provider} --profile {profile}"
            )

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Entry]]:
        """Yield the index to change, while no other process does; it is written if nothing is raised."""
        if self._path is None:
            raise InputError("HOME is not set, so there is no place for the list of profiles; set it")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unwritable(self._path, error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            index = read_index(self._path)
            yield index
            _write(self._path, index)
        finally:
            os.close(lock)


def _having(index: Mapping[str, Entry], provider: str, profile: str) -> Entry:
    """Return the provider's entry. Raises InputError unless it has `profile`."""
    entry = index.get(provider, Entry())
    if profile not in entry.profiles:
        raise InputError(
            f"{provider}: {unknown('profile', profile, entry.profiles)}; a new one: swebench-runner profiles create"
        )
    return entry


def _write(path: Path, index: Mapping[str, Entry]) -> None:
    """Write the index beside its place and rename it there, readable by its owner alone."""
    providers = {name: {"active": entry.active, "profiles": entry.profiles} for name, entry in sorted(index.items())}
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # for its owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps({"providers": providers}, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException as error:
        if name:
            os.unlink(name)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from None
        raise


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"the list of profiles {str(path)!r} cannot be written: {error.strerror or error}")
