from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from pytest_swebench.errors import InputError
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import SERVICE, Key, Keychain, Keys, find_key
from tests.support.keyring_service import beside_keychain
from tests.support.keyrings import CountingKeyring, SlowKeyring

OPENAI = PROVIDERS["openai"]
Use = Callable[[KeyringBackend], None]
ASK = """
import json, sys
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import Keys
keys = Keys({}, json.loads(sys.argv[1]))
found = [keys.find(PROVIDERS[name]) for name in ("openai", "anthropic")]
print(json.dumps([[key and key.value, key and key.source] for key in found] + [keys.trouble]))
"""


@pytest.fixture
def use() -> Iterator[Use]:
    """Make a keychain of one's own the one that is asked."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def kept(**secrets: str) -> CountingKeyring:
    return CountingKeyring({(SERVICE, account): secret for account, secret in secrets.items()})


@pytest.mark.parametrize(
    ("env", "source"),
    [
        ({"LLM_API_KEY": "a", "API_KEY": "b", "HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:LLM_API_KEY"),
        ({"API_KEY": "b", "HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:API_KEY"),
        ({"HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:HUGGINGFACE_TOKEN"),
        ({"HUGGINGFACE_TOKEN": "  ", "HF_TOKEN": "d"}, "env:HF_TOKEN"),
    ],
)
def test_generic_key_comes_before_the_providers_own(env: dict[str, str], source: str) -> None:
    key = find_key(PROVIDERS["huggingface"], env)
    assert key is not None
    assert key.source == source
    assert key.value == env[source.removeprefix("env:")]


def test_key_of_another_provider_is_not_taken() -> None:
    assert find_key(OPENAI, {"OPENROUTER_API_KEY": "k", "OPENAI_API_KEY": ""}) is None


def test_surrounding_blanks_are_no_part_of_a_key() -> None:
    key = find_key(OPENAI, {"OPENAI_API_KEY": " k \n"})
    assert key is not None
    assert key.value == "k"


def test_key_shows_its_source_but_not_its_value() -> None:
    key = Key("sk-very-secret", "env:OPENAI_API_KEY")
    assert str(key) == "key from env:OPENAI_API_KEY"
    assert "very-secret" not in f"{key!r} {key}"


def test_places_are_asked_in_order_and_each_only_if_those_before_have_nothing(use: Use) -> None:
    keychain = kept(openai="from-keychain", other="from-pointer")
    use(keychain)
    env, pointer = {"OPENAI_API_KEY": "from-env"}, {"LLM_API_KEY": "keyring://swebench-runner/other"}
    literal = {"OPENAI_API_KEY": "from-dotenv"}
    assert Keys(env, pointer | literal).find(OPENAI) == Key("from-env", "env:OPENAI_API_KEY")
    assert keychain.asked == []
    assert Keys({}, pointer | literal).find(OPENAI) == Key("from-keychain", "keychain:openai")
    del keychain.kept[SERVICE, "openai"]
    assert Keys({}, literal | pointer).find(OPENAI) == Key("from-pointer", "keychain:other")
    assert Keys({}, literal).find(OPENAI) == Key("from-dotenv", ".env:OPENAI_API_KEY")
    assert Keys({}).find(OPENAI) is None


def test_plain_text_in_dotenv_is_told_once(use: Use) -> None:
    use(kept())
    told: list[str] = []
    keys = Keys({}, {"LLM_API_KEY": "sk-0123456789"}, tell=told.append)
    assert keys.find(OPENAI) is keys.find(OPENAI)
    assert told == [".env:LLM_API_KEY holds a key as plain text; better: keyring set swebench-runner openai"]


def test_every_key_is_made_known_before_it_is_used(use: Use) -> None:
    use(kept(openai="from-keychain"))
    learnt: list[str] = []
    keys = Keys({"ANTHROPIC_API_KEY": "from-env"}, learn=learnt.extend)
    keys.find(OPENAI), keys.find(PROVIDERS["anthropic"]), keys.find(PROVIDERS["chutes"])
    assert learnt == ["from-keychain", "from-env"]


def test_keychain_is_asked_once_a_provider_and_not_for_one_without_a_key(use: Use) -> None:
    keychain = kept()
    use(keychain)
    keys = Keys({})
    assert [keys.find(PROVIDERS[name]) for name in ("openai", "openai", "ollama", "anthropic")] == [None] * 4
    assert keychain.asked == [(SERVICE, "openai"), (SERVICE, "anthropic")]


def test_pointer_that_a_shell_read_from_dotenv_is_followed_and_never_sent(use: Use) -> None:
    use(kept(work="from-pointer"))
    env = {"LLM_API_KEY": "keyring://swebench-runner/work"}
    assert find_key(OPENAI, env) is None
    assert Keys(env).find(OPENAI) == Key("from-pointer", "keychain:work")


@pytest.mark.parametrize(
    ("pointer", "message"),
    [
        ("keyring://elsewhere/openai", r"\.env:API_KEY 'keyring://elsewhere/openai': a pointer reads keyring://swe"),
        ("keyring://swebench-runner/", "a pointer reads keyring://swebench-runner/<provider>"),
        ("keyring://swebench-runner/work", "nothing is stored there; store it by: keyring set swebench-runner work"),
    ],
)
def test_pointer_that_leads_nowhere_is_refused(use: Use, pointer: str, message: str) -> None:
    use(kept())
    with pytest.raises(InputError, match=message):
        Keys({}, {"API_KEY": pointer}).find(OPENAI)


def test_without_a_keychain_the_next_place_is_asked(use: Use) -> None:
    use(NoKeyring())
    keys = Keys({}, {"OPENAI_API_KEY": "from-dotenv"})
    assert keys.find(OPENAI) == Key("from-dotenv", ".env:OPENAI_API_KEY")
    assert keys.trouble == "there is no keychain here"
    with pytest.raises(InputError, match="points to 'keyring://swebench-runner/a': there is no keychain here"):
        Keys({}, {"API_KEY": "keyring://swebench-runner/a"}).find(OPENAI)


def test_keychain_that_does_not_answer_costs_one_wait(use: Use) -> None:
    use(SlowKeyring())
    keychain = Keychain(deadline_s=0.1)
    assert [keychain.get("openai") for _ in range(300)] == [""] * 300  # 30 s if each of them waited
    assert keychain.trouble.startswith("the keychain gave no answer within 0.1 s; unlock it")


def asked_beside(keychain: list[str], secrets: dict[str, str], dotenv: dict[str, str]) -> list[Any]:
    """Return keys and sources for openai and anthropic, and the trouble, in a process beside a real keychain."""
    command = [*keychain, sys.executable, "-c", ASK, json.dumps(dotenv)]
    done = subprocess.run(command, input=json.dumps(secrets), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_keys_come_out_of_a_real_secret_service(tmp_path: Path) -> None:
    secrets = {"openai": "sk-one-0123456789", "work": "sk-two-0123456789"}
    found = asked_beside(
        beside_keychain(tmp_path / "keychain"), secrets, {"LLM_API_KEY": "keyring://swebench-runner/work"}
    )
    assert found == [["sk-one-0123456789", "keychain:openai"], ["sk-two-0123456789", "keychain:work"], ""]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(secret.encode() in content for secret in secrets.values() for content in files)


def test_locked_secret_service_is_told_and_the_next_place_asked(tmp_path: Path) -> None:
    locked = beside_keychain(tmp_path / "keychain", unlocked=False)
    found = asked_beside(locked, {"openai": "sk-one-0123456789"}, {"OPENAI_API_KEY": "from-dotenv"})
    assert found[:2] == [["from-dotenv", ".env:OPENAI_API_KEY"], [None, None]]
    assert found[2].startswith("the keychain cannot be read (KeyringLocked")
