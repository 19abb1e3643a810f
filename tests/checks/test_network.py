from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from pytest_swebench.checks import Cause, Check, State
from pytest_swebench.checks.network import Endpoint, endpoints, provider_endpoint, reach
from pytest_swebench.config import resolve
from tests.checks.conftest import answering


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def asked(url: str, timeout_s: float = 5.0) -> Check:
    (check,) = reach([Endpoint("somebody", url, Cause.NETWORK, "do without")], timeout_s)
    return check


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 501])
def test_any_answer_will_do(status: int) -> None:
    with answering(status) as (address, lines):
        check = asked(f"http://{address}/v1")
    assert check.state is State.OK
    assert lines == ["HEAD /v1 HTTP/1.1"]


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_without_an_endpoint_is_a_warning(status: int) -> None:
    with answering(status) as (address, _):
        check = asked(f"http://{address}")
    assert check.state is State.WARN
    assert f"HTTP {status}" in check.detail


def test_nobody_there_is_told_with_the_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    check = asked(f"http://user:secret-word@127.0.0.1:{port}")
    assert (check.state, check.cause) == (State.FAIL, Cause.NETWORK)
    assert "Connection refused" in check.detail
    assert "secret-word" not in check.detail
    assert "do without" in check.fix


def test_unknown_name_is_told() -> None:
    assert "its name is not known here" in asked("http://no-such-host.invalid/").detail


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "nonsense"])
def test_address_that_is_none_is_told(url: str) -> None:
    assert asked(url).state is State.FAIL


def test_silence_ends_at_the_limit() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        check = asked(f"http://127.0.0.1:{listening.getsockname()[1]}", 0.5)
    assert "no answer within 0.5 s" in check.detail


def test_all_are_asked_at_the_same_time() -> None:
    all_here = threading.Barrier(5)  # whoever is asked alone says nothing
    with answering(200, first=lambda: all_here.wait(30)) as (address, _):
        checks = reach([Endpoint(str(number), f"http://{address}", Cause.NETWORK, "") for number in range(5)], 20)
    assert [(check.name, check.state) for check in checks] == [(str(number), State.OK) for number in range(5)]


def test_proxy_of_the_environment_is_used_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200) as (address, lines):
        monkeypatch.setenv("http_proxy", f"http://me:secret-word@{address}")
        check = asked("http://hub.example/")
    assert check.state is State.OK
    assert lines == ["HEAD http://hub.example/ HTTP/1.1"]
    assert f"by proxy http://{address}" in check.detail


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_wants_a_login_is_told(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with answering(407) as (address, _):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{address}")
        check = asked(f"{scheme}://hub.example/")
    assert check.state is State.FAIL
    assert "the proxy wants a login" in check.detail
    assert f"{scheme.upper()}_PROXY" in check.fix


def test_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert "check that proxy" in asked("https://hub.example/").fix


def test_nobody_to_ask_asks_nobody() -> None:
    assert reach([]) == []


def test_endpoints_are_those_of_the_settings(tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": "https://mirror.example", "SWEBENCH_DOCKER_NAMESPACE": "localhost:5000/swe-{arch}/{id}"}
    env |= {"PROVIDER": "openai", "BASE_URL": "http://models.example/v1"}
    urls = [one.url for one in endpoints(resolve(env, tmp_path), env)]
    assert urls == ["https://mirror.example", "http://localhost:5000/v2/", "http://models.example/v1"]
    plain = endpoints(resolve({}, tmp_path), {})
    assert [one.url for one in plain] == ["https://huggingface.co", "https://registry-1.docker.io/v2/"]
    other = {"SWEBENCH_DOCKER_NAMESPACE": "ghcr.io/epoch-research"}
    assert endpoints(resolve(other, tmp_path), other)[1].url == "https://ghcr.io/v2/"


def test_only_known_providers_have_an_endpoint() -> None:
    assert provider_endpoint("replay:answers.jsonl") == []
    (ollama,) = provider_endpoint("ollama")
    assert "ollama serve" in ollama.fix
