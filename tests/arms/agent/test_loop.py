"""The rules of the loop; the model is scripted, its tools are simple."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.agent.clock import CALL_TIMEOUT_S, Clock
from pytest_swebench.arms.agent.loop import CALLS_AT_ONCE, Ended, EndReason, Loop
from pytest_swebench.arms.agent.progress import KEPT_CALLS
from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, object_schema
from pytest_swebench.arms.protocol import Draft
from pytest_swebench.errors import BudgetExhausted, ContextOverflow, LimitReached, ProviderError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Request, StopReason, Tool
from pytest_swebench.records.trace import EventType
from tests.arms.agent.scripted import Scripted, calls, context, says
from tests.support.kept import Kept


def echo(arguments: Mapping[str, Any]) -> ToolResult:
    return ToolResult(arguments["text"], commands=(f"echo {arguments['text'][:20]}",))


ECHO = AgentTool(Tool("echo", "Echoes.", object_schema({"text": {"type": "string"}}, ("text",))), echo)
END = AgentTool(Tool("end", "Ends.", object_schema({})), lambda arguments: ToolResult("the end", ends=True))
SAY_A = calls(("echo", {"text": "a"}))
DONE = calls(("end", {}))


def make(
    model: Scripted,
    folder: Path,
    *,
    max_turns: int = 10,
    timeout_s: float = 60.0,
    trace: Kept | None = None,
    drafts: list[Draft] | None = None,
    nudges: int = 3,
) -> Loop:
    kept = trace or Kept()
    return Loop(
        context(model, folder, trace=kept, drafts=drafts),
        Clock(timeout_s),
        agent="worker",
        system="You work.",
        tools=[ECHO, END],
        max_turns=max_turns,
        trace=kept,
        nudges=nudges,
    )


def test_calls_are_run_in_order_until_one_ends_it(tmp_path: Path) -> None:
    model = Scripted([calls(("echo", {"text": "a"}), ("echo", {"text": "b"}), text="I echo."), DONE])
    loop = make(model, tmp_path)
    loop.say("begin")
    assert loop.run() == Ended(EndReason.TOOL, "the end")
    assert model.told() == ["a", "b"]
    assert (loop.progress.turns, loop.progress.tokens, loop.progress.last_text) == (2, 30, "I echo.")
    assert loop.progress.commands == ("echo a", "echo b")
    assert [call["name"] for call in loop.progress.tool_calls] == ["echo", "echo", "end"]


def one_tool(call: Any, folder: Path, kept: Kept) -> Loop:
    tool = AgentTool(Tool("own", "Own.", object_schema({})), call)
    work = context(Scripted([calls(("own", {}))]), folder, trace=kept)
    return Loop(work, Clock(60.0), agent="worker", system="You work.", tools=[tool], max_turns=2, trace=kept)


def test_tool_that_breaks_is_named_in_the_error_and_in_the_trace(tmp_path: Path) -> None:
    def broken(arguments: Mapping[str, Any]) -> ToolResult:
        raise ZeroDivisionError("division by zero")

    kept = Kept()
    with pytest.raises(ZeroDivisionError) as raised:
        one_tool(broken, tmp_path, kept).run()
    assert raised.value.__notes__ == ["in the tool 'own'"]
    told, line = kept.events[-1].summary, broken.__code__.co_firstlineno + 1
    assert "ZeroDivisionError: division by zero (in the tool 'own', at " in told
    assert told.endswith(f"test_loop.py:{line})")


def test_tool_that_returns_a_text_is_told_what_to_return(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"returned 'done'; return ToolResult\(text\)"):
        one_tool(lambda arguments: "done", tmp_path, Kept()).run()


def test_requests_carry_the_variant_the_tools_and_who_asks(tmp_path: Path) -> None:
    model = Scripted([DONE])
    loop = make(model, tmp_path)
    loop.say("begin")
    loop.run()
    (request,) = model.requests
    assert (request.model, request.temperature, request.sample) == ("m", 0.5, 2)
    assert (request.agent, request.system, request.tools) == ("worker", "You work.", (ECHO.tool, END.tool))
    assert CALL_TIMEOUT_S > model.timeouts_s[0] > 50
    assert not request.binding


def test_the_conversation_only_grows(tmp_path: Path) -> None:
    model = Scripted([SAY_A, says("hm"), SAY_A, DONE])
    loop = make(model, tmp_path)
    loop.say("begin")
    loop.run()
    for earlier, later in zip(model.requests, model.requests[1:], strict=False):
        assert later.messages[: len(earlier.messages)] == earlier.messages


def test_a_model_that_never_stops_has_its_turns(tmp_path: Path) -> None:
    model = Scripted([SAY_A])
    loop = make(model, tmp_path, max_turns=7)
    assert loop.run().reason is EndReason.TURNS
    assert len(model.requests) == 7


def test_turns_of_a_run_count_towards_all_of_them(tmp_path: Path) -> None:
    model = Scripted([SAY_A])
    loop = make(model, tmp_path, max_turns=5)
    for turns, all_turns in ((3, 3), (1, 4), (2, 5), (1, 5)):
        assert loop.run(turns).reason is EndReason.TURNS
        assert loop.progress.turns == all_turns


def test_a_silent_model_is_told_so_three_times(tmp_path: Path) -> None:
    model = Scripted([says("I think it is fine.")])
    loop = make(model, tmp_path)
    assert loop.run() == Ended(EndReason.SILENT, "I think it is fine.")
    assert len(model.requests) == 4
    assert model.told() == ["You called no tool, so nothing happened. Go on with one of: echo, end."]


def test_silences_count_only_in_a_row(tmp_path: Path) -> None:
    silent = says("hm")
    model = Scripted([silent, silent, silent, SAY_A, silent, silent, silent, DONE])
    assert make(model, tmp_path).run().reason is EndReason.TOOL


def test_an_answer_in_words_ends_at_once_where_nobody_nudges(tmp_path: Path) -> None:
    model = Scripted([says("yes")])
    assert make(model, tmp_path, nudges=0).run() == Ended(EndReason.SILENT, "yes")
    assert len(model.requests) == 1


@pytest.mark.parametrize("stop", [StopReason.END, StopReason.REFUSAL, StopReason.MAX_TOKENS])
def test_empty_answers_end_within_the_limits(tmp_path: Path, stop: StopReason) -> None:
    model = Scripted([says("", stop)])
    assert make(model, tmp_path).run() == Ended(EndReason.SILENT, "")
    assert all(message.content for message in model.requests[-1].messages)


def test_a_cut_answer_is_told_apart(tmp_path: Path) -> None:
    model = Scripted([says("It begins with", StopReason.MAX_TOKENS), DONE])
    make(model, tmp_path).run()
    assert "was cut at 8192 tokens" in model.told()[0]


def test_unknown_tools_and_wrong_arguments_are_told(tmp_path: Path) -> None:
    model = Scripted([calls(("ecko", {"text": "a"}), ("echo", {"words": "a"})), DONE])
    loop = make(model, tmp_path)
    assert loop.run().reason is EndReason.TOOL
    first, second = model.told()
    assert first == "error: unknown tool 'ecko'; did you mean 'echo'? known: echo, end"
    assert second.startswith("error: wrong arguments for 'echo'")
    assert loop.progress.commands == ()


def test_a_model_that_only_calls_unknown_tools_has_its_turns(tmp_path: Path) -> None:
    model = Scripted([calls(("fly", {}))])
    assert make(model, tmp_path, max_turns=4).run().reason is EndReason.TURNS


def test_every_call_gets_a_result_also_after_the_end_and_beyond_the_most(tmp_path: Path) -> None:
    many = calls(*[("echo", {"text": "a"})] * (CALLS_AT_ONCE + 2))
    model = Scripted([many, calls(("end", {}), ("echo", {"text": "late"})), DONE])
    loop = make(model, tmp_path)
    assert loop.run().reason is EndReason.TOOL
    assert len(loop.progress.commands) == CALLS_AT_ONCE
    told = model.told()
    assert len(told) == CALLS_AT_ONCE + 2
    assert told[-1] == f"not run: at most {CALLS_AT_ONCE} calls at once; call it again"
    loop.say("go on")  # as a team does
    assert loop.run().reason is EndReason.TOOL
    assert model.told() == ["the end", "not run: the work had ended before", "go on"]


def test_long_outputs_and_arguments_are_cut(tmp_path: Path) -> None:
    model = Scripted([calls(("echo", {"text": "x" * 50_000})), DONE])
    loop = make(model, tmp_path)
    loop.run()
    assert len(model.told()[0]) == 10_000
    assert len(loop.progress.tool_calls[0]["arguments"]["text"]) == 2_000


def test_what_stands_is_left_before_each_call(tmp_path: Path) -> None:
    drafts: list[Draft] = []
    model = Scripted([SAY_A, BudgetExhausted("cell", "no money")])
    loop = make(model, tmp_path, drafts=drafts)
    with pytest.raises(BudgetExhausted):
        loop.run()
    assert [draft.commands for draft in drafts[:2]] == [(), ("echo a",)]
    assert drafts[-1] == loop.progress.draft
    assert (drafts[-1].patch, drafts[-1].per_step_tokens) == (None, {"worker": 15})


def test_a_limit_between_the_calls_of_one_answer_loses_nothing(tmp_path: Path) -> None:
    def late(arguments: Mapping[str, Any]) -> ToolResult:
        raise LimitReached(Stop.TIME, "no time")

    drafts: list[Draft] = []
    model = Scripted([calls(("echo", {"text": "a"}), ("late", {}), ("echo", {"text": "b"}))])
    kept = Kept()
    loop = Loop(
        context(model, tmp_path, drafts=drafts),
        Clock(60.0),
        agent="worker",
        system="",
        tools=[ECHO, AgentTool(Tool("late", "Comes late.", object_schema({})), late)],
        max_turns=3,
        trace=kept,
    )
    with pytest.raises(LimitReached):
        loop.run()
    assert drafts[-1].commands == ("echo a",)
    assert [call["name"] for call in drafts[-1].tool_calls] == ["echo", "late"]


def test_a_record_has_an_end(tmp_path: Path) -> None:
    many = calls(*[("echo", {"text": "a"})] * CALLS_AT_ONCE)
    loop = make(Scripted([many]), tmp_path, max_turns=KEPT_CALLS // CALLS_AT_ONCE + 2)
    loop.run()
    assert len(loop.progress.tool_calls) == KEPT_CALLS < len(loop.progress.commands)


def test_old_outputs_make_room_where_the_conversation_is_too_long(tmp_path: Path) -> None:
    long = calls(("echo", {"text": "x" * 3_000}))
    model = Scripted([*[long] * 6, ContextOverflow("too long"), ContextOverflow("too long"), DONE])
    trace = Kept()
    assert make(model, tmp_path, trace=trace).run().reason is EndReason.TOOL
    results = [message.content for message in model.requests[-1].messages if message.role == "tool"]
    assert [len(content) == 3_000 for content in results] == [False] * 4 + [True] * 2
    assert "left out" in results[0]
    assert [event.summary for event in trace.events if "too long" in event.summary] == [
        "the conversation was too long for the model; old outputs are left out"
    ] * 2


def test_a_conversation_that_cannot_be_shortened_ends(tmp_path: Path) -> None:
    model = Scripted([SAY_A, ContextOverflow("8,000 tokens at most")])
    with pytest.raises(LimitReached, match="8,000 tokens") as caught:
        make(model, tmp_path).run()
    assert caught.value.stop is Stop.CONTEXT


def test_time_that_is_over_ends_it_before_the_next_call(tmp_path: Path) -> None:
    model = Scripted([SAY_A])
    loop = make(model, tmp_path, timeout_s=0.0)
    with pytest.raises(LimitReached, match="the 0 s for solving are over; --generation-timeout gives more") as caught:
        loop.run()
    assert caught.value.stop is Stop.TIME
    assert model.requests == []


def test_a_call_that_the_clock_cut_is_a_limit_and_no_fault_of_the_endpoint(tmp_path: Path) -> None:
    clock_s = 0.05

    def slow(request: object) -> Any:
        time.sleep(clock_s)
        raise ProviderError("no answer in time")

    with pytest.raises(LimitReached) as caught:
        make(Scripted([slow]), tmp_path, timeout_s=clock_s).run()
    assert caught.value.stop is Stop.TIME


def test_a_broken_endpoint_stays_one(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="500"):
        make(Scripted([ProviderError("500")]), tmp_path).run()


class Concluding(Scripted):
    """Keeps what is told when no more is asked."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__(steps)
        self.concluded: list[Request] = []

    def conclude(self, request: Request) -> None:
        self.concluded.append(request)


def test_what_the_last_calls_came_to_is_told_though_nothing_more_is_asked(tmp_path: Path) -> None:
    model = Concluding([SAY_A, BudgetExhausted("cell", "no money")])
    with pytest.raises(BudgetExhausted):
        make(model, tmp_path).run()
    ended = Concluding([DONE])
    make(ended, tmp_path).run()
    assert [one.concluded[0].messages[-1].content for one in (model, ended)] == ["a", "the end"]


def test_the_trace_tells_answers_and_results(tmp_path: Path) -> None:
    trace = Kept()
    model = Scripted([calls(("echo", {"text": "y" * 2_000}), text="Look:"), says("hm", StopReason.REFUSAL), DONE])
    make(model, tmp_path, trace=trace).run()
    told = [(event.type, event.attempt, event.summary[:25]) for event in trace.events]
    assert told == [
        (EventType.ATTEMPT, 1, "echo: Look:"),
        (EventType.NOTE, 1, f"echo({'y' * 20}"),
        (EventType.ATTEMPT, 2, "no call (refusal): hm"),
        (EventType.ATTEMPT, 3, "end"),
        (EventType.NOTE, 3, "end()\n-> the end"),
    ]
    assert {(event.step, event.agent) for event in trace.events} == {("worker", "worker")}
    assert trace.events[1].summary.endswith("y" * 2_000)  # whoever writes it shortens it


def test_the_trace_names_the_path_of_a_call_and_not_what_is_written_there(tmp_path: Path) -> None:
    write = AgentTool(Tool("write", "Writes.", object_schema({"text": {}, "path": {}})), lambda _: ToolResult("done"))
    trace = Kept()
    work = context(Scripted([calls(("write", {"text": "t" * 900, "path": "a.py"}))]), tmp_path, trace=trace)
    Loop(work, Clock(60.0), agent="worker", system="", tools=[write], max_turns=1, trace=trace).run()
    assert trace.events[-1].summary == "write(a.py)\n-> done"


def test_calls_that_nobody_can_read_are_told_and_never_run(tmp_path: Path) -> None:
    broken = replace(calls(("echo", {}), ("echo", {"text": "a"})), malformed={"c0": "it is not JSON"})
    model = Scripted([broken, DONE])
    loop = make(model, tmp_path)
    assert loop.run().reason is EndReason.TOOL
    assert model.told() == ["error: it is not JSON; call it again", "a"]
