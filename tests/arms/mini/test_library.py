"""What is taken of an installed mini-swe-agent, and what its import must not do to a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.arms.mini.library import Library, Settings

MISSING = """
import sys
sys.modules["minisweagent"] = None  # what Python itself takes for a module that cannot be had
from pytest_swebench.errors import InputError
from pytest_swebench.arms.mini.arm import Mini
try:
    Mini()
except InputError as error:
    print(error)
"""
IMPORTED = """
import json, logging, os, sys
before = dict(os.environ)
from pytest_swebench.arms.mini.arm import Mini
Mini().check([])
heavy = sorted({"litellm", "openai", "anthropic", "datasets", "textual", "typer"} & set(sys.modules))
print(json.dumps({"heavy": heavy, "same": before == dict(os.environ), "there": "minisweagent" in sys.modules}))
"""


def python(code: str, *path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "MSWEA_", "XDG_"))}
    places = os.pathsep.join(map(str, (*path, *filter(None, [os.environ.get("PYTHONPATH")]))))
    environment = kept | variables | ({"PYTHONPATH": places} if places else {})
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)


def test_missing_library_names_the_extra() -> None:
    assert "pip install 'pytest-swebench[mini]'" in python(MISSING).stdout


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("version", "config", "said"),
    [
        ("1.17.5", None, "drives mini-swe-agent 2.4.x, but the one installed is '1.17.5'"),
        ("2.4.9", None, "(FileNotFoundError"),
        ("2.4.9", "agent: {}", "(KeyError"),
        ("2.4.9", "agent: [", "(ParserError"),
    ],
)
def test_library_that_cannot_be_driven_is_refused(tmp_path: Path, version: str, config: str | None, said: str) -> None:
    package = tmp_path / "minisweagent"
    (package / "config" / "benchmarks").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    if config is not None:
        (package / "config" / "benchmarks" / "swebench.yaml").write_text(config)
    about = tmp_path / f"mini_swe_agent-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mini-swe-agent\nVersion: {version}\n")
    told = python(MISSING.replace('sys.modules["minisweagent"] = None', "pass"), tmp_path).stdout
    assert said in told
    assert "pip install 'pytest-swebench[mini]'" in told


def test_library_without_what_it_needs_is_refused(settings: Settings) -> None:
    code = MISSING.replace("minisweagent", "jinja2").replace("Mini()", "Mini().check([])")
    assert "mini-swe-agent cannot be imported" in python(code).stdout


@pytest.mark.usefixtures("installed")
def test_import_loads_no_litellm_and_no_person_s_settings(tmp_path: Path) -> None:
    theirs = tmp_path / ".config" / "mini-swe-agent"
    theirs.mkdir(parents=True)
    (theirs / ".env").write_text("MSWEA_MODEL_NAME=theirs\nOPENAI_API_KEY=sk-of-theirs\n")
    home = {"HOME": str(tmp_path), "MSWEA_GLOBAL_CONFIG_DIR": str(theirs)}
    done = python(IMPORTED, **home)
    assert json.loads(done.stdout) == {"heavy": [], "same": True, "there": True}
    assert done.stderr == ""


@pytest.mark.usefixtures("installed")
def test_import_makes_no_folder_in_a_home(tmp_path: Path) -> None:
    python(IMPORTED, HOME=str(tmp_path))
    assert list(tmp_path.rglob("*mini-swe-agent*")) == []


def test_settings_are_those_of_the_packaged_benchmark(settings: Settings) -> None:
    assert (settings.step_limit, settings.command_timeout_s, settings.workdir) == (250, 60.0, "/testbed")
    assert "{{task}}" in settings.instance_template
    assert settings.variables["PAGER"] == "cat"
    assert "BASH_ENV" not in settings.variables


def test_tool_is_the_library_s_own(library: Library) -> None:
    assert library.tool["name"] == "bash"
    assert library.tool["parameters"]["required"] == ["command"]
