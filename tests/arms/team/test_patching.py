"""Patches of a team: all of them together as one diff against the base, and nothing else in it."""

from __future__ import annotations

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.team.patching import Patching
from pytest_swebench.patch import EditError, changed_paths, make_diff
from tests.arms.team.conftest import Stage
from tests.support.calc import CALC, FIX

NEW = make_diff({}, {"notes/read me.txt": "add adds\n"})


def applies_to_base(stage: Stage, diff: str) -> bool:
    stage.sandbox.run("git stash -q -u", timeout_s=30)
    return stage.sandbox.run("git apply --check -", timeout_s=30, stdin=diff.encode()).exit_code == 0


def test_diff_holds_all_patches_and_no_litter(stage: Stage) -> None:
    patching = Patching(stage.sandbox, 3, Clock(60.0))
    patching.apply(patching.diff_of(FIX))
    stage.sandbox.write({"build/litter.txt": b"left by an installation"})
    patching.apply(patching.diff_of(NEW))
    patching.apply(patching.diff_of(make_diff({"calc.py": "def add(a, b):\n    return a + b\n"}, {})))
    assert patching.applied == 3
    assert changed_paths(patching.diff) == ["calc.py", "notes/read me.txt"]
    assert "deleted file" in patching.diff
    assert "build/litter.txt" in stage.sandbox.diff()
    assert applies_to_base(stage, patching.diff)


def test_patch_that_is_taken_back_leaves_nothing(stage: Stage) -> None:
    patching = Patching(stage.sandbox, 3, Clock(60.0))
    patching.apply(patching.diff_of(FIX))
    patching.apply(patching.diff_of(make_diff({"calc.py": "def add(a, b):\n    return a + b\n"}, {"calc.py": CALC})))
    assert patching.diff == ""


def test_search_and_replace_is_read_against_the_present_files(stage: Stage) -> None:
    patching = Patching(stage.sandbox, 3, Clock(60.0))
    block = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"
    patching.apply(patching.diff_of(block))
    assert "+    return a + b" in patching.diff
    with pytest.raises(EditError, match="the SEARCH text is not in the file"):
        patching.diff_of(block)


def test_no_old_bytecode_is_run_after_a_patch(stage: Stage) -> None:
    look = "touch -d @1000000000 calc.py && python3 -c 'import calc; print(calc.add(1, 2))'"
    assert stage.sandbox.run(look, timeout_s=60).output == "-1\n"
    patching = Patching(stage.sandbox, 1, Clock(60.0))
    patching.apply(patching.diff_of(FIX))
    assert stage.sandbox.run(look, timeout_s=60).output == "3\n"


def test_bytes_that_are_no_text_survive(stage: Stage) -> None:
    stage.sandbox.write({"latin.txt": b"caf\xe9\nend\n"})
    patching = Patching(stage.sandbox, 1, Clock(60.0))
    block = "latin.txt\n<<<<<<< SEARCH\nend\n=======\nthe end\n>>>>>>> REPLACE\n"
    patching.apply(patching.diff_of(block))
    assert stage.sandbox.read("latin.txt") == b"caf\xe9\nthe end\n"
    assert patching.diff.encode(errors="surrogateescape").count(b" caf\xe9") == 1


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/outside.txt"])
def test_paths_that_lead_out_are_refused(stage: Stage, path: str) -> None:
    patching = Patching(stage.sandbox, 1, Clock(60.0))
    with pytest.raises(EditError):
        patching.diff_of(f"{path}\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n")
    assert patching.applied == 0
