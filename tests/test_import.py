from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "anthropic",
    "datasets",
    "docker",
    "filelock",
    "genai_prices",
    "httpx",
    "httpx2",
    "langsmith",
    "numpy",
    "openai",
    "pyarrow",
    "pydantic",
    "rich",
    "swebench",
    "yaml",
}
NEEDED_BY_CELLS_ALONE = (
    "arms",
    "cell",
    "cli",
    "datasets",
    "grading",
    "matrix",
    "providers",
    "records",
    "run",
    "sandbox",
)

SHOW_IMPORTED = """
import json, sys
import pytest
before = set(sys.modules)
import {module}
print(json.dumps(sorted(sys.modules.keys() - before)))
"""

# A worker's own modules count, so each process writes down what it has loaded.
CONFTEST = """
import json, os, sys
from pathlib import Path

def pytest_sessionfinish():
    name = os.environ.get("PYTEST_XDIST_WORKER", "main")
    Path(__file__).with_name(f"modules-{name}.json").write_text(json.dumps(sorted(sys.modules)))
"""


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV"))}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _imported(module: str, folder: Path) -> set[str]:
    """Return what `import module` loads after `import pytest`, in a process of its own."""
    command = [sys.executable, "-c", SHOW_IMPORTED.format(module=module)]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def _loaded(folder: Path, *options: str) -> dict[str, set[str]]:
    """Run one unrelated test with our plugin and return what each process had loaded at its end, by worker."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_unrelated.py").write_text("def test_unrelated():\n    assert 1 + 1 == 2\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_swebench.plugin", *options]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    files = folder.glob("modules-*.json")
    return {path.stem.removeprefix("modules-"): set(json.loads(path.read_text())) for path in files}


def _packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def _ours(modules: set[str]) -> set[str]:
    """Return the first part below our package of each module of ours."""
    return {name.split(".")[1] for name in modules if name.startswith("pytest_swebench.")}


def test_plugin_imports_only_the_standard_library_and_pytest(tmp_path: Path) -> None:
    packages = _packages(_imported("pytest_swebench.plugin", tmp_path))
    assert "pytest_swebench" in packages
    assert packages - sys.stdlib_module_names <= {"pytest_swebench", "_pytest", "pluggy"}


def test_plugin_imports_no_heavy_package(tmp_path: Path) -> None:
    assert not _packages(_imported("pytest_swebench.plugin", tmp_path)) & HEAVY


def test_a_heavy_package_would_be_noticed(tmp_path: Path) -> None:
    assert "filelock" in _packages(_imported("filelock", tmp_path))


def test_unrelated_run_loads_no_heavy_package(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path)
    assert set(loaded) == {"main"}
    assert "pytest_swebench.plugin" in loaded["main"]
    assert not _packages(loaded["main"]) & HEAVY


def test_unrelated_run_loads_nothing_that_only_cells_need(tmp_path: Path) -> None:
    assert not _ours(_loaded(tmp_path)["main"]) & {*NEEDED_BY_CELLS_ALONE, "session", "spec", "inbox"}


@pytest.mark.parametrize("process", ["main", "gw0"])
def test_unrelated_run_with_workers_loads_no_heavy_package(tmp_path: Path, process: str) -> None:
    loaded = _loaded(tmp_path, "-p", "xdist", "-n", "1")
    assert set(loaded) == {"main", "gw0"}
    assert "pytest_swebench.plugin" in loaded[process]
    assert not _packages(loaded[process]) & HEAVY


def test_worker_of_an_unrelated_run_loads_nothing_that_only_cells_need(tmp_path: Path) -> None:
    worker = _loaded(tmp_path, "-p", "xdist", "-n", "1")["gw0"]
    assert not _ours(worker) & {*NEEDED_BY_CELLS_ALONE, "session", "spec", "inbox"}
