"""A model on an endpoint that plays every role of the teams on the tasks of `local_tasks`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tests.support.llm_behaviours import ScriptedAnswer, prompt_text
from tests.support.local_tasks import REPOSITORIES, TASKS, fix_of, statement

Calls = tuple[tuple[str, dict[str, Any]], ...]
_ROLE: Final = re.compile(r"You are the (\w+) of a team")


def play(body: dict[str, Any]) -> ScriptedAnswer:
    """Answer as the role would whose turn it is; the last step of each goes on for ever."""
    text = prompt_text(body)
    found = _ROLE.search(text)
    assert found is not None, text
    offered = {tool["function"]["name"] for tool in body["tools"]}
    (task_id,) = [one for one in TASKS if statement(one) in text]
    steps = _steps(task_id, "propose_patch" in offered)[found[1]]
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return ScriptedAnswer(text="", tool_calls=steps[min(turn, len(steps) - 1)])


def _steps(task_id: str, proposes: bool) -> Mapping[str, tuple[Calls, ...]]:
    file = next(iter(REPOSITORIES[TASKS[task_id].repo]))
    fix = f"```diff\n{fix_of(task_id)}```"
    read, over = ("swe_read_file", {"path": file}), ("hand_over", {"message": f"as to {task_id}: done", "done": True})
    patcher: tuple[Calls, ...] = ((read,), (("apply_patch", {"patch": fix}), over))
    if proposes:
        propose = ("propose_patch", {"patch": fix, "reason": "it mends the cause"})
        patcher = ((("swe_install", {}),), (("swe_pytest", {}),), (read, propose))
    return {
        "installer": ((("swe_install", {}),), (over,)),
        "tester": ((("swe_pytest", {}),), (("swe_pytest_full", {"args": ["-x"]}), over)),
        "patcher": patcher,
        "leader": tuple(
            (("give_floor", {"role": role, "task": "Do your part."}),) for role in ("installer", "tester", "patcher")
        ),
        "reviewer": ((("swe_pytest_full", {}),), (("approve", {"reason": "nothing else breaks"}),)),
    }
