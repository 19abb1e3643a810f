"""`profiles` beside a real Secret Service and an endpoint on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_secrets import CANARY, PATCH, files_with, play, without_keychain
from tests.support.keyring_play import Step, command
from tests.support.llm_server import LLMServer, ScriptedAnswer

ONE = ("--provider", "openai", "--profile", "work")


def test_profile_from_its_making_to_its_end(tmp_path: Path) -> None:
    with LLMServer([ScriptedAnswer(f"```diff\n{PATCH}```\n")], key=CANARY) as server:
        url = f"--provider-url={server.openai_url}"
        run = ["-m", "pytest", "-m", "experiment", "--arms=singleshot", "--instances=tinyconf-5", "--generate-only"]
        run += ["--dataset=demo", "--provider=openai", url, "--model=m", "--price=0", "--log-file=log.txt"]
        done, seen = play(
            tmp_path,
            command("profiles", "create", *ONE, "--active", "--json"),
            command("profiles", "set-key", *ONE, "--key", "-", url, given=f"export X='{CANARY}'\n"),
            command("profiles", "rename", "--provider=openai", "--from=work", "--to=job", "--json"),
            command("profiles", "list"),
            Step(run),
            command("profiles", "delete", "--provider=openai", "--profile=job", "--json"),
            command("secrets", "get", "openai", "--profile=job", "--json"),
            command("profiles", "list", "--json"),
        )
    made, kept, renamed, listed, ran, deleted, got, empty = done
    assert (made.code, made.json["result"]["active"], made.json["result"]["key"]) == (0, True, "")
    assert kept.out.splitlines() == [
        "openai: the key is kept in SecretService Keyring, account 'openai:work'",
        f"{server.openai_url} takes it",
    ]
    assert renamed.json["result"] == {"provider": "openai", "profile": "job", "was": "work", "key_moved": True}
    assert listed.out.split() == ["*", "openai", "job", "key:", "keychain:openai:job"]
    assert ran.code == 0, ran.out
    assert {received.headers["authorization"] for received in server.requests} == {f"Bearer {CANARY}"}
    assert deleted.json["result"]["key_removed"] is True
    assert got.json["result"]["present"] is False
    assert empty.json["result"]["profiles"] == []
    assert seen == []
    assert not [one for one in done if CANARY in one.out + one.err]
    assert files_with(tmp_path, CANARY) == []


def test_profiles_of_one_provider_and_of_all_are_listed_with_their_keys_places(tmp_path: Path) -> None:
    done, _ = play(
        tmp_path,
        command("profiles", "list"),
        command("profiles", "create", *ONE),
        command("profiles", "set-key", *ONE, "--key=env:MINE", "--no-validate", MINE=CANARY),
        command("profiles", "create", "--provider=chutes", "--profile=ci"),
        command("profiles", "list", CHUTES_API_KEY__CI="cpk_0123456789"),
        command("profiles", "set-active", *ONE, "--json"),
        command("profiles", "list", "--provider=openai", "--json"),
        command("profiles", "create", "--provider=openai", "--profile=ci", OPENAI_API_KEY__CI=CANARY),
        command("profiles", "clear-key", *ONE),
        command("profiles", "clear-key", *ONE, "--json"),
        command("profiles", "delete", *ONE),
    )
    none, made, _, _, listed, active, one, by_variable, cleared, again, deleted = done
    assert none.out.startswith("no profiles; a new one: swebench-runner profiles create")
    assert made.out.splitlines()[1].endswith("set-key --provider openai --profile work, or OPENAI_API_KEY__WORK")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["chutes", "ci", "key:", "env:CHUTES_API_KEY__CI"],
        ["openai", "work", "key:", "keychain:openai:work"],
    ]
    assert active.json["result"] == {"provider": "openai", "profile": "work", "active": True}
    assert one.json["result"]["profiles"] == [
        {"provider": "openai", "profile": "work", "active": True, "key": "keychain:openai:work"}
    ]
    assert "its key: env:OPENAI_API_KEY__CI, which was there before" in by_variable.out
    assert cleared.out == "openai: the key in account 'openai:work' is removed from the keychain\n"
    assert (again.code, again.json["result"]["cleared"]) == (1, False)
    assert "so nothing was removed" in again.json["error"]["message"]
    assert deleted.out.splitlines() == [
        "openai: profile 'work' is removed; it had no key in the keychain",
        "no profile of openai is active now: runs use the key without a profile",
    ]


def test_locked_keychain_lets_no_key_be_forgotten(tmp_path: Path) -> None:
    done, _ = play(
        tmp_path,
        command("profiles", "create", *ONE),
        command("profiles", "delete", *ONE),
        command("profiles", "list", "--json"),
        unlocked=False,
    )
    assert [one.code for one in done] == [0, 1, 0]
    assert "account 'openai:work': the keychain cannot be read (KeyringLocked" in done[1].err
    assert [(row["profile"], row["key"]) for row in done[2].json["result"]["profiles"]] == [("work", None)]
    assert done[2].err.startswith("warning: the keychain cannot be read (KeyringLocked")


def test_without_a_keychain_profiles_are_names_for_variables(tmp_path: Path) -> None:
    done = without_keychain(
        tmp_path,
        command("profiles", "create", *ONE),
        command("profiles", "list"),
        command("profiles", "list", OPENAI_API_KEY__WORK=CANARY),
        command("profiles", "set-key", *ONE, "--key=-", "--json", given=CANARY),
        command("profiles", "delete", *ONE),
    )
    assert done[1].out.split()[2:] == ["key:", "not", "known"]
    assert done[2].out.split()[2:] == ["key:", "env:OPENAI_API_KEY__WORK"]
    assert done[3].json["error"]["fix"] == "set OPENAI_API_KEY__WORK in the environment"
    assert "there is no keychain here, so a key that another session has in its own stays there" in done[4].out
    assert not [one for one in done if CANARY in one.out + one.err]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set-key", *ONE, "--key", "sk-literal-0123"), "a key is not taken from the command line"),
        (("set-key", *ONE), "nobody can be asked (--no-input)"),
        (("set-key", "--provider=openai", "--profile=wrok", "--key=-"), "unknown profile 'wrok'; did you mean 'work'?"),
        (("create", *ONE), "openai has a profile 'work' already"),
        (("create", "--provider=openai", "--profile=My-Work"), "'My-Work' is no name of a profile"),
        (("rename", "--provider=openai", "--from=x", "--to=y"), "unknown profile 'x'; known: work"),
        (("list", "--provider=opneai"), "unknown provider 'opneai'; did you mean 'openai'?"),
        (("delete", "--provider=openai"), "Missing option '--profile'"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_json_object(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    _, done = without_keychain(
        tmp_path, command("profiles", "create", *ONE), command("profiles", *arguments, "--no-input", "--json")
    )
    assert (done.code, done.err) == (1, "")
    assert message in done.json["error"]["message"]
    assert "literal" not in done.out
