"""What is installed: the packages that ours asks for, the official rules, and who owns which console script."""

from __future__ import annotations

import re
import shutil
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distributions, requires, version
from pathlib import Path
from typing import Final

from pytest_swebench.checks.check import Cause, Check
from pytest_swebench.errors import InputError

OURS: Final = "swebench-runner"
OFFICIAL: Final = "swebench"
_DISTRIBUTION: Final = "pytest-swebench"
_SHOWN: Final = ("pytest", "pytest-xdist", "pytest-rerunfailures", "pytest-repeat", "swebench", "docker", "datasets")
_STARTS: Final = re.compile(r"^\s*from\s+([\w.]+)\s+import", re.MULTILINE)


def packages_check() -> Check:
    """Compare what is installed with what our own package asks for."""
    from packaging.requirements import Requirement

    try:
        asked = [Requirement(text) for text in requires(_DISTRIBUTION) or ()]
        own = version(_DISTRIBUTION)
    except PackageNotFoundError:
        fix = f"python -m pip install {_DISTRIBUTION}"
        return Check.warn("packages", Cause.INSTALLATION, f"{_DISTRIBUTION} runs from files, not installed", fix)
    needed = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [one for one in needed if not one.specifier.contains(_version(one.name), prereleases=True)]
    if wrong:
        found = ", ".join(f"{one.name} {_version(one.name) or 'missing'} (wanted: {one.specifier})" for one in wrong)
        fix = "python -m pip install " + " ".join(f"'{one.name}{one.specifier}'" for one in wrong)
        return Check.fail("packages", Cause.INSTALLATION, found, fix)
    shown = ", ".join(f"{name} {_version(name)}" for name in _SHOWN)
    return Check.ok("packages", f"{_DISTRIBUTION} {own} with all {len(needed)} it needs: {shown}")


def rules_check() -> Check:
    """Say whether the official rules can be read, by which patches are graded."""
    from pytest_swebench.grading.official import parser_names

    try:
        parsers = parser_names()
    except (InputError, ImportError) as error:
        fix = "python -m pip install 'swebench>=5.0.2,<5.1'"
        return Check.fail("official rules", Cause.INSTALLATION, " ".join(str(error).split()), fix)
    return Check.ok("official rules", f"swebench {_version(OFFICIAL)}, {len(parsers)} log parsers")


def script_checks(scripts: Path | None = None) -> list[Check]:
    """Say who owns the scripts `swebench-runner` and `swebench`, of which official and other packages bring one.

    `scripts` is where this environment has its scripts, None for where Python says.
    """
    return [_own_script(scripts or Path(sysconfig.get_path("scripts"))), _official_script()]


def _own_script(scripts: Path) -> Check:
    name, way = f"script {OURS}", "python -m pytest_swebench does the same"
    path = shutil.which(OURS)
    if path is None:
        return Check.warn(name, Cause.INSTALLATION, "not on PATH", way)
    if Path(path).parent.resolve() != scripts.resolve():
        return Check.warn(name, Cause.INSTALLATION, f"{path} belongs to another environment", way)
    starts = _starts(path)
    if not starts.startswith("pytest_swebench"):
        fix = f"{way}; or python -m pip install --force-reinstall --no-deps {_DISTRIBUTION}"
        return Check.warn(name, Cause.INSTALLATION, f"{path} starts {starts or 'something else'}", fix)
    return Check.ok(name, f"{path}, ours")


def _official_script() -> Check:
    name, path = f"script {OFFICIAL}", shutil.which(OFFICIAL)
    owners = sorted({owner for owner, _ in _owners(OFFICIAL)})
    if len(owners) > 1:
        detail = f"{' and '.join(owners)} both bring it; {path or 'no file'} starts {_starts(path) or 'neither'}"
        fix = "keep one of them, or reinstall the one you want last: pip install --force-reinstall --no-deps NAME"
        return Check.warn(name, Cause.INSTALLATION, detail, fix)
    if path is None:
        return Check.ok(name, "nobody has it")
    whose = f"of {owners[0]}" if owners else f"of another environment, starts {_starts(path) or 'something else'}"
    return Check.ok(name, f"{path}, {whose}; ours is {OURS}")


def _owners(script: str) -> Iterator[tuple[str, str]]:
    """Yield name of the distribution and module of each installed console script of this name."""
    for found in distributions():
        for point in found.entry_points:
            if point.group == "console_scripts" and point.name == script:
                yield _name(found), point.module


def _name(found: Distribution) -> str:
    return str(found.metadata["Name"])


def _starts(path: str | None) -> str:
    """Return the module that a script imports, "" where it is no Python or cannot be read."""
    if path is None:
        return ""
    with Path(path).open("rb") as file:
        match = _STARTS.search(file.read(4096).decode("utf-8", "replace"))
    return match[1] if match else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
