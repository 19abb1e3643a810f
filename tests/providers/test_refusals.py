"""What refusals say: too long, by how much, or something else."""

from __future__ import annotations

import pytest

from pytest_swebench.errors import ContextOverflow, ProviderError, ProviderRefused
from pytest_swebench.providers.protocol import StopReason
from pytest_swebench.providers.refusals import status_failure
from pytest_swebench.providers.retry import Busy
from tests.support.asking import FINE, ask
from tests.support.llm_server import ScriptedAnswer, Status, bad_request

TOO_LONG = [
    (400, "prompt is too long: 210,052 tokens > 200,000 maximum", 200_000),
    (400, "prompt is too long: 210052 tokens > 200000 maximum", 200_000),
    (
        400,
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length",
        200_000,
    ),
    (413, "request_too_large: Request exceeds the maximum size", 0),
    (
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        8192,
    ),
    (400, "Your input exceeds the context window of this model. Please adjust your input and try again.", 0),
    (400, "Input tokens exceed the configured limit of 272,000 tokens. Your messages resulted in 300001.", 272_000),
    (
        400,
        "You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only "
        "1024 tokens, resulting in a maximum input length of 1014 tokens.",
        1024,
    ),
    (400, "The input (40960 tokens) is longer than the model's context length (32768 tokens).", 32_768),
    (400, "Requested token count exceeds the model's maximum context length of 32768 tokens.", 32_768),
    (400, "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096),
    (400, "the input length exceeds the context length", 0),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000", 4096),
    (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", 1_048_576),
    (400, "This model's maximum prompt length is 131072 but the request contains 150000 tokens.", 131_072),
    (400, "Invalid request: Your request exceeded model token limit: 262144", 262_144),
    (
        429,
        "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000.",
        0,
    ),
    (413, "Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested 7000", 0),
]


@pytest.mark.parametrize(("code", "message", "limit_tokens"), TOO_LONG)
def test_request_longer_than_the_model_reads_is_told_with_the_limit(code: int, message: str, limit_tokens: int) -> None:
    asked = ask("openai", [Status(code, {"error": {"message": message}}), FINE])
    assert isinstance(asked.outcome, ContextOverflow)
    assert asked.outcome.limit_tokens == limit_tokens
    assert len(asked.requests) == 1


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_code_alone_tells_of_a_long_request(kind: str) -> None:
    asked = ask(kind, [bad_request("Please shorten it.", code="context_length_exceeded"), FINE])
    assert isinstance(asked.outcome, ContextOverflow)
    assert asked.outcome.limit_tokens == 0


def test_number_of_llama_cpp_is_found_in_its_own_field() -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "message": "too big", "n_prompt_tokens": 9, "n_ctx": 4}
    asked = ask("openai", [Status(400, {"error": error})])
    assert isinstance(asked.outcome, ContextOverflow)
    assert asked.outcome.limit_tokens == 4


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model",
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "tools.0.name: String should have at most 64 characters",
        "Invalid 'messages': array too long. Expected an array with maximum length 2048",
    ],
)
def test_other_things_too_long_are_no_overflow(message: str) -> None:
    asked = ask("anthropic", [bad_request(message)])
    assert isinstance(asked.outcome, ProviderRefused)
    assert not isinstance(asked.outcome, ContextOverflow)


def test_ordinary_rate_limit_that_speaks_of_context_is_waited_out() -> None:
    message = "Number of input tokens over the maximum context length is limited to 1000 a minute"
    asked = ask("anthropic", [*[Status(429, {"error": {"message": message}})] * 4, FINE])
    assert asked.answer.text == "Because."


def test_answer_that_filled_the_context_is_cut_and_no_error() -> None:
    full = ScriptedAnswer("So far", stop="model_context_window_exceeded")
    assert ask("anthropic", [full]).answer.stop_reason is StopReason.MAX_TOKENS


def test_wait_counts_from_the_servers_clock() -> None:
    headers = {"Retry-After": "Wed, 21 Oct 2065 07:28:00 GMT", "Date": "Wed, 21 Oct 2065 07:27:30 GMT"}
    failure = status_failure(503, "down", headers, {})
    assert isinstance(failure, Busy)
    assert failure.retry_after_s == 30


def test_status_without_meaning_counts_as_a_bad_answer() -> None:
    asked = ask("openai", [Status(599)])
    assert isinstance(asked.outcome, ProviderError)
    assert len(asked.requests) == 3


@pytest.mark.parametrize(
    ("code", "message", "run_wide"),
    [
        (401, "Incorrect API key provided", True),
        (402, "Insufficient credits", True),
        (403, "Country, region, or territory not supported", True),
        (403, "anthropic requires moderation. Your input was flagged for violence", False),
        (404, "The model `m-1` does not exist or you do not have access to it", True),
        (404, "No endpoints found that support tool use", False),
        (429, "You exceeded your current quota (insufficient_quota)", True),
        (400, "Your credit balance is too low to access this API", True),
        (400, "openai/m-1 is not a valid model ID", True),
        (400, "messages: at least one message is required", False),
        (413, "request too large", False),
        (400, "prompt is too long: 9 tokens > 8 maximum", False),
    ],
)
def test_what_every_request_of_a_run_would_meet_is_told_from_what_this_one_did(
    code: int, message: str, run_wide: bool
) -> None:
    asked = ask("openai", [Status(code, {"error": {"message": message}}), FINE])
    assert isinstance(asked.outcome, ProviderRefused)
    assert asked.outcome.run_wide is run_wide
    assert len(asked.requests) == 1
