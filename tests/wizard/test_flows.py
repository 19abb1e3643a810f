"""The ways through the wizard from its first screen to "Results saved", on a terminal, with nothing replaced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from pytest_swebench.sandbox.images.names import official_name
from tests.cli.test_secrets import files_with
from tests.support.llm_server import LLMServer, ScriptedAnswer, prompt_text
from tests.support.registry import Registry, running_registry
from tests.support.terminal import Terminal
from tests.support.trivial import IMAGE, trivial_image
from tests.wizard.conftest import KEY, ROWS, Start, answer, beside_a_keychain, going_on, to_sources, write_rows
from tests.wizard.screens import check_screen

if TYPE_CHECKING:
    from docker import DockerClient

CLAUDE = [{"id": "claude-3-haiku-20240307"}, {"id": "claude-3-opus-20240229"}]
LLAMA = [{"id": "llama3.2:1b"}, {"id": "mistral:7b-instruct"}]
FEW_KEYS = 21
"""What a person types from the first screen to five graded instances; ten of them spell the name of the file."""


def results(folder: Path) -> dict[str, str]:
    """Return instance -> outcome of the latest run."""
    path = max(folder.glob("results/*/results.jsonl"), key=lambda one: one.stat().st_mtime)
    lines = map(json.loads, path.read_text().splitlines())
    return {line["instance_id"]: line["outcome"] for line in lines if line["type"] == "result"}


def with_dataset(one: Terminal, dataset: str = ROWS, count: str = "") -> Terminal:
    return one.answers("of the hub:", dataset).answers("How many instances?", count)


def to_results(one: Terminal) -> int:
    """Go from the summary to the end, where nothing is run again."""
    one.answers("Press Enter to run now")
    one.sees("EVALUATION SUMMARY", "Results saved to results/", "The same without questions:")
    return one.answers("Press Enter to exit").ends()


def test_ollama_from_first_screen_to_results(start: Start, rows: Path, home: Path) -> None:
    with LLMServer(answer, models=LLAMA, pulls={}) as server:
        one = start(BASE_URL=server.openai_url)
        one.answers("Enter number [2]:")
        to_sources(one, "1")
        one.answers("type a model name to pull:")
        with_dataset(one).answers("Run preflight now? [Y/n]:")
        code = to_results(one)
    assert code == 0
    assert "🤖 Generating patches [----------] 0/5" in one.text
    assert sorted(results(home).values()) == ["resolved"] * 3 + ["unresolved"] * 2
    assert one.keys <= FEW_KEYS
    assert (home / ".env").read_text().splitlines()[:1] == ["SWEBENCH_PROVIDER=ollama"]
    check_screen("ollama", one.shown, home)


def test_failed_ones_are_run_again_and_no_others(start: Start, rows: Path, home: Path) -> None:
    write_rows(rows, IMAGE, count=4)
    with LLMServer(answer, models=LLAMA, pulls={}) as server:
        one = start("setup", BASE_URL=server.openai_url)
        to_sources(one, "1")
        one.answers("type a model name to pull:", "mistral:7b-instruct")
        with_dataset(one).answers("Run preflight now? [Y/n]:", "n")
        one.answers("Press Enter to run now").sees("Results saved")
        asked = len(server.requests)
        server.behave_from_now_on(lambda body: answer({"messages": []}))
        one.answers('type "R" to rerun failed only.', "R").sees("Passed:   1").answers("Press Enter to exit.")
        assert one.ends() == 0
        assert (asked, len(server.requests)) == (4, 5)
    check_screen("again", one.shown, home, first='type "R"', last="Press Enter to exit.")


def test_interrupted_rerun_goes_on_with_nothing_that_had_passed(
    start: Start, rows: Path, home: Path, env: dict[str, str]
) -> None:
    write_rows(rows, IMAGE, count=4)
    asked, let_go = threading.Event(), threading.Event()

    def slow(body: dict[str, Any]) -> ScriptedAnswer:
        asked.set()
        let_go.wait(60)
        return answer({"messages": []})

    with LLMServer(answer) as server:
        kept = {"PROVIDER": "openai", "MODEL": "m", "SWEBENCH_DATASET": ROWS, "BASE_URL": server.openai_url}
        kept |= {"SWEBENCH_PRICE": "0", "SWEBENCH_PREFLIGHT": "0"}
        one = start(**kept).answers("Enter number [2]:", "1").answers("Press Enter to run now.").sees("Results saved")
        server.behave_from_now_on(slow)
        one.answers('type "R" to rerun failed only.', "R")
        assert asked.wait(60)
        one.sees("solve").types("\x03").sees("to go on: ")
        assert one.ends() == 130
        let_go.set()
        server.behave_from_now_on(answer)
        before = len(server.requests)
        done = going_on(one, home, env | kept)
        assert (before, len(server.requests)) == (5, 6), done.stdout + done.stderr
        assert "number 4" in prompt_text(server.requests[-1].body)


def test_anthropic_key_is_kept_in_the_keychain_and_quick_run_uses_it(
    rows: Path, home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """The first screen twice in the same sitting, with a real Secret Service."""
    with LLMServer(answer, models=CLAUDE, key=KEY) as server:
        own = {"SWEBENCH_PROVIDER_URL": server.anthropic_url, "SWEBENCH_PRICE": "0.25,1.25"}
        with beside_a_keychain(home, env | own, tmp_path, '"$@" && "$@"') as one:
            one.answers("Enter number [2]:")
            to_sources(one, "3")
            one.answers("Enter your Anthropic API key", f'  export ANTHROPIC_API_KEY="{KEY}" ').sees(
                "Validating API key"
            )
            one.answers("or part of one:", "1")
            with_dataset(one, count="2").sees('account="anthropic"').answers("Save it? [Y/n]:")
            one.answers("Run preflight now? [Y/n]:", "n").sees("Key: keychain:anthropic", "Cost: estimated $")
            one.answers("Press Enter to run now").sees("Your key is kept").sees("Results saved")
            one.answers("Press Enter to exit").answers("Enter number [2]:", "1").sees(
                "Quick Run will use:", "claude-3-haiku-20240307"
            )
            one.answers("Press Enter to run now.").sees("EVALUATION SUMMARY", "Results saved")
            assert one.answers("Press Enter to exit").ends() == 0
            assert len(server.requests) == 4  # all of them with the key: others are refused
    assert KEY not in one.raw
    assert files_with(tmp_path, KEY) == []
    check_screen("anthropic", one.shown, home, first="🔗 Anthropic at", last="Press Enter to run now")
    check_screen("quick", one.shown, home, first="Quick Run will use:", last="Press Enter to exit")


def test_wrong_hugging_face_token_is_asked_for_again(start: Start, rows: Path, home: Path, tmp_path: Path) -> None:
    models = [
        {"id": f"maker/model-{number}-instruct", "providers": [{"pricing": {"input": 0.1, "output": 0.2}}]}
        for number in range(12)
    ]
    with LLMServer(answer, models=models, key=KEY) as server:
        one = start(SWEBENCH_PROVIDER_URL=server.openai_url).answers("Enter number [2]:")
        to_sources(one, "")
        one.answers("Enter your Hugging Face token", "hf_wrong").sees("HTTP 401", "huggingface.co/settings/tokens")
        one.answers("Enter your Hugging Face token", KEY).sees("... and 3 more")
        one.answers("or part of one:", "maker/model-99-instruct").sees("lists no model", "nearest: 'maker/")
        one.answers("or part of one:", "model 11").sees("1) maker/model-11-instruct")
        one.answers("or part of one:", "1").answers("Price [0.1,0.2]:")
        with_dataset(one, count="1").sees("Your key serves this run only: there is no keychain here")
        one.answers("Run preflight now? [Y/n]:", "n").sees("Key: for this run only")
        assert to_results(one) == 0
        assert {request.body["model"] for request in server.requests} == {"maker/model-11-instruct"}
    assert results(home) == {"trivial__calc-1": "resolved"}
    assert files_with(tmp_path, KEY) == []
    assert KEY not in one.raw
    check_screen("huggingface", one.shown, home, first="🔗 Hugging Face", last="Price [0.1,0.2]:")


def test_openrouter_from_first_screen_to_results_with_a_key(
    start: Start, rows: Path, home: Path, tmp_path: Path
) -> None:
    with LLMServer(answer, key=KEY) as server:
        one = start(BASE_URL=server.openai_url).answers("Enter number [2]:")
        to_sources(one, "5").answers("Enter your OpenRouter API key", KEY).sees("Validating API key... ✔")
        one.answers("or part of one:").answers("Price:", "0")
        with_dataset(one, count="1").answers("Run preflight now? [Y/n]:", "n").sees("OpenRouter at")
        assert to_results(one) == 0
        assert len(server.requests) == 1  # with the key: others are refused
    assert results(home) == {"trivial__calc-1": "resolved"}
    assert files_with(tmp_path, KEY) == []
    assert KEY not in one.raw


@pytest.fixture(scope="module")
def shelves(docker_client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One registry for all: what was pushed once is quickly there under another name."""
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def registry(shelves: Registry) -> Iterator[Registry]:
    yield shelves
    shelves.credentials, shelves.limited = None, 0


Graded = Callable[[str], str]


@pytest.fixture
def graded(docker_client: DockerClient, registry: Registry, home: Path) -> Iterator[Graded]:
    """Publish an image that can grade under a name, and return where to pull it; what was pulled goes afterwards."""
    trivial_image(docker_client)
    pushed: list[str] = []

    def publish(name: str) -> str:
        docker_client.images.get(IMAGE).tag(f"{registry.backend}/{name}", "latest")
        registry.push(docker_client, f"{registry.backend}/{name}:latest")
        pushed.append(name)
        return f"{registry.front}/{name}:latest"

    yield publish
    ids = [name.rpartition(".")[2].partition("made-")[2] for name in pushed]
    for image in docker_client.api.images():
        for tag in image.get("RepoTags") or ():
            if tag.startswith((registry.front, registry.backend)) or any(one in tag for one in ids):
                docker_client.api.remove_image(tag, force=True)


def made() -> str:
    return f"tests__made-{uuid4().hex[:12]}"


def to_preflight(one: Terminal) -> Terminal:
    to_sources(one, "1").answers("type a model name to pull:")
    return with_dataset(one).answers("Run preflight now? [Y/n]:")


def test_denied_image_comes_after_a_login(
    start: Start, registry: Registry, graded: Graded, home: Path, tmp_path: Path
) -> None:
    write_rows(home / ROWS, graded(official_name(made(), "x86_64").removesuffix(":latest")), count=1)
    registry.credentials = ("me", "pass-word")
    with LLMServer(answer, models=LLAMA, pulls={}) as server:
        one = start("setup", BASE_URL=server.openai_url)
        to_preflight(one).sees("❌ Image pull was denied by registry.", "Run: docker login", "Log: ")
        one.sees("Press Enter to apply a fix or Esc to skip.").presses("\r", "Username:").types("me\r")
        one.answers("Password:", "pass-word").sees("Login Succeeded")
        one.answers("Retry preflight? [Y/n]:").sees("Preflight: ready.", "Harness: Ready")
        assert to_results(one) == 0
    assert set(results(home).values()) == {"resolved"}
    assert "pass-word" not in one.raw
    check_screen("denied", one.shown, home, first="❌ Image pull was denied", last="Retry preflight?")


def test_missing_arm_image_comes_from_another_place(
    start: Start, registry: Registry, graded: Graded, home: Path
) -> None:
    name = made()
    graded(f"mirror/swe-bench.eval.arm64.{name}")
    write_rows(home / ROWS, official_name(name, "x86_64"), count=1)
    place = f"{registry.front}/mirror/swe-bench.eval.{{arch}}.{{id}}"
    with LLMServer(answer, models=LLAMA, pulls={}) as server:
        arm = {"DOCKER_DEFAULT_PLATFORM": "linux/arm64", "SWEBENCH_DOCKER_NAMESPACE": f"{registry.front}/none"}
        one = start("setup", BASE_URL=server.openai_url, **arm)
        to_preflight(one).sees("❌ The image is in no registry that was asked.", "Esc to skip.")
        one.presses("\r", "SWEBENCH_DOCKER_NAMESPACE (blank: none):").types(f"{place}\r")
        one.answers("Retry preflight? [Y/n]:")
        one.sees("Preflight: ready.", "Harness: Ready")
        assert to_results(one) == 0
    assert registry.took("/none/sweb.eval.arm64.", 404, "HEAD")
    assert set(results(home).values()) == {"resolved"}
    check_screen("missing", one.shown, home, first="❌ The image is in no registry", last="Retry preflight?")


def test_registry_that_limits_its_rate_is_waited_for(
    start: Start, registry: Registry, graded: Graded, home: Path
) -> None:
    write_rows(home / ROWS, graded(official_name(made(), "x86_64").removesuffix(":latest")), count=1)
    registry.limited = 10**6
    with LLMServer(answer, models=LLAMA, pulls={}) as server:
        one = start("setup", BASE_URL=server.openai_url)
        to_preflight(one).sees("❌ The registry limits its rate.", "Esc to skip.").presses("2", "Retry preflight?")
        registry.limited = 0
        one.answers("[Y/n]:").sees("Preflight: ready.", "Harness: Ready")
        assert to_results(one) == 0
    assert set(results(home).values()) == {"resolved"}
    check_screen("limited", one.shown, home, first="❌ The registry limits", last="Log: ")


def test_preflight_that_is_given_up_saves_the_answers_and_runs_nothing(
    start: Start, registry: Registry, rows: Path, home: Path
) -> None:
    write_rows(rows, f"{registry.front}/{official_name(made(), 'x86_64')}", count=1)
    with LLMServer([ScriptedAnswer("no")], models=LLAMA, pulls={}) as server:
        one = start("setup", BASE_URL=server.openai_url)
        to_preflight(one).sees("❌ The image is in no registry", "Esc to skip.")
        one.presses("\x1b", "Enter number [1]:").types("\r").sees("Esc to skip.")
        one.presses("\x1b", "Enter number [1]:").types("2\r").sees("Harness: not ready", "Later: swebench-runner quick")
        assert one.ends() == 0
        assert server.requests == []
    assert "SWEBENCH_MODEL=llama3.2:1b" in (home / ".env").read_text()
