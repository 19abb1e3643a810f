"""A command beside a real Secret Service: a session bus and an unlocked keyring of its own, gone when it ends.

`beside_keychain(folder)` returns what to put before a command; on its standard input goes `{account: secret}` as JSON.
Needs dbus-run-session and gnome-keyring-daemon (Debian: dbus, dbus-daemon, gnome-keyring).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from pytest_swebench.secrets import SERVICE

NEEDED: Final = ("dbus-run-session", "gnome-keyring-daemon")


def beside_keychain(folder: Path, *, unlocked: bool = True) -> list[str]:
    """Return the beginning of a command line; the keyring's files, encrypted, go to `folder`.

    Without those programs the test is skipped, or fails where SWEBENCH_REQUIRE_DOCKER=1 says that all must be here.
    """
    missing = ", ".join(name for name in NEEDED if shutil.which(name) is None)
    if missing:
        from tests.support.lacking import do_without  # not for `main`, which is run where there are no tests

        do_without(f"missing for a Secret Service: {missing}")
    folder.mkdir(mode=0o700, exist_ok=True)
    places = [f"{name}={folder}" for name in ("XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME")]
    script = [sys.executable, __file__, "unlocked" if unlocked else "locked"]
    return ["env", "-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", *places, "dbus-run-session", "--", *script]


def _keep(secrets: dict[str, str]) -> None:
    import keyring
    from keyring.backends.SecretService import Keyring

    keyring.set_keyring(Keyring())
    for account, secret in secrets.items():
        keyring.set_password(SERVICE, account, secret)


def _lock() -> None:
    import secretstorage

    connection = secretstorage.dbus_init()
    secretstorage.get_default_collection(connection).lock()


def main(state: str, command: list[str]) -> None:
    """Unlock a new keyring, fill it, lock it again if asked to, and become `command`."""
    subprocess.run(
        ["gnome-keyring-daemon", "--unlock", "--components=secrets"],
        input=b"password of the keyring",
        check=True,
        stdout=subprocess.DEVNULL,
    )
    _keep(json.loads(sys.stdin.read()))
    if state == "locked":
        _lock()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
