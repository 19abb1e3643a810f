"""A keychain that waits for a person who never comes, and one that answers; for `keyring.set_keyring`."""

from __future__ import annotations

import time

from keyring.backend import KeyringBackend


class SlowKeyring(KeyringBackend):
    """Answers after a minute."""

    priority = -1  # below the one that fails: keyring chooses among all classes there are, where nobody names one

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(60)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep nothing."""

    def delete_password(self, service: str, username: str) -> None:
        """Have nothing to remove."""


class CountingKeyring(SlowKeyring):
    """Answers at once from `kept`, and notes who was asked for."""

    def __init__(self, kept: dict[tuple[str, str], str]) -> None:
        super().__init__()
        self.kept = kept
        self.asked: list[tuple[str, str]] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        return self.kept.get((service, username))
