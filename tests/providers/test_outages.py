"""Outages and rate limits: waited out within the deadline, however often it takes, and said aloud."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import httpx2
import pytest

from pytest_swebench.errors import ProviderError, ProviderRefused
from pytest_swebench.providers.failures import unreached
from pytest_swebench.providers.limits import PROBE_S
from pytest_swebench.providers.openai import openai_provider
from pytest_swebench.providers.retry import Allowance, Busy, RetryPolicy, retrying
from pytest_swebench.secrets import Key
from tests.support.asking import FINE, QUESTION, ask, connect
from tests.support.lacking import do_without
from tests.support.llm_server import Broken, LLMServer, RateLimit, ScriptedAnswer, Status


@pytest.fixture(params=["anthropic", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("code", [429, 503, 529])
def test_outage_is_waited_out_beyond_the_counted_attempts(kind: str, code: int) -> None:
    asked = ask(kind, [*[Status(code)] * 7, FINE])
    assert asked.answer.text == "Because."
    assert (len(asked.requests), len(asked.waits)) == (8, 7)
    assert all(f"HTTP {code}" in reason for _, reason in asked.waits)


def test_outages_do_not_use_up_the_counted_attempts(kind: str) -> None:
    asked = ask(kind, [Status(500), Status(429), Status(429), Status(429), Status(500), Status(429), FINE])
    assert asked.answer.text == "Because."
    asked = ask(kind, [Status(500), Status(429), Status(500), Status(429), Status(500), FINE])
    assert isinstance(asked.outcome, ProviderError)
    assert "tried 5 times" in str(asked.outcome)


def test_outage_without_end_says_how_long_and_how_often_it_was_tried(kind: str) -> None:
    asked = ask(kind, [Status(429)], timeout_s=2.0)
    assert isinstance(asked.outcome, Busy)
    assert f"tried {len(asked.requests)} times in " in str(asked.outcome)
    assert "s of it waiting; no time is left to wait 0." in str(asked.outcome)
    assert len(asked.requests) > 3


def test_connection_dropped_after_the_request_may_be_billed_and_counts(kind: str) -> None:
    asked = ask(kind, [Broken("hang up"), Broken("hang up"), FINE])
    assert asked.answer.text == "Because."
    asked = ask(kind, [*[Broken("hang up")] * 5, FINE])
    assert isinstance(asked.outcome, ProviderError)
    assert not isinstance(asked.outcome, Busy)
    assert len(asked.requests) == 3


def test_nobody_listening_is_an_outage(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider = connect(kind, f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Busy, match=r"refused.*tried \d+ times") as caught:
            provider.complete(QUESTION, timeout_s=2.0)
        assert int(str(caught.value).partition("tried ")[2].split()[0]) > 4
        provider.close()


def test_unknown_host_is_an_outage(kind: str) -> None:
    provider = connect(kind, "http://models.invalid")
    with pytest.raises(Busy, match=r"models\.invalid"):
        provider.complete(QUESTION, timeout_s=2.0)
    provider.close()


def test_call_outlives_a_network_that_is_down_for_a_while(kind: str) -> None:
    waits: list[str] = []
    with LLMServer([FINE]) as server:
        provider = connect(kind, server.url, on_wait=lambda wait_s, reason: waits.append(reason))
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        server.down(0.5)
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        assert waits
        assert len(server.requests) == 2
        provider.close()


def test_call_outlives_a_storm(kind: str) -> None:
    waits: list[str] = []
    with LLMServer([FINE]) as server:
        provider = connect(kind, server.url, on_wait=lambda wait_s, reason: waits.append(reason))
        server.storm(0.5, retry_after="0.1")
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        provider.close()
        assert server.traffic.rejected == len(waits)
        assert (server.traffic.accepted, len(server.requests)) == (1, 1)


def test_enforced_limit_is_used_and_never_passed(kind: str) -> None:
    waits: list[str] = []
    with LLMServer([FINE], limit=RateLimit(requests=3, window_s=0.5)) as server:
        provider = connect(kind, server.url, on_wait=lambda wait_s, reason: waits.append(reason))
        assert [provider.complete(QUESTION, timeout_s=30).text for _ in range(7)] == ["Because."] * 7
        provider.close()
        assert server.traffic.accepted == 7
        assert 2 <= server.traffic.rejected == len(waits)


def test_untrusted_certificate_is_final(kind: str, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        do_without("no openssl here to make a certificate with")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem -days 2"
    subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse_politely() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=refuse_politely, daemon=True)
        thread.start()
        provider = connect(kind, f"https://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(ProviderRefused, match="which certificates this machine trusts"):
            provider.complete(QUESTION, timeout_s=30)
        provider.close()
        thread.join(timeout=20)


def test_key_that_no_header_can_hold_is_refused_and_not_shown() -> None:
    with LLMServer([FINE]) as server:
        provider = openai_provider("openai", base_url=server.openai_url, key=Key("sk-12345678\nsk-9", "env:K"))
        with pytest.raises(ProviderRefused, match="Illegal header value") as caught:
            provider.complete(QUESTION, timeout_s=30)
        provider.close()
    assert "12345678" not in str(caught.value)


def test_silence_after_the_request_may_be_billed_and_counts() -> None:
    failed = unreached(httpx2.ReadTimeout("silence"), "silence", answering=False)
    assert (type(failed.error), failed.billed) == (ProviderError, True)


@pytest.mark.parametrize("headers", [{"retry-after": "0.01"}, {"retry-after-ms": "10"}])
def test_short_wait_asked_for_is_waited(kind: str, headers: dict[str, str]) -> None:
    asked = ask(kind, [Status(429, headers=headers), FINE])
    assert asked.answer.text == "Because."
    assert asked.waits[0][0] >= 0.01


@pytest.mark.parametrize("wait", ["60", "100000"])
def test_wait_beyond_all_time_is_cut_and_then_the_endpoint_is_asked_again(kind: str, wait: str) -> None:
    headers = {"retry-after": wait}
    asked = ask(kind, [Status(429, headers=headers), FINE], timeout_s=2.0)
    assert [wait_s for wait_s, _ in asked.waits] == [0.8]
    assert asked.answer.text == "Because."


def test_last_wait_that_leaves_no_time_is_not_begun(kind: str) -> None:
    asked = ask(kind, [Status(429, headers={"retry-after": "100000"})], timeout_s=2.0)
    assert isinstance(asked.outcome, Busy)
    assert "asks to wait 100000 s" in str(asked.outcome)
    assert f"tried {len(asked.requests)} times in " in str(asked.outcome)
    assert "no time is left to wait 0.8 s" in str(asked.outcome)
    assert [wait_s for wait_s, _ in asked.waits] == [0.8] * (len(asked.requests) - 1)
    assert 2 <= len(asked.requests) <= 3


def test_wait_asked_for_is_kept_up_to_the_cap() -> None:
    policy = RetryPolicy(first_wait_s=0.5)
    assert 30 <= policy.wait_s(1, Busy("busy", 30)) <= 31.5
    assert PROBE_S <= policy.wait_s(1, Busy("busy", 100_000)) <= 1.05 * PROBE_S
    assert policy.wait_s(1, Busy("busy", 0.0)) >= 0.375


def test_waits_double_up_to_the_longest_and_vary() -> None:
    policy = RetryPolicy(first_wait_s=0.5, longest_wait_s=8)
    for failed, middle in ((1, 0.5), (2, 1.0), (3, 2.0), (9, 8.0), (5000, 8.0)):
        waits = {policy.wait_s(failed, ProviderError("down")) for _ in range(50)}
        assert min(waits) >= 0.75 * middle
        assert max(waits) <= 1.25 * middle
        assert len(waits) > 1


def test_date_far_away_is_cut_like_seconds(kind: str) -> None:
    asked = ask(kind, [Status(503, headers={"retry-after": "Wed, 21 Oct 2065 07:28:00 GMT"}), FINE], timeout_s=2.0)
    assert [wait_s for wait_s, _ in asked.waits] == [0.8]
    assert asked.answer.text == "Because."


def test_time_that_is_none_of_the_calls_is_added_to_it() -> None:
    left_s: list[float] = []

    def attempt(allowance: Allowance) -> str:
        allowance.extend(100)
        left_s.append(allowance.left_s)
        if len(left_s) < 4:
            raise Busy("full")
        return "done"

    policy = RetryPolicy(first_wait_s=0.2, longest_wait_s=0.2)
    assert retrying(attempt, timeout_s=0.3, policy=policy) == "done"
    assert [round(left, -2) for left in left_s] == [100, 200, 300, 400]


def test_attempt_leaves_time_for_another_unless_it_is_the_last() -> None:
    given: list[float] = []

    def attempt(allowance: Allowance) -> ScriptedAnswer:
        given.append(allowance.longest_s)
        assert 0 < allowance.exchange_s <= min(300, allowance.longest_s)
        raise ProviderError("bad answer")

    with pytest.raises(ProviderError, match="bad answer"):
        retrying(attempt, timeout_s=300, policy=RetryPolicy(first_wait_s=0.001))
    assert given == [180, 180, 300]


def test_what_is_no_provider_error_is_never_tried_again() -> None:
    calls: list[Allowance] = []

    def attempt(allowance: Allowance) -> None:
        calls.append(allowance)
        raise ProviderRefused("no")

    with pytest.raises(ProviderRefused):
        retrying(attempt, timeout_s=30, policy=RetryPolicy())
    assert len(calls) == 1
