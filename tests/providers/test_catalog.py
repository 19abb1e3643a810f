"""Live lists of models, from both kinds of endpoints, and what a typed id means in them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.errors import InputError, ProviderError, ProviderRefused
from pytest_swebench.providers.catalog import Model, check_model, list_models
from pytest_swebench.providers.registry import PROVIDERS, ProviderSpec
from pytest_swebench.secrets import Key, find_key
from tests.support.asking import KEY
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status

CLAUDES: list[dict[str, Any]] = [
    {"id": "claude-sonnet-9-20300101", "max_input_tokens": 200_000, "lifecycle": "active"},
    {"id": "claude-opus-9-20300101", "max_input_tokens": None},
    {"id": "claude-haiku-9-20300101"},
    {"id": "claude-old-1-20200101", "lifecycle": "retired"},
    {"id": "claude-older", "lifecycle": "deprecated"},
]
ROUTED: list[dict[str, Any]] = [
    {
        "id": "moonshotai/kimi-k9",
        "context_length": 262_144,
        "pricing": {"prompt": "0.0000006", "completion": "0.0000025"},
    },
    {"id": "openrouter/auto", "context_length": 2_000_000, "pricing": {"prompt": "-1", "completion": "-1"}},
    {
        "id": "org/served-twice",
        "providers": [
            {"provider": "a", "context_length": 32_000, "pricing": {"input": 0.5, "output": 2}},
            {"provider": "b", "context_length": 64_000, "pricing": {"input": 0.4, "output": 3}},
            {"provider": "c", "pricing": None},
        ],
    },
    {"id": "plain", "max_model_len": 8192, "context_length": "many", "pricing": {"prompt": "free"}},
    {"id": "llama9:latest"},
    {"id": "llama9:70b"},
]


def key(spec: ProviderSpec) -> Key:
    return Key(KEY, "env:LLM_API_KEY")


def serving(models: list[dict[str, Any]], page: int = 1000) -> LLMServer:
    return LLMServer([ScriptedAnswer("never asked")], key=KEY, models=models, page=page)


@pytest.mark.parametrize("page", [1, 2, 5, 1000])
def test_all_pages_of_anthropic_are_listed_in_order_without_retired_models(page: int) -> None:
    with serving(CLAUDES, page) as server:
        found = list_models("anthropic", base_url=server.anthropic_url, find_key=key)
    assert [model.id for model in found] == [
        "claude-haiku-9-20300101",
        "claude-older",
        "claude-opus-9-20300101",
        "claude-sonnet-9-20300101",
    ]
    assert found[-1].context_tokens == 200_000


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "anthropic"])
def test_every_other_provider_lists_its_models_with_what_it_tells_of_them(name: str) -> None:
    with serving(ROUTED) as server:
        found = list_models(name, base_url=server.openai_url, find_key=key)
    assert found == [
        Model("llama9:70b"),
        Model("llama9:latest"),
        Model("moonshotai/kimi-k9", 262_144, 0.6, 2.5),
        Model("openrouter/auto", 2_000_000),
        Model("org/served-twice", 64_000, 0.4, 2),
        Model("plain", 8192),
    ]


def test_search_wants_all_words_in_any_case() -> None:
    with serving(ROUTED) as server:
        found = list_models("openrouter", base_url=server.openai_url, find_key=key, search="K9 moonshot")
        nothing = list_models("openrouter", base_url=server.openai_url, find_key=key, search="k9 claude")
    assert [model.id for model in found] == ["moonshotai/kimi-k9"]
    assert nothing == []


@pytest.mark.parametrize("name", ["anthropic", "openrouter"])
def test_key_that_is_not_taken_is_named_by_its_source_and_not_shown(name: str) -> None:
    with LLMServer([ScriptedAnswer("")], key="another key") as server:
        url = server.anthropic_url if name == "anthropic" else server.openai_url
        with pytest.raises(ProviderRefused, match=r"HTTP 401.*does not take the key from env:LLM_API_KEY") as caught:
            list_models(name, base_url=url, find_key=key)
    assert KEY not in str(caught.value)


def test_missing_key_and_unknown_provider_are_bad_input() -> None:
    with pytest.raises(InputError, match="OPENROUTER_API_KEY"):
        list_models("openrouter", find_key=lambda spec: find_key(spec, {}))
    with pytest.raises(InputError, match="did you mean 'openrouter'"):
        list_models("openruter", find_key=key)


def test_endpoint_that_wants_a_key_and_got_none_says_so() -> None:
    with serving(ROUTED) as server, pytest.raises(ProviderRefused, match="no key was sent; set LLM_API_KEY"):
        list_models("ollama", base_url=server.openai_url, find_key=lambda spec: None)


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_endpoint_that_is_not_there_is_an_error_at_once(name: str) -> None:
    with serving([]) as server:
        url = server.anthropic_url if name == "anthropic" else server.openai_url
    with pytest.raises(ProviderError, match="refused"):
        list_models(name, base_url=url, find_key=key)


def test_address_that_lists_no_models_is_told() -> None:
    with serving(ROUTED) as server, pytest.raises(ProviderRefused, match=r"HTTP 404.*no such path"):
        list_models("openai", base_url=f"{server.url}/elsewhere", find_key=key)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Status(200, "<html>Welcome</html>", content_type="text/html"), "models is not JSON"),
        (Status(200, {}), "not a list of models"),
        (Status(200, {"data": {"id": "m-1"}}), "not a list of models"),
        (Status(200, {"data": [], "has_more": True}), "more models than '' and does not name them"),
        (Status(503), "HTTP 503"),
    ],
)
@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_answer_that_is_no_list_is_an_error(name: str, answer: Status, words: str) -> None:
    with LLMServer([ScriptedAnswer("")], models=answer) as server:
        url = server.anthropic_url if name == "anthropic" else server.openai_url
        with pytest.raises(ProviderError, match=words):
            list_models(name, base_url=url, find_key=key)


def test_entries_that_are_none_are_left_out() -> None:
    models = Status(200, {"data": [{"id": "m-1"}, "m-2", {"name": "m-3"}, {"id": None}]})
    with LLMServer([ScriptedAnswer("")], models=models) as server:
        assert list_models("openai", base_url=server.openai_url, find_key=key) == [Model("m-1")]
        models.body["data"] = None  # as an Ollama without models answers
        assert list_models("ollama", base_url=server.openai_url, find_key=key) == []


def test_empty_list_is_no_error() -> None:
    with serving([]) as server:
        assert list_models("anthropic", base_url=server.anthropic_url, find_key=key) == []
        assert list_models("ollama", base_url=server.openai_url, find_key=key) == []


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("openrouter", "moonshotai/kimi-k9"),
        ("openrouter", "moonshotai/kimi-k9:nitro"),
        ("huggingface", "org/served-twice:b"),
        ("ollama", "llama9"),
        ("ollama", "llama9:70b"),
    ],
)
def test_ids_that_stand_for_a_listed_model_are_taken(name: str, model: str) -> None:
    with serving(ROUTED) as server:
        check_model(name, model, base_url=server.openai_url, find_key=key)


@pytest.mark.parametrize("model", ["claude-sonnet-9", "claude-sonnet-9-latest", "claude-sonnet-9-20300101"])
def test_names_without_a_date_stand_for_dated_ones(model: str) -> None:
    with serving(CLAUDES) as server:
        check_model("anthropic", model, base_url=server.anthropic_url, find_key=key)


@pytest.mark.parametrize(
    ("name", "model", "nearest"),
    [
        ("openrouter", "moonshotai/kimi-k8", "'moonshotai/kimi-k9'"),
        ("openrouter", "kimi", "'moonshotai/kimi-k9'"),
        ("ollama", "llama9:8b", "'llama9:70b'"),
        ("ollama", "plain:latest", "'plain'"),
        ("openai", "plain:fast", "'plain'"),
        ("openai", "zzz", r"\(none\)"),
    ],
)
def test_unknown_model_is_refused_with_the_nearest(name: str, model: str, nearest: str) -> None:
    with serving(ROUTED) as server, pytest.raises(InputError, match=f"nearest: .*{nearest}") as caught:
        check_model(name, model, base_url=server.openai_url, find_key=key)
    assert f"lists no model '{model}'" in str(caught.value)
    assert f"swebench-runner models {name}" in str(caught.value)
