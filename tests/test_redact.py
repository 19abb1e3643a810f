from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.redact import MIN_SECRET_LENGTH, REDACTED, Redactor, address_secrets

SECRET = 'sk-~~~/0123+"4567=89'  # its base64 has characters that the URL-safe alphabet replaces


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_form_of_a_secret_is_replaced_whole(form: str) -> None:
    assert Redactor([SECRET]).text(f"before {form} after") == f"before {REDACTED} after"


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=MIN_SECRET_LENGTH, max_size=60),
    st.binary(max_size=7),
    st.binary(max_size=7),
)
def test_a_secret_inside_base64_of_more_cannot_be_decoded(secret: str, before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + secret.encode() + after).decode()
    redacted = Redactor([secret]).text(text)
    assert REDACTED in redacted
    # A character at each end mixes bits of the secret with its neighbours; that much may stay.
    assert len(redacted.replace(REDACTED, "")) <= len(text) - len(secret) * 8 // 6 + 2


def test_short_values_leave_ordinary_text_alone() -> None:
    assert Redactor(["true", "1234567"]).text("it is true that 1234567") == "it is true that 1234567"


def test_longer_secret_wins_over_one_it_contains() -> None:
    assert Redactor(["password", "password-of-alice"]).text("password-of-alice") == REDACTED


@given(st.integers(MIN_SECRET_LENGTH, len(SECRET) - 1), st.sampled_from(["", "x", "Bearer ", "ab" * 30]))
def test_ends_of_a_secret_that_was_cut_are_replaced(length: int, around: str) -> None:
    redactor = Redactor([SECRET, "another-secret"])
    cut = f"{around}{SECRET[:length]}...{SECRET[-length:]}{around}"
    assert redactor.text(cut) == f"{around}{REDACTED}...{REDACTED}{around}"
    assert redactor.text(f"{around}...{SECRET[-length:]}{around}") == f"{around}...{REDACTED}{around}"


def test_dots_beside_ordinary_text_change_nothing() -> None:
    text = f"test_a ... ok\n.....{SECRET[:5]}... and {SECRET[-5:]}... x{SECRET[-9:]} ... {SECRET[:9]}x..."
    assert Redactor([SECRET]).text(text) == text


def test_data_is_redacted_at_every_depth_and_in_keys() -> None:
    data = {SECRET: [1, None, {"a": (f"x{SECRET}", True)}]}
    assert Redactor([SECRET]).data(data) == {REDACTED: [1, None, {"a": [f"x{REDACTED}", True]}]}


def test_env_gives_the_values_of_secret_looking_variables_only() -> None:
    env = {
        "OPENAI_API_KEY": "value-of-key",
        "hf_token": "value-of-token",
        "CLIENT_SECRET": "value-of-secret",
        "DB_PASSWORD": "value-of-password",
        "HOME": "value-of-home",
    }
    redactor = Redactor.from_env(env)
    assert [redactor.text(value) for value in env.values()] == [REDACTED] * 4 + ["value-of-home"]


def test_passwords_in_addresses_are_secrets_and_pointers_to_secrets_are_none() -> None:
    env = {"HTTPS_PROXY": "http://me:pass%20word-1@proxy:3128", "LLM_API_KEY": "keyring://swebench-runner/openai"}
    redactor = Redactor.from_env(env, {"OPENAI_API_KEY": " from-dotenv "})
    assert redactor.text("http://me:pass%20word-1@proxy") == f"http://me:{REDACTED}@proxy"
    assert redactor.text("pass word-1 or from-dotenv") == f"{REDACTED} or {REDACTED}"
    assert redactor.text(env["LLM_API_KEY"]) == env["LLM_API_KEY"]


def test_plain_words_and_numbers_of_arbitrary_variables_are_no_secrets() -> None:
    env = {"DB_PASSWORD": "postgres", "SECRET_KEY": " negative ", "TOKEN_COUNT": "1234567890"}
    env |= {"DATABASE_URL": "postgres://postgres:postgres@db", "LONG_KEY": "abcdefghijklmnopqrst"}
    redactor = Redactor.from_env(env)
    patch = "+ postgres is negative 1234567890\n"
    assert redactor.text(patch) == patch
    assert redactor.text(env["DATABASE_URL"]) == f"postgres:{REDACTED}db"
    assert redactor.text(env["LONG_KEY"]) == REDACTED
    redactor.learn(["postgres"])  # as the key of a provider
    assert REDACTED in redactor.text(patch)


@pytest.mark.parametrize(
    ("user_info", "told", "left"),
    [
        ("me:p@ss-word/1".replace("/", "%2F"), "p@ss-word/1", ""),
        ("me:short", base64.b64encode(b"me:short").decode(), "short"),
        ("me:short", "http://me:short@h", "short"),
        ("me:a%40b", base64.b64encode(b"me:a@b").decode(), "a@b"),
        (":passwords", base64.b64encode(b":passwords").decode(), ""),
        ("me:passwords", "passwords", ""),
    ],
)
def test_password_of_an_address_that_is_called_is_a_secret_in_every_form(user_info: str, told: str, left: str) -> None:
    redactor = Redactor(address_secrets(f"http://{user_info}@h/v1"))
    assert REDACTED in redactor.text(f"x {told} y")
    assert redactor.text(left) == left
    assert list(address_secrets("http://h/v1?at=a:b@c")) == []


def test_what_is_learnt_later_holds_wherever_the_redactor_is_already_used() -> None:
    redactor = Redactor(["first-secret"])
    used = redactor.text
    redactor.learn(["second-secret", "short"])
    assert used("first-secret second-secret short") == f"{REDACTED} {REDACTED} short"


def test_longer_secret_wins_though_it_is_learnt_later() -> None:
    redactor = Redactor(["password"])
    redactor.learn(["password-of-alice"])
    assert redactor.text("password-of-alice") == REDACTED


def test_variable_that_is_no_text_is_a_secret_all_the_same() -> None:
    value = b"key-\xff-0123456".decode(errors="surrogateescape")
    redactor = Redactor.from_env({"SOME_KEY": value})
    assert redactor.text(f"a {value} b") == f"a {REDACTED} b"
    assert redactor.raw(b"a key-\xff-0123456 b") == f"a {REDACTED} b".encode()


def test_keys_of_any_kind_become_text() -> None:
    assert Redactor([SECRET]).data({1: SECRET, None: 2}) == {"1": REDACTED, "None": 2}


def test_bytes_without_a_secret_are_the_same_object() -> None:
    plain, told = b"\xff nothing", b"\xff " + SECRET.encode() + b"\n"
    assert Redactor([SECRET]).raw(plain) is plain
    assert Redactor([SECRET]).raw(told) == b"\xff " + REDACTED.encode() + b"\n"


def test_repr_shows_no_secret() -> None:
    assert "0123" not in repr(Redactor([SECRET]))


def test_nothing_known_changes_nothing() -> None:
    assert Redactor().text(SECRET) == SECRET
