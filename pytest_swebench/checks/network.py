"""Who answers over the network: the hub, the registry, the provider; proxies of the environment are used."""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.deadline import within
from pytest_swebench.sandbox.images.names import registry

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

TIMEOUT_S: Final = 3.0
_HUB: Final = "https://huggingface.co"
_DOCKER_HUB: Final = "https://registry-1.docker.io/v2/"
_OUT_OF_ORDER: Final = frozenset({502, 503, 504})
_PROXY_REFUSES: Final = 407
_USER: Final = re.compile(r"//[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Somebody to ask: any answer will do, also one that wants a login. `fix` is for who gets none."""

    name: str
    url: str
    cause: Cause
    fix: str


def endpoints(settings: Settings, env: Mapping[str, str]) -> list[Endpoint]:
    """Return whom a run with these settings needs: the hub, the registry of images, and the provider if one is set."""
    found = [
        Endpoint(
            "hub of datasets",
            env.get("HF_ENDPOINT") or _HUB,
            Cause.NETWORK,
            "datasets that are cached, local files and the demo work without it",
        ),
        Endpoint(
            "registry of images",
            _registry_url(settings.value("docker_namespace") or ""),
            Cause.REGISTRY_SILENT,
            "images that are here already work without it; a mirror: SWEBENCH_DOCKER_NAMESPACE=registry.example/path",
        ),
    ]
    return [*found, *provider_endpoint(settings.value("provider") or "", settings.value("provider_url") or "")]


def provider_endpoint(name: str, url: str = "") -> list[Endpoint]:
    """Return the endpoint of a known provider, nothing for recorded answers or a plugin's own provider."""
    from pytest_swebench.providers.registry import PROVIDERS

    if name not in PROVIDERS:
        return []
    fix = "start it: ollama serve" if name == "ollama" else "without it there are no answers; check its status page"
    return [Endpoint(f"provider {name}", url or PROVIDERS[name].base_url, Cause.NETWORK, fix)]


def reach(asked: Sequence[Endpoint], timeout_s: float = TIMEOUT_S) -> list[Check]:
    """Ask all of them at the same time, each for at most `timeout_s` seconds, and return a check for each in order."""
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda endpoint: _reached(endpoint, timeout_s), asked))


def _reached(endpoint: Endpoint, timeout_s: float) -> Check:
    started = time.monotonic()
    where = shown(endpoint.url) + _proxied(endpoint.url)

    def failed(why: str, fix: str = "") -> Check:
        words = fix or f"{endpoint.fix}; {_advice(endpoint.url)}"
        return Check.fail(endpoint.name, endpoint.cause, f"{where}: {why}", words)

    try:
        # its own timeout counts from byte to byte, and a name may take long to resolve
        status = within(
            lambda _: _status(endpoint.url, timeout_s), timeout_s=timeout_s, abandon=_leave, what=endpoint.name
        )
    except (ProviderError, TimeoutError):
        return failed(f"no answer within {timeout_s:g} s")
    except urllib.error.URLError as error:
        if str(_PROXY_REFUSES) in str(error.reason):
            return failed("the proxy wants a login", "put user and password into HTTPS_PROXY")
        return failed(_why(error.reason))
    except (OSError, ValueError) as error:  # a cut, or an address that is none
        return failed(_why(error))
    if status == _PROXY_REFUSES:
        return failed("the proxy wants a login", "put user and password into HTTP_PROXY")
    if status in _OUT_OF_ORDER:
        return Check.warn(endpoint.name, endpoint.cause, f"{where}: answers HTTP {status}", "try again later")
    return Check.ok(endpoint.name, f"{where}: answers in {1000 * (time.monotonic() - started):.0f} ms")


def _status(url: str, timeout_s: float) -> int:
    bare = _USER.sub("//", url)  # any answer will do, one to a stranger too
    request = urllib.request.Request(bare, method="HEAD", headers={"User-Agent": "pytest-swebench"})
    if request.type not in {"http", "https"}:
        raise ValueError(f"{shown(url)!r} is no http address")
    try:
        # an opener of its own: the common one keeps the proxies that the environment named at its first use
        with urllib.request.build_opener().open(request, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _leave() -> None:
    """Leave the request to end by its own timeout; nobody waits for it."""


def _registry_url(namespace: str) -> str:
    host = registry(re.sub(r"\{\w+\}", "x", f"{namespace}/x")) if namespace else "docker.io"
    if host == "docker.io":
        return _DOCKER_HUB
    local = host.partition(":")[0] in {"localhost", "127.0.0.1"}  # engines take those without TLS
    return f"{'http' if local else 'https'}://{host}/v2/"


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for `url`, "" for none."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname is None or urllib.request.proxy_bypass(parts.hostname):
        return ""
    return urllib.request.getproxies().get(parts.scheme, "")


def _proxied(url: str) -> str:
    proxy = _proxy(url)
    return f" by proxy {shown(proxy)}" if proxy else ""


def _advice(url: str) -> str:
    return "check that proxy" if _proxy(url) else "behind a proxy set HTTPS_PROXY"


def _why(reason: object) -> str:
    if isinstance(reason, socket.gaierror):
        return "its name is not known here (no DNS, or no network)"
    if isinstance(reason, OSError) and reason.errno is not None:
        return os.strerror(reason.errno) if reason.errno > 0 else str(reason)
    return " ".join(str(reason).split())
