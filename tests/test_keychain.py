from __future__ import annotations

from collections.abc import Callable, Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.backends.null import Keyring as ForgetfulKeyring
from keyring.errors import PasswordDeleteError, PasswordSetError

from pytest_swebench.errors import InputError
from pytest_swebench.keychain import SERVICE, Keychain, account_of
from tests.support.keyrings import CountingKeyring, SlowKeyring

Use = Callable[[KeyringBackend], None]


class KeepingKeyring(CountingKeyring):
    """Keeps what it is given in memory; with `clings`, what is removed stays."""

    def __init__(self, clings: bool = False) -> None:
        super().__init__({})
        self.clings = clings

    def set_password(self, service: str, username: str, password: str) -> None:
        if password == "refuse":
            raise PasswordSetError("not today")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError(username)
        if not self.clings:
            del self.kept[service, username]


class PlaintextKeyring(KeepingKeyring):
    """Is called as the one of `keyrings.alt` that keeps secrets in a file that all can read."""


class CountingSlowKeyring(SlowKeyring):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.asked += 1

    def delete_password(self, service: str, username: str) -> None:
        self.asked += 1


class TwoInAChain(ChainerBackend):
    """Asks one that keeps, and then one that is slow."""

    priority = -1
    backends = (KeepingKeyring(), SlowKeyring())


@pytest.fixture
def use() -> Iterator[Use]:
    """Make a keychain of one's own the one that is asked."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_account_names_provider_and_profile() -> None:
    assert (account_of("openai"), account_of("openai", "work")) == ("openai", "openai:work")


def test_what_is_kept_is_there_until_it_is_removed(use: Use) -> None:
    store = KeepingKeyring()
    use(store)
    chain = Keychain()
    chain.keep("openai", "sk-1")
    assert store.kept == {(SERVICE, "openai"): "sk-1"}
    assert chain.get("openai") == "sk-1"
    assert [chain.remove("openai"), chain.remove("openai")] == [True, False]
    assert chain.get("openai") == ""
    assert (chain.trouble, chain.is_absent) == ("", False)


def test_backend_is_named_and_of_a_chain_the_first(use: Use) -> None:
    use(KeepingKeyring())
    assert Keychain().backend() == "test keychain KeepingKeyring"
    use(TwoInAChain())
    assert Keychain().backend() == "test keychain KeepingKeyring"


def test_keychain_that_forgets_or_clings_is_not_believed(use: Use) -> None:
    use(ForgetfulKeyring())
    with pytest.raises(InputError, match=r"'openai': the keychain \(.*\) took the key and does not have it"):
        Keychain().keep("openai", "sk-1")
    use(KeepingKeyring(clings=True))
    chain = Keychain()
    chain.keep("openai", "sk-1")
    with pytest.raises(InputError, match="'openai': the keychain still has it after it was removed"):
        chain.remove("openai")


def test_keychain_that_refuses_is_told_with_its_words(use: Use) -> None:
    use(KeepingKeyring())
    with pytest.raises(InputError, match=r"cannot be read \(PasswordSetError: not today\); unlock it, or set the key"):
        Keychain().keep("openai", "refuse")


def test_plain_text_is_no_keychain(use: Use) -> None:
    store = PlaintextKeyring()
    use(store)
    with pytest.raises(InputError, match="keeps secrets as plain text, so nothing is stored"):
        Keychain().keep("openai", "sk-1")
    assert store.kept == {}


def test_without_a_keychain_nothing_is_kept_or_removed(use: Use) -> None:
    use(NoKeyring())
    for act in (lambda chain: chain.keep("openai", "sk-1"), lambda chain: chain.remove("openai")):
        chain = Keychain()
        with pytest.raises(InputError, match="account 'openai': there is no keychain here"):
            act(chain)
        assert chain.is_absent


def test_keychain_that_does_not_answer_costs_one_wait(use: Use) -> None:
    store = CountingSlowKeyring()
    use(store)
    chain = Keychain(deadline_s=0.1)
    assert [chain.get("openai"), chain.get("openai")] == ["", ""]
    with pytest.raises(InputError, match=r"no answer within 0\.1 s"):
        chain.keep("openai", "sk-1")
    with pytest.raises(InputError, match=r"no answer within 0\.1 s"):
        chain.remove("openai")
    assert store.asked == 1
    assert chain.trouble.startswith("the keychain gave no answer within 0.1 s; unlock it")
    assert not chain.is_absent
