"""Single pages without those around them: who is asked, with whose key, what is kept of it, and how many."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from pytest_swebench.providers.registry import PROVIDERS
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.wizard.conftest import KEY, PAGES, Start, beside_a_keychain

NO: Final = [ScriptedAnswer("no")]
MINE: Final = "sk-mine-9876543210fedcba"
CHOSEN: Final = """
from pytest_swebench.cli.line import line_of
def chosen(source):
    return Choices(source=source, key=ChosenKey(), model="m", price="", dataset="demo", count=1)
source = source_page(screen, settings)
line = line_of(chosen(source).request, os.environ, folder)
save_defaults(folder, chosen(source).settings)
print("asked:", line.settings.value("provider_url"), "given:", line.shown)
"""
TYPED: Final = """
source = source_page(screen, settings)
key = key_page(screen, source, settings, keys)
print("used:", key.source or "typed", *key.environment)
"""
LOCKED: Final = """
import keyring
from keyring.backends.fail import Keyring
from pytest_swebench.wizard.quick import lacking
class Locked(Keyring):
    def get_password(self, service, username):
        print("keychain asked")
        raise OSError("locked")
keyring.set_keyring(Locked())
print("lacking:", lacking(settings, keys))
source = Source("anthropic", os.environ["SWEBENCH_PROVIDER_URL"])
keep_page(screen, source, key_page(screen, source, settings, keys), keys)
"""
KEEPING: Final = """
source = Source("openai", os.environ["BASE_URL"])
key = keep_page(screen, source, key_page(screen, source, settings, keys), keys)
keep(screen, key, keys)
print("words:", key.words)
"""
KEPT: Final = """
import sys
source = Source("openai", sys.argv[1], other=sys.argv[2] == "other")
key = keep_page(screen, source, ChosenKey("sk-new-0123456789", variable="OPENAI_API_KEY", typed=True), keys)
print("before:", keys.keychain.get("openai") or "nothing")
keep(screen, key, keys)
print("after:", keys.keychain.get("openai") or "nothing", "words:", key.words)
"""


def test_provider_is_asked_at_its_own_address_after_another_server_was_saved(pages: Start, home: Path) -> None:
    (home / ".env").write_text("SWEBENCH_PROVIDER=openai\nSWEBENCH_PROVIDER_URL=http://localhost:1/v1\n")
    own = PROVIDERS["openai"].base_url
    one = pages(CHOSEN).answers("Enter number [7]:", "4").sees(f"asked: {own}")
    assert one.ends() == 0
    again = pages(CHOSEN).answers("Enter number [4]:").sees(f"asked: {own}")
    assert again.ends() == 0
    other = pages(CHOSEN).answers("Enter number [4]:", "7").answers("Its address, such as http://localhost:8000/v1:")
    other.sees("begins with http://").types("\x03")


def test_password_in_the_address_is_neither_shown_nor_given_on(pages: Start, home: Path) -> None:
    url = "http://me:s3cret-word@localhost:1/v1"
    one = pages(CHOSEN, PROVIDER="openai", BASE_URL=url).answers("Enter number [7]:", "7")
    one.answers("[http://localhost:1/v1]:", "http://me:other-word@localhost:2/v1").sees("cannot be saved")
    assert one.answers("[http://localhost:1/v1]:").sees("asked: ", "given: ").ends() == 0
    assert url in one.text.partition("asked: ")[2].partition("given:")[0]
    assert "localhost:1" not in one.text.partition("given: ")[2]
    assert "s3cret" not in one.text.partition("asked: ")[0]
    assert (home / ".env").read_text().splitlines()[0] == "SWEBENCH_PROVIDER=openai"


@pytest.mark.parametrize(("kept", "offered"), [("0", "all"), ("3", "3")])
def test_saved_count_is_offered(pages: Start, kept: str, offered: str) -> None:
    script = "from pytest_swebench.wizard.dataset import count_page\nprint('count:', count_page(screen, settings, 13))"
    one = pages(script, MAX_INSTANCES=kept).answers(f"How many instances? [{offered}]:").sees(f"count: {kept}")
    assert one.ends() == 0


def test_key_that_is_here_goes_to_a_typed_address_only_if_that_is_wanted(pages: Start) -> None:
    with LLMServer(NO, key=KEY) as server:
        one = pages(TYPED, OPENAI_API_KEY=MINE).answers("Enter number [2]:", "7")
        one.answers("Its address", server.openai_url).sees("Your key: env:OPENAI_API_KEY.")
        one.answers(f"Send env:OPENAI_API_KEY to OpenAI at {server.openai_url}? [y/N]:")
        one.answers("(input hidden):").sees("no key").answers("(input hidden):", KEY).sees("✔")
        assert one.sees("used: env:OPENAI_API_KEY OPENAI_API_KEY").ends() == 0
        assert "HTTP 401" not in one.text  # what the server says to the other key
        sent = pages(TYPED, OPENAI_API_KEY=KEY).answers("Enter number [2]:", "7")
        sent.answers("Its address", server.openai_url).answers("? [y/N]:", "y").sees("Validating API key... ✔")
        assert sent.sees("used: env:OPENAI_API_KEY").ends() == 0


def test_kept_key_comes_after_one_in_the_environment(home: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Twice with one real keychain: kept, and then not kept again."""
    program = [sys.executable, "-c", f"{PAGES}{KEEPING}"]
    with LLMServer(NO, key=KEY) as server:
        wrong = env | {"BASE_URL": server.openai_url, "OPENAI_API_KEY": "sk-wrong-0123"}
        with beside_a_keychain(home, wrong, tmp_path, '"$@"; "$@"', program=program) as one:
            one.answers("Enter your OpenAI API key", KEY).sees('account="openai"').answers("Save it? [Y/n]:", "y")
            one.sees("Remove OPENAI_API_KEY from your environment")
            one.answers("Enter your OpenAI API key", KEY).answers("Save it? [y/N]:", "n").sees("words: for this run")
            assert one.ends() == 0
    assert KEY not in one.raw


def test_keychain_that_does_not_answer_is_asked_once_in_a_sitting(pages: Start) -> None:
    with LLMServer(NO, key=KEY) as server:
        one = pages(LOCKED, PROVIDER="anthropic", SWEBENCH_PROVIDER_URL=server.anthropic_url)
        one.sees("lacking: ['model', 'dataset', 'key']").answers("Enter your Anthropic API key", KEY)
        assert one.sees("serves this run only: the keychain cannot be read").ends() == 0
    assert one.text.count("keychain asked") == 1


@pytest.mark.parametrize(
    ("before", "kind", "answer", "after"),
    [
        ({}, "own", "", "sk-new-0123456789"),
        ({"openai": MINE}, "own", "", MINE),
        ({"openai": MINE}, "own", "y", "sk-new-0123456789"),
        ({"openai": MINE}, "other", None, MINE),
    ],
    ids=["empty", "enter", "replaced", "other-server"],
)
def test_kept_key_is_not_lost_to_another(
    home: Path, env: dict[str, str], tmp_path: Path, before: dict[str, str], kind: str, answer: str | None, after: str
) -> None:
    program = [sys.executable, "-c", f"{PAGES}{KEPT}", "http://localhost:1/v1", kind]
    with beside_a_keychain(home, env, tmp_path, '"$@"', kept=before, program=program) as one:
        if answer is None:
            one.sees("serves this run only", "--profile NAME")
        else:
            one.answers(f"Save it? [{'y/N' if before else 'Y/n'}]:", answer)
        one.sees(f"before: {before.get('openai', 'nothing')}", f"after: {after} words:")
        assert one.ends() == 0


def test_key_is_not_kept_where_setup_is_left_at_its_end(home: Path, env: dict[str, str], tmp_path: Path) -> None:
    """By Ctrl-D: Ctrl-C would end the keychain too."""
    script = '"$@" setup; "$@" secrets get openai'
    with LLMServer(NO, key=KEY) as server:
        own = env | {"BASE_URL": server.openai_url, "SWEBENCH_PRICE": "0"}
        with beside_a_keychain(home, own, tmp_path, script) as one:
            one.answers("Press Enter to continue").answers("Press Enter to continue").answers("[2]:", "4")
            one.answers("Enter your OpenAI API key", KEY).answers("or part of one:").answers("of the hub:", "demo")
            one.answers("How many instances?", "1").answers("Save it? [Y/n]:").sees("Key: keychain:openai")
            one.sees("Press Enter to run now").types("\x04").sees("interrupted")
            assert one.ends() != 0
    assert "no key" in one.text.partition("interrupted")[2]
