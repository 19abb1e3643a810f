"""The tools of agents on local tasks: the stages of a task, its files, and one patch.

What a model writes reaches a command only as one argument of a list, or as text on its input.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_swebench.arms.agent import toolbox
from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, object_schema
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.local.result import Status
from pytest_swebench.arms.local.stages import Stages, Tested
from pytest_swebench.providers.protocol import Tool
from pytest_swebench.sandbox.protocol import CommandResult

LISTED_FILES: Final = 60
_FENCE: Final = re.compile(r"\A\s*```[a-z]*\n(?P<text>.*?)\n?```\s*\Z", re.DOTALL)
_TEXT: Final = {"type": "string"}
_WORDS: Final = {"type": "array", "items": _TEXT, "maxItems": 50}


def task_tools(stages: Stages) -> dict[str, AgentTool]:
    """Return the tools by name; `swe_pip_install` is among them only where the sandbox has a network for it.

    `swe_pytest` ends the work once its tests pass, or have run after the one patch.
    """
    tools, bench = TaskTools(stages), Workbench(stages.sandbox, stages.clock)
    made = [
        _tool("swe_clone", "Say where the repository lies, at which ref, and which files it has.", tools.clone),
        _tool(
            "swe_install", "Install the project and its requirements.txt, as far as they are declared.", tools.install
        ),
        _tool(
            "swe_pytest",
            "Run the task's tests and return pytest's last line. Ends the work if they pass, and after the patch.",
            tools.pytest,
        ),
        _tool(
            "swe_pytest_full",
            "Run pytest and return all that it prints, to find out why tests fail. "
            "`args` take the place of the task's own selection, one argument an item.",
            tools.pytest_full,
            object_schema({"args": _WORDS}),
        ),
        AgentTool(dataclasses.replace(toolbox.READ_FILE, name="swe_read_file"), toolbox.read_file_tool(bench).run),
        _tool(
            "swe_apply_patch_text",
            "Apply a unified diff with a/ and b/ paths to the repository. You have one attempt.",
            tools.apply_patch_text,
            object_schema({"patch": _TEXT}, ("patch",)),
        ),
    ]
    if stages.sandbox.installs:
        made.append(
            _tool(
                "swe_pip_install",
                "Install packages that the tests miss, each as name or name==version.",
                tools.pip_install,
                object_schema({"packages": _WORDS | {"minItems": 1}}, ("packages",)),
            )
        )
    return {one.tool.name: one for one in made}


class TaskTools:
    """What the tools do, on the stages of one task. `patch_tried` is true from the one patch on."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.patch_tried = False

    def clone(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Tell what stands there."""
        sandbox = self._stages.clone()
        files = sandbox.files()
        more = f"\n... and {len(files) - LISTED_FILES} more" if len(files) > LISTED_FILES else ""
        ref = self._stages.task.ref or "the default branch"
        return ToolResult(f"cloned {ref}\n" + "\n".join(files[:LISTED_FILES]) + more)

    def install(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Install what the repository declares."""
        return _installed(self._stages.install())

    def pip_install(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Install packages of the index by their names."""
        packages = arguments["packages"]
        if wrong := "; ".join(filter(None, map(toolbox.unfit, packages))):
            return ToolResult(f"error: {wrong}")
        command = f"pip install {shlex.join(packages)}"
        return _installed(self._stages.pip_install(packages), (command,))

    def pytest(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Run the task's tests."""
        tested = self._stages.test()
        return ToolResult(_tail(tested), ends=tested.status is Status.PASS or self.patch_tried)

    def pytest_full(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Run pytest and show everything."""
        given = arguments.get("args")
        tested = self._stages.test(given or None)
        return ToolResult(
            f"{tested.output}\n{_tail(tested)}", commands=(f"pytest {shlex.join(given)}",) if given else ()
        )

    def apply_patch_text(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Apply the one patch; a second is refused, whatever became of the first."""
        if self.patch_tried:
            return ToolResult("error: the one patch was tried already; call swe_pytest to end")
        patch = _unfenced(arguments["patch"])
        if not patch.strip():
            return ToolResult("error: the patch is empty; give a unified diff")
        self.patch_tried = True
        if self._stages.last is None:  # there is no other way to tell later what the patch was good for
            self._stages.test()
        done = self._stages.apply(patch)
        if done.exit_code:
            return ToolResult(f"error: the patch does not apply, and there is no second attempt\n{done.output}")
        return ToolResult("applied; call swe_pytest to end")


def _tool(
    name: str, description: str, run: Callable[[Mapping[str, Any]], ToolResult], schema: dict[str, Any] | None = None
) -> AgentTool:
    return AgentTool(Tool(name, description, schema or object_schema({})), run)


def _tail(tested: Tested) -> str:
    return f"[{tested.status}] {tested.tail}"


def _installed(done: CommandResult, commands: tuple[str, ...] = ()) -> ToolResult:
    if done.timed_out:
        return ToolResult(f"error: installing took more than {done.duration_s:.0f} s\n{done.output}", commands=commands)
    if done.exit_code:
        return ToolResult(f"error: exit code {done.exit_code}\n{done.output}", commands=commands)
    return ToolResult(done.output.strip() or "installed", commands=commands)


def _unfenced(text: str) -> str:
    """Return a diff without the Markdown fence that models like to put around it."""
    fenced = _FENCE.match(text)
    return fenced["text"] if fenced else text
