"""Single pages of setup, up to where it is left again; nothing is run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.wizard.ready import can_run
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.terminal import Terminal
from tests.wizard.conftest import KEY, Start, answer, to_sources, write_rows

NO = [ScriptedAnswer("no")]
LLAMA = [{"id": "llama3.2:1b"}]


def leave(one: Terminal, home: Path) -> None:
    """Press Ctrl-C, after which nothing is there that was not before."""
    one.types("\x03")
    assert one.ends() == 130
    assert one.text.rstrip().endswith("interrupted")
    assert "Traceback" not in one.text
    assert [path.name for path in home.iterdir() if path.name != "results"] == []


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [("Press Enter to continue.", "")] * 2,
        [*[("Press Enter to continue.", "")] * 2, ("Enter number [2]:", "4")],
        [
            *[("Press Enter to continue.", "")] * 2,
            ("Enter number [2]:", "1"),
            ("to pull:", ""),
            ("of the hub:", "demo"),
        ],
    ],
    ids=["welcome", "sources", "key", "count"],
)
def test_ctrl_c_leaves_nothing_half_written(start: Start, home: Path, questions: list[tuple[str, str]]) -> None:
    with LLMServer(NO, models=LLAMA, pulls={}) as server:
        one = start("setup", BASE_URL=server.openai_url)
        for words, typed in questions:
            one.answers(words, typed)
        last = {0: "continue.", 2: "Enter number [2]:", 3: "API key", 5: "How many instances?"}[len(questions)]
        leave(one.sees(last), home)


def test_ctrl_c_at_the_summary_saves_nothing(start: Start, home: Path) -> None:
    with LLMServer(NO, models=LLAMA, pulls={}) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url), "1").answers("to pull:")
        one.answers("of the hub:", "demo").answers("How many instances?", "all")
        leave(one.sees("Count: 13", "Press Enter to run now"), home)
        assert server.requests == []


def test_failing_check_has_its_fix_and_can_be_looked_at_again(start: Start, home: Path) -> None:
    one = start("setup", DOCKER_HOST=f"unix://{home}/none.sock")
    one.answers("Press Enter to continue.").sees("• Docker engine: nothing answers at", "✖", "fix: start that engine")
    one.answers("or type c to check again.", "c").sees("✖").answers("or type c to check again.")
    leave(one.sees("Select a compute source:"), home)


def test_key_in_the_environment_is_tried_and_no_other_is_asked_for(start: Start, home: Path) -> None:
    with LLMServer(NO, key=KEY) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url, OPENAI_API_KEY=KEY), "4")
        one.sees("Your key: env:OPENAI_API_KEY.", "Validating API key... ✔", "1) scripted-model")
        leave(one.sees("or part of one:"), home)


def test_wrong_key_in_the_environment_is_replaced_for_the_run(start: Start, home: Path) -> None:
    with LLMServer(NO, key=KEY) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url, LLM_API_KEY="sk-wrong-0123"), "4")
        one.sees("Your key: env:LLM_API_KEY.", "HTTP 401").answers("Enter your OpenAI API key", "   ")
        one.sees("Fetching the list of models... ✖")  # a server of one's own may want none
        one.answers("Model id", "scripted-model").answers("Price:", "nonsense").sees("nonsense").answers("Price:", "0")
        one.answers("of the hub:", "demo").answers("How many instances?", "1").sees("Compute: OpenAI at")
        leave(one.sees("Press Enter to run now"), home)


def test_typed_key_takes_the_place_of_a_wrong_one(start: Start, home: Path) -> None:
    with LLMServer(answer, key=KEY) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url, LLM_API_KEY="sk-wrong-0123"), "4")
        one.answers("Enter your OpenAI API key", "two words\t\u00e4").sees("characters outside ASCII")
        one.answers("Enter your OpenAI API key", KEY).sees("Validating API key... ✔").answers("or part of one:")
        one.answers("Price:", "0").answers("of the hub:", "demo").answers("How many instances?", "1")
        one.sees("serves this run only").answers("Press Enter to run now").sees("Results saved")
        one.answers("Press Enter to exit").ends()
        assert len(server.requests) == 1  # taken: without the right key it is refused
    assert KEY not in (home / ".env").read_text()


def test_other_server_is_asked_at_its_address(start: Start, home: Path) -> None:
    with LLMServer(NO, models=[{"id": "own-model"}]) as server:
        one = to_sources(start("setup"), "7").answers("Its address", "localhost").sees("begins with http://")
        one.answers("Its address", f"{server.openai_url}/").answers("Enter for none)", "")
        one.answers("or part of one:").answers("Price:", "0")
        one.answers("of the hub:", "demo").answers("How many instances?", "1")
        leave(one.sees(f"Compute: OpenAI at {server.openai_url} → own-model"), home)


def test_server_without_a_list_gets_the_model_that_is_typed(start: Start, home: Path) -> None:
    with LLMServer(NO, models=Status(404)) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url), "4").answers("Enter for none)", KEY)
        one.sees("It could not be tried:", "HTTP 404", "lists no models").answers("Model id", "").sees("needs a model")
        leave(one.answers("Model id", "any").sees("Price:"), home)


def test_server_that_fails_is_asked_again(start: Start, home: Path) -> None:
    with LLMServer(NO, models=Status(400), key=KEY) as server:
        server.models = Status(500)
        one = to_sources(start("setup", BASE_URL=server.openai_url, LLM_API_KEY=KEY), "4")
        one.sees("HTTP 500", "Press Enter to try again")
        server.models = [{"id": "at-last"}]
        leave(one.types("\r").sees("1) at-last"), home)


def test_openrouter_lists_its_models_without_a_key(start: Start, home: Path) -> None:
    with LLMServer(NO) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url), "5").answers("Enter for none)", "")
        one.answers("or part of one:").answers("Price:", "0").answers("of the hub:", "demo")
        leave(one.answers("How many instances?", "1").sees("OpenRouter at"), home)


def test_run_needs_a_key_only_at_the_addresses_of_providers() -> None:
    assert not can_run("openrouter", "", has_key=False)
    assert not can_run("openrouter", PROVIDERS["openrouter"].base_url, has_key=False)
    assert can_run("openrouter", "http://localhost:1/v1", has_key=False)
    assert can_run("openrouter", "", has_key=True)
    assert not can_run("anthropic", "http://localhost:1", has_key=False)
    assert can_run("ollama", "", has_key=False)


def test_ollama_pulls_a_typed_model(start: Start, home: Path) -> None:
    steps = [
        {"status": "pulling manifest"},
        {"status": "pulling abc", "total": 5_000_000, "completed": 2_000_000},
        {"status": "success"},
    ]
    named, unnamed = Status(400, {"error": "invalid model name"}), Status(502, "out of order")
    pulls = {"tiny:1b": steps, "cut:1b": steps[:1], "a b": named, "c": unnamed}
    with LLMServer(NO, models=(), pulls=pulls) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url), "1").sees("It has no models yet.")
        one.answers("Type a model name to pull", "no-such").sees("cannot pull 'no-such'", "file does not exist")
        one.answers("Type a model name to pull", "a b").sees("HTTP 400: invalid model name")
        one.answers("Type a model name to pull", "c").sees("HTTP 502: out of order")
        one.answers("Type a model name to pull", "cut:1b").sees("broke off; its last word was 'pulling manifest'")
        one.answers("Type a model name to pull", "tiny:1b").sees("pulling abc 2 of 5 MB", "success")
        leave(one.sees("✔", "Pick a dataset:"), home)


def test_ollama_that_does_not_run_is_waited_for(start: Start, home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    one = to_sources(start("setup", BASE_URL=f"http://127.0.0.1:{port}/v1"), "1")
    one.sees("No Ollama answers at", "ollama serve", "Press Enter to look again")
    with LLMServer(NO, models=LLAMA, pulls={}, port=port):
        leave(one.types("\r").answers("to pull:", "llama3.2:1b").sees("Pick a dataset:"), home)


def test_dataset_that_is_none_or_out_of_reach_is_told_and_asked_for_again(start: Start, home: Path) -> None:
    with LLMServer(NO, models=LLAMA, pulls={}) as server:
        one = to_sources(start("setup", BASE_URL=server.openai_url, HF_ENDPOINT="http://127.0.0.1:9"), "1")
        one.answers("to pull:").answers("of the hub:", "litee").sees("did you mean 'lite'")
        one.answers("of the hub:").sees("Loading lite... ✖", "cannot reach the hub")
        one.answers("of the hub:", "nowhere.jsonl").sees("nowhere.jsonl").answers("of the hub:", "demo")
        one.sees("13 instances").answers("How many instances? [5]:", "many").sees("'many': give a number, or all.")
        leave(one.answers("How many instances? [5]:", " ").sees("Count: 13"), home)


def test_known_answers_are_offered_and_fewer_questions_asked(start: Start, home: Path) -> None:
    with LLMServer(NO, models=[{"id": "a-model"}, {"id": "kept"}]) as server:
        kept = {"PROVIDER": "openai", "MODEL": "kept", "SWEBENCH_DATASET": "demo", "MAX_INSTANCES": "3"}
        one = start("setup", BASE_URL=server.openai_url, LLM_API_KEY=KEY, SWEBENCH_PRICE="0", **kept)
        one.sees("Network: OK").answers("Enter number [7]:").answers("Its address").answers("or part of one:")
        one.answers("of the hub:").answers("How many instances? [3]:").sees("→ kept", "Dataset: demo", "Count: 3")
        assert "Press Enter to continue" not in one.text
        leave(one.sees("Press Enter to run now"), home)


def test_run_above_ten_dollars_is_asked_about_and_not_begun_by_enter(start: Start, home: Path) -> None:
    with LLMServer(NO) as server:
        dear = {"BASE_URL": server.openai_url, "LLM_API_KEY": KEY, "SWEBENCH_PRICE": "9000,9000"}
        one = to_sources(start("setup", **dear), "4").answers("or part of one:")
        one.answers("of the hub:", "demo").answers("How many instances?", "1").sees(
            "Cost: estimated $", "more than $10"
        )
        one.answers("Run it all the same? [y/N]:").sees("Saved for the next run: .env", "Later: swebench-runner quick")
        assert one.ends() == 0
        one = start(**dear).answers("Enter number [2]:", "1").answers("Press Enter to run now.")
        assert one.answers("Run it all the same? [y/N]:").ends() == 0
        assert server.requests == []
    assert not (home / "results").exists()


def test_preflight_may_be_switched_off_or_its_failure_run_over(start: Start, home: Path) -> None:
    write_rows(home / "rows.jsonl", "acme/none:1", count=1)
    with LLMServer(NO, models=LLAMA, pulls={}) as server:
        without = {"BASE_URL": server.openai_url, "DOCKER_HOST": f"unix://{home}/none.sock"}
        one = to_sources(start("setup", **without, SWEBENCH_PREFLIGHT="0"), "1").answers("to pull:")
        one.answers("of the hub:", "rows.jsonl").answers("How many instances?")
        assert one.sees("Harness: preflight is switched off", "Press Enter to run now").types("\x03").ends() == 130
        one = to_sources(start("setup", **without), "1").answers("to pull:").answers("of the hub:", "rows.jsonl")
        one.answers("How many instances?").answers("Run preflight now?").sees("Esc to skip.")
        one.presses("\x1b", "Enter number [1]:").types("3\r").sees("Harness: not ready: Docker is not running.")
        assert one.sees("Press Enter to run now").types("\x03").ends() == 130
        assert server.requests == []


def test_answers_that_the_environment_overrules_are_told(start: Start, home: Path) -> None:
    with LLMServer(NO, models=[{"id": "one"}, {"id": "two"}]) as server:
        kept = {"PROVIDER": "openai", "MODEL": "one", "SWEBENCH_PRICE": "9000,9000", "LLM_API_KEY": KEY}
        one = start("setup", BASE_URL=server.openai_url, **kept).answers("Enter number [7]:").answers("Its address")
        one.answers("or part of one:", "2").answers("of the hub:", "demo").answers("How many instances?", "1")
        one.answers("Run it all the same? [y/N]:").sees("note: env:MODEL comes before it")
        assert one.ends() == 0
        (home / ".env").unlink()
        (home / ".env").mkdir()
        one = start("setup", BASE_URL=server.openai_url, **kept).answers("Enter number [7]:").answers("Its address")
        one.answers("or part of one:", "two").answers("of the hub:", "demo").answers("How many instances?", "1")
        one.answers("Run it all the same? [y/N]:").sees("Your answers are not saved: .env: is a folder")
        assert one.ends() == 0
