from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.records.conversation import RESULT_LENGTH, Conversation, read_conversation
from pytest_swebench.redact import Redactor

SECRET = "sk-conversation-0123456789"
LABEL = {"run_id": "run-1", "task_id": "calc__calc-1", "cell": "calc__calc-1/agent/r1"}
FIELDS = [
    "timestamp", "role", "content", "tool_calls", "tool_name", "tool_args", "tool_result", "usage", "model",
    "temperature", "agent_id", "run_id", "task_id", "cell",
]  # fmt: skip
FIRST = Request(model="m-1", system="Mend code.", messages=(Message("user", "Mend calc."),), temperature=0.2)


def written(folder: Path) -> Conversation:
    return Conversation(folder / "cell" / "conversation.jsonl", LABEL, Redactor([SECRET]))


def lines(folder: Path) -> list[dict[str, Any]]:
    return read_conversation(folder / "cell" / "conversation.jsonl")


def said(folder: Path) -> list[tuple[str, str]]:
    return [
        (line["role"], line["content"] if line["role"] != "tool" else line["tool_result"]) for line in lines(folder)
    ]


def answer(text: str = "", *calls: ToolCall) -> Answer:
    stop = StopReason.TOOL_USE if calls else StopReason.END
    return Answer(text=text, model="m-1-dated", stop_reason=stop, usage=Usage(10, 5), tool_calls=calls)


def call(number: int, command: str = "ls") -> ToolCall:
    return ToolCall(str(number), "run", {"command": command})


def after(request: Request, *messages: Message) -> Request:
    return dataclasses.replace(request, messages=(*request.messages, *messages))


def result(number: int, text: str) -> Message:
    return Message("tool", text, tool_call_id=str(number))


def test_every_message_is_told_once_with_all_fields(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer("I look.", call(1)))
    second = after(FIRST, Message("assistant", "I look.", (call(1),)), result(1, "calc.py"))
    conversation.exchange(second, answer("Done."))
    assert said(tmp_path) == [
        ("system", "Mend code."),
        ("user", "Mend calc."),
        ("assistant", "I look."),
        ("tool", "calc.py"),
        ("assistant", "Done."),
    ]
    told = lines(tmp_path)
    assert all(list(line) == FIELDS for line in told)
    assert all(datetime.fromisoformat(line["timestamp"]).utcoffset() is not None for line in told)
    assert [line["usage"] for line in told if line["usage"]] == [Usage(10, 5).as_json()] * 2
    assert told[2]["tool_calls"] == [{"tool_name": "run", "tool_args": {"command": "ls"}}]
    assert (told[3]["tool_name"], told[3]["tool_args"], told[3]["content"]) == ("run", {"command": "ls"}, None)
    assert {(line["run_id"], line["task_id"], line["temperature"]) for line in told} == {("run-1", "calc__calc-1", 0.2)}
    assert [line["model"] for line in told] == ["m-1", "m-1", "m-1-dated", "m-1", "m-1-dated"]


def test_answer_that_its_agent_repeats_otherwise_is_not_told_twice(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer())
    conversation.exchange(
        after(FIRST, Message("assistant", "(no answer)"), Message("user", "Call a tool.")), answer("So?")
    )
    assert said(tmp_path)[2:] == [("assistant", ""), ("user", "Call a tool."), ("assistant", "So?")]


def test_result_that_makes_room_is_old_news(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer("", call(1)))
    second = after(FIRST, Message("assistant", "", (call(1),)), result(1, "a long output"))
    conversation.exchange(second, answer("", call(2)))
    elided = after(
        FIRST, second.messages[1], result(1, "[left out]"), Message("assistant", "", (call(2),)), result(2, "b")
    )
    conversation.exchange(elided, answer("Done."))
    assert [text for role, text in said(tmp_path) if role == "tool"] == ["a long output", "b"]


def test_another_conversation_of_the_same_agent_is_told_from_its_beginning(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer("One."))
    again = dataclasses.replace(FIRST, messages=(Message("user", "Mend calc, and mind the sign."),))
    conversation.exchange(again, answer("Two."))
    conversation.exchange(dataclasses.replace(again, system="Be brief."), answer("Three."))
    assert said(tmp_path)[3:] == [
        ("user", "Mend calc, and mind the sign."),
        ("assistant", "Two."),
        ("system", "Be brief."),
        ("assistant", "Three."),
    ]


def test_agents_are_told_apart(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    for agent in ("patcher", "reviewer"):
        conversation.exchange(dataclasses.replace(FIRST, agent=agent), answer(f"{agent} here", call(1, agent)))
    for agent in ("reviewer", "patcher"):
        request = dataclasses.replace(FIRST, agent=agent)
        conversation.exchange(
            after(request, Message("assistant", f"{agent} here", (call(1, agent),)), result(1, agent)), answer("Bye.")
        )
    told = lines(tmp_path)
    assert [line["agent_id"] for line in told] == ["patcher"] * 3 + ["reviewer"] * 3 + ["reviewer"] * 2 + [
        "patcher"
    ] * 2
    results = [(line["agent_id"], line["tool_args"]["command"]) for line in told if line["role"] == "tool"]
    assert results == [("reviewer", "reviewer"), ("patcher", "patcher")]


def test_what_the_last_calls_came_to_is_told_by_concluding(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer("", call(1)))
    last = after(FIRST, Message("assistant", "", (call(1),)), result(1, "submitted"))
    conversation.conclude(last)
    conversation.conclude(last)
    assert said(tmp_path)[2:] == [("assistant", ""), ("tool", "submitted")]


def test_long_results_are_cut_after_their_secrets_are_gone(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(FIRST, answer("", call(1, f"echo {SECRET}")))
    head = RESULT_LENGTH - 60
    long = "x" * head + SECRET + "y" * 10_000
    conversation.conclude(after(FIRST, Message("assistant", "", (call(1),)), result(1, long)))
    line = lines(tmp_path)[-1]
    assert len(line["tool_result"]) == RESULT_LENGTH
    assert line["tool_result"].startswith("x" * head + "[redacted]")
    assert line["tool_result"].endswith(f"[cut, {head + len('[redacted]') + 10_000} characters in all]")
    assert line["tool_args"] == {"command": "echo [redacted]"}
    assert "0123456789" not in (tmp_path / "cell" / "conversation.jsonl").read_text()


def test_half_characters_and_torn_lines_are_read_past(tmp_path: Path) -> None:
    conversation = written(tmp_path)
    conversation.exchange(dataclasses.replace(FIRST, system="\ud800"), answer("\udcff"))
    path = tmp_path / "cell" / "conversation.jsonl"
    path.write_bytes(path.read_bytes() + b'[]\n{"role": "user"}\n\xff\n{"role": "us')
    assert said(tmp_path) == [("system", "\ud800"), ("user", "Mend calc."), ("assistant", "\udcff")]
    assert read_conversation(tmp_path / "none.jsonl") == []


def test_conversation_is_plain_json_lines(tmp_path: Path) -> None:
    written(tmp_path).exchange(FIRST, answer("Done."))
    text = (tmp_path / "cell" / "conversation.jsonl").read_text()
    assert [json.loads(line)["role"] for line in text.splitlines()] == ["system", "user", "assistant"]
