from __future__ import annotations

import json
from pathlib import Path

from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.wizard.conftest import KEY, Start, beside_a_keychain


def test_defaults_are_shown_with_their_places_and_changed_in_dotenv(start: Start, home: Path) -> None:
    (home / ".env").write_text("# mine\nMODEL=old  # the old one\n")
    one = start(SWEBENCH_DATASET="demo").answers("Enter number [2]:", "4").answers("Enter number [3]:", "1")
    one.sees(".env:MODEL").answers("Enter number [11]:", "3").answers("New value (Enter leaves it):", "new")
    one.sees("Saved ✔").answers("Enter number [11]:", "4").answers("New value", "lite")
    one.sees("Saved in .env, but env:SWEBENCH_DATASET comes first.").answers("Enter number [11]:", "5")
    one.answers("New value", "-3").sees("must be 0 or more")
    one.answers("Enter number [11]:", "5").answers("New value", "").answers("Enter number [11]:")
    assert one.answers("Enter number [3]:").answers("Enter number [2]:", "5").ends() == 0
    assert (home / ".env").read_text() == "# mine\nMODEL=new  # the old one\nSWEBENCH_DATASET=lite\n"


def test_profiles_are_managed_action_first(home: Path, env: dict[str, str], tmp_path: Path) -> None:
    with (
        LLMServer([ScriptedAnswer("no")], key=KEY) as server,
        beside_a_keychain(home, env | {"BASE_URL": server.openai_url, "PROVIDER": "openai"}, tmp_path, '"$@"') as one,
    ):
        one.answers("Enter number [2]:", "4").answers("Enter number [3]:", "2").sees("OpenAI", "no profiles")
        one.answers("Enter number [7]:", "1").sees("There are no profiles yet.")
        one.answers("Enter number [7]:", "2").answers("Whose [1]:", "3").answers("Its name", "Not a name")
        one.answers("Let runs use it?", "n").sees("is no name of a profile")
        one.answers("Enter number [7]:", "2").answers("Whose [1]:", "3").answers("Its name", "work")
        one.answers("Let runs use it?", "n").sees("openai has a profile 'work'", "work: no key kept")
        one.answers("Enter number [7]:", "3").answers("Which one [1]:").answers("(not shown)", KEY)
        one.sees("work: key kept").answers("Enter number [7]:", "1").answers("Which one [1]:").sees("* work")
        one.answers("Enter number [7]:", "5").answers("Which one [1]:").answers("from now on", "job").sees("* job: key")
        one.answers("Enter number [7]:", "4").answers("Which one [1]:").sees("Its key is removed", "job: no key kept")
        one.answers("Enter number [7]:", "4").answers("Which one [1]:").sees("It had no key")
        one.answers("Enter number [7]:", "6").answers("Which one [1]:").answers("and its key? [y/N]:", "y").sees("gone")
        one.answers("Enter number [7]:").answers("Enter number [3]:")
        assert one.answers("Enter number [2]:", "5").ends() == 0
    assert KEY not in one.raw
    index = json.loads((tmp_path / ".swebench_runner" / "secrets.json").read_text())
    assert index == {"providers": {}}


def test_profiles_without_a_keychain_say_so(start: Start, home: Path) -> None:
    one = start().answers("Enter number [2]:", "4").answers("Enter number [3]:", "2")
    one.answers("Enter number [7]:", "2").answers("Whose [1]:").answers("Its name", "work")
    one.answers("Let runs use it?").sees("work: the keychain does not answer")
    one.answers("Enter number [7]:", "3").answers("Which one [1]:").sees("the key cannot be kept: there is no keychain")
    one.sees("Enter number [7]:").types("\x03")
    assert one.ends() == 130
