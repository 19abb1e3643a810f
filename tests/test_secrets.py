from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from pytest_swebench.config import resolve
from pytest_swebench.errors import InputError
from pytest_swebench.profiles import PROFILE_ENV, index_path
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import SERVICE, Key, Keychain, Keys, find_key, own_variables
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
    assert told == [".env:LLM_API_KEY holds a key as plain text; better: swebench-runner secrets set openai"]


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
        (
            "keyring://swebench-runner/openai",
            "nothing is stored there; store it by: swebench-runner secrets set openai$",
        ),
        ("keyring://swebench-runner/openai:x", "store it by: swebench-runner secrets set openai --profile x$"),
    ],
)
def test_pointer_that_leads_nowhere_is_refused(use: Use, pointer: str, message: str) -> None:
    use(kept())
    with pytest.raises(InputError, match=message):
        Keys({}, {"API_KEY": pointer}).find(OPENAI)


@pytest.mark.parametrize("place", ["env", "dotenv"])
def test_pointer_to_another_providers_key_is_refused(use: Use, place: str) -> None:
    use(kept(openrouter="of-another"))
    keys = Keys(**{"env": {}, place: {"LLM_API_KEY": "keyring://swebench-runner/openrouter"}})
    with pytest.raises(InputError, match=r"a key of openrouter, but openai is asked; store its own: .* set openai$"):
        keys.find(OPENAI)
    assert keys.find(PROVIDERS["openrouter"]) == Key("of-another", "keychain:openrouter")


def test_without_a_keychain_the_next_place_is_asked(use: Use) -> None:
    use(NoKeyring())
    keys = Keys({}, {"OPENAI_API_KEY": "from-dotenv"})
    assert keys.find(OPENAI) == Key("from-dotenv", ".env:OPENAI_API_KEY")
    assert keys.trouble == "there is no keychain here"
    with pytest.raises(InputError, match="points to 'keyring://swebench-runner/a': there is no keychain here"):
        Keys({}, {"API_KEY": "keyring://swebench-runner/a"}).find(OPENAI)


def home(folder: Path, active: str = "", profiles: tuple[str, ...] = ("home", "work")) -> dict[str, str]:
    """Return an environment whose index says that openai has these profiles."""
    path = index_path({"HOME": str(folder)})
    assert path is not None
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"providers": {"openai": {"active": active, "profiles": profiles}}}))
    return {"HOME": str(folder)}


def test_each_place_is_asked_for_the_profiles_key_before_the_next_place(tmp_path: Path, use: Use) -> None:
    keychain = kept(
        **{"openai:work": "keychain-work", "openai:home": "keychain-home", "openai": "keychain", "p": "point"}
    )
    use(keychain)
    env = home(tmp_path) | {PROFILE_ENV: "work", "OPENAI_API_KEY": "generic", "OPENAI_API_KEY__WORK": "own"}
    env |= {"OPENAI_API_KEY__HOME": "of another", "LLM_API_KEY": "most generic"}
    dotenv = {"LLM_API_KEY": "keyring://swebench-runner/p", "OPENAI_API_KEY__WORK": "own literal"}
    dotenv |= {"OPENAI_API_KEY": "literal", "OPENAI_API_KEY__HOME": "literal of another"}
    expected = [
        (env, "OPENAI_API_KEY__WORK", Key("own", "env:OPENAI_API_KEY__WORK")),
        (env, "LLM_API_KEY", Key("most generic", "env:LLM_API_KEY")),
        (env, "OPENAI_API_KEY", Key("generic", "env:OPENAI_API_KEY")),
        (keychain.kept, (SERVICE, "openai:work"), Key("keychain-work", "keychain:openai:work")),
        (keychain.kept, (SERVICE, "openai"), Key("keychain", "keychain:openai")),
        (dotenv, "LLM_API_KEY", Key("point", "keychain:p")),
        (dotenv, "OPENAI_API_KEY__WORK", Key("own literal", ".env:OPENAI_API_KEY__WORK")),
        (dotenv, "OPENAI_API_KEY", Key("literal", ".env:OPENAI_API_KEY")),
    ]
    for place, name, key in expected:
        assert Keys(env, dotenv).find(OPENAI) == key
        del place[name]
    assert Keys(env, dotenv).find(OPENAI) is None  # another profile's keys are still there
    assert (SERVICE, "openai:home") not in keychain.asked


def test_profile_is_the_given_one_else_that_of_the_environment_else_the_active(tmp_path: Path, use: Use) -> None:
    use(kept(**{"openai:home": "h", "openai:work": "w"}))
    env = home(tmp_path, active="home")
    assert Keys(env).profile_of(OPENAI) == "home"
    assert Keys(env, {PROFILE_ENV: "work"}).find(OPENAI) == Key("w", "keychain:openai:work")
    assert Keys(env | {PROFILE_ENV: "home"}, {PROFILE_ENV: "work"}).find(OPENAI) == Key("h", "keychain:openai:home")
    assert Keys(env | {PROFILE_ENV: "home"}, profile="work").find(OPENAI) == Key("w", "keychain:openai:work")
    assert Keys(env | {PROFILE_ENV: "work"}).profile_of(PROVIDERS["ollama"]) == ""


def test_profile_that_settings_name_is_used_and_told_with_its_place(tmp_path: Path, use: Use) -> None:
    use(kept(**{"openai:home": "h", "openai:work": "w"}))
    (tmp_path / ".swebench.yaml").write_text("generation: {profile: work}\n")
    env = home(tmp_path, active="home")
    settings = resolve(env, tmp_path)
    assert settings.profile == ("work", ".swebench.yaml:generation.profile")
    assert Keys(env, configured=settings.profile).find(OPENAI) == Key("w", "keychain:openai:work")
    assert Keys(env, configured=settings.profile, profile="home").find(OPENAI) == Key("h", "keychain:openai:home")
    assert resolve({}, tmp_path / "elsewhere").profile == ("", "")
    with pytest.raises(InputError, match=r"^\.swebench\.yaml:generation\.profile: unknown profile 'wrok'"):
        Keys(env, configured=("wrok", settings.profile[1])).find(OPENAI)


def test_profile_that_nobody_has_is_refused(tmp_path: Path, use: Use) -> None:
    use(kept(**{"openai:by_hand": "b"}))
    env = home(tmp_path) | {"OPENAI_API_KEY": "generic"}
    with pytest.raises(
        InputError, match=r"unknown profile 'wrok'; did you mean 'work'\? known: home, work; a new one: swe"
    ):
        Keys(env, profile="wrok").find(OPENAI)
    with pytest.raises(InputError, match=r"^env:SWEBENCH_PROFILE: unknown profile 'wrok'"):
        Keys(env | {PROFILE_ENV: "wrok"}).find(OPENAI)
    with pytest.raises(InputError, match=r"^\.env:SWEBENCH_PROFILE: unknown profile 'wrok'"):
        Keys(env, {PROFILE_ENV: "wrok"}).find(OPENAI)
    assert Keys(env, profile="work").find(PROVIDERS["anthropic"]) is None  # which has none, but openai has
    assert Keys(env | {"OPENAI_API_KEY__CI": "c"}, profile="ci").find(OPENAI) == Key("c", "env:OPENAI_API_KEY__CI")
    assert Keys(home(tmp_path), profile="by_hand").find(OPENAI) == Key("b", "keychain:openai:by_hand")


def test_pointer_to_another_profiles_key_is_refused(tmp_path: Path, use: Use) -> None:
    use(kept(**{"openai:home": "h"}))
    dotenv = {"LLM_API_KEY": "keyring://swebench-runner/openai:home"}
    with pytest.raises(
        InputError, match=r"a key of profile 'home', but profile 'work' is chosen and has none; store one"
    ):
        Keys(home(tmp_path, active="work"), dotenv).find(OPENAI)
    assert Keys(home(tmp_path, active="home"), dotenv).find(OPENAI) == Key("h", "keychain:openai:home")
    assert Keys(home(tmp_path), dotenv).find(OPENAI) == Key("h", "keychain:openai:home")


def test_chosen_profile_that_does_not_decide_is_told(tmp_path: Path, use: Use) -> None:
    use(kept(**{"openai:work": "w", "openai": "o"}))
    told: list[str] = []
    env = home(tmp_path, active="work")
    Keys(env | {"OPENAI_API_KEY": "g"}, tell=told.append).find(OPENAI)  # nobody chose: the order is what it is
    Keys(env, profile="work", tell=told.append).find(OPENAI)
    Keys(env | {"OPENAI_API_KEY__WORK": "x"}, profile="work", tell=told.append).find(OPENAI)
    assert told == []
    Keys(env | {"OPENAI_API_KEY": "g"}, profile="work", tell=told.append).find(OPENAI)
    Keys(env, profile="home", tell=told.append).find(OPENAI)
    assert [line.partition(":")[0] for line in told] == [
        "profile 'work' was chosen, but openai is asked with the key from env",
        "profile 'home' was chosen, but openai is asked with the key from keychain",
    ]
    assert told[0].endswith("its own: OPENAI_API_KEY__WORK or swebench-runner secrets set openai --profile work")


def test_variables_of_a_profile_are_its_own_alone() -> None:
    assert own_variables(OPENAI) == ("OPENAI_API_KEY",)
    assert own_variables(OPENAI, "work") == ("OPENAI_API_KEY__WORK",)
    assert own_variables(PROVIDERS["huggingface"], "a_1") == (
        "HUGGINGFACE_API_KEY__A_1",
        "HUGGINGFACE_TOKEN__A_1",
        "HF_TOKEN__A_1",
    )


def test_page_tells_the_variables_of_every_provider() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "secrets.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z]+) \|(.*`[A-Z_]+`.*)$", page, re.MULTILINE))
    with_keys = {name: spec for name, spec in PROVIDERS.items() if spec.needs_key}
    assert set(rows) == set(with_keys)
    for name, spec in with_keys.items():
        assert re.findall(r"`([^`]+)`", rows[name]) == [*own_variables(spec), *own_variables(spec, "work")]


def test_keychain_that_was_locked_is_told_once_with_what_to_set(use: Use) -> None:
    use(SlowKeyring())
    told: list[str] = []
    keys = Keys({}, {"CHUTES_API_KEY": "keyless"}, keychain=Keychain(deadline_s=0.1), tell=told.append)
    assert (keys.find(OPENAI), keys.find(PROVIDERS["anthropic"])) == (None, None)
    assert told == [
        "the keychain gave no answer within 0.1 s; unlock it, or set the key in the environment: OPENAI_API_KEY"
    ]
    told.clear()
    keys = Keys({}, {"CHUTES_API_KEY": "keyless"}, keychain=Keychain(deadline_s=0.1), tell=told.append)
    assert keys.find(PROVIDERS["chutes"]) == Key("keyless", ".env:CHUTES_API_KEY")
    assert told[1].endswith("in the environment; used instead: the key from .env:CHUTES_API_KEY")


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
