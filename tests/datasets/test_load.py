from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.hub import default_cache_dir, hub_id
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.datasets.load import load_instances
from pytest_swebench.errors import DatasetError, InputError
from tests.datasets.rows_to_test import classic_row


def named(instance_id: str) -> Instance:
    return Instance(problem=Problem(instance_id=instance_id, statement=""))


def test_local_path_is_relative_to_the_base_folder(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(classic_row()))

    assert [instance.instance_id for instance in load_instances("rows.jsonl", base_dir=tmp_path)] == ["acme__shop-17"]
    assert len(load_instances(str(tmp_path / "rows.jsonl"), base_dir=Path("/"))) == 1


def test_ids_that_come_twice_are_named_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(classic_row()) + "\n" for _ in range(3)))

    with pytest.raises(
        DatasetError, match=r"'acme__shop-17' at .*rows\.jsonl:1 and .*rows\.jsonl:2 and .*rows\.jsonl:3"
    ):
        load_instances("rows.jsonl", base_dir=tmp_path)


def test_empty_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n")

    with pytest.raises(DatasetError, match=r"dataset 'rows\.jsonl' holds no rows"):
        load_instances("rows.jsonl", base_dir=tmp_path)


def test_demo_is_embedded(tmp_path: Path) -> None:
    instances = load_instances("demo", base_dir=tmp_path)

    assert instances
    assert all(instance.missing_for_grading() == () for instance in instances)


def test_third_party_dataset_is_found_by_prefix(tmp_path: Path) -> None:
    asked: list[str] = []

    def load(rest: str) -> list[Instance]:
        asked.append(rest)
        return [named("one"), named("two")]

    found = load_instances("mine:small", base_dir=tmp_path, extra={"mine": load})
    load_instances("mine", base_dir=tmp_path, extra={"mine": load})

    assert [instance.instance_id for instance in found] == ["one", "two"]
    assert asked == ["small", ""]


def test_third_party_duplicates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'one' at mine: row 1 and mine: row 2"):
        load_instances("mine", base_dir=tmp_path, extra={"mine": lambda rest: [named("one"), named("one")]})


@pytest.mark.parametrize("name", ["missing.jsonl", "./missing", "../missing", "sub/missing.parquet"])
def test_missing_file_is_not_looked_up_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="no such dataset file or folder"):
        load_instances(name, base_dir=tmp_path)


def test_unknown_name_offers_the_nearest_alias(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="unknown dataset 'verifed'; did you mean 'verified'\\? known: demo, full, lite, mine, multi"
    ):
        load_instances("verifed", base_dir=tmp_path, extra={"mine": lambda rest: []})


def broken(rest: str) -> list[Instance]:
    return [named(json.loads(rest))]


def test_loader_of_a_plugin_that_raises_is_named_with_its_hook_and_line(tmp_path: Path) -> None:
    words = r"'mine:x'.*pytest_swebench_datasets raised JSONDecodeError: .*; mend .*test_load\.py:\d+$"
    with pytest.raises(DatasetError, match=words) as caught:
        load_instances("mine:x", base_dir=tmp_path, extra={"mine": broken})
    assert isinstance(caught.value.__cause__, ValueError)


def test_loader_that_knows_what_is_wrong_is_quoted(tmp_path: Path) -> None:
    def refuse(rest: str) -> list[Instance]:
        raise InputError(f"no tickets called {rest!r}")

    with pytest.raises(InputError, match=r"^no tickets called 'x'$"):
        load_instances("mine:x", base_dir=tmp_path, extra={"mine": refuse})


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (None, "raised TypeError"),
        ([named("a__a-1"), {"instance_id": "a__a-2"}], "{'instance_id': 'a__a-2'} .*Instance"),
    ],
)
def test_loader_that_returns_no_list_of_instances_is_refused(returned: Any, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"'mine'.*pytest_swebench_datasets.*{complaint}"):
        load_instances("mine", base_dir=tmp_path, extra={"mine": lambda rest: returned})


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("lite", "SWE-bench/SWE-bench_Lite"),
        ("SWE-bench_Lite", "SWE-bench/SWE-bench_Lite"),
        ("swebench-verified", "SWE-bench/SWE-bench_Verified"),
        ("swe-bench", "SWE-bench/SWE-bench"),
        ("full", "SWE-bench/SWE-bench"),
        ("multimodal", "SWE-bench/SWE-bench_Multimodal"),
        ("multilingual", "SWE-bench/SWE-bench_Multilingual"),
        ("pro", "ScaleAI/SWE-bench_Pro"),
        ("princeton-nlp/SWE-bench_Lite", "princeton-nlp/SWE-bench_Lite"),
        ("nothing", None),
        ("a/b/c", None),
        ("-x/y", None),
    ],
)
def test_names_stand_for_hub_datasets(name: str, identifier: str | None) -> None:
    assert hub_id(name) == identifier


def test_import_and_local_load_bring_in_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(classic_row()))
    code = (
        "import sys; from pathlib import Path; from pytest_swebench.datasets.load import load_instances;"
        "load_instances('rows.jsonl', base_dir=Path(sys.argv[1]));"
        "print(sorted({'datasets', 'pyarrow', 'numpy', 'pandas', 'huggingface_hub', 'filelock'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("SWEBENCH_CACHE_DIR", raising=False)
    assert default_cache_dir() == tmp_path / "xdg" / "pytest-swebench"

    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "own"))
    assert default_cache_dir() == tmp_path / "own"

    monkeypatch.delenv("SWEBENCH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "pytest-swebench"
