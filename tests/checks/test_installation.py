from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.checks import Cause, State
from pytest_swebench.checks.installation import packages_check, rules_check, script_checks

SCRIPT = "#!/usr/bin/env python3\nimport sys\nfrom {module} import main\nsys.exit(main())\n"


def installed(site: Path, name: str, version: str, *, requires: tuple[str, ...] = (), script: str = "") -> None:
    """Write what an installer leaves of a package."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    if script:
        (folder / "entry_points.txt").write_text(f"[console_scripts]\n{script}\n")


def executable(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_packages_that_are_all_there_are_told_with_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "pytest-swebench", "9.9", requires=("pytest>=9", "no-such-package; extra == 'all'"))
    monkeypatch.syspath_prepend(str(tmp_path))
    check = packages_check()
    assert check.state is State.OK
    assert "pytest-swebench 9.9 with all 1 it needs" in check.detail
    assert f"pytest {pytest.__version__}" in check.detail


def test_packages_that_lack_or_are_too_old_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "pytest-swebench", "9.9", requires=("pytest>=99", "no-such-package>=2"))
    monkeypatch.syspath_prepend(str(tmp_path))
    check = packages_check()
    assert (check.state, check.cause) == (State.FAIL, Cause.INSTALLATION)
    assert f"pytest {pytest.__version__} (wanted: >=99)" in check.detail
    assert "no-such-package missing (wanted: >=2)" in check.detail
    assert check.fix == "python -m pip install 'pytest>=99' 'no-such-package>=2'"


def test_official_rules_can_be_read() -> None:
    check = rules_check()
    assert check.state is State.OK
    assert "log parsers" in check.detail


def test_own_script_of_this_environment_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    executable(tmp_path, "swebench-runner", SCRIPT.format(module="pytest_swebench.cli"))
    assert script_checks(tmp_path)[0].state is State.OK
    executable(tmp_path, "swebench-runner", SCRIPT.format(module="somebody.else"))
    stolen = script_checks(tmp_path)[0]
    assert stolen.state is State.WARN
    assert "starts somebody.else" in stolen.detail
    executable(tmp_path, "swebench-runner", "\x7fELF")
    assert "starts something else" in script_checks(tmp_path)[0].detail


def test_own_script_of_another_environment_or_of_none_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    missing = script_checks()[0]
    assert (missing.state, missing.detail) == (State.WARN, "not on PATH")
    assert "python -m pytest_swebench" in missing.fix
    executable(tmp_path / "bin", "swebench-runner", SCRIPT.format(module="pytest_swebench.cli"))
    assert "belongs to another environment" in script_checks()[0].detail


def test_official_script_is_told_with_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert script_checks()[1].detail == "nobody has it"
    executable(tmp_path / "bin", "swebench", SCRIPT.format(module="swebench.cli.cli"))
    check = script_checks()[1]
    assert check.state is State.OK
    assert check.detail.endswith("of swebench; ours is swebench-runner")


def test_two_owners_of_one_script_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "an-older-runner", "1.0", script="swebench = older.cli:main")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "no file starts neither" in script_checks()[1].detail
    executable(tmp_path / "bin", "swebench", SCRIPT.format(module="older.cli"))
    check = script_checks()[1]
    assert (check.state, check.cause) == (State.WARN, Cause.INSTALLATION)
    assert check.detail.startswith("an-older-runner and swebench both bring it")
    assert check.detail.endswith("starts older.cli")
