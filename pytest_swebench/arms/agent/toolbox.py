"""The tools of an agent that mends a repository."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.arms.agent.applying import apply_diff
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, AgentTool, ToolResult, object_schema
from pytest_swebench.arms.agent.workbench import Workbench, told
from pytest_swebench.arms.edits import Edit, EditError, apply_edits
from pytest_swebench.patch import meant_path
from pytest_swebench.providers.protocol import Tool

COMMAND_TIMEOUT_S: Final = 120.0
TEST_TIMEOUT_S: Final = 300.0
INSTALL_TIMEOUT_S: Final = 300.0
LONGEST_TIMEOUT_S: Final = 1800.0

_READ_BYTES: Final = 10_000_000
_READ_CHARS: Final = OUTPUT_CHARS - 200  # leaves room to say where to go on
_TIMEOUT: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_TIMEOUT_S}
RUN: Final = Tool(
    "run",
    "Run a shell command in the repository; stdout and stderr come back.",
    object_schema(
        {
            "command": {"type": "string", "minLength": 1, "description": "for bash"},
            "timeout_s": {**_TIMEOUT, "description": f"seconds it may take, {COMMAND_TIMEOUT_S:g} if not given"},
        },
        ("command",),
    ),
)
READ_FILE: Final = Tool(
    "read_file",
    "Show a file, or lines of it. Each line comes after its number.",
    object_schema(
        {
            "path": {"type": "string", "minLength": 1, "description": "relative to the root of the repository"},
            "first": {"type": "integer", "minimum": 1, "description": "first line, 1 if not given"},
            "last": {"type": "integer", "minimum": 1, "description": "last line, the end if not given"},
        },
        ("path",),
    ),
)
EDIT_FILE: Final = Tool(
    "edit_file",
    "Replace lines of a file, or create a file.",
    object_schema(
        {
            "path": {"type": "string", "minLength": 1, "description": "relative to the root of the repository"},
            "search": {
                "type": "string",
                "description": "whole lines exactly as they stand in the file, with their indentation and without "
                "numbers, enough of them to be unique; empty to create a file",
            },
            "replace": {"type": "string", "description": "the lines that take their place, or the new file"},
        },
        ("path", "search", "replace"),
    ),
)
RUN_TESTS: Final = Tool(
    "run_tests",
    "Run pytest in the repository.",
    object_schema(
        {
            "args": {
                "type": "array",
                "items": {"type": "string"},
                "description": 'arguments of pytest, one an item: ["tests/test_x.py", "-k", "parse", "-x"]',
            },
            "timeout_s": {**_TIMEOUT, "description": f"seconds it may take, {TEST_TIMEOUT_S:g} if not given"},
        },
        ("args",),
    ),
)
PIP_INSTALL: Final = Tool(
    "pip_install",
    "Install Python packages from the package index.",
    object_schema(
        {
            "packages": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "description": 'names with versions, as in ["attrs>=23", "pytest-mock"]; no options, no addresses',
            }
        },
        ("packages",),
    ),
)
SUBMIT: Final = Tool("submit", "Say that the change is complete. This ends your work.", object_schema({}))

# a sandbox whose project has an environment of its own puts that first; some images know only `python3`
_PYTHON: Final = '"$(command -v python || command -v python3)"'


def run_tool(bench: Workbench) -> AgentTool:
    """Return `run`: a command for the shell."""

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        command = arguments["command"]
        result = bench.run(command, float(arguments.get("timeout_s", COMMAND_TIMEOUT_S)))
        return ToolResult(told(result), commands=(command,))

    return AgentTool(RUN, run)


def read_file_tool(bench: Workbench) -> AgentTool:
    """Return `read_file`: lines of a file, numbered."""

    def read(arguments: Mapping[str, Any]) -> ToolResult:
        try:
            path = meant_path(arguments["path"], lambda name: bench.read(name, max_bytes=1))
            text = bench.read(path, max_bytes=_READ_BYTES)
        except FileNotFoundError:
            return ToolResult(f"error: {arguments['path']}: no such file in the repository")
        except (EditError, OSError) as error:
            return ToolResult(f"error: {error}")
        if "\0" in text:
            return ToolResult(f"error: {path}: not a text file")
        return ToolResult(_numbered(text, int(arguments.get("first", 1)), arguments.get("last")))

    return AgentTool(READ_FILE, read)


def edit_file_tool(bench: Workbench) -> AgentTool:
    """Return `edit_file`: whole lines replaced by others, or a new file."""

    def edit(arguments: Mapping[str, Any]) -> ToolResult:
        search, instead = _ended(arguments["search"]), _ended(arguments["replace"])
        wanted = Edit(arguments["path"], search, instead)
        try:
            diff = apply_edits([wanted], lambda path: bench.read(path, max_bytes=_READ_BYTES))
        except (EditError, OSError) as error:
            return ToolResult(f"error: {error}")
        if not diff:
            return ToolResult("error: nothing changed: both parts are the same")
        applied = apply_diff(bench.sandbox, diff, bench.clock)
        if applied.exit_code != 0:
            return ToolResult(f"error: the file cannot be written: {applied.output.strip()}")
        return ToolResult("created" if not search.strip() else "replaced")

    return AgentTool(EDIT_FILE, edit)


def run_tests_tool(bench: Workbench) -> AgentTool:
    """Return `run_tests`: pytest with these arguments, none of which a shell reads."""

    def tests(arguments: Mapping[str, Any]) -> ToolResult:
        command = f"{_PYTHON} -m pytest {shlex.join(arguments['args'])}".rstrip()
        result = bench.run(command, float(arguments.get("timeout_s", TEST_TIMEOUT_S)))
        return ToolResult(told(result), commands=(command,))

    return AgentTool(RUN_TESTS, tests)


def pip_install_tool(bench: Workbench) -> AgentTool:
    """Return `pip_install`: packages by name and version, from the index alone."""

    def install(arguments: Mapping[str, Any]) -> ToolResult:
        packages = arguments["packages"]
        if wrong := "; ".join(filter(None, map(unfit, packages))):
            return ToolResult(f"error: {wrong}")
        command = f"{_PYTHON} -m pip install --no-input --disable-pip-version-check {shlex.join(packages)}"
        result = bench.install(command, INSTALL_TIMEOUT_S)
        return ToolResult(told(result), commands=(command,))

    return AgentTool(PIP_INSTALL, install)


def submit_tool() -> AgentTool:
    """Return `submit`, which ends the work."""
    return AgentTool(SUBMIT, lambda arguments: ToolResult("submitted", ends=True))


def _numbered(text: str, first: int, last: int | None) -> str:
    """Return lines with their numbers, as many as are shown of one output, and where to go on."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if first > len(lines):
        return f"error: the file has {len(lines)} lines, none from {first} on"
    end = min(len(lines), last or len(lines))
    shown: list[str] = []
    room = _READ_CHARS
    for number, line in enumerate(lines[first - 1 : end], start=first):
        shown.append(f"{number:6}\t{line}")
        room -= len(shown[-1]) + 1
        if room < 0:
            break
    left = end - first + 1 - len(shown)
    text = "\n".join(shown)[:_READ_CHARS]
    return f"{text}\n[... {left} more lines, go on with first={end - left + 1}]" if left > 0 else text


def _ended(text: str) -> str:
    """Return `text` with the end of its last line: an edit is one of whole lines."""
    return f"{text}\n" if text and not text.endswith("\n") else text


def unfit(package: str) -> str:
    """Say why `package` is no name with versions, "" if it is one."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(package)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        return f"{package!r} is not the name of a package with or without versions: {reason}"
    return f"{package!r} names an address; packages come from the index alone" if requirement.url else ""
