from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import ReplayMiss
from pytest_swebench.providers.cassette import Cassette, CassetteMode
from pytest_swebench.providers.protocol import Message, Provider, Request, StopReason, Tool
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.redact import REDACTED, Redactor
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.profile import DockerOptions
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.llm_server import Behaviour, LLMServer, ScriptedAnswer

RECORD, REPLAY, ONCE = CassetteMode.RECORD, CassetteMode.REPLAY, CassetteMode.ONCE
SECRET = "sk-recorded-0123456789"
BASH = Tool("bash", "Run a command.", {"type": "object", "properties": {"command": {"type": "string"}}})
# What each prints differs from run to run; what each does to the working copy does not.
COMMANDS = (
    "cat src/core.py; date +%s%N",
    "sed -i 's/a - b/a + b/' src/core.py; echo $RANDOM$RANDOM$RANDOM",
    "git diff --stat; cat /proc/sys/kernel/random/uuid; exit 3",
)


def script(body: dict[str, Any]) -> Behaviour:
    """Have the model run COMMANDS, one a turn, and then end."""
    done = sum(
        part.get("role") == "tool" or "tool_result" in json.dumps(part.get("content")) for part in body["messages"]
    )
    if done < len(COMMANDS):
        return ScriptedAnswer(f"Step {done + 1}.", (("bash", {"command": COMMANDS[done]}),))
    return ScriptedAnswer("Fixed.")


def agent(provider: Provider, sandbox: Sandbox) -> tuple[list[Message], str]:
    """Let a model run commands until it ends; return the conversation and the patch."""
    messages = [Message("user", "Fix add.")]
    while True:
        answer = provider.complete(Request(model="m-1", messages=tuple(messages), tools=(BASH,)), timeout_s=30)
        messages.append(Message("assistant", answer.text, answer.tool_calls))
        if answer.stop_reason is StopReason.END:
            return messages, sandbox.diff()
        for call in answer.tool_calls:
            result = sandbox.run(call.arguments["command"], timeout_s=30)
            messages.append(Message("tool", f"{result.exit_code}\n{result.output}", tool_call_id=call.id))


def nobody() -> Provider:
    raise AssertionError("a cassette that is replayed made a provider")


@pytest.fixture
def opened(local_instance: Instance) -> Iterator[Callable[[], Sandbox]]:
    backend = LocalBackend()
    yield lambda: backend.open(local_instance)
    backend.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "rep1.jsonl"


@pytest.fixture
def record(path: Path, opened: Callable[[], Sandbox]) -> Callable[..., list[str]]:
    """Record commands and return what they printed."""

    def record(*commands: str, secrets: tuple[str, ...] = (), stdin: bytes = b"") -> list[str]:
        cassette = Cassette(path, RECORD, Redactor(secrets))
        sandbox = cassette.sandbox(opened())
        outputs = [sandbox.run(command, timeout_s=30, stdin=stdin).output for command in commands]
        assert cassette.close() == []
        return outputs

    return record


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_agent_goes_its_way_again_with_the_endpoint_gone(kind: str, path: Path, opened: Callable[[], Sandbox]) -> None:
    with LLMServer(script) as server:
        url = server.anthropic_url if kind == "anthropic" else server.openai_url
        live = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-1"})
        cassette = Cassette(path, RECORD, Redactor())
        recorded = agent(cassette.provider(lambda: live), cassette.sandbox(opened()))
        live.close()
        assert (cassette.close(), len(server.requests)) == ([], 4)
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds == ["model", "command"] * 3 + ["model", "end"]
    again = Cassette(path, REPLAY, Redactor())
    assert agent(again.provider(nobody), again.sandbox(opened())) == recorded
    assert again.close() == []
    assert "+    return a + b" in recorded[1]


def test_agent_that_was_cut_short_is_led_to_where_it_was(path: Path, opened: Callable[[], Sandbox]) -> None:
    with LLMServer(script) as server:

        def live() -> Provider:
            return make_provider("openai", base_url=server.openai_url, env={"LLM_API_KEY": "test-key-1"})

        cassette = Cassette(path, RECORD, Redactor())
        whole = agent(cassette.provider(live), cassette.sandbox(opened()))
        cassette.close()
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:4]))  # two answers, and the outputs of two commands
        again = Cassette(path, ONCE, Redactor())
        conversation, patch = agent(again.provider(live), again.sandbox(opened()))
        assert (again.close(), len(server.requests)) == ([], 4 + 2)
    assert (conversation[:5], patch) == (whole[0][:5], whole[1])


def test_recorded_step_says_all_of_a_command(path: Path, record: Callable[..., list[str]]) -> None:
    record("cat; exit 7", stdin=b"in\n")
    step = json.loads(path.read_text().splitlines()[0])
    assert {name: step[name] for name in ("step", "kind", "command", "exit_code", "output", "timed_out")} == {
        "step": 1,
        "kind": "command",
        "command": "cat; exit 7",
        "exit_code": 7,
        "output": "in\n",
        "timed_out": False,
    }
    assert step["duration_s"] > 0


@pytest.mark.parametrize(
    ("command", "stdin", "expected"),
    [
        ("touch other", b"", "step 2 differs from its cassette {path!r}: the command at character 6: recorded 'two'"),
        ("touch two", b"x", "step 2 differs from its cassette {path!r}: the command its standard input"),
    ],
)
def test_another_command_is_named_and_not_run(
    path: Path,
    record: Callable[..., list[str]],
    opened: Callable[[], Sandbox],
    command: str,
    stdin: bytes,
    expected: str,
) -> None:
    record("touch one", "touch two")
    sandbox = Cassette(path, REPLAY, Redactor()).sandbox(opened())
    sandbox.run("touch one", timeout_s=30)
    with pytest.raises(ReplayMiss) as caught:
        sandbox.run(command, timeout_s=30, stdin=stdin)
    assert expected.format(path=str(path)) in str(caught.value)
    assert sorted(Path(sandbox.workdir).glob("o*")) == [Path(sandbox.workdir, "one")]


def test_command_beyond_the_end_is_named_and_not_run(
    path: Path, record: Callable[..., list[str]], opened: Callable[[], Sandbox]
) -> None:
    record("true")
    sandbox = Cassette(path, REPLAY, Redactor()).sandbox(opened())
    sandbox.run("true", timeout_s=30)
    with pytest.raises(ReplayMiss, match="step 2, a command, is not on cassette"):
        sandbox.run("touch more", timeout_s=30)
    assert not Path(sandbox.workdir, "more").exists()


def test_other_exit_codes_are_told_and_the_recorded_ones_given(
    path: Path, record: Callable[..., list[str]], opened: Callable[[], Sandbox]
) -> None:
    record("true", "test -e later", "test -e later")
    cassette = Cassette(path, REPLAY, Redactor())
    sandbox = cassette.sandbox(opened())
    sandbox.write({"later": b""})
    assert [sandbox.run(command, timeout_s=30).exit_code for command in ("true", *["test -e later"] * 2)] == [0, 1, 1]
    assert cassette.close() == [
        "2 of the commands ended with another exit code than recorded, the first is step 2, 'test -e later': "
        "recorded 1, now 0"
    ]


def test_commands_nobody_asked_for_are_told(path: Path, record: Callable[..., list[str]]) -> None:
    record("true")
    assert Cassette(path, REPLAY, Redactor()).close() == [
        f"1 recorded step not asked for, the first is step 1 of cassette {str(path)!r}"
    ]


def test_secret_in_a_command_or_its_output_is_not_written_and_does_not_hinder_replay(
    path: Path, record: Callable[..., list[str]], opened: Callable[[], Sandbox]
) -> None:
    command = f"echo {SECRET}; cat"
    assert record(command, secrets=(SECRET,), stdin=SECRET.encode()) == [f"{SECRET}\n{SECRET}"]
    assert SECRET not in path.read_text()
    for redactor, said, given in (
        (Redactor([SECRET]), command, SECRET.encode()),
        (Redactor(), command, SECRET.encode()),
        (Redactor(), f"echo {REDACTED}; cat", REDACTED.encode()),
    ):
        sandbox = Cassette(path, REPLAY, redactor).sandbox(opened())
        assert sandbox.run(said, timeout_s=30, stdin=given).output == f"{REDACTED}\n{REDACTED}"


def test_commands_in_a_shell_go_the_same_way(path: Path, opened: Callable[[], Sandbox]) -> None:
    def both(sandbox: Sandbox) -> list[str]:
        shell = sandbox.shell()
        told = [sandbox.run("date +%s%N", timeout_s=30), *(shell.run(command, timeout_s=30) for command in COMMANDS)]
        shell.close()
        return [f"{result.exit_code} {result.output}" for result in told]

    cassette = Cassette(path, RECORD, Redactor())
    sandbox = cassette.sandbox(opened())
    recorded, patch = both(sandbox), sandbox.diff()
    assert cassette.close() == []
    again = Cassette(path, REPLAY, Redactor())
    sandbox = again.sandbox(opened())
    assert both(sandbox) == recorded
    assert sandbox.diff() == patch
    assert "+    return a + b" in patch
    with pytest.raises(ReplayMiss, match="step 5, a command, is not on cassette"):
        sandbox.shell().run("touch more", timeout_s=30)
    assert again.close() == []


def test_install_goes_the_same_way(path: Path, docker_instance: Instance) -> None:
    backend = DockerBackend(run_id="recorded", options=DockerOptions(agent_network="install"))
    command = "tail -n +3 /proc/net/dev | grep -c eth; touch installed; date +%s%N"
    told = []
    for mode in (RECORD, REPLAY):
        cassette = Cassette(path, mode, Redactor())
        sandbox = cassette.sandbox(backend.open(docker_instance))
        assert sandbox.installs
        told.append(sandbox.install(command, timeout_s=30))
        assert "installed" in sandbox.diff()
        assert cassette.close() == []
        sandbox.close()
    backend.close()
    assert told[0] == told[1]
    assert told[0].output.startswith("1\n")


def test_all_else_is_the_inner_sandbox(path: Path, opened: Callable[[], Sandbox]) -> None:
    inner = opened()
    sandbox = Cassette(path, REPLAY, Redactor()).sandbox(inner)
    assert (sandbox.workdir, sandbox.image, sandbox.image_digest) == (inner.workdir, inner.image, inner.image_digest)
    assert (sandbox.history, sandbox.installs) == (inner.history, inner.installs)
    sandbox.write({"new.txt": b"0123456789"})
    assert (sandbox.read("new.txt"), sandbox.read("new.txt", max_bytes=3)) == (b"0123456789", b"012")
    assert sandbox.read_all(["new.txt", "absent"]) == {"new.txt": b"0123456789"}
    assert sandbox.read_all(["new.txt"], max_bytes=3) == {}
    assert (sandbox.files(), sandbox.diff()) == (inner.files(), inner.diff())
    assert "+0123456789" in sandbox.diff()
    sandbox.close()
    assert not Path(inner.workdir).exists()
