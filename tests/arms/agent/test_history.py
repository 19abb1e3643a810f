from __future__ import annotations

from pytest_swebench.arms.agent.history import History, clean
from pytest_swebench.providers.protocol import Message, ToolCall
from tests.arms.agent.scripted import calls, says


def of_results(*sizes: int) -> History:
    history = History()
    history.say("begin")
    for number, size in enumerate(sizes):
        (call,) = history.answered(calls((f"tool{number}", {})))
        history.result(call, "x" * size)
    return history


def sizes(history: History) -> list[int]:
    return [len(message.content) for message in history.messages if message.role == "tool"]


def test_answers_and_results_are_kept_in_order() -> None:
    history = History()
    history.say("begin")
    (call,) = history.answered(calls(("look", {"at": "it"}), text="I look."))
    history.result(call, "a fish")
    assert history.messages == (
        Message("user", "begin"),
        Message("assistant", "I look.", (ToolCall("c0", "look", {"at": "it"}),)),
        Message("tool", "a fish", tool_call_id="c0"),
    )


def test_made_up_names_of_tools_are_made_fit_for_endpoints() -> None:
    history = History()
    names = [call.name for call in history.answered(calls(("fs.read file", {}), ("x" * 100, {}), ("", {})))]
    assert names == ["fs_read_file", "x" * 64, "_"]
    assert [call.name for call in history.messages[0].tool_calls] == names


def test_no_turn_is_empty() -> None:
    history = History()
    history.answered(says("  \n"))
    (call,) = history.answered(calls(("look", {})))
    history.result(call, "")
    assert [message.content for message in history.messages] == ["(no answer)", "", "(no output)"]


def test_what_no_request_can_carry_is_replaced() -> None:
    history = History()
    history.say("\ud800")
    (call,) = history.answered(calls(("look", {"at": ["\udfff", {"\ud800": 1}]}), text="\ud83d"))
    assert call.arguments == {"at": ["?", {"?": 1}]}
    assert [message.content for message in history.messages] == ["?", "?"]
    assert clean(None) is None


def test_old_outputs_go_first_and_no_more_than_needed() -> None:
    history = of_results(1000, 1000, 1000, 1000, 1000)
    before = history.messages
    assert history.shorten()
    assert [size == 1000 for size in sizes(history)] == [False, False, True, True, True]
    assert len(history.messages) == len(before)
    assert [m.tool_call_id for m in history.messages] == [m.tool_call_id for m in before]


def test_the_latest_outputs_stay_and_in_the_end_nothing_is_left_to_go() -> None:
    history = of_results(1000, 10, 5000, 5000)
    assert history.shorten()
    assert [size for size in sizes(history)[1:]] == [10, 5000, 5000]
    assert not history.shorten()
