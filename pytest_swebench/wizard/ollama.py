"""Ollama by its own HTTP API: which models it has, and pulling one more.

https://docs.ollama.com/api/tags and https://docs.ollama.com/api/pull
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_swebench.errors import ProviderError, ProviderRefused
from pytest_swebench.providers.address import shown
from pytest_swebench.wizard.choices import Source

_GLANCE_S: Final = 2.0
_SILENCE_S: Final = 300.0  # a large layer is checked for long without a word


@dataclass(frozen=True, slots=True)
class Pulling:
    """How far a pull is: what Ollama says it does, and bytes of the layer it is at, zeros where it tells none."""

    status: str
    done_bytes: int = 0
    total_bytes: int = 0


def root_of(source: Source) -> str:
    """Return where Ollama's own API is, beside the one that is compatible with OpenAI's."""
    return source.address.removesuffix("/v1")


def local_models(root: str) -> list[str] | None:
    """Return the names of the models at `root`, None where no Ollama answers."""
    import httpx2

    try:
        answer = httpx2.get(f"{root}/api/tags", timeout=_GLANCE_S)
        models = answer.raise_for_status().json()["models"] or []
        return sorted(str(model["name"]) for model in models)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, LookupError, TypeError):
        return None


def pull(root: str, name: str) -> Iterator[Pulling]:
    """Pull a model, and yield how far it is. Raises ProviderRefused for what Ollama cannot pull, and ProviderError."""
    import httpx2

    limits = httpx2.Timeout(_GLANCE_S, read=_SILENCE_S)
    try:
        with httpx2.stream("POST", f"{root}/api/pull", json={"model": name}, timeout=limits) as answer:
            if not answer.is_success:
                answer.read()
                raise ProviderRefused(f"Ollama cannot pull {name!r}: HTTP {answer.status_code}: {_reason(answer.text)}")
            last = ""
            for line in filter(None, answer.iter_lines()):
                told = json.loads(line)
                if "error" in told:
                    raise ProviderRefused(f"Ollama cannot pull {name!r}: {told['error']}")
                last = str(told.get("status", ""))
                yield Pulling(last, int(told.get("completed") or 0), int(told.get("total") or 0))
    except (httpx2.HTTPError, ValueError) as error:
        raise ProviderError(f"pulling {name!r} from {shown(root)} broke off: {type(error).__name__}: {error}") from None
    if last != "success":
        raise ProviderError(f"pulling {name!r} from {shown(root)} broke off; its last word was {last!r}")


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, LookupError, TypeError):
        return " ".join(text.split())[:200]
