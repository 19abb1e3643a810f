"""Every task and every answer of the embedded demo, run for real with git, bash and pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pytest_swebench.arms.edits import EditError, diff_from_answer
from pytest_swebench.cell import slug
from pytest_swebench.datasets.demo import demo_answers, load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.patch import changed_paths

INSTANCES = {instance.instance_id: instance for instance in load_demo()}
ANSWERS = demo_answers()
SAMPLES = [(name, sample) for name, answers in ANSWERS.items() for sample in range(1, len(answers) + 1)]


def _environment(tree: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTEST_", "COV"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SWEBENCH_TESTBED": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def _git(tree: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = ["git", "-c", "user.name=demo", "-c", "user.email=demo@example.org", *arguments]
    return subprocess.run(command, cwd=tree, env=_environment(tree), input=text, text=True, capture_output=True)


def _source(instance: Instance) -> Path:
    assert instance.source is not None
    return Path(instance.source.path)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One repository with one commit for every base tree."""
    trees = {}
    for source in {_source(instance) for instance in INSTANCES.values()}:
        tree = tmp_path_factory.mktemp(source.name) / source.name
        shutil.copytree(source, tree)
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
            result = _git(tree, *arguments)
            assert result.returncode == 0, result.stderr
        trees[source.name] = tree
    return trees


@pytest.fixture
def testbed(committed: dict[str, Path], tmp_path: Path, name: str) -> Path:
    """A fresh copy of the committed base tree of the instance `name`."""
    tree = tmp_path / "testbed"
    shutil.copytree(committed[_source(INSTANCES[name]).name], tree)
    return tree


def _statuses(instance: Instance, tree: Path) -> dict[str, bool]:
    """Run the eval script and return whether each test passed, as the log's summary says between the markers."""
    done = subprocess.run(
        ["bash", "-s"],
        input=instance.hidden.eval_script,
        env=_environment(tree),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    log = done.stdout.partition(">>>>> Start Test Output")[2].partition(">>>>> End Test Output")[0]
    words = [line.split() for line in log.splitlines()]
    statuses = {line[1]: line[0] == "PASSED" for line in words if line and line[0] in {"PASSED", "FAILED", "ERROR"}}
    assert statuses, done.stdout
    return statuses


def _failed(names: tuple[str, ...], statuses: dict[str, bool]) -> list[str]:
    return [name for name in names if not statuses.get(name, False)]


def _edited(tree: Path, text: str) -> str:
    """Make the edits of an answer in `tree`; say `applied`, `not_applicable` or `nothing`."""
    try:
        patch = diff_from_answer(text, lambda path: (tree / path).read_text(encoding="utf-8"))
    except EditError:
        return "not_applicable"
    if not patch:
        return "nothing"
    return "applied" if _git(tree, "apply", "-", text=patch).returncode == 0 else "not_applicable"


@pytest.mark.parametrize("name", INSTANCES)
def test_base_fails_exactly_the_tests_that_must_turn(testbed: Path, name: str) -> None:
    hidden = INSTANCES[name].hidden
    statuses = _statuses(INSTANCES[name], testbed)
    assert _failed(hidden.pass_to_pass, statuses) == []
    assert _failed(hidden.fail_to_pass, statuses) == list(hidden.fail_to_pass)


@pytest.mark.parametrize("name", INSTANCES)
def test_gold_patch_resolves(testbed: Path, name: str) -> None:
    hidden = INSTANCES[name].hidden
    applied = _git(testbed, "apply", "-", text=hidden.gold_patch)
    assert applied.returncode == 0, applied.stderr
    statuses = _statuses(INSTANCES[name], testbed)
    assert sorted(statuses) == sorted({*hidden.fail_to_pass, *hidden.pass_to_pass})
    assert all(statuses.values())


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_answer_ends_as_intended(testbed: Path, name: str, sample: int) -> None:
    hidden, answer = INSTANCES[name].hidden, ANSWERS[name][sample - 1]
    state = _edited(testbed, answer["text"])
    if state == "nothing":
        ended = "limit" if answer["stop_reason"] == "max_tokens" else "no_patch"
    elif state == "not_applicable":
        ended = "not_applicable"
    else:
        statuses = _statuses(INSTANCES[name], testbed)
        failed = _failed((*hidden.fail_to_pass, *hidden.pass_to_pass), statuses)
        ended = "unresolved" if failed else "resolved"
    assert ended == answer["intent"]


@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("ledgerlib__ledgerlib-24", 1),
        ("ledgerlib__ledgerlib-30", 2),
        ("spanlib__spanlib-11", 2),
        ("tinyconf__tinyconf-5", 2),
        ("tinyconf__tinyconf-9", 1),
    ],
)
def test_answer_mends_the_issue_and_breaks_something_else(testbed: Path, name: str, sample: int) -> None:
    hidden = INSTANCES[name].hidden
    assert _edited(testbed, ANSWERS[name][sample - 1]["text"]) == "applied"
    statuses = _statuses(INSTANCES[name], testbed)
    assert _failed(hidden.fail_to_pass, statuses) == []
    assert _failed(hidden.pass_to_pass, statuses) != []


@pytest.mark.parametrize(
    ("name", "sample"),
    [("ledgerlib__ledgerlib-15", 1), ("spanlib__spanlib-14", 1), ("tinyconf__tinyconf-9", 3)],
)
def test_answer_mends_only_a_part(testbed: Path, name: str, sample: int) -> None:
    hidden = INSTANCES[name].hidden
    assert _edited(testbed, ANSWERS[name][sample - 1]["text"]) == "applied"
    statuses = _statuses(INSTANCES[name], testbed)
    assert 0 < len(_failed(hidden.fail_to_pass, statuses)) < len(hidden.fail_to_pass)
    assert _failed(hidden.pass_to_pass, statuses) == []


def test_instances_are_sorted_and_complete() -> None:
    assert len(INSTANCES) >= 12
    assert list(INSTANCES) == sorted(INSTANCES)
    assert list(ANSWERS) == list(INSTANCES)
    for name, instance in INSTANCES.items():
        assert name == slug(name)
        assert instance.missing_for_grading() == ()
        assert Instance.from_json(instance.as_json()) == instance


def test_demo_has_three_repositories_and_changes_over_several_files() -> None:
    assert len({instance.problem.repo for instance in INSTANCES.values()}) >= 3
    wide = [name for name, instance in INSTANCES.items() if len(changed_paths(instance.hidden.gold_patch)) > 1]
    assert len(wide) >= 3


@pytest.mark.parametrize("name", INSTANCES)
def test_gold_and_tests_touch_different_files(name: str) -> None:
    hidden = INSTANCES[name].hidden
    assert not any(path.startswith("tests/") for path in changed_paths(hidden.gold_patch))
    assert all(path.startswith("tests/") for path in changed_paths(hidden.test_patch))


@pytest.mark.parametrize("name", INSTANCES)
def test_hidden_names_stand_neither_in_the_problem_nor_in_the_tree(name: str) -> None:
    instance = INSTANCES[name]
    shown = instance.problem.statement + "".join(
        path.read_text(encoding="utf-8") for path in _source(instance).rglob("*") if path.suffix in {".py", ".md"}
    )
    assert [test for test in instance.hidden.fail_to_pass if test.partition("::")[2] in shown] == []


def test_first_answers_show_every_ending() -> None:
    endings = Counter(answers[0]["intent"] for answers in ANSWERS.values())
    assert endings == {"resolved": 6, "unresolved": 4, "not_applicable": 1, "no_patch": 1, "limit": 1}


def test_repetitions_differ_on_several_tasks() -> None:
    mixed = [name for name, answers in ANSWERS.items() if len({answer["intent"] for answer in answers}) > 1]
    assert len(mixed) >= 4


def test_answers_have_the_shape_of_a_recording() -> None:
    for answers in ANSWERS.values():
        for answer in answers:
            assert set(answer) == {"text", "stop_reason", "usage", "intent"}
            assert answer["stop_reason"] in {"end", "max_tokens", "refusal"}
            assert set(answer["usage"]) == {"input", "output"}
            assert min(answer["usage"].values()) > 0
