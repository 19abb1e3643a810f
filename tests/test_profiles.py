from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from pytest_swebench.errors import InputError
from pytest_swebench.keychain import SERVICE, Keychain
from pytest_swebench.profiles import Entry, Profiles, check_profile, index_path, read_index
from tests.support.keyrings import SlowKeyring
from tests.test_keychain import KeepingKeyring

CREATE = """
import os, sys
from pytest_swebench.profiles import Profiles
for number in range(10):
    Profiles(os.environ).create("openai", f"{sys.argv[1]}_{number}")
"""

STOPPED = """
import os, sys
from pytest_swebench.profiles import Profiles
def stop(event, arguments):
    if event == "os.rename":
        raise KeyboardInterrupt
sys.addaudithook(stop)
Profiles(os.environ).create("openai", "job")
"""

FULL = """
import os, resource
from pytest_swebench.errors import InputError
from pytest_swebench.profiles import Profiles
most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))
try:
    Profiles(os.environ).create("openai", "job")
except InputError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    print(error)
"""


@pytest.fixture
def store() -> Iterator[KeepingKeyring]:
    """The keychain of these tests."""
    before = keyring.get_keyring()
    keyring.set_keyring(store := KeepingKeyring())
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def mine(tmp_path: Path, store: KeepingKeyring) -> Profiles:
    return Profiles({"HOME": str(tmp_path)})


def index_of(tmp_path: Path) -> Path:
    path = index_path({"HOME": str(tmp_path)})
    assert path is not None
    return path


def test_profiles_are_created_listed_and_made_active(mine: Profiles, tmp_path: Path) -> None:
    assert mine.all() == {}
    mine.create("openai", "home")
    mine.create("openai", "work", active=True)
    mine.create("anthropic", "work")
    assert mine.all() == {"anthropic": Entry(("work",)), "openai": Entry(("home", "work"), "work")}
    mine.set_active("openai", "home")
    assert mine.of("openai").active == "home"
    assert mine.of("chutes") == Entry()
    assert json.loads(index_of(tmp_path).read_text()) == {
        "providers": {
            "anthropic": {"active": "", "profiles": ["work"]},
            "openai": {"active": "home", "profiles": ["home", "work"]},
        }
    }


def test_list_is_for_its_owner_alone_and_holds_no_key(mine: Profiles, tmp_path: Path) -> None:
    mine.create("openai", "work")
    mine.set_key("openai", "work", "sk-canary-0123456789")
    path = index_of(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not any(b"canary" in file.read_bytes() for file in path.parent.iterdir())
    assert sorted(file.name for file in path.parent.iterdir()) == ["secrets.json", "secrets.lock"]


def test_key_of_a_profile_is_kept_under_its_own_account(mine: Profiles, store: KeepingKeyring) -> None:
    mine.create("openai", "work")
    assert mine.has_key("openai", "work") is False
    mine.set_key("openai", "work", "sk-1")
    assert store.kept == {(SERVICE, "openai:work"): "sk-1"}
    assert mine.has_key("openai", "work") is True
    assert [mine.clear_key("openai", "work"), mine.clear_key("openai", "work")] == [True, False]
    assert store.kept == {}


def test_renamed_profile_keeps_its_key_and_stays_active(mine: Profiles, store: KeepingKeyring) -> None:
    mine.create("openai", "home")
    mine.create("openai", "work", active=True)
    mine.set_key("openai", "work", "sk-1")
    assert mine.rename("openai", "work", "job") is True
    assert store.kept == {(SERVICE, "openai:job"): "sk-1"}
    assert mine.of("openai") == Entry(("home", "job"), "job")
    assert mine.rename("openai", "home", "house") is False
    assert mine.of("openai") == Entry(("house", "job"), "job")


def test_rename_takes_over_no_key_that_was_left_behind(mine: Profiles, store: KeepingKeyring) -> None:
    mine.create("openai", "work")
    store.kept[SERVICE, "openai:job"] = "sk-of-somebody"
    with pytest.raises(InputError, match=r"remove it: swebench-runner secrets clear openai --profile job"):
        mine.rename("openai", "work", "job")
    assert mine.of("openai") == Entry(("work",))


def test_deleted_profile_takes_its_key_along(mine: Profiles, store: KeepingKeyring) -> None:
    store.kept[SERVICE, "openai"] = "sk-without-profile"
    mine.create("openai", "home")
    mine.create("openai", "work", active=True)
    mine.set_key("openai", "work", "sk-1")
    assert mine.delete("openai", "work") is True
    assert store.kept == {(SERVICE, "openai"): "sk-without-profile"}
    assert mine.of("openai") == Entry(("home",))
    assert mine.delete("openai", "home") is False
    assert mine.all() == {}


@pytest.mark.parametrize("act", ["set_active", "clear_key", "delete", "must_have"])
def test_profile_that_is_none_is_refused_with_the_nearest(mine: Profiles, act: str) -> None:
    mine.create("openai", "work")
    with pytest.raises(InputError, match=r"openai: unknown profile 'wrok'; did you mean 'work'\? known: work; a new"):
        getattr(mine, act)("openai", "wrok")
    with pytest.raises(InputError, match=r"unknown profile 'work'; known: \(none\)"):
        getattr(mine, act)("anthropic", "work")
    with pytest.raises(InputError, match=r"unknown provider 'opneai'; did you mean 'openai'"):
        getattr(mine, act)("opneai", "work")


def test_name_that_is_taken_is_refused(mine: Profiles) -> None:
    mine.create("openai", "home")
    mine.create("openai", "work")
    with pytest.raises(InputError, match="openai has a profile 'work' already; profiles set-active"):
        mine.create("openai", "work")
    with pytest.raises(InputError, match="openai has a profile 'work' already; delete it first"):
        mine.rename("openai", "home", "work")
    assert mine.of("openai").profiles == ("home", "work")


@pytest.mark.parametrize("name", ["", "Work", "my-work", "a b", "_x", "ä", "x" * 33, "work:2", "../x"])
def test_name_that_no_variable_can_stand_for_is_refused(mine: Profiles, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a profile; up to 32 lower-case letters"):
        mine.create("openai", name)
    mine.create("openai", "work")
    with pytest.raises(InputError, match="is no name of a profile"):
        mine.rename("openai", "work", name)


def test_names_of_letters_digits_and_underscores_are_fine() -> None:
    for name in ("work", "2", "a_b", "w" * 32):
        check_profile(name)


def test_provider_without_a_key_has_no_profiles(mine: Profiles) -> None:
    with pytest.raises(InputError, match="'ollama' needs no key, so none is kept; known: anthropic, openai"):
        mine.create("ollama", "work")


@pytest.mark.parametrize("act", ["rename", "delete"])
def test_profile_whose_key_cannot_be_moved_stays(tmp_path: Path, store: KeepingKeyring, act: str) -> None:
    Profiles({"HOME": str(tmp_path)}).create("openai", "work")
    keyring.set_keyring(SlowKeyring())
    mine = Profiles({"HOME": str(tmp_path)}, Keychain(deadline_s=0.1))
    with pytest.raises(InputError, match=r"gave no answer within 0\.1 s; unlock it"):
        mine.rename("openai", "work", "job") if act == "rename" else mine.delete("openai", "work")
    assert mine.of("openai") == Entry(("work",))
    assert mine.has_key("openai", "work") is None


def test_without_a_keychain_profiles_are_names_for_variables(tmp_path: Path, store: KeepingKeyring) -> None:
    keyring.set_keyring(NoKeyring())
    mine = Profiles({"HOME": str(tmp_path)})
    mine.create("openai", "work")
    assert mine.rename("openai", "work", "job") is False
    assert mine.delete("openai", "job") is False
    assert mine.keychain.is_absent
    with pytest.raises(InputError, match="account 'openai:x': there is no keychain here"):
        mine.create("openai", "x"), mine.set_key("openai", "x", "sk-1")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"providers": []}',
        '{"providers": {"openai": {}}}',
        '{"providers": {"openai": {"profiles": [1]}}}',
        '{"providers": {"openai": {"profiles": ["a"], "active": "b"}}}',
    ],
)
def test_list_that_is_none_is_named_and_left_as_it_is(mine: Profiles, tmp_path: Path, text: str) -> None:
    path = index_of(tmp_path)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InputError, match=r"secrets\.json' is no list of profiles; it reads .*mend it, or remove it"):
        mine.create("openai", "work")
    assert path.read_text() == text


def test_list_that_cannot_be_read_or_written_is_named(mine: Profiles, tmp_path: Path) -> None:
    path = index_of(tmp_path)
    path.mkdir(parents=True)
    with pytest.raises(InputError, match=r"secrets\.json' cannot be read: .*directory.*; it lists the profiles"):
        read_index(path)
    tmp_path.joinpath("file").write_text("")
    with pytest.raises(InputError, match=r"list of profiles '.*file.*' cannot be written: Not a directory"):
        Profiles({"HOME": str(tmp_path / "file")}).create("openai", "work")
    with pytest.raises(InputError, match="HOME is not set, so there is no place for the list"):
        Profiles({}).create("openai", "work")


def test_list_of_an_earlier_tool_is_read(tmp_path: Path, mine: Profiles) -> None:
    path = index_of(tmp_path)
    path.parent.mkdir()
    path.write_text('{"version": 1, "providers": {"openai": {"active": null, "profiles": ["My-Work"], "more": 1}}}')
    assert mine.all() == {"openai": Entry(("My-Work",))}
    path.write_text("\n")
    assert mine.all() == {}


def test_disk_that_takes_no_more_leaves_the_list_as_it_was(mine: Profiles, tmp_path: Path) -> None:
    mine.create("openai", "work")
    before = index_of(tmp_path).read_bytes()
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FULL], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "secrets.json' cannot be written: File too large" in done.stdout
    assert index_of(tmp_path).read_bytes() == before
    assert sorted(file.name for file in index_of(tmp_path).parent.iterdir()) == ["secrets.json", "secrets.lock"]


def test_interrupted_write_leaves_no_copy_beside(mine: Profiles, tmp_path: Path) -> None:
    mine.create("openai", "work")
    before = index_of(tmp_path).read_bytes()
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", STOPPED], env=env, capture_output=True, text=True, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert index_of(tmp_path).read_bytes() == before
    assert sorted(file.name for file in index_of(tmp_path).parent.iterdir()) == ["secrets.json", "secrets.lock"]


def test_processes_that_create_at_once_lose_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    creating = [subprocess.Popen([sys.executable, "-c", CREATE, name], env=env) for name in ("a", "b", "c")]
    assert [process.wait(timeout=60) for process in creating] == [0, 0, 0]
    names = read_index(index_of(tmp_path))["openai"].profiles
    assert sorted(names) == sorted(f"{name}_{number}" for name in "abc" for number in range(10))
