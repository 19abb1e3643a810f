"""What holds for the project as a whole: style, types, size, and documents that say what the code does."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from _pytest.config.argparsing import Parser
from _pytest.fixtures import FixtureFunctionDefinition

from pytest_swebench import fixtures, hookspecs, options
from pytest_swebench.arms.edits import EDIT_FORMAT
from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.demo import demo_answers
from pytest_swebench.patch import changed_paths
from tests.support.llm_server import LLMServer, ScriptedAnswer

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_swebench"
MOST_LINES = 400
MODULES = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "demo" / "repos" not in path.parents]

# What runs without pytest, and may lean on nothing above it.
CORE = {
    "run",
    "solving",
    "workplace",
    "arms",
    "grading",
    "sandbox",
    "providers",
    "records",
    "datasets",
    "events",
    "patch",
    "redact",
    "statistics",
    "secrets",
    "keychain",
    "profiles",
}
CORE |= {"cell", "matrix", "outcome", "errors", "faults"}
HEAVY = {
    "docker",
    "datasets",
    "anthropic",
    "openai",
    "swebench",
    "pyarrow",
    "numpy",
    "rich",
    "langsmith",
    "genai_prices",
}

# Options of plugins that are often installed beside this one; a second owner of a name ends every pytest run.
TAKEN = {
    "pytest-asyncio": ["--asyncio-mode", "--asyncio-debug"],
    "pytest-base-url": ["--base-url", "--verify-base-url"],
    "pytest-benchmark": ["--benchmark-only", "--benchmark-skip", "--benchmark-json", "--benchmark-compare"],
    "pytest-cov": ["--cov", "--cov-report", "--cov-config", "--cov-fail-under", "--cov-append", "--no-cov"],
    "pytest-django": ["--ds", "--dc", "--reuse-db", "--create-db", "--no-migrations", "--fail-on-template-vars"],
    "pytest-html": ["--html", "--self-contained-html", "--css"],
    "pytest-json-report": ["--json-report", "--json-report-file", "--json-report-summary", "--json-report-omit"],
    "pytest-playwright": ["--browser", "--headed", "--device", "--output", "--tracing", "--video", "--screenshot"],
    "pytest-randomly": ["--randomly-seed", "--randomly-dont-reorganize"],
    "pytest-repeat": ["--count", "--repeat-scope"],
    "pytest-replay": ["--replay", "--replay-record-dir", "--replay-base-name", "--skip-cleanup"],
    "pytest-rerunfailures": ["--reruns", "--reruns-delay", "--only-rerun", "--rerun-except", "--fail-on-flaky"],
    "pytest-selenium": ["--driver", "--capability", "--host", "--port"],
    "pytest-timeout": ["--timeout", "--timeout-method", "--session-timeout"],
    "pytest-xdist": ["--numprocesses", "--maxprocesses", "--dist", "--tx", "--maxschedchunk", "--max-worker-restart"],
    "langsmith": ["--langsmith-output"],
    "syrupy": ["--snapshot-update", "--snapshot-details"],
}


# Besides the front page: where options of pytest are told.
OPTION_PAGES = ("grading", "generation", "gate", "watch", "afterwards", "langsmith")


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


def our_options() -> set[str]:
    parser = Parser(_ispytest=True)
    options.add_options(parser)
    return {name for option in parser.getgroup("swebench").options for name in option.names()}


def table(heading: str, page: str = "README.md") -> set[str]:
    """Return what stands in backquotes in the first column of the page's table with this heading."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (rows,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return {name for row in rows.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def python_block(path: Path, number: int = 0) -> str:
    found: list[str] = re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return found[number]


def imports(tree: ast.AST) -> set[str]:
    """Return the modules that are imported anywhere below `tree`."""
    nodes = list(ast.walk(tree))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git repository around the project, as in a source archive")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_ruff_has_nothing_to_say() -> None:
    done = tool("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_code_is_formatted() -> None:
    done = tool("ruff", "format", "--no-cache", "--check", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_hold() -> None:
    done = tool("mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_stay_small() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert len(lines) > 50
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST_LINES} == {}


def test_the_core_knows_neither_pytest_nor_what_stands_above_it() -> None:
    beyond = {}
    for path in MODULES:
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if room in CORE:
            found = imports(ast.parse(path.read_text(encoding="utf-8")))
            own = {name.split(".")[1] for name in found if name.startswith("pytest_swebench.")}
            beyond[str(path)] = (own - CORE) | ({"pytest", "_pytest", "click"} & found)
    assert len(beyond) > 40
    assert {path: names for path, names in beyond.items() if names} == {}


def test_heavy_packages_are_imported_where_they_are_needed() -> None:
    early = {}
    for path in MODULES:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        statements: list[ast.stmt] = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        early[str(path)] = {name.split(".")[0] for name in imports(ast.Module(statements, []))} & HEAVY
    assert {path: names for path, names in early.items() if names} == {}


def test_no_file_names_a_folder_of_this_machine() -> None:
    here = {str(ROOT).encode()} | {
        f"{home}/".encode() for home in [Path.home()] if home not in (Path("/"), Path("/root"))
    }
    naming = [path for path in tracked_files() if any(folder in path.read_bytes() for folder in here)]
    assert naming == []


def test_readme_is_short_enough_to_read() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_readme_and_the_pages_it_names_tell_every_option_and_no_other() -> None:
    pages = ("README.md", *(f"docs/{name}.md" for name in OPTION_PAGES))
    assert set().union(*(table("option", page) for page in pages)) == our_options()


def test_page_on_arms_tells_every_arm_and_marks_oracles() -> None:
    registry = ArmRegistry(patches=ROOT / "none.jsonl")
    assert table("arm", "docs/arms.md") == set(registry.names())
    marked = set(re.findall(r"^\| `(\w+)` \*", (ROOT / "docs" / "arms.md").read_text(encoding="utf-8"), re.MULTILINE))
    others = set(registry.names()) - {"predictions", "mini"}  # which need a file, and a package
    assert marked == {name for name in others if registry.make(name).oracle}


def test_readme_tells_every_fixture_and_no_other() -> None:
    ours = {name for name, value in vars(fixtures).items() if isinstance(value, FixtureFunctionDefinition)}
    assert table("fixture") == ours


def test_readme_tells_every_hook_and_no_other() -> None:
    assert table("hook") == {name for name in vars(hookspecs) if name.startswith("pytest_swebench_")}


def test_readme_links_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_page_stands_in_the_index() -> None:
    listed = set(re.findall(r"\]\((\w+\.md)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_option_names_are_nobody_else_s() -> None:
    mine = our_options()
    assert len(mine) >= 18
    assert {plugin: sorted(mine & set(names)) for plugin, names in TAKEN.items() if mine & set(names)} == {}


def test_option_names_clash_with_no_plugin_here(pytestconfig: pytest.Config) -> None:
    parser = Parser(_ispytest=True)
    options.add_options(parser)
    (mine,) = [group for group in pytestconfig._parser._groups if group.name == "swebench"]
    others = [group for group in pytestconfig._parser._groups if group is not mine]
    theirs = {name for group in others for option in group.options for name in option.names()}
    assert theirs
    assert our_options() & theirs == set()


def test_the_experiment_in_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "test_patch_size.py").write_text(python_block(ROOT / "README.md"), encoding="utf-8")
    done = in_folder(tmp_path, "test_patch_size.py", "-m", "experiment", "--count", "2", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [
        json.loads(line)
        for path in tmp_path.glob("results/size_*_run[12]_*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    results = [line for line in lines if line["type"] == "scenario_result"]
    assert len(lines) - len(results) == 4
    assert len(results) == 4 * 13
    assert sum(line["outcome"] == "resolved" for line in results) == 2 * 13


def documented_arm(folder: Path, number: int, *arguments: str) -> list[dict[str, Any]]:
    """Run the documents' arm of this number on the demo and return its cells' lines."""
    (folder / "conftest.py").write_text(python_block(ROOT / "docs" / "extending.md", number), encoding="utf-8")
    done = in_folder(folder, "-m", "experiment", "--dataset=demo", "--outcome=capture", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("results/*/results.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("heading", "described"), [("context.", SolveContext), ("context.variant.", Variant), ("Solution(...)", Solution)]
)
def test_the_fields_in_the_documentation_are_those_of_the_contract(heading: str, described: type[Any]) -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    table = text.partition(f"| `{heading}` | |\n|---|---|\n")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(described))


def test_the_free_arm_in_the_documentation_resolves_its_cell(tmp_path: Path) -> None:
    (only,) = documented_arm(tmp_path, 0, "--arms=byhand", "--instances=ledgerlib-30")
    assert (only["outcome"], only["calls"]) == ("resolved", 0)
    assert changed_paths(only["patch"]) == ["ledgerlib/journal.py", "ledgerlib/report.py"]


def test_the_arm_with_a_model_in_the_documentation_can_succeed(tmp_path: Path) -> None:
    first, second, third = sorted(demo_answers())[:3]
    right = next(answer["text"] for answer in demo_answers()[second] if answer["intent"] == "resolved")
    stray = "Sure!\n\nsrc/none.py\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n"
    with LLMServer([ScriptedAnswer(text=text) for text in ("I would rather not.", right, stray)]) as server:
        arguments = [f"--instance-ids={first},{second},{third}", "--provider=openai", "--model=some-model", "--price=0"]
        lines = documented_arm(tmp_path, 1, "--arms=politely", f"--provider-url={server.openai_url}", *arguments)
        prompt = server.requests[1].body["messages"][0]["content"]
    by_id = {line["instance_id"]: line for line in lines}
    assert {name: line["outcome"] for name, line in by_id.items()} == {
        first: "no_patch",
        second: "resolved",
        third: "no_patch",
    }
    assert by_id[first]["response_text"] == "I would rather not."
    assert "src/none.py" in by_id[third]["notes"]
    assert EDIT_FORMAT in prompt
    assert "class Money" in prompt


def in_folder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "LANGSMITH_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=300, check=False)


def test_default_experiment_needs_no_development_tools() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = sys.modules['syrupy'] = None; import pytest;"
        "sys.exit(pytest.main(['-p', 'pytest_swebench.plugin', '-m', 'experiment', '--collect-only', '-q']))"
    )
    # the tools' own plugins would be loaded by their entry points
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 tests collected" in done.stdout
