"""What an HTTP status with its words means: trouble that may heal, or a refusal, and of what."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.errors import ContextOverflow, ProviderError, ProviderRefused, SwebenchError
from pytest_swebench.providers.limits import retry_after_s
from pytest_swebench.providers.retry import Busy

MAY_CHARGE: Final = frozenset({502, 504, 520, 522, 524})
"""What a gateway answers in the place of an endpoint, which may be at work all the same."""

_OUTAGE: Final = frozenset({429, 503, 529})  # 529: Anthropic's "overloaded"
_ODD_BUT_TRANSIENT: Final = frozenset({408, 409, 425})
_BAD_REQUEST: Final = frozenset({400, 422})
_TOO_LONG_STATUS: Final = frozenset({400, 413, 422, 429})

# The words of Anthropic, OpenAI (chat and responses), vLLM, SGLang, llama.cpp, Ollama, TGI, Gemini, xAI, Moonshot.
_TOO_LONG: Final = re.compile(
    r"context_length_exceeded|exceed_context_size_error|request_too_large|request entity too large"
    r"|prompt is too long|input is too long|maximum (?:context|model|prompt) length|context length is only"
    r"|exceeds? (?:the )?(?:context (?:limit|length|window|size)|maximum context|maximum number of tokens)"
    r"|exceeds? the (?:available|model's) context|exceeds? (?:the )?(?:configured )?limit of [\d,]+ tokens"
    r"|longer than the (?:model's )?context|exceeded model token limit|max_new_tokens` must be <="
    r"|exceeds the maximum number of tokens allowed"
)
# As 429, but no wait helps: one request alone is over the limit a minute.
_OVER_A_MINUTE: Final = re.compile(r"request too large for")
_LIMIT: Final = re.compile(
    r"> (\d[\d,]*)(?: maximum)?|(?:context|model|prompt) length (?:is|of)(?: only)? (\d[\d,]*)"
    r"|context size \((\d[\d,]*)|\"n_ctx\": ?(\d+)|limit of (\d[\d,]*) tokens|must be <= (\d[\d,]*)"
    r"|tokens allowed \((\d[\d,]*)|context length \((\d[\d,]*)|token limit: (\d[\d,]*)"
)
# Key, permission, credit, model or address: nothing that another request of the run has other than this one.
_RUN_WIDE_STATUS: Final = frozenset({401, 402, 403, 404})
_RUN_WIDE: Final = re.compile(
    r"credit balance|model_not_found|model_not_supported|not a valid model|invalid model\b"
    r"|\bmodel\b.{0,100}\b(?:does not exist|not found)"
)
# Although it comes as 403 or 404: what this prompt says, or what this shape of a request needs.
_OF_ONE_REQUEST: Final = re.compile(r"flagged|moderation|that support")
_REFUSES: Final = re.compile(r"unsupported|not supported|does not support|deprecated|not allowed|only the default")
# Parameters that an endpoint may do without. Any complaint about how to shape an answer drops the shape: its form
# is checked here, whoever promises it.
_SHAPE: Final = {
    "response_format": re.compile(r"response_format|response format|json_schema|structured output"),
    "output_config": re.compile(r"output_config|output_format|output format|output config|structured output"),
    "tool_choice": re.compile(r"tool_choice|tool choice"),
}


CACHING: Final = "cache_control"
"""What marks the end of what is to be cached; Anthropic's name, and that of the endpoints that speak its format."""


class ParameterRefused(ProviderRefused):
    """The model does not take `parameter`, and may answer without it."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def status_failure(status: int, message: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> SwebenchError:
    """Return what an HTTP status of 400 or more means for the request whose body was `body`.

    An exhausted quota comes as 429 (`insufficient_quota` in OpenAI's list of error codes), but no wait refills it.
    """
    if "insufficient_quota" in message:
        return ProviderRefused(message, run_wide=True)
    if status in _TOO_LONG_STATUS and too_long(status, message):
        return ContextOverflow(message, limit_tokens(message))
    if status in _BAD_REQUEST and (parameter := refused_parameter(message, body)):
        return ParameterRefused(message, parameter)
    wait_s = retry_after_s(headers)
    asks = "" if wait_s is None else f" (asks to wait {wait_s:g} s)"
    if status in _OUTAGE:
        return Busy(f"{message}{asks}", wait_s or 0.0)
    if 400 <= status < 500 and status not in _ODD_BUT_TRANSIENT:
        return ProviderRefused(message, run_wide=_run_wide(status, message.lower()))
    return ProviderError(f"{message}{asks}")


def _run_wide(status: int, text: str) -> bool:
    """Return whether every other request of the run would be refused as well."""
    if status in _RUN_WIDE_STATUS:
        return not _OF_ONE_REQUEST.search(text)
    return status in _BAD_REQUEST and bool(_RUN_WIDE.search(text))


def too_long(status: int, message: str) -> bool:
    """Return whether the refusal says that the request is longer than the model reads."""
    text = message.lower()
    if status == 429:
        return bool(_OVER_A_MINUTE.search(text))
    return bool(_TOO_LONG.search(text) or _OVER_A_MINUTE.search(text))


def limit_tokens(message: str) -> int:
    """Return how many tokens the model reads, where a refusal for length names it, else 0."""
    match = _LIMIT.search(message)
    return int(match[match.lastindex or 0].replace(",", "")) if match else 0


def refused_parameter(message: str, body: Mapping[str, Any]) -> str:
    """Name the parameter of `body` that the model does not take at all, by the words of its refusal, or "".

    A value out of range is the caller's mistake and stays an error.
    """
    text = message.lower()
    for name, words in _SHAPE.items():
        if name in body and words.search(text):
            return name
    if CACHING in text and CACHING in json.dumps(body.get("messages")):
        return CACHING
    if not _REFUSES.search(text):
        return ""
    if "max_completion_tokens" in text and "max_tokens" in body:
        return "max_tokens"
    return "temperature" if "temperature" in text and "temperature" in body else ""
