"""`secrets` beside a real Secret Service and an endpoint on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_swebench.config import SETTINGS
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import GENERIC_KEY_ENV
from tests.support.keyring_play import Done, Step, command, played
from tests.support.keyring_service import beside_keychain
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.runs import BARE

CANARY = "sk-canary-0123+456789/abcdef"
PATCH = "diff --git a/k b/k\n--- /dev/null\n+++ b/k\n@@ -0,0 +1 @@\n+k\n"


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer([ScriptedAnswer(f"```diff\n{PATCH}```\n")], key=CANARY) as server:
        yield server


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with a home of its own and without any key or setting."""
    keys = {name for spec in PROVIDERS.values() for name in spec.key_env} | {*GENERIC_KEY_ENV, "SWEBENCH_PROFILE", "CI"}
    names = keys | {name for setting in SETTINGS.values() for name in setting.env}
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "HOME": str(home), "TERM": "xterm", "PYTEST_ADDOPTS": BARE, **more}


def play(tmp_path: Path, *steps: Step, unlocked: bool = True, **env: str) -> tuple[list[Done], list[str]]:
    before = beside_keychain(tmp_path / "keychain", unlocked=unlocked)
    return played(before, steps, tmp_path, surroundings(tmp_path / "home", **env), CANARY)


def without_keychain(tmp_path: Path, *steps: Step, **env: str) -> list[Done]:
    kept = surroundings(tmp_path / "home", PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring", **env)
    return played([], steps, tmp_path, kept)[0]


def files_with(folder: Path, secret: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if secret.encode() in path.read_bytes()]


def test_key_is_kept_told_used_by_a_run_and_cleared_and_seen_nowhere(tmp_path: Path, server: LLMServer) -> None:
    url = f"--provider-url={server.openai_url}"
    run = ["-m", "pytest", "-m", "experiment", "--dataset=demo", "--arms=singleshot", "--instances=tinyconf-5"]
    run += ["--generate-only", "--provider=openai", url, "--model=m", "--price=0", "--log-file=log.txt"]
    pasted = f'  export OPENAI_API_KEY="{CANARY}"\n\n'
    done, seen = play(
        tmp_path,
        command("secrets", "set", "openai", "-", url, "--json", "--log-file=command.log", given=pasted),
        command("secrets", "get", "openai", "--json"),
        command("secrets", "get", "openai"),
        Step(run),
        command("secrets", "clear", "openai", "--json"),
        command("secrets", "clear", "openai"),
        command("secrets", "get", "openai", "--json"),
    )
    kept, got, told, ran, cleared, again, gone = done
    assert (kept.code, kept.json["result"]["stored"], kept.json["result"]["proved"]) == (0, True, True)
    assert (got.code, got.json["result"]["present"], got.json["result"]["source"]) == (0, True, "keychain:openai")
    assert got.json["result"]["backend"] == "SecretService Keyring"
    assert told.out.splitlines() == [
        "openai: a key is kept in SecretService Keyring, account 'openai'",
        "a run here uses the key from keychain:openai",
    ]
    assert ran.code == 0, ran.out
    assert {received.headers["authorization"] for received in server.requests} == {f"Bearer {CANARY}"}
    assert (cleared.code, cleared.json["result"]["cleared"]) == (0, True)
    assert (again.code, again.out) == (1, "")
    assert "nothing was stored in account 'openai', so nothing was removed" in again.err
    assert (gone.code, gone.json["ok"], gone.json["result"]["present"]) == (1, False, False)
    assert "swebench-runner secrets set openai, or set OPENAI_API_KEY" in gone.json["error"]["fix"]
    assert seen == []
    assert not [one for one in done if CANARY in one.out + one.err]
    assert files_with(tmp_path, CANARY) == []


def test_refused_key_is_not_kept(tmp_path: Path, server: LLMServer) -> None:
    (refused, got), _ = play(
        tmp_path,
        command(
            "secrets", "set", "openai", "-", f"--provider-url={server.openai_url}", "--json", given="sk-wrong-0123"
        ),
        command("secrets", "get", "openai", "--json"),
    )
    assert (refused.code, refused.json["error"]["type"]) == (3, "KeyRefused")
    assert "HTTP 401" in refused.json["error"]["message"]
    assert refused.json["error"]["fix"] == "keys are at https://platform.openai.com/api-keys and begin with sk-"
    assert "sk-wrong" not in refused.out + refused.err
    assert got.json["result"]["present"] is False


def test_person_is_asked_again_and_never_shown_what_is_typed(tmp_path: Path, server: LLMServer) -> None:
    asked = r"not shown\): ?$"
    (done,), seen = play(
        tmp_path,
        command(
            "secrets",
            "set",
            "openrouter",
            f"--provider-url={server.openai_url}",
            typed=[(asked, "sk-or-wrong-0123\n"), (asked, "\n"), (asked, f"  '{CANARY}' \n")],
        ),
    )
    assert done.code == 0, done.out
    assert done.out.count("key of openrouter (not shown)") == 3
    assert "HTTP 401" in done.out
    assert done.out.count("https://openrouter.ai/settings/keys") >= 2
    assert "no key was given" in done.out
    assert "the key is kept in SecretService Keyring, account 'openrouter'" in done.out
    assert not [text for text in ("sk-or-wrong", CANARY[:8], CANARY[-8:]) if text in done.out]
    assert seen == []


def test_person_who_never_has_a_right_one_is_left_with_the_last_error(tmp_path: Path, server: LLMServer) -> None:
    asked = r"not shown\): ?$"
    (done, got), _ = play(
        tmp_path,
        command("secrets", "set", "openai", f"--provider-url={server.openai_url}", typed=[(asked, "sk-wrong\n")] * 3),
        command("secrets", "get", "openai", "--json"),
    )
    assert (done.code, got.json["result"]["present"]) == (3, False)


def test_ctrl_c_at_the_question_keeps_nothing(tmp_path: Path) -> None:
    (done, got), _ = play(
        tmp_path,
        command("secrets", "set", "openai", typed=[(r"not shown\): ?$", "\x03")]),
        command("secrets", "get", "openai", "--json"),
    )
    assert (done.code, got.json["result"]["present"]) == (130, False)


def test_profile_that_is_new_is_made_with_its_key_and_a_run_may_choose_it(tmp_path: Path, server: LLMServer) -> None:
    url = f"--provider-url={server.openai_url}"
    run = ["run", "--dataset=demo", "--arms=singleshot", "--instances=tinyconf-5", "--generate-only", "--no-preflight"]
    run += ["--provider=openai", f"--base-url={server.openai_url}", "--model=m", "--profile=work", "--json"]
    done, seen = play(
        tmp_path,
        command("secrets", "set", "openai", "-", "--profile", "work", url, given=CANARY),
        command(*run, "--log-file=run.log", "--", "--price=0"),
        command("profiles", "list", "--json"),
        command("secrets", "get", "openai", "--json", SWEBENCH_PROFILE="work"),
        command("secrets", "get", "openai", "--json"),
        command("secrets", "set", "openai", "-", "--profile", "My Work", url, given=CANARY),
        command("secrets", "clear", "openai", "--profile", "work", "--json"),
    )
    kept, ran, listed, chosen, plain, refused, cleared = done
    assert "profile 'work' is new; make it active: swebench-runner profiles set-active" in kept.out
    assert (ran.code, ran.json["result"]["cells"]["selected"]) == (0, 1)
    assert {received.headers["authorization"] for received in server.requests} == {f"Bearer {CANARY}"}
    assert (seen, files_with(tmp_path, CANARY), CANARY in ran.out + ran.err) == ([], [], False)
    assert listed.json["result"]["profiles"] == [
        {"provider": "openai", "profile": "work", "active": False, "key": "keychain:openai:work"}
    ]
    assert (chosen.code, chosen.json["result"]["source"]) == (0, "keychain:openai:work")
    assert (plain.code, plain.json["result"]["account"], plain.json["result"]["source"]) == (1, "openai", "")
    assert (refused.code, cleared.code) == (1, 0)
    assert "'My Work' is no name of a profile" in refused.err


def test_key_in_the_environment_is_told_to_come_first(tmp_path: Path) -> None:
    (kept,), _ = play(
        tmp_path,
        command("secrets", "set", "openai", "env:MINE", "--no-validate", MINE=CANARY),
        OPENAI_API_KEY="sk-of-environment",
    )
    assert kept.code == 0
    assert "it was not tried" in kept.out
    assert "note: runs here use the key from env:OPENAI_API_KEY, which comes before the keychain" in kept.err


def test_endpoint_that_takes_any_key_proves_nothing(tmp_path: Path) -> None:
    with LLMServer([ScriptedAnswer("")]) as open_server:
        (kept,), _ = play(
            tmp_path,
            command("secrets", "set", "chutes", "-", given="cpk_0123456789\n"),
            BASE_URL=open_server.openai_url,
        )
    assert kept.code == 0, kept.err
    assert f"{open_server.openai_url} answers to any key" in kept.out


def test_locked_keychain_is_told_with_the_way_without_one(tmp_path: Path) -> None:
    (kept, got, used, cleared), _ = play(
        tmp_path,
        command("secrets", "set", "openai", "-", "--json", given=CANARY),
        command("secrets", "get", "openai", "--json"),
        command("secrets", "get", "openai", OPENAI_API_KEY=CANARY),
        command("secrets", "clear", "openai"),
        unlocked=False,
    )
    assert kept.code == 1
    assert "KeyringLocked" in kept.json["error"]["message"]
    assert kept.json["error"]["fix"] == "set OPENAI_API_KEY in the environment"
    assert (got.code, got.json["result"]["present"]) == (1, None)
    assert got.json["error"]["fix"] == "set OPENAI_API_KEY in the environment"
    assert (used.code, used.out) == (0, "a run here uses the key from env:OPENAI_API_KEY\n")
    assert used.err.startswith("warning: the keychain cannot be read (KeyringLocked")
    assert cleared.code == 1
    assert "KeyringLocked" in cleared.err


def test_without_a_keychain_nobody_is_asked_for_a_key(tmp_path: Path) -> None:
    asked, got = without_keychain(
        tmp_path,
        command("secrets", "set", "openai", "--profile", "work", typed=[("not shown", "")]),
        command("secrets", "get", "openai", "--json", OPENAI_API_KEY="sk-of-environment"),
    )
    assert asked.code == 1
    assert "not shown" not in asked.out
    assert "there is no keychain here; set OPENAI_API_KEY__WORK in the environment" in " ".join(asked.out.split())
    assert (got.code, got.json["result"]["trouble"]) == (0, "there is no keychain here")


@pytest.mark.parametrize(
    ("file", "text", "source"),
    [
        (".env", "SWEBENCH_PROFILE=work\n", ".env:SWEBENCH_PROFILE"),
        ("pytest.ini", "[pytest]\nswebench_profile = work\n", "ini:swebench_profile"),
    ],
)
def test_profile_may_be_chosen_in_files(tmp_path: Path, file: str, text: str, source: str) -> None:
    tmp_path.joinpath(file).write_text(text)
    unknown, _, got = without_keychain(
        tmp_path,
        command("secrets", "get", "openai"),
        command("profiles", "create", "--provider=openai", "--profile=work"),
        command("secrets", "get", "openai", "--json", OPENAI_API_KEY__WORK=CANARY),
    )
    assert unknown.code == 1
    assert f"{source}: unknown profile 'work'; known: (none); a new one: swebench-runner" in unknown.err
    assert (got.json["result"]["account"], got.json["result"]["source"]) == ("openai:work", "env:OPENAI_API_KEY__WORK")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "openai", "sk-literal-0123"), "a key is not taken from the command line"),
        (("set", "openai", "-", "sk-literal-0123"), "a key is not taken from the command line"),
        (("set", "openai"), "nobody can be asked (--no-input); give '-' for standard input or env:NAME"),
        (("set", "openai", "env:NOT_THERE"), "there is no keychain here"),
        (("set", "opneai", "-"), "unknown provider 'opneai'; did you mean 'openai'? known: anthropic, chutes, hu"),
        (("get", "ollama"), "provider 'ollama' needs no key, so none is kept"),
        (("clear", "openai"), "account 'openai': there is no keychain here"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_json_object_and_no_key_in_it(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (done,) = without_keychain(tmp_path, command("secrets", *arguments, "--no-input", "--json"))
    assert (done.code, done.err) == (1, "")
    assert message in done.json["error"]["message"]
    assert "literal" not in done.out


def test_variable_and_standard_input_that_hold_no_key_are_told(tmp_path: Path) -> None:
    (unset, empty, pointer), _ = play(
        tmp_path,
        command("secrets", "set", "openai", "env:NOT_THERE"),
        command("secrets", "set", "openai", "-", given="\n"),
        command("secrets", "set", "openai", "env:MINE", MINE="keyring://swebench-runner/openai"),
    )
    assert (unset.code, empty.code, pointer.code) == (1, 1, 1)
    assert "env:NOT_THERE: the variable 'NOT_THERE' is not set" in unset.err
    assert empty.err == "swebench-runner: no key was given\n"
    assert "that is a pointer to a key and not the key itself" in pointer.err


def test_standard_input_that_is_a_terminal_is_not_read(tmp_path: Path) -> None:
    (done,) = without_keychain(tmp_path, command("secrets", "set", "openai", "-", typed=[("$^", "")]))
    assert done.code == 1
    assert "which would show the key; leave '-' out" in " ".join(done.out.split())


def test_pointer_that_leads_nowhere_is_told_by_get(tmp_path: Path) -> None:
    tmp_path.joinpath(".env").write_text("OPENAI_API_KEY=keyring://swebench-runner/openai:work\n")
    (got,), _ = play(tmp_path, command("secrets", "get", "openai", "--json"))
    assert got.code == 1
    assert "store it by: swebench-runner secrets set openai --profile work" in got.json["error"]["message"]
    assert json.dumps(got.json["result"]["source"]) == '""'
