from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.redact import MIN_SECRET_LENGTH, REDACTED, Redactor

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
