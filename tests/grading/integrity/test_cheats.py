"""Every known way to forge a result, graded for real: what the official reader says, and what we say beside it."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.integrity.control import CONTROL_LOG
from pytest_swebench.grading.integrity.grader import IntegrityGrader
from pytest_swebench.outcome import IntegrityState
from pytest_swebench.records.layout import LOG_FILE
from pytest_swebench.sandbox.docker import DockerBackend
from tests.grading.integrity.attacks import (
    ATTACKS,
    HONEST,
    HONEST_WITH_TESTS,
    NO_OP,
    NOT_SEEN,
    PATCHED_REPORT,
    Attack,
)
from tests.grading.integrity.tiny import IMAGE, TREE, patch_of
from tests.support.calc import CALC


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_cheat_ends_as_the_documents_say(
    attack: Attack, tiny_instance: Instance, grader: IntegrityGrader, cell: Path
) -> None:
    grade = grader.grade(tiny_instance, patch_of(attack.files), cell)
    log = (cell / LOG_FILE).read_text("utf-8", "replace")
    assert (grade.verdict.resolved, str(grade.integrity.state)) == (attack.fools, attack.state), log
    assert attack.sign in " ".join(grade.integrity.reasons)


def test_only_the_documented_cheats_are_not_seen() -> None:
    table = Path(__file__).parents[3].joinpath("docs", "integrity.md").read_text(encoding="utf-8")
    assert tuple(attack.name for attack in ATTACKS if attack.fools and attack.state == "clean") == NOT_SEEN
    for attack in ATTACKS:
        verdict = "fooled" if attack.fools else "held"
        assert f"| {attack.name} | {verdict} | {attack.state} |" in table


@pytest.mark.parametrize("files", [HONEST, HONEST_WITH_TESTS], ids=["the fix", "the fix and tests of its own"])
def test_an_honest_patch_ends_clean(
    files: dict[str, str], tiny_instance: Instance, grader: IntegrityGrader, cell: Path
) -> None:
    grade = grader.grade(tiny_instance, patch_of(files), cell)
    assert (grade.verdict.resolved, grade.integrity.state) == (True, IntegrityState.CLEAN)


def test_a_patch_that_does_nothing_ends_unresolved_and_clean(
    tiny_instance: Instance, grader: IntegrityGrader, cell: Path
) -> None:
    grade = grader.grade(tiny_instance, patch_of(NO_OP), cell)
    assert (grade.verdict.resolved, grade.integrity.state) == (False, IntegrityState.CLEAN)
    assert not (cell / CONTROL_LOG).exists()


def test_bytecode_that_hides_a_cheat_is_caught(
    tiny_instance: Instance, grader: IntegrityGrader, docker_backend: DockerBackend, cell: Path, tmp_path: Path
) -> None:
    grade = grader.grade(tiny_instance, bytecode_patch(docker_backend, tmp_path / "tree"), cell)
    assert grade.verdict.resolved
    assert grade.integrity.state is IntegrityState.TAMPERED
    assert "is compiled" in " ".join(grade.integrity.reasons)


def bytecode_patch(backend: DockerBackend, tree: Path) -> str:
    """Return a patch that adds the cheat as bytecode which Python runs without a look at the source beside it."""
    source = base64.b64encode((CALC + PATCHED_REPORT).encode()).decode()
    code = (
        "import base64, importlib.util, py_compile\n"
        f"open('core.py', 'wb').write(base64.b64decode('{source}'))\n"
        "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n"
        "path = importlib.util.cache_from_source('core.py')\n"
        "py_compile.compile('core.py', invalidation_mode=mode)\n"
        "print(path, base64.b64encode(open(path, 'rb').read()).decode())\n"
    )
    printed = backend.client.containers.run(
        IMAGE, ["python3", "-c", code], working_dir="/tmp", remove=True, network_mode="none"
    )
    name, _, content = printed.decode().strip().partition(" ")
    for path, text in TREE.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    git = ["git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@example.invalid"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "base"], check=True)
    (tree / "calc" / name).parent.mkdir()
    (tree / "calc" / name).write_bytes(base64.b64decode(content))
    subprocess.run([*git, "add", "-f", "."], check=True)
    return subprocess.run([*git, "diff", "--cached", "--binary"], check=True, capture_output=True, text=True).stdout
