"""The operating system's store of secrets, by the package keyring: macOS, Windows, Secret Service.

Everything is stored as service `swebench-runner`, account `<provider>` or `<provider>:<profile>`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

SERVICE: Final = "swebench-runner"
KEYCHAIN_DEADLINE_S: Final = 6.0
_ABSENT: Final = "there is no keychain here"


def account_of(provider: str, profile: str = "") -> str:
    """Return the account that keeps the key of a provider, or of one of its profiles."""
    return f"{provider}:{profile}" if profile else provider


class Keychain:
    """The keychain of the person who runs this process.

    `trouble` says why it could not be asked; after that it is not asked again, so that a locked one costs one wait.
    """

    def __init__(self, deadline_s: float = KEYCHAIN_DEADLINE_S) -> None:
        self.trouble = ""
        self._deadline_s = deadline_s

    @property
    def is_absent(self) -> bool:
        """Whether it was asked and there is none, as in a container; a locked one is there."""
        return self.trouble == _ABSENT

    def get(self, account: str) -> str:
        """Return what is stored for `account`, "" if nothing is or the keychain does not answer in time."""
        return self._answer(lambda chain: (chain.get_password(SERVICE, account) or "").strip()) or ""

    def backend(self) -> str:
        """Return the name of what keeps the secrets, "" if it cannot be asked."""
        return self._answer(_name) or ""

    def keep(self, account: str, secret: str) -> None:
        """Store `secret` and read it back. Raises InputError if it is not kept, or would be in plain text."""
        if "Plaintext" in (name := self.backend()):  # keyrings.alt has one
            raise InputError(f"{name!r} keeps secrets as plain text, so nothing is stored; use another keychain")
        self._answer(lambda chain: chain.set_password(SERVICE, account, secret))
        kept = self.get(account)
        self._raise_trouble(account)
        if kept != secret:
            raise InputError(f"account {account!r}: the keychain ({name}) took the key and does not have it")

    def remove(self, account: str) -> bool:
        """Remove what is stored for `account`; return whether anything was. Raises InputError if it stays."""
        found = self.get(account)
        if found:
            self._answer(lambda chain: chain.delete_password(SERVICE, account))
            left = self.get(account)
        self._raise_trouble(account)
        if found and left:
            raise InputError(f"account {account!r}: the keychain still has it after it was removed")
        return bool(found)

    def _raise_trouble(self, account: str) -> None:
        if self.trouble:
            raise InputError(f"account {account!r}: {self.trouble}")

    def _answer(self, ask: Callable[[KeyringBackend], T]) -> T | None:
        """Return what `ask` gets, None with `trouble` set if it gets nothing in time."""
        if self.trouble:
            return None
        answers: list[T] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                import keyring

                answers.append(ask(keyring.get_keyring()))
            except Exception as error:  # every backend has errors of its own; whichever it is, the trouble tells it
                failed.append(error)

        # A locked one may wait for a person who is not there: a thread can be left behind, and ends with us.
        asking = threading.Thread(target=work, name="keychain", daemon=True)
        asking.start()
        asking.join(self._deadline_s)
        if answers:
            return answers[0]
        self.trouble = _trouble(failed, self._deadline_s)
        return None


def _name(chain: KeyringBackend) -> str:
    """Return the name of the backend that new secrets go to; several may stand one behind the other."""
    return str(next(iter(getattr(chain, "backends", ())), chain).name)


def _trouble(failed: list[BaseException], deadline_s: float) -> str:
    if not failed:
        return f"the keychain gave no answer within {deadline_s:g} s; unlock it, or set the key in the environment"
    error = failed[0]
    if type(error).__name__ == "NoKeyringError":
        return _ABSENT
    words = " ".join(str(error).split())[:200]
    return (
        f"the keychain cannot be read ({type(error).__name__}: {words}); unlock it, or set the key in the environment"
    )
