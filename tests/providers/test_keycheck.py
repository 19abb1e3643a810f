from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import InputError, ProviderError, ProviderRefused
from pytest_swebench.providers.keycheck import KEY_PLACES, Checked, KeyRefused, check_key, clean_key, how_to_get
from pytest_swebench.providers.registry import PROVIDERS
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status

KEY = "sk-or-canary-0123456789"
TOKEN = "hf_canary_0123456789"


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f"  {KEY}\r\n",
        f'"{KEY}"',
        f" '{KEY}' \n",
        f"\u201c{KEY}\u201d",
        f"`{KEY}`",
        f"{KEY[:9]}\n{KEY[9:]}\n",
        f"{KEY[:9]} \n  {KEY[9:]}",
        f"export OPENROUTER_API_KEY={KEY}",
        f'export  X = "{KEY}";\n',
        f"OPENROUTER_API_KEY='{KEY}'",
        f"Bearer {KEY}",
        f"Authorization: Bearer {KEY}",
        f"x-api-key: {KEY}",
        f"\x1b[200~{KEY}\x1b[201~",
        f"\ufeff{KEY}",
    ],
)
def test_key_is_found_in_what_was_pasted(pasted: str) -> None:
    assert clean_key(pasted) == KEY


@given(st.text("abcXYZ0189-_=+/.", min_size=1).filter(lambda key: key.strip("=").startswith(("sk-", "hf_", "a", "0"))))
def test_cleaning_changes_no_key_and_nothing_twice(key: str) -> None:
    assert clean_key(key) == key
    assert clean_key(f"export SOME_KEY='{key}'\n") == key


@pytest.mark.parametrize(
    ("pasted", "message"),
    [
        ("", "no key was given"),
        (" \n'' \n", "no key was given"),
        ("export A_KEY=\n", "no key was given"),
        ("A_KEY=sk-1\nB_KEY=sk-2\n", "more than one NAME=value; give one key alone"),
        ("keyring://swebench-runner/openai", "a pointer to a key and not the key itself"),
        ("sk-\u0430bc", "characters outside ASCII, which no key does; copy it again"),
        ("sk-\x07bc", "characters outside ASCII"),
    ],
)
def test_what_can_be_no_key_is_refused_and_not_shown(pasted: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        clean_key(pasted)
    assert "sk-" not in str(refused.value)


def test_every_provider_with_a_key_says_where_keys_are_had() -> None:
    assert set(KEY_PLACES) == {name for name, spec in PROVIDERS.items() if spec.needs_key}
    assert all(place.page.startswith("https://") for place in KEY_PLACES.values())
    assert how_to_get("huggingface") == "keys are at https://huggingface.co/settings/tokens and begin with hf_"


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openrouter", "huggingface", "chutes"])
def test_key_that_is_taken_is_proved_and_another_refused(provider: str) -> None:
    with LLMServer([ScriptedAnswer("")], key=KEY) as server:
        url = server.anthropic_url if provider == "anthropic" else server.openai_url
        assert check_key(provider, KEY, base_url=url) == Checked(url, proved=True)
        with pytest.raises(KeyRefused, match=r"HTTP 401.*does not take the key from what was typed; .*keys are at ht"):
            check_key(provider, "sk-or-wrong-0123456789", base_url=url, source="what was typed")


def test_list_that_anybody_gets_proves_nothing() -> None:
    with LLMServer([ScriptedAnswer("")]) as server:
        assert check_key("chutes", KEY, base_url=server.openai_url) == Checked(server.openai_url, proved=False)


@pytest.mark.parametrize(
    ("provider", "key", "whose"),
    [
        ("openai", "sk-ant-0123", "anthropic"),
        ("anthropic", "sk-or-0123", "openrouter"),
        ("openai", "hf_01", "huggingf"),
    ],
)
def test_key_of_another_provider_is_not_sent(provider: str, key: str, whose: str) -> None:
    with pytest.raises(
        InputError, match=rf"begins with .* as those of '{whose}.* do, so it was not sent to '{provider}'"
    ):
        check_key(provider, key)


def test_endpoint_that_is_broken_or_gone_is_told_as_such() -> None:
    with LLMServer([ScriptedAnswer("")], models=Status(500, {"error": "broken"})) as server:
        url = server.openai_url
        with pytest.raises(ProviderError, match="HTTP 500"):
            check_key("openai", KEY, base_url=url)
        with pytest.raises(ProviderRefused, match="HTTP 404") as refused:
            check_key("openai", KEY, base_url=f"{server.url}/elsewhere")
        assert not isinstance(refused.value, KeyRefused)
    with pytest.raises(ProviderError, match="openrouter at"):
        check_key("openrouter", KEY, base_url=url)


class Pages(ThreadingHTTPServer):
    """Answers `status` to whoever asks with KEY or TOKEN, `refusal` to anybody else; `asked` keeps paths and keys."""

    daemon_threads = True

    def __init__(self, status: int, refusal: int) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.status, self.refusal = status, refusal
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Page(BaseHTTPRequestHandler):
    server: Pages

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.asked.append((self.path, key))
        body = b'{"data": []}' if self.path.endswith("/models") else f"you sent {key}".encode()
        self.send_response(self.server.status if key in {KEY, TOKEN} else self.server.refusal)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def pages(status: int, refusal: int = 401) -> Iterator[Pages]:
    with Pages(status, refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_page_about_keys_proves_one_by_a_single_call() -> None:
    with pages(200) as server:
        assert check_key("openrouter", KEY, base_url=f"{server.url}/api/v1").proved
        assert server.asked == [("/api/v1/key", KEY)]
        with pytest.raises(KeyRefused, match=r"HTTP 401: you sent \[redacted\]; keys are at https://openrouter\.ai/"):
            check_key("openrouter", "sk-or-wrong-0123456789", base_url=f"{server.url}/api/v1")


def test_endpoint_that_breaks_at_a_wrong_key_proves_nothing() -> None:
    with pages(200, refusal=503) as server:
        assert check_key("chutes", KEY, base_url=server.url) == Checked(server.url, proved=False)
        assert [path for path, _ in server.asked] == ["/models", "/models"]


def test_token_of_hugging_face_is_proved_by_its_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    with pages(200) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        assert check_key("huggingface", TOKEN) == Checked("https://router.huggingface.co/v1", proved=True)
        with pytest.raises(KeyRefused, match="HTTP 401"):
            check_key("huggingface", "hf_wrong_0123456789")
        assert server.asked == [("/api/whoami-v2", TOKEN), ("/api/whoami-v2", "hf_wrong_0123456789")]


@pytest.mark.parametrize(
    ("status", "kind"), [(302, ProviderError), (429, ProviderError), (503, ProviderError), (403, KeyRefused)]
)
def test_answer_that_is_none_is_told_and_nobody_else_gets_the_key(status: int, kind: type[Exception]) -> None:
    with pages(status) as server:
        with pytest.raises(kind, match=rf"HTTP {status}") as failed:
            check_key("openrouter", KEY, base_url=server.url)
        assert type(failed.value) is kind
        assert KEY not in str(failed.value)
        assert len(server.asked) == 1
