"""Every public row that SWEBENCH_SHARED_DATA holds: what loads, and what is missing where."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.datasets.load import load_instances
from pytest_swebench.datasets.pro import complete_pro
from pytest_swebench.errors import InputError

SIZES = {"lite": 300, "verified": 500, "lite_dev": 23, "multilingual": 300, "multimodal": 612, "pro_reassembled": 731}

MISSING = {
    "lite": {"category": 300, "hints": 75, "image_assets": 300, "pass_to_pass": 6},
    "verified": {"hints": 162, "image_assets": 500, "pass_to_pass": 11},
    "lite_dev": {"category": 23, "hints": 7, "image_assets": 23, "pass_to_pass": 2},
    "multilingual": {
        "category": 300,
        "hints": 135,
        "image_assets": 300,
        "pass_to_pass": 25,
        "fail_to_pass": 1,
    },
    "multimodal": {"category": 612, "hints": 243, "pass_to_pass": 260, "version": 24},
    "pro_reassembled": {
        "category": 731,
        "hints": 731,
        "image_assets": 731,
        "pass_to_pass": 372,
        "version": 731,
        "eval_script": 731,
        "log_parser": 731,
    },
}

LANGUAGES = {
    "lite": {"python": 300},
    "verified": {"python": 500},
    "lite_dev": {"python": 23},
    "multilingual": {
        "java": 43,
        "rust": 43,
        "javascript": 28,
        "typescript": 16,
        "php": 43,
        "go": 41,
        "ruby": 44,
        "c": 41,
        "cpp": 1,
    },
    "multimodal": {"javascript": 582, "typescript": 18, "lua": 9, "r": 3},
    "pro_reassembled": {"javascript": 45, "python": 265, "typescript": 143, "go": 278},
}


@pytest.fixture(scope="module", params=sorted(SIZES))
def dataset(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, list[Instance]]:
    return request.param, load_instances(f"rows/{request.param}.jsonl", base_dir=shared_data)


# Only a checkout of the benchmark fills `files`, and only Pro rows need it.
UNSEEN = {"task", "files"}


def missing_fields(instance: Instance) -> set[str]:
    parts = (*instance.as_json()["problem"].items(), *instance.as_json()["hidden"].items(), ("image", instance.image))
    return {name for name, value in parts if not value} - UNSEEN


def test_every_row_loads_and_is_missing_exactly_what_is_known(dataset: tuple[str, list[Instance]]) -> None:
    name, instances = dataset

    assert len(instances) == SIZES[name]
    assert Counter(field for instance in instances for field in missing_fields(instance)) == MISSING[name]
    assert {instance.kind for instance in instances} == {Kind.ISSUE}


def test_languages_are_those_of_the_repositories(dataset: tuple[str, list[Instance]]) -> None:
    name, instances = dataset

    assert Counter(instance.problem.language for instance in instances) == LANGUAGES[name]


def test_every_row_survives_the_round_trip(dataset: tuple[str, list[Instance]]) -> None:
    _, instances = dataset

    assert [Instance.from_json(json.loads(json.dumps(one.as_json()))) for one in instances] == instances


def test_only_pro_rows_cannot_be_graded_as_they_are(dataset: tuple[str, list[Instance]]) -> None:
    name, instances = dataset
    lacking = {instance.missing_for_grading() for instance in instances}

    pro = ("before_repo_set_cmd or selected_test_files_to_run", "run scripts (--pro-scripts)")
    assert lacking == {pro if name == "pro_reassembled" else ()}
    assert {instance.problem.workdir for instance in instances} == {"/app" if name.startswith("pro") else "/testbed"}


def test_rows_read_from_parquet_are_the_same(shared_data: Path, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [json.loads(line) for line in (shared_data / "rows" / "multimodal.jsonl").read_bytes().splitlines()]
    for row in rows:
        row["image_assets"] = json.dumps(row["image_assets"])  # as on the hub: its lists are of mixed types
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")

    assert load_instances(".", base_dir=tmp_path) == load_instances("rows/multimodal.jsonl", base_dir=shared_data)


def test_pro_statement_holds_all_that_the_benchmark_tells(shared_data: Path) -> None:
    instances = load_instances("rows/pro_reassembled.jsonl", base_dir=shared_data)
    joined = [one for one in instances if "\n\n## Requirements\n\n" in one.problem.statement]
    whole = [one for one in instances if "## REQUIREMENTS\n" in one.problem.statement]

    assert (len(joined), len(whole)) == (728, 3)
    assert all("## Interface\n" in one.problem.statement for one in joined)
    assert all("golddefect" not in one.problem.statement for one in whole)


def test_pro_images_follow_from_id_and_repository(shared_data: Path) -> None:
    images = {one.instance_id: one.image for one in load_instances("rows/pro_reassembled.jsonl", base_dir=shared_data)}
    tags = {image.removeprefix("jefzda/sweap-images:") for image in images.values()}

    assert len(tags) == 731
    assert max(map(len, tags)) == 128  # some are cut, and stay apart
    assert sum("-vnan" in tag for tag in tags) == 1
    # two that the published rows name in their column `dockerhub_tag`
    assert {
        "qutebrowser.qutebrowser-qutebrowser__qutebrowser-21b426b6a20ec1cc5ecad770730641750699757b"
        "-v363c8a7e5ccdf6968fc7ab84a2053ac780366",
        "element-hq.element-element-hq__element-web-b007ea81b2ccd001b00f332bee65070aa7fc00f9",
    } <= tags


def test_pro_rows_need_a_checkout_and_say_so_once(shared_data: Path) -> None:
    instances = load_instances("rows/pro_reassembled.jsonl", base_dir=shared_data)

    with pytest.raises(InputError, match=r"instance_NodeBB.* and 726 more: rows of SWE-bench Pro .* --pro-scripts$"):
        complete_pro(instances, None)


def test_local_rows_with_their_own_images_load(shared_data: Path) -> None:
    instances = load_instances("pypi_rows.jsonl", base_dir=shared_data)

    assert len(instances) == 14
    assert {one.missing_for_grading() for one in instances} == {()}
