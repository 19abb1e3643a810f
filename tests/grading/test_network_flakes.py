"""What gold teaches of the network where it flakes, is slow, or gets no choice; run locally, for no network matters."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.errors import NeedsNetwork
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.network import NetworkGrader
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Script, ScriptResult
from tests.grading.network_script import EVAL
from tests.support.calc import FIX, OTHER_FIX, WRONG


class Choosing(LocalBackend):
    """A backend without Docker that says it gives tests the network that was asked for."""

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        result = super().run_script(instance, script)
        return dataclasses.replace(result, conditions={**result.conditions, "network": script.network})


@pytest.fixture
def flaking(make_instance: Callable[..., Instance], calc: Source, tmp_path: Path) -> Callable[[str], Instance]:
    """Make an instance whose gold resolves in certain lives only, counted from 1; run locally, no network matters."""

    def made(lives: str) -> Instance:
        count = tmp_path / "count"
        spoil = f"echo >> {count}; case $(wc -l < {count}) in {lives}) ;; *) sed -i 's/ + / - /' calc.py;; esac"
        script = EVAL.format(install=":", before_tests=spoil, imports="calc")
        instance = make_instance(eval_script=script, gold_patch=FIX)
        return dataclasses.replace(instance, source=calc, trusted=True)

    return made


@pytest.mark.parametrize(
    ("lives", "resolved", "network", "because"),
    [
        ("1", True, "none", "gold resolves without"),
        ("2|3", False, "none", "gold resolves without, though not always"),
        ("2", True, "bridge", "gold resolves with a network only"),
        (
            "9",
            False,
            "unknown",
            "gold resolves neither without a network nor with one (FAIL_TO_PASS 0/1, PASS_TO_PASS 1/1)",
        ),
    ],
)
def test_a_flake_is_no_need_for_a_network(
    flaking: Callable[[str], Instance], tmp_path: Path, lives: str, resolved: bool, network: str, because: str
) -> None:
    known, instance, backend = Known.beside_runs(tmp_path), flaking(lives), Choosing()
    grade = NetworkGrader(OfficialGrader(backend), known).grade(instance, FIX, tmp_path / "cell")
    backend.close()
    assert grade.verdict.resolved is resolved
    told = {"network": "none"} if network == "none" else {"network": "bridge", "network_because": because}
    assert grade.conditions == {"profile": "local", "timeout_s": 1800, **told}
    assert known.get(instance, "network") == {"network": network, "because": because}
    assert f'"resolved": {str(resolved).lower()}' in (tmp_path / "cell" / "report.json").read_text()


def test_gold_that_failed_by_chance_is_asked_anew(flaking: Callable[[str], Instance], tmp_path: Path) -> None:
    known, instance, backend = Known.beside_runs(tmp_path), flaking("3"), Choosing()
    grader = NetworkGrader(OfficialGrader(backend), known)
    assert not grader.grade(instance, FIX, tmp_path / "one").verdict.resolved
    assert known.get(instance, "network")["network"] == "unknown"
    assert not grader.grade(instance, WRONG, tmp_path / "two").verdict.resolved
    (tmp_path / "count").write_text("\n" * 2)  # the grading of the wrong patch was a life as well
    assert grader.grade(instance, FIX, tmp_path / "three").verdict.resolved
    assert known.get(instance, "network") == {"network": "none", "because": "gold resolves without"}
    backend.close()


@pytest.mark.parametrize("slow", ["1", "2"])
def test_gold_that_ran_out_of_time_leaves_nothing_behind(
    slow: str, make_instance: Callable[..., Instance], calc: Source, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    spoil = f"echo >> {count}; if [ $(wc -l < {count}) = {slow} ]; then sleep 60; else sed -i 's/ + / - /' calc.py; fi"
    script = EVAL.format(install=":", before_tests=spoil, imports="calc")
    made = make_instance(eval_script=script, gold_patch=FIX)
    instance = dataclasses.replace(made, source=calc, trusted=True)
    known, backend = Known.beside_runs(tmp_path), Choosing()
    grade = NetworkGrader(OfficialGrader(backend, timeout_s=4), known).grade(instance, FIX, tmp_path / "cell")
    backend.close()
    assert not grade.verdict.resolved
    assert count.read_text() == "\n" * 2
    assert known.get(instance, "network") is None


def test_a_bridge_that_reaches_nothing_leaves_nothing_behind(
    make_instance: Callable[..., Instance], calc: Source, tmp_path: Path
) -> None:
    spoil = "echo Network is unreachable; sed -i 's/ + / - /' calc.py"
    script = EVAL.format(install=":", before_tests=spoil, imports="calc")
    instance = dataclasses.replace(make_instance(eval_script=script, gold_patch=FIX), source=calc, trusted=True)
    known, backend = Known.beside_runs(tmp_path), Choosing()
    assert not NetworkGrader(OfficialGrader(backend), known).grade(instance, FIX, tmp_path / "cell").verdict.resolved
    backend.close()
    assert known.get(instance, "network") is None


def test_a_sandbox_that_gives_no_choice_teaches_nothing(
    make_instance: Callable[..., Instance], calc: Source, tmp_path: Path
) -> None:
    script = EVAL.format(install=":", before_tests="echo Network is unreachable", imports="calc")
    instance = dataclasses.replace(make_instance(eval_script=script, gold_patch=FIX), source=calc, trusted=True)
    known, backend = Known.beside_runs(tmp_path), LocalBackend()
    grader = NetworkGrader(OfficialGrader(backend), known)
    assert not grader.grade(instance, WRONG, tmp_path / "wrong").verdict.resolved
    assert not (tmp_path / "wrong" / "gold").exists()
    gold = grader.grade(instance, FIX, tmp_path / "gold")
    assert (gold.verdict.resolved, gold.conditions["network"]) == (True, "host")
    assert known.get(instance, "network") is None
    broken = EVAL.format(install="echo Could not resolve host", before_tests=":", imports="nothing_of_this_name")
    lost = dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, eval_script=broken))
    for patch in (OTHER_FIX, FIX):
        with pytest.raises(NeedsNetwork):
            grader.grade(lost, patch, tmp_path / "lost")
    assert known.get(lost, "network") is None
    backend.close()


def test_of_many_graders_one_finds_out(flaking: Callable[[str], Instance], tmp_path: Path) -> None:
    known, instance, backend = Known.beside_runs(tmp_path), flaking("2|3|4|5"), Choosing()
    resolved: list[bool] = []

    def grade(number: int) -> None:
        grader = NetworkGrader(OfficialGrader(backend), known)
        resolved.append(grader.grade(instance, FIX, tmp_path / str(number)).verdict.resolved)

    threads = [threading.Thread(target=grade, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.close()
    assert sorted(resolved) == [False, True]
    assert (tmp_path / "count").read_text() == "\n" * 4  # three lives to find out, one for the other grader
