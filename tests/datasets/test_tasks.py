from __future__ import annotations

import base64
import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem, Source, Task
from pytest_swebench.datasets.tasks import instance_from_task
from pytest_swebench.errors import DatasetError
from tests.datasets.rows_to_test import PATCH


def load(folder: Path = Path("/data"), **changes: Any) -> Instance:
    row = {"task_id": "cart", "repo": "https://example.org/acme/shop", "ref": ""}
    return instance_from_task(row | changes, where="tasks.jsonl:2", folder=folder)


def run_eval_script(instance: Instance, testbed: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", instance.hidden.eval_script],
        env={"PATH": path, "SWEBENCH_TESTBED": str(testbed), "HOME": str(testbed)},
        capture_output=True,
        text=True,
        check=False,
    )


def judging_command(instance: Instance) -> str:
    """Return the line between the markers."""
    lines = instance.hidden.eval_script.split("\n")
    (place,) = [number for number, line in enumerate(lines) if "Start Test Output" in line]
    assert "End Test Output" in lines[place + 2]
    return lines[place + 1]


@pytest.fixture
def testbed(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    (folder / "src" / "shop").mkdir(parents=True)
    (folder / "src" / "shop" / "__init__.py").write_text("ITEMS = 3\n")
    (folder / "test_shop.py").write_text(
        "import time\nimport shop\n\ndef test_items():\n    assert shop.ITEMS == 3\n\n"
        "def test_broken():\n    assert shop.ITEMS == 4\n\ndef test_endless():\n    time.sleep(600)\n"
    )
    return folder


def test_smallest_task_gets_the_defaults() -> None:
    instance = load()

    assert (instance.instance_id, instance.kind) == ("cart", Kind.TASK)
    assert instance.source == Source(url="https://example.org/acme/shop", ref="")
    assert instance.timeouts_s == {"clone": 5.0, "install": 20.0, "test": 5.0}
    assert instance.trusted is False
    assert instance.missing_for_grading() == ()
    assert "Tests of this repository fail." in instance.problem.statement


def test_every_optional_field_is_used() -> None:
    instance = load(
        ref="v1.2",
        pytest_k="last and not slow",
        patch_b64=base64.b64encode(PATCH.encode()).decode(),
        timeouts={"test": 60},
        trusted=True,
        image="acme/shop:1",
        problem_statement="Mend it.",
    )

    assert instance.source == Source(url="https://example.org/acme/shop", ref="v1.2")
    assert instance.hidden.gold_patch == PATCH
    assert instance.timeouts_s == {"clone": 5.0, "install": 20.0, "test": 60.0}
    assert (instance.trusted, instance.image, instance.problem.statement) == (True, "acme/shop:1", "Mend it.")
    assert judging_command(instance).startswith("timeout -k 1 60 ")


@pytest.mark.parametrize(
    ("repo", "url"),
    [
        ("repos/shop", "/data/repos/shop"),
        ("../shop", "/shop"),
        ("/srv/shop", "/srv/shop"),
        ("git@example.org:acme/shop.git", "git@example.org:acme/shop.git"),
        ("file:///srv/shop", "file:///srv/shop"),
        ("ssh://git@example.org:22/acme/shop.git", "ssh://git@example.org:22/acme/shop.git"),
    ],
)
def test_relative_repository_is_relative_to_the_task_file(repo: str, url: str) -> None:
    source = load(repo=repo).source

    assert source is not None
    assert source.url == url


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repo": ""}, "field 'repo': expected a string that is not empty"),
        ({"ref": None}, None),
        ({"ref": "--upload-pack=x"}, "field 'ref': expected a commit, branch or tag"),
        ({"pytest_k": "a\nb"}, "field 'pytest_k': expected one line of text"),
        ({"patch_b64": "%%%"}, "field 'patch_b64': expected a unified diff in base64"),
        ({"timeouts": {"tset": 5}}, "field 'timeouts': expected only the names clone, install, test, found 'tset'"),
        ({"timeouts": {"test": 0}}, r"field 'timeouts\.test': expected seconds, a number above 0, found 0"),
        ({"timeouts": {"test": True}}, r"field 'timeouts\.test': expected seconds"),
        ({"timeouts": 5}, "field 'timeouts': expected an object"),
        ({"trusted": "yes"}, "field 'trusted': expected true or false, found 'yes'"),
    ],
)
def test_bad_field_is_named(changes: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert load(**changes) == load()
        return
    with pytest.raises(DatasetError, match=rf"tasks\.jsonl:2: {message}"):
        load(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            ({"repo": f"{scheme}://{login}@example.org/a"}, "field 'repo': expected one without")
            for scheme, login in (
                ("https", "me:secret-word"),
                ("HTTPS", "secret-word"),
                ("git+https", "secret-word"),
                ("ssh", "me:secret-word"),
                ("ftp", "me:secret-word"),
                ("ssh", ":secret-word"),
            )
        ),
        ({"pytest_paths": "tests"}, "field 'pytest_paths'"),
        ({"pytest_paths": ["-p", "x"]}, "field 'pytest_paths': expected paths relative to the repository, found '-p'"),
        ({"pytest_paths": ["/etc"]}, "field 'pytest_paths'"),
        ({"sandbox": {"network": "host"}}, r"field 'sandbox\.network'"),
    ],
)
def test_what_would_leak_or_break_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=rf"tasks\.jsonl:2: {message}") as caught:
        load(**changes)
    assert "secret-word" not in str(caught.value)


def test_arms_are_told_the_stages_and_not_the_answer() -> None:
    instance = load(
        ref="v1", pytest_k="last", pytest_paths=["t/a.py"], patch_b64=base64.b64encode(PATCH.encode()).decode()
    )

    assert instance.problem.task == Task(
        ref="v1", pytest_k="last", pytest_paths=("t/a.py",), timeouts_s={"clone": 5.0, "install": 20.0, "test": 5.0}
    )
    assert PATCH not in str(instance.problem)
    assert " -rA t/a.py -k last --junitxml=" in judging_command(instance)
    assert Instance.from_json(json.loads(json.dumps(instance.as_json()))) == instance


def test_a_row_may_ask_for_a_network_in_grading() -> None:
    assert load(sandbox={"network": "bridge"}).exceptions == {"network": "bridge"}


@pytest.mark.parametrize(
    ("image", "workdir"),
    [
        ("", "/testbed"),
        ("acme/shop:1", "/testbed"),
        ("swebench-lite:py3.10", "/workspace/project"),
        ("registry.example:5000/me/swebench-lite", "/workspace/project"),
        ("me/swebench-lite@sha256:0123", "/workspace/project"),
        ("swebench-lite:py3.10@sha256:0123", "/workspace/project"),
    ],
)
def test_lite_images_have_a_folder_of_their_own(image: str, workdir: str) -> None:
    assert load(image=image).problem.workdir == workdir


def test_digest_of_other_instances_knows_no_task() -> None:
    # the very digest that this instance had before there were tasks: finished cells stay finished
    assert Instance(problem=Problem(instance_id="a", statement="b")).digest == "7803eb8835d4ce98"


def test_missing_ref_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"tasks\.jsonl:2: field 'ref' is missing"):
        instance_from_task({"task_id": "a", "repo": "b"}, where="tasks.jsonl:2", folder=Path("/data"))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).map(str.strip).filter(bool))
def test_selection_reaches_pytest_as_one_argument(pytest_k: str) -> None:
    words = shlex.split(judging_command(load(pytest_k=pytest_k)))
    place = words.index("--junitxml=$task_report")
    assert words[place - 2 : place] == ["-k", pytest_k]


def test_script_runs_the_tests_between_the_markers(testbed: Path) -> None:
    done = run_eval_script(load(pytest_k="items", timeouts={"test": 120}), testbed)

    assert "PASSED test_shop.py::test_items" in done.stdout
    assert "1 passed, 2 deselected" in done.stdout
    assert done.stderr.index(">>>>> Start Test Output") < done.stderr.index(">>>>> End Test Output")


def test_script_reports_a_failing_test(testbed: Path) -> None:
    done = run_eval_script(load(pytest_k="broken", timeouts={"test": 120}), testbed)

    assert "FAILED test_shop.py::test_broken" in done.stdout
    assert "1 failed, 2 deselected" in done.stdout


@pytest.mark.parametrize(
    "tests",
    [
        "import os\n\ndef test_a():\n    os._exit(0)\n",
        "import pytest\n\n@pytest.mark.skip\ndef test_a(): ...\n",
        "import pytest\n\n@pytest.mark.xfail\ndef test_a():\n    assert 0\n",
    ],
    ids=["ended", "skipped", "expected to fail"],
)
def test_exit_code_0_is_not_enough_where_no_test_passed(testbed: Path, tests: str) -> None:
    (testbed / "test_shop.py").write_text(tests)
    script = load(timeouts={"test": 120}).hidden.eval_script.replace(": '>>>>> End", "echo code $?; : '>>>>> End")
    done = run_eval_script(dataclasses.replace(load(), hidden=Hidden(eval_script=script)), testbed)

    assert done.stdout.endswith("code 1\n")


def test_script_stops_endless_tests(testbed: Path) -> None:
    done = run_eval_script(load(pytest_k="endless", timeouts={"test": 1}), testbed)

    assert "passed" not in done.stdout
    assert ">>>>> End Test Output" in done.stderr


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"tasks.jsonl:2: unknown field 'pytestk'; did you mean 'pytest_k'\?"):
        load(pytestk="fast")
