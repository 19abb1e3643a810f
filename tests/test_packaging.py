"""The wheel, built and installed into an environment of its own, at work in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from pytest_swebench import __version__

ROOT = Path(__file__).parents[1]


def call(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON", "LANGSMITH_"))}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, timeout=300, check=False
    )


def built(target: str, folder: Path) -> Path:
    done = call(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new environment's folder of programs: the wheel in it, everything else borrowed from this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    made = call(sys.executable, "-m", "venv", folder, cwd=ROOT)
    assert made.returncode == 0, made.stdout + made.stderr
    python = folder / "bin" / "python"
    done = call(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    site = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    # a folder on the path that is no site folder: its own .pth files, such as our editable install, are not read
    Path(site, "borrowed.pth").write_text("".join(f"{sysconfig.get_path(name)}\n" for name in ("purelib", "platlib")))
    return folder / "bin"


def test_the_wheel_holds_package_and_data_only(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    folders = {name.split("/")[0] for name in names}
    assert folders == {"pytest_swebench", f"pytest_swebench-{__version__}.dist-info"}
    package = ROOT / "pytest_swebench"
    sources = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not any(part.startswith(".") for part in path.parts)
    }
    assert sources <= names
    for needed in ("py.typed", "demo/recordings.jsonl", "arms/prompts/singleshot.txt", "experiments/test_swebench.py"):
        assert f"pytest_swebench/{needed}" in names


def test_the_source_archive_can_build_and_test_itself(tmp_path: Path) -> None:
    with tarfile.open(built("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in (
        "pyproject.toml",
        "Makefile",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        ".env.example",
        "run_experiment.sh",
        "LICENSE",
        "tests/conftest.py",
        "experiments/test_swebench.py",
        "experiments/local_tasks/textfit.bundle",
        "docs/results.md",
        "pytest_swebench/plugin.py",
    ):
        assert needed in names


def test_the_installed_package_is_the_one_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import pytest_swebench; print(pytest_swebench.__file__)"
    found = call(installed / "python", "-c", code, cwd=tmp_path).stdout.strip()
    assert found.startswith(str(installed.parent))


def test_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    arguments = ("-m", "pytest", "-p", "no:langsmith_plugin", "-m", "experiment", "--outcome", "capture")
    done = call(installed / "python", *arguments, "--instances", "tinyconf", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the embedded demo" in done.stdout
    (results,) = tmp_path.glob("results/*/results.jsonl")
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    assert len(records) == 4
    assert {record["instance_id"].split("__")[0] for record in records} == {"tinyconf"}
    assert Counter(record["outcome"] for record in records)["resolved"] >= 1
    assert len(list(tmp_path.glob("results/singleshot_run1_*.jsonl"))) == 1


def test_the_command_is_installed(installed: Path, tmp_path: Path) -> None:
    done = call(installed / "swebench-runner", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, f"swebench-runner, version {__version__}")
